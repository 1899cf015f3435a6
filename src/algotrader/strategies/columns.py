"""Bars as arrays, for strategies that can say beforehand on which bars they could possibly act."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_ROOM: Final = 2**62


class StrategyColumns:
    """Closed bars of one instrument at the strategy's interval, oldest first, as scaled integers.

    The first rows may be bars that the strategy has seen already, there so that averages are right on the first new one.
    """

    def __init__(self, open: Ints, high: Ints, low: Ints, close: Ints, volume: Ints) -> None:
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume

    def __len__(self) -> int:
        return len(self.close)

    def total(self, period: int) -> Ints:
        """Sum of the last ``period`` closes on every bar, exact; of fewer closes on the first bars."""
        sums = np.cumsum(self.close)
        totals = sums.copy()
        totals[period:] = sums[period:] - sums[:-period]
        return totals

    def gap(self, fast: int, slow: int) -> Ints | None:
        """Fast minus slow average times both periods, exact; None when the numbers could leave 64 bits."""
        if len(self.close) and int(self.close.max()) * fast * slow * 2 >= _ROOM:
            return None
        return np.asarray(self.total(fast) * slow - self.total(slow) * fast)

    @staticmethod
    def earlier(values: Ints) -> Ints:
        """The values one bar earlier; 0 on the first bar."""
        shifted = np.zeros_like(values)
        shifted[1:] = values[:-1]
        return shifted
