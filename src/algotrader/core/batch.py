"""What was computed beforehand for the coming bars of a strategy: which of them can matter, and its averages there.

The engine asks nothing on a bar that cannot matter. The figures are exact integers, equal to those of the incremental indicators.
"""

from __future__ import annotations

from typing import Any, Final, final

from algotrader.core.indicators import SMA


@final
class BatchPlan:
    """The coming bars of one slot.

    Args:
        first: number of the first of them, counted from 1 as the slot counts its bars.
        flat: one byte a bar; 0 where no signal can arise while nothing is held.
        held: one byte a bar; 0 where neither stop nor exit can change while a position is open and no order works. Empty when the
            strategy promises nothing for that case.
        averages: the slot's simple averages.
        totals: for each average its sums, an integer array over the bars.
        previous: for each average the sums one bar earlier.
    """

    def __init__(self, first: int, flat: bytes, held: bytes, averages: list[SMA], totals: list[Any], previous: list[Any]) -> None:
        self.first: Final[int] = first
        self.flat: Final[bytes] = flat
        self.held: Final[bytes] = held
        self.averages: Final[list[SMA]] = averages
        self.totals: Final[list[Any]] = totals
        self.previous: Final[list[Any]] = previous

    def matters(self, bar_number: int, is_flat: bool) -> bool:
        """Whether the bar can matter in this situation."""
        at = bar_number - self.first
        if is_flat:
            return self.flat[at] != 0
        return len(self.held) == 0 or self.held[at] != 0

    def load(self, bar_number: int) -> None:
        """Set the averages to what they are on the bar."""
        at = bar_number - self.first
        for i in range(len(self.averages)):
            self.averages[i].load(int(self.totals[i][at]), int(self.previous[i][at]), bar_number)
