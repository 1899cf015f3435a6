"""Where the bars of paper trading come from: the generated market, or recorded data replayed as if live."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_SECOND, Bar
from algotrader.history.calendars import day_start
from algotrader.history.catalogue import Catalogue
from algotrader.history.checks import BAR_COLUMNS
from algotrader.history.generator import generate
from algotrader.history.intervals import interval_ns, known_name

BLOCK_DAYS: Final = 28
"""Days of an endless generated market that are made at a time."""

MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Slice:
    """All bars that close at one moment, each with its instrument's number, in the order of the numbers."""

    close_time: int
    bars: tuple[tuple[int, Bar], ...]


class Market(ABC):
    """Bars of some instruments in order of time.

    Attributes:
        instruments: what is traded; the place in the list is the instrument's number.
        seconds: length of the bars.
        start: when the first bar opens, nanoseconds UTC.
        end: when the market is over, nanoseconds UTC; 0 for never.
    """

    instruments: list[Instrument]
    seconds: int
    start: int
    end: int

    @abstractmethod
    def slices(self, after: int) -> Iterator[Slice]:
        """The bars that close after a moment (nanoseconds UTC), oldest first."""

    @abstractmethod
    def past(self, instrument: Instrument, start: int, end: int, seconds: int) -> list[Bar]:
        """Bars that open at or after ``start`` and close at or before ``end``; empty when there are none of this length."""


class _Rows:
    """Bars of one instrument as columns of integers, 64 bits each: a block has tens of thousands of them."""

    def __init__(self, instrument: Instrument, frame: pl.DataFrame) -> None:
        self.instrument: Final = instrument
        self._columns: Final = [array("q", frame[name].to_numpy().tobytes()) for name in BAR_COLUMNS]
        self.opens: Final = self._columns[0]
        self.closes: Final = self._columns[1]

    def bar(self, row: int) -> Bar:
        """One row as a bar."""
        return Bar(self.instrument, *(column[row] for column in self._columns))

    def between(self, start: int, end: int) -> list[Bar]:
        """Bars that lie within two moments."""
        return [self.bar(row) for row in range(bisect_left(self.opens, start), bisect_right(self.closes, end))]


def _merged(every: Sequence[_Rows], after: int) -> Iterator[Slice]:
    """Rows of several instruments as slices."""
    places = [bisect_right(rows.closes, after) for rows in every]
    while True:
        waiting = [rows.closes[place] for rows, place in zip(every, places, strict=True) if place < len(rows.closes)]
        if not waiting:
            return
        close_time = min(waiting)
        bars = []
        for index, rows in enumerate(every):
            place = places[index]
            if place < len(rows.closes) and rows.closes[place] == close_time:
                bars.append((index, rows.bar(place)))
                places[index] = place + 1
        yield Slice(close_time, tuple(bars))


class GeneratedMarket(Market):
    """The built-in market: minute bars from a seed.

    With a last day it holds the very bars that ``generate`` gives for these days. Without one it never ends: block follows block,
    each going on from where prices were.

    Args:
        instruments: any symbols.
        first: first day; some days before the session starts, so that there is a past to warm up on.
        last: last day, included; None for a market without end.
        seed: the same seed, symbols and days give the same bars.
        missing: share of minutes without a bar, from 0 to 1.
    """

    def __init__(
        self, instruments: Sequence[Instrument], first: date, last: date | None = None, *, seed: int = 1, missing: float = 0.0
    ) -> None:
        self.instruments = list(instruments)
        self.seconds = MINUTE
        self._first: Final = first
        self._last: Final = last
        self._seed: Final = seed
        self._missing: Final = missing
        calendars = [instrument.calendar for instrument in self.instruments]
        self.start = min(day_start(calendar, first) for calendar in calendars)
        self.end = 0 if last is None else max(day_start(calendar, last, plus_days=1) for calendar in calendars)
        self._blocks: Final[list[list[_Rows]]] = []
        self._last_prices: Final[list[int]] = [0] * len(self.instruments)

    def slices(self, after: int) -> Iterator[Slice]:
        number = 0
        while self._make(number):
            yield from _merged(self._blocks[number], after)
            number += 1

    def past(self, instrument: Instrument, start: int, end: int, seconds: int) -> list[Bar]:
        if seconds != self.seconds:
            return []
        index = self.instruments.index(instrument)
        found: list[Bar] = []
        number = 0
        while self._begins(number) < end and self._make(number):
            found += self._blocks[number][index].between(start, end)
            number += 1
        return found

    def _begins(self, number: int) -> int:
        return self.start + number * BLOCK_DAYS * 86_400 * NS_PER_SECOND

    def _make(self, number: int) -> bool:
        """Make the blocks up to a number; tells whether there is one."""
        if self._last is not None and number > 0:
            return False
        while len(self._blocks) <= number:
            self._blocks.append(self._block(len(self._blocks)))
        return True

    def _block(self, number: int) -> list[_Rows]:
        first = self._first + timedelta(days=number * BLOCK_DAYS)
        last = self._last if self._last is not None else first + timedelta(days=BLOCK_DAYS - 1)
        rows = []
        for index, instrument in enumerate(self.instruments):
            frame = generate(instrument, first, last, self._seed + number, missing=self._missing)
            if number and len(frame):
                frame = _continued(frame, instrument, self._last_prices[index])
            if len(frame):
                self._last_prices[index] = int(frame["close"][-1])
            rows.append(_Rows(instrument, frame))
        return rows


