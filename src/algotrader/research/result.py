"""What a backtest leaves behind: plain records that metrics, the tear sheet, the CLI and notebooks read."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One execution. ``time`` is nanoseconds since the epoch, UTC."""

    time: int
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    commission: Decimal
    client_order_id: str
    strategy: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class RoundTripRecord:
    """One position from entry to exit; partial fills on either side are averaged. ``pnl`` is after commission.

    ``side`` is ``long`` or ``short``; ``pnl_pct`` is a fraction of the entry notional; ``stop_price`` is the stop planned at entry,
    if any.
    """

    trip_id: str
    strategy: str
    symbol: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_time: int
    exit_time: int
    pnl: Decimal
    pnl_pct: float
    commission: Decimal
    stop_price: Decimal | None = None
    exit_reason: str = ""


@dataclass(frozen=True, slots=True)
class StopRecord:
    """The protective stop of a position from ``time`` on; ``price`` is None when it was taken away."""

    time: int
    symbol: str
    strategy: str
    price: Decimal | None


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


@dataclass(slots=True)
class BacktestResult:
    """The outcome of one backtest.

    ``equity_time`` (nanoseconds UTC, ascending) and ``equity`` (account currency) are the curve after every slice of bars;
    ``session_days`` numbers the trading day of every point of the curve (ascending integers), so that daily figures need no
    calendar. ``benchmark`` is on the same times, scaled to the starting capital. ``exposure`` is the fraction of points with an
    open position. ``annual_sessions`` is 252 for exchanges and 365 for markets that never close.
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
    fills: list[FillRecord] = field(default_factory=list)
    round_trips: list[RoundTripRecord] = field(default_factory=list)
    stops: list[StopRecord] = field(default_factory=list)
    problems: list[ProblemRecord] = field(default_factory=list)
    prices: list[PriceSeries] = field(default_factory=list)
    recorded: dict[str, tuple[Times, Values]] = field(default_factory=dict)
    assumptions: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    fingerprint: str = ""
    engine: str = ""
