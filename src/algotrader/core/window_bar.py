"""The numbers of one window of time while they gather, before a ``Bar`` is made of them."""

from __future__ import annotations

from typing import Final, final

from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar
from algotrader.core.scaled import div_half_even

NUMBERS: Final = 9
"""Integers in the ``state`` of a ``WindowBar``."""


@final
class WindowBar:
    """The numbers of one window: a bar in the making, or one just completed.

    Attributes:
        open_time: start of the window, nanoseconds UTC.
        close_time: its end, or the end of trading where that comes first.
        open_raw: first price; ``high_raw``, ``low_raw``, ``close_raw`` and ``volume_raw`` likewise, all scaled integers.
        parts: base bars (or prints) it is made of.
        expected: base bars that fit into it; 0 for prints.
    """

    __slots__ = (
        "close_raw",
        "close_time",
        "expected",
        "high_raw",
        "instrument",
        "low_raw",
        "open_raw",
        "open_time",
        "parts",
        "volume_raw",
    )

    def __init__(self, instrument: Instrument) -> None:
        self.instrument: Final = instrument
        self.open_time: int = 0
        self.close_time: int = 0
        self.open_raw: int = 0
        self.high_raw: int = 0
        self.low_raw: int = 0
        self.close_raw: int = 0
        self.volume_raw: int = 0
        self.parts: int = 0
        self.expected: int = 0

    @property
    def incomplete(self) -> bool:
        """Whether base bars are missing: minutes without a trade, a cut connection, an early flush."""
        return self.parts < self.expected

    def bar(self) -> Bar:
        """The same as a ``Bar`` that keeps its numbers."""
        return Bar(
            self.instrument,
            self.open_time,
            self.close_time,
            self.open_raw,
            self.high_raw,
            self.low_raw,
            self.close_raw,
            self.volume_raw,
        )

    def start(self, open_time: int, close_time: int, expected: int) -> None:
        """Begin a window without any part."""
        self.open_time = open_time
        self.close_time = close_time
        self.expected = expected
        self.parts = 0

    def set_prices(self, open_raw: int, high_raw: int, low_raw: int, close_raw: int, volume_raw: int) -> None:
        """Take the first part."""
        self.open_raw = open_raw
        self.high_raw = high_raw
        self.low_raw = low_raw
        self.close_raw = close_raw
        self.volume_raw = volume_raw
        self.parts = 1

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split: prices times numerator / denominator, volume the other way, half to even."""
        self.open_raw = div_half_even(self.open_raw * numerator, denominator)
        self.high_raw = div_half_even(self.high_raw * numerator, denominator)
        self.low_raw = div_half_even(self.low_raw * numerator, denominator)
        self.close_raw = div_half_even(self.close_raw * numerator, denominator)
        self.volume_raw = div_half_even(self.volume_raw * denominator, numerator)

    def state(self) -> list[int]:
        """All numbers, in the order of the attributes."""
        prices = [self.open_raw, self.high_raw, self.low_raw, self.close_raw, self.volume_raw]
        return [self.open_time, self.close_time, *prices, self.parts, self.expected]

    def restore(self, numbers: list[int]) -> None:
        """Take the numbers of a ``state``."""
        self.start(numbers[0], numbers[1], numbers[8])
        self.set_prices(numbers[2], numbers[3], numbers[4], numbers[5], numbers[6])
        self.parts = numbers[7]
