"""What was computed beforehand for the coming bars: which of them can matter to whom, and exact averages there.

The engine asks nothing on a bar that cannot matter, and does not even look at it. The figures are exact integers, equal to those
of the incremental indicators.
"""

from __future__ import annotations

from typing import Final, final

from algotrader.core.catch_up import CatchUp
from algotrader.core.columns import IntColumn
from algotrader.core.indicators import SMA, Indicator

VISIT_FLAT: Final = 1
"""Flag of a row that matters to somebody who holds nothing of its instrument and has no order there."""

VISIT_HELD: Final = 2
"""Flag of a row that matters to somebody who holds something of its instrument and has no order there."""


@final
class BatchPlan:
    """The coming bars of one slot.

    Args:
        first: number of the first of them, counted from 1 as the slot counts its bars.
        flat: one byte a bar; 0 where no signal can arise while nothing is held.
        held: one byte a bar; 0 where neither stop nor exit can change while a position is open and no order works. Empty when the
            strategy promises nothing for that case.
        averages: the slot's simple averages.
        totals: for each average its sum on every bar, with one more in front: the sum on the bar before the first.
        runs: the slot's other indicators that can be taken to any of these bars.
    """

    def __init__(
        self, first: int, flat: bytes, held: bytes, averages: list[SMA], totals: list[IntColumn], runs: list[CatchUp]
    ) -> None:
        self.first: Final[int] = first
        self.flat: Final[bytes] = flat
        self.held: Final[bytes] = held
        self.averages: Final[list[SMA]] = averages
        self.totals: Final[list[IntColumn]] = totals
        self.runs: Final[list[CatchUp]] = runs

    def matters(self, bar_number: int, is_flat: bool) -> bool:
        """Whether the bar can matter in this situation."""
        at = bar_number - self.first
        if is_flat:
            return self.flat[at] != 0
        return len(self.held) == 0 or self.held[at] != 0

    def load(self, bar_number: int) -> None:
        """Set the indicators to what they are on the bar."""
        at = bar_number - self.first
        for i in range(len(self.averages)):
            totals = self.totals[i]
            self.averages[i].load(totals[at + 1], totals[at], bar_number)
        for run in self.runs:
            run.to(bar_number)

    def serves(self, indicator: Indicator) -> bool:
        """Whether the plan sets an indicator, so that it need not be fed."""
        for run in self.runs:
            if run.indicator is indicator:
                return True
        return indicator in self.averages


@final
class Visits:
    """The rows of one chunk of bars that have to be looked at.

    Args:
        flags: one byte a row, ``VISIT_FLAT`` and ``VISIT_HELD``; 0 where the row matters to nobody without an order.
        marks: the rows with a flag, ascending.
        own: for each instrument its rows, ascending; empty when there is one instrument, which has them all.
    """

    def __init__(self, flags: bytes, marks: IntColumn, own: list[IntColumn]) -> None:
        self.flags: Final[bytes] = flags
        self.marks: Final[IntColumn] = marks
        self.own: Final[list[IntColumn]] = own
        self.seen: Final[list[int]] = [0] * max(len(own), 1)
        self._next_mark: int = 0

    def next_mark(self, row: int, stop: int) -> int:
        """The first row with a flag from ``row`` on, at most ``stop``; asked for rows that never go back."""
        marks = self.marks
        at = self._next_mark
        count = len(marks)
        while at < count and marks[at] < row:
            at += 1
        self._next_mark = at
        return min(marks[at], stop) if at < count else stop

    def unseen(self, index: int, row: int) -> int:
        """How many rows of an instrument before ``row`` were passed by since the last call; they count as seen from now on."""
        before = self.seen[index]
        end = row if len(self.own) == 0 else self.own[index].first_from(row, before)
        if end <= before:
            return 0
        self.seen[index] = end
        return end - before

    def last_seen(self, index: int) -> int:
        """The last row of an instrument that counts as seen."""
        last = self.seen[index] - 1
        return last if len(self.own) == 0 else self.own[index][last]
