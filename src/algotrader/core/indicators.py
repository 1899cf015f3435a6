"""Indicators over a window of bars; with those of ``wilder`` they are all the built-in ones, importable from here.

They keep integer sums and divide once at the end, so they carry no rounding from the past and equal a batch computation in
every bit. A cross of two averages is decided on the integers.
"""

from __future__ import annotations

from math import sqrt
from typing import Final, final

from librt.vecs import vec
from mypy_extensions import i64

from algotrader.core.indicator_base import NAN, Indicator, ratio
from algotrader.core.scaled import div_half_even
from algotrader.core.wilder import ADX, ATR, EMA, RSI

__all__ = [
    "ADX",
    "ATR",
    "EMA",
    "RSI",
    "SMA",
    "VWAP",
    "BollingerBands",
    "Highest",
    "Indicator",
    "Lowest",
    "StdDev",
    "crossed_above",
    "crossed_below",
    "gap",
    "previous_gap",
]

_FIELDS: Final = ("open", "high", "low", "close", "volume")


class _Window(Indicator):
    """The last ``period`` closes in a ring, and their exact sum now and one bar earlier."""

    def __init__(self, period: int) -> None:
        super().__init__(period, period)
        self.total: int = 0
        self.previous_total: int = 0
        self._ring: vec[i64] = vec[i64]([0] * period)
        self._next: int = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Let the oldest close go and take the new one."""
        ring = self._ring
        at = self._next
        total = self.total
        leaving: int = ring[at]
        self.previous_total = total
        self.total = total + c - leaving
        ring[at] = c
        at += 1
        self._next = 0 if at == self.period else at
        self.count += 1

    @property
    def value(self) -> float:
        """Mean of the last ``period`` closes."""
        return ratio(self.total, self.period * self.unit) if self.count >= self.period else NAN

    @property
    def previous(self) -> float:
        """The mean one bar earlier."""
        return ratio(self.previous_total, self.period * self.unit) if self.count > self.period else NAN

    def newest(self) -> int:
        """The close that came last."""
        return self._ring[self._next - 1 if self._next else self.period - 1]

    def newest_and_dropped(self) -> tuple[int, int]:
        """The close that came last and the one that left for it."""
        newest = self.newest()
        return newest, self.previous_total - self.total + newest

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split to each stored close, rounding half to even, and sum again."""
        dropped = div_half_even(self.newest_and_dropped()[1] * numerator, denominator)
        closes = [div_half_even(close * numerator, denominator) for close in self.closes()]
        self._ring = vec[i64](closes)
        self.total = sum(closes)
        self.previous_total = self.total - closes[self._next - 1] + dropped

    def closes(self) -> list[int]:
        """The closes of the window, not in order of time: ``_next`` is the place of the oldest."""
        found: list[int] = []
        for close in self._ring:
            found.append(close)
        return found

    def state(self) -> tuple[list[int], list[float]]:
        """Count, place in the ring, both sums, the ring."""
        integers, floats = super().state()
        return integers + [self._next, self.total, self.previous_total] + self.closes(), floats

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state``."""
        super().restore(integers, floats)
        self._next, self.total, self.previous_total = integers[1], integers[2], integers[3]
        self._ring = vec[i64](integers[4 : 4 + self.period])


@final
class SMA(_Window):
    """Simple moving average of closes. ``total`` and ``previous_total`` are the exact sums behind ``value`` and ``previous``."""

    def load(self, total: int, previous_total: int, count: int) -> None:
        """Take sums that were computed beforehand for bar number ``count``; the window itself is not kept up any more."""
        self.total = total
        self.previous_total = previous_total
        self.count = count


def gap(fast: SMA, slow: SMA) -> int:
    """Fast minus slow, exact, times both periods and the price unit; meaningful once both are warm."""
    return fast.total * slow.period - slow.total * fast.period


def previous_gap(fast: SMA, slow: SMA) -> int:
    """``gap`` one bar earlier; meaningful once both are warm with previous."""
    return fast.previous_total * slow.period - slow.previous_total * fast.period


def crossed_above(fast: SMA, slow: SMA) -> bool:
    """Whether fast was at or below slow on the previous bar and is above now; exact, False until both bars are warm."""
    if fast.count <= fast.period or slow.count <= slow.period:
        return False
    return gap(fast, slow) > 0 and previous_gap(fast, slow) <= 0


def crossed_below(fast: SMA, slow: SMA) -> bool:
    """Whether fast was at or above slow on the previous bar and is below now; exact, False until both bars are warm."""
    if fast.count <= fast.period or slow.count <= slow.period:
        return False
    return gap(fast, slow) < 0 and previous_gap(fast, slow) >= 0


class _Squares(_Window):
    """The window with the exact sum of its squares."""

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.squares: int = 0
        self.previous_squares: int = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Let the oldest close go and take the new one."""
        leaving: int = self._ring[self._next]
        self.previous_squares = self.squares
        self.squares += c * c - leaving * leaving
        super().update_bar(o, h, l, c, v)

    def deviation(self, total: int, squares: int) -> float:
        """Population standard deviation in price units: sqrt((n * squares - total^2) / (n * unit)^2), rounded twice."""
        divisor = self.period * self.unit
        return sqrt(ratio(self.period * squares - total * total, divisor * divisor))

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split to each stored close and sum the squares again."""
        super().rescale(numerator, denominator)
        newest, dropped = self.newest_and_dropped()
        self.squares = sum([close * close for close in self.closes()])
        self.previous_squares = self.squares - newest * newest + dropped * dropped

    def state(self) -> tuple[list[int], list[float]]:
        """The window's state and both sums of squares."""
        integers, floats = super().state()
        return [*integers, self.squares, self.previous_squares], floats

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state``."""
        super().restore(integers, floats)
        self.squares, self.previous_squares = integers[-2], integers[-1]


@final
class StdDev(_Squares):
    """Population standard deviation of the last ``period`` closes."""

    @property
    def value(self) -> float:
        """The deviation after the last bar."""
        return self.deviation(self.total, self.squares) if self.count >= self.period else NAN

    @property
    def previous(self) -> float:
        """The deviation one bar earlier."""
        return self.deviation(self.previous_total, self.previous_squares) if self.count > self.period else NAN


@final
class BollingerBands(_Squares):
    """A moving average with bands ``width`` population standard deviations away; ``value`` is the middle."""

    def __init__(self, period: int = 20, width: float = 2.0) -> None:
        super().__init__(period)
        self.width: float = width

    @property
    def middle(self) -> float:
        """The moving average."""
        return self.value

    @property
    def half_width(self) -> float:
        """Distance of each band from the middle."""
        return self.width * self.deviation(self.total, self.squares) if self.count >= self.period else NAN

    @property
    def upper(self) -> float:
        """The upper band."""
        return self.value + self.half_width

    @property
    def lower(self) -> float:
        """The lower band."""
        return self.value - self.half_width

    @property
    def percent_b(self) -> float:
        """Where the close lies: 0 at the lower band, 1 at the upper; NaN when the bands meet."""
        upper, lower = self.upper, self.lower
        close = self.newest() / self._unit_float
        return (close - lower) / (upper - lower) if upper > lower else NAN

    @property
    def bandwidth(self) -> float:
        """Distance between the bands as a fraction of the middle."""
        return (self.upper - self.lower) / self.value if self.count >= self.period else NAN


@final
class VWAP(Indicator):
    """Volume-weighted average of the typical price, (high + low + close) / 3, since the session opened.

    NaN until the session has traded; ``previous`` never reaches back into the session before.
    """

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.weighted: int = 0
        self.volume: int = 0
        self._previous_weighted: int = 0
        self._previous_volume: int = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Add the bar's typical price (three times over) at its volume."""
        self._previous_weighted = self.weighted
        self._previous_volume = self.volume
        self.weighted += (h + l + c) * v
        self.volume += v
        self.count += 1

    def reset_session(self) -> None:
        """Start anew: yesterday's volume says nothing about today's average price."""
        self.weighted = 0
        self.volume = 0
        self._previous_weighted = 0
        self._previous_volume = 0

    @property
    def warm(self) -> bool:
        """Whether the session has traded."""
        return self.volume > 0

    @property
    def warm_with_previous(self) -> bool:
        """Whether the session had traded one bar earlier already."""
        return self._previous_volume > 0

    @property
    def value(self) -> float:
        """The average after the last bar."""
        return ratio(self.weighted, 3 * self.volume * self.unit) if self.volume > 0 else NAN

    @property
    def previous(self) -> float:
        """The average one bar earlier."""
        before = self._previous_volume
        return ratio(self._previous_weighted, 3 * before * self.unit) if before > 0 else NAN

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split: a price times a volume stays what it is, the volumes change."""
        self.volume = div_half_even(self.volume * denominator, numerator)
        self._previous_volume = div_half_even(self._previous_volume * denominator, numerator)

    def state(self) -> tuple[list[int], list[float]]:
        """Count and the four sums."""
        integers, floats = super().state()
        return [*integers, self.weighted, self.volume, self._previous_weighted, self._previous_volume], floats

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state``."""
        super().restore(integers, floats)
        self.weighted, self.volume = integers[1], integers[2]
        self._previous_weighted, self._previous_volume = integers[3], integers[4]


