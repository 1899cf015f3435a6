"""A backtest's result as the rows that a database keeps of it."""

from __future__ import annotations

from decimal import Decimal

from algotrader.research import curve
from algotrader.research.metrics import Metrics
from algotrader.research.result import BacktestResult, RoundTripRecord
from algotrader.storage.backtests import BacktestRun, BacktestTrade

_NS = 1_000_000_000


def run_of(result: BacktestResult, metrics: Metrics, now: int) -> BacktestRun:
    """The run: what was asked for, with every assumption, its figures, and its equity at the end of each day.

    Args:
        result: of the run.
        metrics: of the result.
        now: when it is stored, nanoseconds UTC.
    """
    ends = curve.day_ends(result.session_days)
    return BacktestRun(
        strategy=result.strategy,
        symbols=result.symbols,
        start_date=result.start,
        end_date=result.end,
        initial_capital=_exact(result.capital),
        params={
            "interval": result.interval,
            "parameters": {name: _plain(value) for name, value in result.parameters.items()},
            "assumptions": result.assumptions,
            "fingerprint": result.fingerprint,
        },
        total_return=metrics.total_return,
        win_rate=metrics.win_rate,
        profit_factor=metrics.profit_factor,
        sharpe_ratio=metrics.sharpe,
        max_drawdown=metrics.max_drawdown,
        total_trades=metrics.round_trips,
        equity_curve=tuple((int(result.equity_time[k]), round(float(result.equity[k]), 6)) for k in ends),
        created_at=now,
    )


def trades_of(result: BacktestResult) -> list[BacktestTrade]:
    """The run's round trips, in order."""
    return [_trade(trip) for trip in result.round_trips]


def _trade(trip: RoundTripRecord) -> BacktestTrade:
    return BacktestTrade(
        symbol=trip.symbol,
        side=trip.side,
        qty=_exact(trip.quantity),
        entry_price=_exact(trip.entry_price),
        exit_price=_exact(trip.exit_price),
        entry_at=trip.entry_time,
        exit_at=trip.exit_time,
        pnl=_exact(trip.pnl),
        duration_seconds=(trip.exit_time - trip.entry_time) // _NS,
    )


def _exact(value: Decimal) -> str:
    return format(value, "f")


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
