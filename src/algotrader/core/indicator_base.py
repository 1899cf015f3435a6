"""What every indicator is, the built-in ones and those a user writes: fed one bar at a time with scaled integers.

An indicator is bound to its instrument's scales before its first bar. ``value`` is NaN until enough bars have been seen.
"""

from __future__ import annotations

from math import nan
from operator import truediv
from typing import Final

from mypy_extensions import mypyc_attr

from algotrader.core.scaled import MAX_SCALED

NAN: Final = nan


def ratio(numerator: int, denominator: int) -> float:
    """Divide two integers with one rounding to the nearest float; the denominator is positive.

    Compiled code would round integers beyond 2^53 before it divides them, so those take the exact path of Python's own integers.
    """
    if -MAX_SCALED <= numerator <= MAX_SCALED and denominator <= MAX_SCALED:
        return numerator / denominator
    exact: float = truediv(numerator, denominator)
    return exact


@mypyc_attr(allow_interpreted_subclasses=True)
class Indicator:
    """Base of all indicators, and of those a user writes.

    An indicator of your own calls ``super().__init__``, overrides ``update_bar`` and ends it with ``self.publish(value)``. It
    overrides ``rescale`` when it keeps prices or when its value is not a price, and ``state`` and ``restore`` when it keeps
    anything at all.

    Attributes:
        period: length in bars.
        needed: bars after which ``value`` is there.
        count: bars seen.
        unit: scaled integers per price unit (10^price scale); 1 until bound.
        quantity_unit: scaled integers per quantity unit; 1 until bound.
    """

    def __init__(self, period: int, needed: int) -> None:
        if period < 1:
            raise ValueError(f"the period of {type(self).__name__} must be at least 1 bar, not {period}")
        self.period: int = period
        self.needed: int = needed
        self.count: int = 0
        self.unit: int = 1
        self.quantity_unit: int = 1
        self._unit_float: float = 1.0
        self._current: float = 0.0
        self._previous: float = 0.0

    def bind(self, price_scale: int, quantity_scale: int) -> None:
        """Fix the decimal places of the prices and quantities to come.

        Raises:
            ValueError: bars have been seen already.
        """
        if self.count:
            raise ValueError(f"{type(self).__name__} has seen {self.count} bars; bind it to its instrument before the first")
        price_unit: int = 10**price_scale
        quantity_unit: int = 10**quantity_scale
        self.unit = price_unit
        self.quantity_unit = quantity_unit
        self._unit_float = float(price_unit)

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Take the next bar: open, high, low, close and volume as scaled integers."""
        raise NotImplementedError(f"{type(self).__name__} must override update_bar")

    def publish(self, value: float) -> None:
        """End a bar with a new value; the one before becomes ``previous``."""
        self._previous = self._current
        self._current = value
        self.count += 1

    def reset_session(self) -> None:
        """Hear that a session opens, at least once before its first bar; only indicators anchored to the session mind."""

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split: past prices times numerator / denominator, past volumes the other way (a 7:1 split is 1 / 7)."""
        self._current = self._current * numerator / denominator
        self._previous = self._previous * numerator / denominator

    @property
    def warm(self) -> bool:
        """Whether ``value`` is there."""
        return self.count >= self.needed

    @property
    def warm_with_previous(self) -> bool:
        """Whether both ``value`` and ``previous`` are there."""
        return self.count > self.needed

    @property
    def value(self) -> float:
        """The indicator after the last bar; NaN until warm."""
        return self._current if self.count >= self.needed else NAN

    @property
    def previous(self) -> float:
        """The indicator one bar earlier; NaN until warm then."""
        return self._previous if self.count > self.needed else NAN

    def state(self) -> tuple[list[int], list[float]]:
        """Everything that changes from bar to bar, as integers and floats of fixed number, for a snapshot."""
        return [self.count], [self._current, self._previous]

    def restore(self, integers: list[int], floats: list[float]) -> None:
        """Continue from a ``state`` of an indicator with the same parameters, bound to the same scales.

        Raises:
            ValueError: the lists have other lengths than this indicator writes.
        """
        own_integers, own_floats = self.state()
        if len(integers) != len(own_integers) or len(floats) != len(own_floats):
            raise ValueError(f"this is not the state of {type(self).__name__} with period {self.period}")
        self.count = integers[0]
        self._current = floats[0]
        self._previous = floats[1]
