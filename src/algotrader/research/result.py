"""What a backtest leaves behind: plain records that metrics, the tear sheet, the CLI and notebooks read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

import numpy as np
import numpy.typing as npt

from algotrader.research.records import FillRecord, RoundTripRecord, StopRecord
from algotrader.research.trades import fingerprint_of

__all__ = [
    "BacktestResult",
    "FillRecord",
    "PriceSeries",
    "ProblemRecord",
    "RoundTripRecord",
    "StopRecord",
    "Times",
    "Values",
]

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ProblemRecord:
    """Something a user should know: a strategy error, a gap in the data, a denied order."""

    time: int
    kind: str
    symbol: str
    message: str


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Bars of one symbol for the chart, thinned to what a screen can show. Times are bar starts in nanoseconds UTC."""

    symbol: str
    time: Times
    open: Values
    high: Values
    low: Values
    close: Values
    volume: Values


@dataclass
class BacktestResult:
    """The outcome of one backtest.

    ``equity_time`` (nanoseconds UTC, ascending) and ``equity`` (account currency) are the curve after every slice of bars;
    ``session_days`` numbers the trading day of every point of the curve (ascending integers), so that daily figures need no
    calendar. ``benchmark`` is on the same times, scaled to the starting capital. ``exposure`` is the fraction of points with an
    open position. ``annual_sessions`` is 252 for exchanges and 365 for markets that never close. The records of ``fills`` and
    ``round_trips`` are made when they are looked at first. ``kind`` is what the tear sheet calls the run.
    """

    strategy: str
    parameters: dict[str, object]
    symbols: tuple[str, ...]
    interval: str
    start: int
    end: int
    capital: Decimal
    final_equity: Decimal
    equity_time: Times
    equity: Values
    session_days: Times
    annual_sessions: int = 252
    exposure: float = 0.0
    benchmark_symbol: str = ""
    benchmark: Values | None = None
    fills: Sequence[FillRecord] = field(default_factory=list)
    round_trips: Sequence[RoundTripRecord] = field(default_factory=list)
    stops: Sequence[StopRecord] = field(default_factory=list)
    problems: list[ProblemRecord] = field(default_factory=list)
    prices: list[PriceSeries] = field(default_factory=list)
    recorded: dict[str, tuple[Times, Values]] = field(default_factory=dict)
    assumptions: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    engine: str = ""
    kind: str = "Backtest"

    @cached_property
    def fingerprint(self) -> str:
        """A digest of every fill: time, symbol, side, quantity, price and commission, in order."""
        return fingerprint_of(self.fills)