class _Extreme(Indicator):
    """The greatest of ``sign`` times a field over ``period`` bars, from a queue of the bars that can still become it.

    The queue falls from head to tail: a bar leaves it when a later one is at least as great. So a bar costs two steps on
    average, whatever the period.
    """

    def __init__(self, period: int, field: str, sign: int) -> None:
        super().__init__(period, period)
        if field not in _FIELDS:
            raise ValueError(f"a bar has no field {field!r}; choose one of {', '.join(_FIELDS)}")
        self.field: str = field
        self._column: int = _FIELDS.index(field)
        self._sign: int = sign
        self._values: list[int] = [0] * period
        self._numbers: list[int] = [0] * period
        self._head: int = 0
        self._size: int = 0
        self._before: int = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Queue the bar's field and let what is too old or too small go."""
        column = self._column
        taken = h if column == 1 else l if column == 2 else c if column == 3 else v if column == 4 else o
        self._enter(taken * self._sign)

    def _enter(self, value: int) -> None:
        values = self._values
        period = self.period
        head, size = self._head, self._size
        self._before = values[head]
        if size and self._numbers[head] <= self.count - period:
            head = 0 if head + 1 == period else head + 1
            size -= 1
        tail = (head + size) % period
        while size:
            last = tail - 1 if tail else period - 1
            if values[last] > value:
                break
            tail = last
            size -= 1
        values[tail] = value
        self._numbers[tail] = self.count
        self._head, self._size = head, size + 1
        self.count += 1

    @property
    def raw(self) -> int:
        """The extreme as a scaled integer, over the bars seen so far."""
        return self._values[self._head] * self._sign

    @property
    def previous_raw(self) -> int:
        """The extreme one bar earlier as a scaled integer."""
        return self._before * self._sign

    @property
    def value(self) -> float:
        """The extreme after the last bar."""
        return ratio(self.raw, self._field_unit()) if self.count >= self.period else NAN

    @property
    def previous(self) -> float:
        """The extreme one bar earlier."""
        return ratio(self.previous_raw, self._field_unit()) if self.count > self.period else NAN

    def _field_unit(self) -> int:
        return self.quantity_unit if self._column == 4 else self.unit

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split to each stored number, rounding half to even; volumes go the other way."""
        if self._column == 4:
            numerator, denominator = denominator, numerator
        self._values = [div_half_even(value * numerator, denominator) for value in self._values]
        self._before = div_half_even(self._before * numerator, denominator)

    def state(self) -> tuple[list[int], list[float]]:
        """Count, the queue's ends, the previous extreme, the queue."""
        integers, floats = super().state()
        return integers + [self._head, self._size, self._before] + self._values + self._numbers, floats

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state``."""
        super().restore(integers, floats)
        self._head, self._size, self._before = integers[1], integers[2], integers[3]
        self._values = integers[4 : 4 + self.period]
        self._numbers = integers[4 + self.period :]


@final
class Highest(_Extreme):
    """The highest high (or other field: open, low, close, volume) of the last ``period`` bars."""

    def __init__(self, period: int, field: str = "high") -> None:
        super().__init__(period, field, 1)


@final
class Lowest(_Extreme):
    """The lowest low (or other field: open, high, close, volume) of the last ``period`` bars."""

    def __init__(self, period: int, field: str = "low") -> None:
        super().__init__(period, field, -1)
