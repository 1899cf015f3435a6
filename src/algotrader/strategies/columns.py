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
        first: the number of the first bar, counted from 1.
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
        first: int = 1,
    ) -> None:
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
        self.openings = openings
        self.asked: set[Indicator] = set()
        self._runs = runs
        self._first = first
        self._found: dict[tuple[Indicator, str], bytes] = {}
        self._closed: ClosedBars | None = None
        self._sums: Ints | None = None
        self._totals: dict[int, Ints] = {}
        self._gaps: dict[tuple[int, int], Ints] = {}

    def closed_bars(self) -> ClosedBars:
        """The same bars as the engine reads them."""
        if self._closed is None:
            openings = b"" if self.openings is None else self.openings.tobytes()
            self._closed = ClosedBars(
                _column(self.open), _column(self.high), _column(self.low), _column(self.close), _column(self.volume), openings
            )
        return self._closed

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
            self._found[key] = self.run(indicator).values(output)
        return np.frombuffer(self._found[key], dtype="<f8")

    def integers(self, indicator: Indicator, output: str) -> Ints:
        """The same of a whole-numbered output: ``total`` of an average, ``raw`` of a highest, and so on.

        Raises:
            ValueError, TypeError: as with ``values``.
            OverflowError: a number needs more than 64 bits.
        """
        key = (indicator, output)
        if key not in self._found:
            self._found[key] = self.run(indicator).integers(output)
        return np.frombuffer(self._found[key], dtype="<i8")

    def run(self, indicator: Indicator) -> CatchUp:
        """An indicator of the strategy, before the first of these bars; see ``values`` for the errors."""
        if self._runs is not None and indicator not in self._runs:
            name = type(indicator).__name__
            raise ValueError(f"{name} cannot be computed here: ask for one that indicators() gave, and from the first call on")
        run = CatchUp(indicator) if self._runs is None else self._runs[indicator]
        if self._runs is None or indicator not in self.asked:
            self.asked.add(indicator)
            run.use(self._first, self.closed_bars())
        return run

    def __len__(self) -> int:
        return len(self.close)

    def total(self, period: int) -> Ints:
        """Sum of the last ``period`` closes on every bar, exact; of fewer closes on the first bars."""
        if period not in self._totals:
            sums = self._sums = np.cumsum(self.close) if self._sums is None else self._sums
            totals = self._totals[period] = sums.copy()
            totals[period:] -= sums[:-period]
        return self._totals[period]

    def gap(self, fast: int, slow: int) -> Ints | None:
        """Fast minus slow average times both periods, exact; None when the numbers could leave 64 bits."""
        if len(self.close) and int(self.close.max()) * fast * slow * 2 >= _ROOM:
            return None
        if (fast, slow) not in self._gaps:
            self._gaps[fast, slow] = self.total(fast) * slow - self.total(slow) * fast
        return self._gaps[fast, slow]

    @staticmethod
    def earlier(values: Ints) -> Ints:
        """The values one bar earlier; 0 on the first bar."""
        shifted = np.zeros_like(values)
        shifted[1:] = values[:-1]
        return shifted


def _column(values: Ints) -> IntColumn:
    return IntColumn(np.asarray(values, dtype="<i8").tobytes())
