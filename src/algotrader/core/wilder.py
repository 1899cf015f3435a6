"""Recursive indicators: EMA and Wilder's RSI, ATR and ADX (New Concepts in Technical Trading Systems, 1978).

Each is one float recurrence from the first bar on. Its class writes down the order of operations; any other implementation
(numpy, numba) that keeps the order gives the same bits. Price differences and the sums that seed a recurrence are taken on
scaled integers and divided once.
"""

from __future__ import annotations

from typing import final

from algotrader.core.indicator_base import NAN, Indicator, ratio
from algotrader.core.scaled import div_half_even


@final
class EMA(Indicator):
    """Exponential moving average of closes, seeded with the mean of the first ``period`` of them.

    Then ``value = alpha * close + (1 - alpha) * value`` with ``alpha = 2 / (period + 1)``.
    """

    def __init__(self, period: int) -> None:
        super().__init__(period, period)
        self.alpha: float = 2.0 / (period + 1)
        self._rest: float = 1.0 - self.alpha
        self._seed: int = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Step towards the close."""
        if self.count >= self.period:
            last = self._current
            self.publish(self.alpha * (c / self._unit_float) + self._rest * last)
            return
        self._seed += c
        self.publish(ratio(self._seed, self.period * self.unit) if self.count + 1 == self.period else 0.0)

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split to the average and to the sum that seeds it."""
        super().rescale(numerator, denominator)
        self._seed = div_half_even(self._seed * numerator, denominator)

    def state(self) -> tuple[list[int], list[float]]:
        """Count, seed, values."""
        integers, floats = super().state()
        return [*integers, self._seed], floats

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state``."""
        super().restore(integers, floats)
        self._seed = integers[1]


@final
class RSI(Indicator):
    """Wilder's relative strength index, 0 to 100; there after ``period`` changes of the close.

    ``gain`` and ``loss`` are the means of the first ``period`` rises and falls, then ``(gain * (period - 1) + rise) / period``.
    The value is ``100 * (gain / (gain + loss))``, and 50 when the price has not moved at all.
    """

    def __init__(self, period: int = 14) -> None:
        super().__init__(period, period + 1)
        self.average_gain: float = 0.0
        self.average_loss: float = 0.0
        self._last_close: int = 0
        self._gains: int = 0
        self._losses: int = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Take the change of the close."""
        change = c - self._last_close if self.count else 0
        self._last_close = c
        rise = change if change > 0 else 0
        fall = -change if change < 0 else 0
        if self.count <= self.period:
            self._gather(rise, fall)
        else:
            keep, period = float(self.period - 1), float(self.period)
            self.average_gain = (self.average_gain * keep + rise / self._unit_float) / period
            self.average_loss = (self.average_loss * keep + fall / self._unit_float) / period
        moved = self.average_gain + self.average_loss
        self.publish(100.0 * (self.average_gain / moved) if moved > 0.0 else 50.0)

    def _gather(self, rise: int, fall: int) -> None:
        self._gains += rise
        self._losses += fall
        if self.count == self.period:
            self.average_gain = ratio(self._gains, self.period * self.unit)
            self.average_loss = ratio(self._losses, self.period * self.unit)

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split to the close and the averages; the index itself has no price in it."""
        self._last_close = div_half_even(self._last_close * numerator, denominator)
        self._gains = div_half_even(self._gains * numerator, denominator)
        self._losses = div_half_even(self._losses * numerator, denominator)
        self.average_gain = self.average_gain * numerator / denominator
        self.average_loss = self.average_loss * numerator / denominator

    def state(self) -> tuple[list[int], list[float]]:
        """Count, last close, both sums; values, both averages."""
        integers, floats = super().state()
        return [*integers, self._last_close, self._gains, self._losses], [*floats, self.average_gain, self.average_loss]

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state``."""
        super().restore(integers, floats)
        self._last_close, self._gains, self._losses = integers[1], integers[2], integers[3]
        self.average_gain, self.average_loss = floats[2], floats[3]


def true_range(high_raw: int, low_raw: int, previous_close_raw: int) -> int:
    """The bar's range, widened to the previous close when the market gapped."""
    top = high_raw if high_raw > previous_close_raw else previous_close_raw
    bottom = low_raw if low_raw < previous_close_raw else previous_close_raw
    return top - bottom


