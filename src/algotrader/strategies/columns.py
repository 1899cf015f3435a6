"""Bars as arrays, for strategies that can say beforehand on which bars they could possibly act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from algotrader.core.catch_up import CatchUp, ClosedBars
from algotrader.core.columns import IntColumn
from algotrader.core.indicators import Indicator

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_ROOM: Final = 2**62


class StrategyColumns:
    """Closed bars of one instrument at the strategy's interval, oldest first, as scaled integers.

    The first rows may be bars that the strategy has seen already: at least its ``required_history``, so that what looks back so far
    is right on the first new one.

    Args:
        open, high, low, close, volume: one number a bar.
        openings: where a session opened since the bar before; None when it is not known.
        runs: the strategy's indicators, each ready to run over these bars; None for columns from the first bar on, over which any
            indicator may run that has seen no bar.
    """

    def __init__(
        self,
        open: Ints,
        high: Ints,
        low: Ints,
        close: Ints,
        volume: Ints,
        openings: Mask | None = None,
        runs: Mapping[Indicator, CatchUp] | None = None,
    ) -> None:
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
        self.openings = openings
        self.asked: set[Indicator] = set()
        self._runs = runs
        self._found: dict[tuple[Indicator, str], bytes] = {}

    def closed_bars(self) -> ClosedBars:
        """The same bars as the engine reads them."""
        openings = b"" if self.openings is None else self.openings.tobytes()
        return ClosedBars(
            _column(self.open), _column(self.high), _column(self.low), _column(self.close), _column(self.volume), openings
        )

    def values(self, indicator: Indicator, output: str = "value") -> Floats:
        """A float output of one of the strategy's own indicators on every bar, equal to what it will be there in every bit.

        Args:
            indicator: one that ``indicators()`` gave, such as ``self.ema``.
            output: ``value``, ``previous``, ``upper``, ``plus_di`` and so on.

        Raises:
            ValueError: the indicator is not one of the strategy's, or cannot be computed beforehand.
            TypeError: the output is a whole number.
        """
        key = (indicator, output)
        if key not in self._found:
            self._found[key] = self._run(indicator).values(output)
        return np.frombuffer(self._found[key], dtype="<f8")

    def integers(self, indicator: Indicator, output: str) -> Ints:
        """The same of a whole-numbered output: ``total`` of an average, ``raw`` of a highest, and so on.

        Raises:
            ValueError, TypeError: as with ``values``.
            OverflowError: a number needs more than 64 bits.
        """
        key = (indicator, output)
        if key not in self._found:
            self._found[key] = self._run(indicator).integers(output)
        return np.frombuffer(self._found[key], dtype="<i8")

    def _run(self, indicator: Indicator) -> CatchUp:
        self.asked.add(indicator)
        if self._runs is None:
            run = CatchUp(indicator)
            run.use(1, self.closed_bars())
            return run
        if indicator not in self._runs:
            name = type(indicator).__name__
            raise ValueError(f"{name} cannot be computed here: ask for one that indicators() gave, and from the first call on")
        return self._runs[indicator]

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


def _column(values: Ints) -> IntColumn:
    return IntColumn(np.asarray(values, dtype="<i8").tobytes())
