"""Who hears of a session that a user starts: its log. Others join at ``observers``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, TextIO, cast

from algotrader.config.loading import secrets_of
from algotrader.core.engine import Engine
from algotrader.errors import UserError
from algotrader.live.clock import Clock
from algotrader.live.interpreter import SetAside
from algotrader.live.log_observer import LogObserver
from algotrader.live.observers import REQUESTS_FIRST, Observers
from algotrader.live.settings import log_settings
from algotrader.monitoring.latency import Latencies
from algotrader.monitoring.logs import Log, LogFault, LogSettings

if TYPE_CHECKING:
    from algotrader.config.schema import Config


class Watchers:
    """A session's observers, with the log among them.

    Args:
        config: says how to log; None for warnings to standard error.
        clock: of the session.
        engine: of the session.
        to_terminal: write warnings to standard error too.

    Raises:
        UserError: the log cannot be kept as it is wanted.
    """

    def __init__(self, config: Config | None, clock: Clock, engine: Engine, *, to_terminal: bool = True) -> None:
        self.latencies: Final = Latencies()
        self.observers: Final = Observers(clock, REQUESTS_FIRST)
        self.log: Final = _open(config, cast(TextIO, _StandardError()) if to_terminal else None)
        self.observers.add("log", LogObserver(self.log, engine, self.latencies))
        self.observers.add("interpreter", SetAside())

    def close(self) -> None:
        """Write what is left; nobody hears anything after this."""
        self.observers.flush()
        self.observers.remove("log")
        self.log.close()


def _open(config: Config | None, stream: TextIO | None) -> Log:
    if config is None:
        return Log(LogSettings(stream_level="warning"), stream, foreign=True)
    try:
        return Log(log_settings(config.app, secrets_of(config)), stream, foreign=True)
    except LogFault as error:
        raise UserError(str(error), "app.log_file names another one, or none") from None


class _StandardError:
    """Standard error as it is when something is written: a status line takes it over for a while and lets lines pass above it."""

    def write(self, text: str) -> int:
        """Write."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Let it be seen."""
        sys.stderr.flush()

    def isatty(self) -> bool:
        """Whether a person looks on."""
        return sys.stderr.isatty()
