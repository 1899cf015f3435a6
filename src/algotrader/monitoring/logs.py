"""Structured logs: JSON lines in rotating files, lines for people in a terminal, secrets in neither.

A log is an object: whoever starts a session makes one, hands it on and closes it. A file that cannot be written is told once on
standard error, and the session goes on.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

from algotrader.monitoring.masking import Masker

LEVELS: Final = ("debug", "info", "warning", "error", "critical")

AUTO: Final = "auto"
CONSOLE: Final = "console"
JSON: Final = "json"

NS_PER_SECOND: Final = 1_000_000_000

_FIRST: Final = ("time", "level", "event", "strategy", "symbol", "order_id", "correlation_id", "message")
"""What every line begins with, in this order, as far as it has it."""

_FOREIGN_LEVEL: Final = logging.WARNING


class LogFault(ValueError):
    """A log cannot be kept as it is wanted; the message is for people."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How to log.

    Attributes:
        level: the least that is written, one of ``LEVELS`` in any case.
        form: of the lines on the stream: ``console``, ``json``, or ``auto``, which asks whether it is a terminal.
        file: for JSON lines; None for none.
        max_bytes: size at which a new file is begun.
        keep: how many old files stay, numbered ``.1``, ``.2`` …
        secrets: values that are never written.
        stream_level: the least that is written to the stream; empty for the same as to the file.
    """

    level: str = "info"
    form: str = AUTO
    file: Path | None = None
    max_bytes: int = 20_000_000
    keep: int = 10
    secrets: tuple[str, ...] = ()
    stream_level: str = ""


class Log:
    """An open log.

    Args:
        settings: how to log.
        stream: where lines go besides the file; None for nowhere.
        foreign: take in what libraries log, from warnings on.

    Raises:
        LogFault: the level or the form is not known, or the file cannot be opened.
    """

    def __init__(self, settings: LogSettings, stream: TextIO | None = sys.stderr, *, foreign: bool = False) -> None:
        self._masker: Final = Masker(settings.secrets)
        self._logger: Final = logging.Logger("algotrader")
        self._handlers: Final[list[logging.Handler]] = []
        self._foreign: Final = foreign
        self.set_level(settings.level)
        if settings.form not in (AUTO, CONSOLE, JSON):
            raise LogFault(f"{settings.form!r} is no form of a log; one of {AUTO}, {CONSOLE}, {JSON}")
        if settings.file is not None:
            self._take(_open_file(settings), _json_renderer)
        if stream is not None:
            people = settings.form == CONSOLE or (settings.form == AUTO and stream.isatty())
            careful = _Careful(stream)
            careful.setLevel(settings.stream_level.upper() or logging.NOTSET)
            self._take(careful, _console_renderer(stream.isatty()) if people else _json_renderer)
        if foreign:
            for handler in self._handlers:
                logging.getLogger().addHandler(handler)

    @property
    def level(self) -> str:
        """The least that is written."""
        return logging.getLevelName(self._logger.level).lower()

    def set_level(self, level: str) -> None:
        """Write more or less from now on.

        Raises:
            LogFault: not one of ``LEVELS``.
        """
        if level.lower() not in LEVELS:
            raise LogFault(f"{level!r} is no level of a log; one of {', '.join(LEVELS)}")
        self._logger.setLevel(level.upper())

    def add_secrets(self, secrets: Iterable[str]) -> None:
        """Never write these values either."""
        self._masker.add(secrets)

    def event(self, name: str, level: str = "info", *, moment: int = 0, **fields: object) -> None:
        """Write one line.

        Args:
            name: of the event, such as ``order_submitted``.
            level: one of ``LEVELS``.
            moment: when it happened, nanoseconds UTC; 0 for now by the machine's clock.
            fields: whatever else is known; empty ones are left out.
        """
        number = logging.getLevelName(level.upper())
        if not isinstance(number, int):
            number = logging.ERROR
        if number < self._logger.level:
            return
        entry: dict[str, object] = {"time": iso(moment or time.time_ns()), "level": level.lower(), "event": name}
        entry.update({key: value for key, value in fields.items() if value is not None and value != ""})
        record = self._logger.makeRecord(self._logger.name, number, "", 0, _Entry(entry), (), None)
        self._logger.handle(record)

    def close(self) -> None:
        """Write what is left and let go of the files; a second call does nothing."""
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            self._logger.removeHandler(handler)
            handler.flush()
            if isinstance(handler, RotatingFileHandler):
                handler.close()
        self._handlers.clear()

    def _take(self, handler: logging.Handler, render: structlog.typing.Processor) -> None:
        handler.setFormatter(_Formatter(self._masker, render))
        # Of libraries, only what is worth a look; our own lines have been sifted before.
        handler.addFilter(lambda record: isinstance(record.msg, _Entry) or record.levelno >= _FOREIGN_LEVEL)
        self._logger.addHandler(handler)
        self._handlers.append(handler)


class _Entry(dict[str, object]):
    """One line before it is rendered."""


class _Formatter(logging.Formatter):
    """From a record to a line: structlog renders, after the secrets are out."""

    def __init__(self, masker: Masker, render: structlog.typing.Processor) -> None:
        super().__init__()
        self._masker: Final = masker
        self._render: Final = render

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        entry = record.msg if isinstance(record.msg, _Entry) else self._from_library(record)
        masked = {key: self._masker.value(value) for key, value in entry.items()}
        ordered = {key: masked.pop(key) for key in _FIRST if key in masked} | {key: masked[key] for key in sorted(masked)}
        line = self._render(None, record.levelname.lower(), ordered)
        return str(line)

    def _from_library(self, record: logging.LogRecord) -> Mapping[str, object]:
        entry: dict[str, object] = {
            "time": iso(int(record.created * NS_PER_SECOND)),
            "level": record.levelname.lower(),
            "event": "library",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return entry


def iso(moment: int) -> str:
    """Nanoseconds UTC as ISO 8601 with microseconds."""
    seconds, rest = divmod(moment, NS_PER_SECOND)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest // 1000:06d}Z"


def _json_renderer(_logger: Any, _name: str, entry: MutableMapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, default=str, separators=(",", ":"))


def _console_renderer(colors: bool) -> structlog.typing.Processor:
    inner = structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time", sort_keys=False, pad_event_to=24)

    def render(logger: Any, name: str, entry: MutableMapping[str, Any]) -> str:
        entry = dict(entry)
        # Whole lines only: what a venue says may hold line breaks, and must not look like a line of ours.
        for key, value in entry.items():
            if isinstance(value, str):
                entry[key] = value.replace("\r", " ").replace("\n", " ⏎ ")
        if isinstance(entry.get("time"), str):
            entry["time"] = entry["time"][11:23]
        return str(inner(logger, name, entry))

    return render


class _Careful(logging.StreamHandler[TextIO]):
    """A stream that may go away, as a pipe does; that ends nothing."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say nothing: there is nobody left to say it to."""


class _CarefulFile(RotatingFileHandler):
    """A file on a disk that may be full; that is told once and ends nothing."""

    told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Tell it once."""
        if not self.told:
            self.told = True
            with suppress(OSError, ValueError):
                print(f"warning: the log {self.baseFilename} cannot be written: {sys.exc_info()[1]}", file=sys.stderr)  # noqa: T201


def _open_file(settings: LogSettings) -> RotatingFileHandler:
    assert settings.file is not None
    try:
        settings.file.parent.mkdir(parents=True, exist_ok=True)
        return _CarefulFile(settings.file, maxBytes=settings.max_bytes, backupCount=settings.keep, encoding="utf-8")
    except OSError as error:
        raise LogFault(f"the log {settings.file} cannot be opened: {error.strerror}") from None