@final
class ATR(Indicator):
    """Wilder's average true range; the first bar's true range is high - low.

    The mean of the first ``period`` true ranges, then ``(value * (period - 1) + true range) / period``.
    """

    def __init__(self, period: int = 14) -> None:
        super().__init__(period, period)
        self._last_close: int = 0
        self._seed: int = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Take the bar's true range."""
        reach = true_range(h, l, self._last_close) if self.count else h - l
        self._last_close = c
        if self.count >= self.period:
            self.publish((self._current * float(self.period - 1) + reach / self._unit_float) / float(self.period))
            return
        self._seed += reach
        self.publish(ratio(self._seed, self.period * self.unit) if self.count + 1 == self.period else 0.0)

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split to the average, the last close and the sum that seeds the average."""
        super().rescale(numerator, denominator)
        self._last_close = div_half_even(self._last_close * numerator, denominator)
        self._seed = div_half_even(self._seed * numerator, denominator)

    def state(self) -> tuple[list[int], list[float]]:
        """Count, last close, seed, values."""
        integers, floats = super().state()
        return [*integers, self._last_close, self._seed], floats

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state``."""
        super().restore(integers, floats)
        self._last_close, self._seed = integers[1], integers[2]


@final
class ADX(Indicator):
    """Wilder's average directional index with its two directional indicators, each 0 to 100.

    Directional moves and true ranges (scaled integers, as floats) are summed over the first ``period`` changes, then
    ``sum = sum - sum / period + move``. A directional indicator is ``100 * moves / ranges``, the directional index
    ``100 * |plus - minus| / (plus + minus)``; both are 0 where they would divide by zero. ``value`` is the mean of the first
    ``period`` indices, then ``(value * (period - 1) + index) / period``; the indicators are there after ``period`` + 1 bars,
    the value after 2 * ``period``.
    """

    def __init__(self, period: int = 14) -> None:
        super().__init__(period, 2 * period)
        self._last_high: int = 0
        self._last_low: int = 0
        self._last_close: int = 0
        self._plus: float = 0.0
        self._minus: float = 0.0
        self._range: float = 0.0
        self._seed: float = 0.0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Take the bar's directional move."""
        if self.count:
            self._move(h, l)
        self._last_high = h
        self._last_low = l
        self._last_close = c
        indices = self.count - self.period + 1
        if indices < 1:
            self.publish(0.0)
        elif indices > self.period:
            self.publish((self._current * float(self.period - 1) + self._index()) / float(self.period))
        else:
            self._seed += self._index()
            self.publish(self._seed / float(self.period) if indices == self.period else 0.0)

    def _move(self, h: int, l: int) -> None:  # noqa: E741
        rise, fall = h - self._last_high, self._last_low - l
        plus = rise if rise > fall and rise > 0 else 0
        minus = fall if fall > rise and fall > 0 else 0
        if self.count > self.period:
            period = float(self.period)
            self._plus -= self._plus / period
            self._minus -= self._minus / period
            self._range -= self._range / period
        self._plus += float(plus)
        self._minus += float(minus)
        self._range += float(true_range(h, l, self._last_close))

    def _index(self) -> float:
        plus = 100.0 * (self._plus / self._range) if self._range > 0.0 else 0.0
        minus = 100.0 * (self._minus / self._range) if self._range > 0.0 else 0.0
        return 100.0 * (abs(plus - minus) / (plus + minus)) if plus + minus > 0.0 else 0.0

    @property
    def plus_di(self) -> float:
        """How much of the range was upward movement; NaN until ``period`` + 1 bars."""
        if self.count <= self.period:
            return NAN
        return 100.0 * (self._plus / self._range) if self._range > 0.0 else 0.0

    @property
    def minus_di(self) -> float:
        """How much of the range was downward movement; NaN until ``period`` + 1 bars."""
        if self.count <= self.period:
            return NAN
        return 100.0 * (self._minus / self._range) if self._range > 0.0 else 0.0

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split to the last bar and the sums; the indices have no price in them."""
        self._last_high = div_half_even(self._last_high * numerator, denominator)
        self._last_low = div_half_even(self._last_low * numerator, denominator)
        self._last_close = div_half_even(self._last_close * numerator, denominator)
        self._plus = self._plus * numerator / denominator
        self._minus = self._minus * numerator / denominator
        self._range = self._range * numerator / denominator

    def state(self) -> tuple[list[int], list[float]]:
        """Count and the last bar; values, the three sums, the seed."""
        integers, floats = super().state()
        integers += [self._last_high, self._last_low, self._last_close]
        return integers, [*floats, self._plus, self._minus, self._range, self._seed]

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state``."""
        super().restore(integers, floats)
        self._last_high, self._last_low, self._last_close = integers[1], integers[2], integers[3]
        self._plus, self._minus, self._range, self._seed = floats[2], floats[3], floats[4], floats[5]
