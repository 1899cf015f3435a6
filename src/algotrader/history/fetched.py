"""What has been fetched from a provider into a catalogue, so that an interrupted fetch goes on where it stopped.

``fetched.json`` says of each series (symbol and interval) where its bars come from, and of each of its months or years which
stretches of time are complete. It holds no time of the fetch: fetched in one go or in ten, the catalogue is the same to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from algotrader.core.instruments import normal_symbol
from algotrader.core.market import utc
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.history.definitions import read_document, write_document
from algotrader.history.files import locked
from algotrader.history.intervals import INTERVALS, NS_PER_HOUR
from algotrader.history.partitions import bounds

Span = tuple[int, int]
"""A stretch of time, nanoseconds UTC: bars that open at or after the first moment and before the second."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where bars come from: the provider, its feed (empty where it has but one) and how prices are adjusted."""

    source: str
    feed: str
    adjustment: str

    def __str__(self) -> str:
        return ", ".join(part for part in (self.source, self.feed and f"feed {self.feed}", f"adjustment {self.adjustment}") if part)


def partition_name(time_ns: int, interval: str) -> str:
    """The month, or from hours up the year, that a moment belongs to."""
    return utc(time_ns).strftime("%Y" if INTERVALS[interval] >= NS_PER_HOUR else "%Y-%m")


def split(start: int, end: int, interval: str) -> Iterator[tuple[str, Span]]:
    """Cut a stretch of time into months, or from hours up into years."""
    while start < end:
        name = partition_name(start, interval)
        until = min(bounds(name)[1], end)
        yield name, (start, until)
        start = until


class _Part(msgspec.Struct):
    """What is complete of a month or year, and whether it has bars at all."""

    bars: bool
    spans: list[Span]


class _Entry(msgspec.Struct):
    """One series."""

    origin: Origin
    parts: dict[str, _Part]


_Series = dict[str, dict[str, _Entry]]


class Fetched:
    """The notes of one catalogue. They are read anew each time, so that fetches may run side by side.

    Args:
        catalogue: whose.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue: Final = catalogue
        self._path: Final = catalogue.path / "fetched.json"

    def origins(self, symbol: str) -> dict[str, Origin]:
        """Where a symbol's bars come from, by interval, as far as they have been fetched.

        Raises:
            UserError: the file is damaged.
        """
        return {interval: entry.origin for interval, entry in self._read().get(normal_symbol(symbol), {}).items()}

    def missing(self, symbol: str, interval: str, start: int, end: int) -> list[Span]:
        """What of a stretch of time has still to be fetched, in order, cut at the borders of the catalogue's files.

        Raises:
            UserError: the file is damaged.
        """
        entry = self._read().get(normal_symbol(symbol), {}).get(interval)
        parts = {} if entry is None else entry.parts
        found: list[Span] = []
        for name, span in split(start, end, interval):
            found += _without(span, parts[name].spans if name in parts else [])
        return found

    def note(self, symbol: str, interval: str, origin: Origin, spans: Mapping[Span, bool]) -> None:
        """Note stretches within one month or year each as complete, and whether they have bars.

        Raises:
            UserError: the file is damaged.
        """
        with locked(self._catalogue.path):
            series = self._read()
            entry = series.setdefault(normal_symbol(symbol), {}).setdefault(interval, _Entry(origin, {}))
            for (start, end), any_bars in spans.items():
                part = entry.parts.setdefault(partition_name(start, interval), _Part(False, []))
                part.bars = part.bars or any_bars
                part.spans = _joined([*part.spans, (start, end)])
            self._write(series)

    def forget_lost(self, symbol: str) -> None:
        """Forget months and years of a symbol whose files are gone: they have to be fetched again.

        Raises:
            UserError: the file is damaged.
        """
        name = normal_symbol(symbol)
        if name not in self._read():
            return
        with locked(self._catalogue.path):
            series = self._read()
            for interval, entry in list(series[name].items()):
                entry.parts = {key: part for key, part in entry.parts.items() if self._is_there(name, interval, key, part)}
                if not any(part.bars for part in entry.parts.values()):
                    del series[name][interval]
            self._write(series)

    def _is_there(self, symbol: str, interval: str, key: str, part: _Part) -> bool:
        return not part.bars or self._catalogue.has_partition(symbol, interval, key)

    def _read(self) -> _Series:
        try:
            return msgspec.convert(read_document(self._path).get("series", {}), _Series)
        except msgspec.ValidationError as error:
            raise UserError(f"{self._path} is damaged: {error}", "delete it; what it tells of will be fetched again") from None

    def _write(self, series: _Series) -> None:
        for entries in series.values():
            for entry in entries.values():
                entry.parts = dict(sorted(entry.parts.items()))
        ordered = {name: dict(sorted(series[name].items())) for name in sorted(series) if series[name]}
        content = {"series": msgspec.to_builtins(ordered)}
        if content["series"] != read_document(self._path).get("series"):
            write_document(self._path, content)


def _joined(spans: list[Span]) -> list[Span]:
    """The same stretches in order, those that touch as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _without(span: Span, done: list[Span]) -> list[Span]:
    """What is left of a stretch without others, which are in order."""
    found: list[Span] = []
    place = span[0]
    for start, end in done:
        if place < start and place < span[1]:
            found.append((place, min(start, span[1])))
        place = max(place, end)
    if place < span[1]:
        found.append((place, span[1]))
    return found
