"""Backtests that were kept: each run with its figures and its equity at the end of every day, and its round trips."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, insert, select

from algotrader.storage.database import Database
from algotrader.storage.tables import backtest_run, backtest_trade
from algotrader.storage.times import from_iso, to_iso


@dataclass(frozen=True, slots=True)
class BacktestTrade:
    """One round trip of a run; money is exact decimal text, times are nanoseconds UTC."""

    symbol: str
    side: str
    qty: str
    entry_price: str
    exit_price: str
    entry_at: int
    exit_at: int
    pnl: str
    duration_seconds: int


@dataclass(frozen=True, slots=True)
class BacktestRun:
    """A run: what was asked for, its figures, and its equity as pairs of time (nanoseconds UTC) and amount."""

    strategy: str
    symbols: tuple[str, ...]
    start_date: int
    end_date: int
    initial_capital: str
    params: Mapping[str, Any]
    total_return: float
    win_rate: float
    profit_factor: float
    sharpe_ratio: float
    max_drawdown: float
    total_trades: int
    equity_curve: tuple[tuple[int, float], ...]
    created_at: int


_PLAIN: Final = (
    "strategy",
    "start_date",
    "end_date",
    "initial_capital",
    "total_return",
    "win_rate",
    "profit_factor",
    "sharpe_ratio",
    "max_drawdown",
    "total_trades",
    "created_at",
)
_TRADE: Final = ("symbol", "side", "qty", "entry_price", "exit_price", "entry_at", "exit_at", "pnl", "duration_seconds")


def store_run(database: Database, run: BacktestRun, trades: Sequence[BacktestTrade]) -> int:
    """Keep a run with its round trips, all of it or nothing, and give its number.

    Raises:
        StoreBusy, StoreFailed: it could not be kept.
    """
    values = {name: getattr(run, name) for name in _PLAIN}
    values["symbols"] = json.dumps(run.symbols)
    values["params"] = json.dumps(run.params, sort_keys=True, allow_nan=False)
    values["equity_curve"] = json.dumps([[to_iso(moment), equity] for moment, equity in run.equity_curve], allow_nan=False)
    with database.writing() as connection:
        number = int(connection.execute(insert(backtest_run).values(values).returning(backtest_run.c.id)).scalar_one())
        if trades:
            rows = [{"run_id": number, **{name: getattr(each, name) for name in _TRADE}} for each in trades]
            connection.execute(insert(backtest_trade), rows)
    return number


def stored_runs(database: Database, *, limit: int = 100, offset: int = 0) -> list[tuple[int, BacktestRun]]:
    """Runs with their numbers, newest first."""
    wanted = select(backtest_run).order_by(backtest_run.c.id.desc()).limit(limit).offset(offset)
    with database.reading() as connection:
        return [(found.id, _run(found)) for found in connection.execute(wanted)]


def stored_run(database: Database, number: int) -> BacktestRun | None:
    """One run by its number."""
    with database.reading() as connection:
        found = connection.execute(select(backtest_run).where(backtest_run.c.id == number)).first()
    return None if found is None else _run(found)


def stored_trades(database: Database, number: int) -> list[BacktestTrade]:
    """The round trips of a run, in order."""
    columns = [backtest_trade.c[name] for name in _TRADE]
    wanted = select(*columns).where(backtest_trade.c.run_id == number).order_by(backtest_trade.c.id)
    with database.reading() as connection:
        return [BacktestTrade(*found) for found in connection.execute(wanted)]


def _run(found: Row[Any]) -> BacktestRun:
    values = found._mapping
    return BacktestRun(
        symbols=tuple(json.loads(values["symbols"])),
        params=json.loads(values["params"]),
        equity_curve=tuple((from_iso(moment), equity) for moment, equity in json.loads(values["equity_curve"])),
        **{name: values[name] for name in _PLAIN},
    )