def _continued(frame: pl.DataFrame, instrument: Instrument, price: int) -> pl.DataFrame:
    """Scale prices so that the first one is ``price``; rounding to the generator's steps keeps high above low."""
    first = int(frame["open"][0])
    if not price or price == first:
        return frame
    step = max(instrument.price_increment, 10 ** max(instrument.price_scale - 2, 0))
    # Python's integers: the product of two prices of a pair does not fit into 64 bits.
    columns = {
        name: [max(value * price // first // step * step, step) for value in frame[name].to_list()]
        for name in ("open", "high", "low", "close")
    }
    return frame.with_columns(pl.Series(name, values, dtype=pl.Int64) for name, values in columns.items())


class CatalogueMarket(Market):
    """Recorded bars, replayed as if live: set the session's clock to the chosen start.

    Args:
        catalogue: where the bars are.
        symbols: what is traded; registration order.
        start: when the replay begins, nanoseconds UTC; what lies before serves as history.
        end: when it is over, nanoseconds UTC; None for the end of the data.
        interval: which of the stored bars.
        regular_only: leave out bars outside the regular sessions.

    Raises:
        UserError: a symbol or the interval is not in the catalogue.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        symbols: Sequence[str],
        start: int,
        end: int | None = None,
        *,
        interval: str = "1m",
        regular_only: bool = True,
    ) -> None:
        self._catalogue: Final = catalogue
        self._interval: Final = interval
        self._regular_only: Final = regular_only
        self.instruments = [catalogue.instrument(symbol) for symbol in symbols]
        self._symbols: Final = [instrument.symbol for instrument in self.instruments]
        self.seconds = interval_ns(interval) // NS_PER_SECOND
        spans = catalogue.spans(self._symbols, interval)
        self.start = min(span[0] for span in spans)
        self.end = max(span[1] for span in spans) if end is None else end

    def slices(self, after: int) -> Iterator[Slice]:
        opened = after - self.seconds * NS_PER_SECOND
        chunks = self._catalogue.columns(self._symbols, self._interval, opened, self.end, regular_only=self._regular_only)
        for columns in chunks:
            row, count = 0, len(columns)
            while row < count:
                close_time = columns.close_time[row]
                bars = []
                while row < count and columns.close_time[row] == close_time:
                    index = columns.instrument[row]
                    prices = (columns.open[row], columns.high[row], columns.low[row], columns.close[row], columns.volume[row])
                    bars.append((index, Bar(self.instruments[index], columns.open_time[row], close_time, *prices)))
                    row += 1
                if close_time > after:
                    yield Slice(close_time, tuple(bars))

    def past(self, instrument: Instrument, start: int, end: int, seconds: int) -> list[Bar]:
        name = known_name(seconds * NS_PER_SECOND)
        if name not in self._catalogue.intervals(instrument.symbol):
            return []
        chunks = self._catalogue.columns([instrument.symbol], name, start, end, regular_only=self._regular_only)
        return [
            Bar(instrument, c.open_time[row], c.close_time[row], c.open[row], c.high[row], c.low[row], c.close[row], c.volume[row])
            for c in chunks
            for row in range(len(c))
        ]
