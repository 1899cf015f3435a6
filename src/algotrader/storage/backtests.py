"""Backtests that were kept: each run with its figures and its equity at the end of every day, and its round trips."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, insert, literal, select

from algotrader.storage.database import Database
from algotrader.storage.statements import positional
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
_TIMES: Final = ("entry_at", "exit_at")


def store_run(database: Database, run: BacktestRun, trades: Sequence[BacktestTrade]) -> int:
    """Keep a run with its round trips, all of it or nothing, and give its number.

    Raises:
        StoreBusy, StoreFailed: it could not be kept.
    """
    values = {name: getattr(run, name) for name in _PLAIN}
    values["symbols"] = json.dumps(run.symbols)
    values["params"] = json.dumps(run.params, sort_keys=True, allow_nan=False)
    values["equity_curve"] = json.dumps([[to_iso(moment), equity] for moment, equity in run.equity_curve], allow_nan=False)
    # A session's own commits wait for as long as this one lasts: everything is made ready beforehand.
    statement, rows = _trade_insert(database.kind), [_trade_row(each) for each in trades]
    with database.writing() as connection:
        number = int(connection.execute(insert(backtest_run).values(values).returning(backtest_run.c.id)).scalar_one())
        if rows:
            connection.exec_driver_sql(statement, [(number, *row) for row in rows])
    return number


@lru_cache
def _trade_insert(kind: str) -> str:
    """The statement as the driver takes it, with the values of a row in the order of ``_TRADE`` behind the run's number."""
    names = ("run_id", *_TRADE)
    compiled: Any = insert(backtest_trade).values({name: bindparam(name) for name in names}).compile(dialect=positional(kind))
    if compiled.positiontup != list(names):
        raise AssertionError(f"{compiled.positiontup} are not {names}")
    return str(compiled)


def _trade_row(trade: BacktestTrade) -> tuple[object, ...]:
    return tuple(to_iso(getattr(trade, name)) if name in _TIMES else getattr(trade, name) for name in _TRADE)


def stored_runs(database: Database, *, limit: int = 100, offset: int = 0) -> list[tuple[int, BacktestRun]]:
    """Runs with their numbers, newest first."""
    wanted = select(backtest_run).order_by(backtest_run.c.id.desc()).limit(limit).offset(offset)
    with database.reading() as connection:
        return [(found.id, _run(found)) for found in connection.execute(wanted)]


def stored_heads(
    database: Database, *, limit: int, without: Collection[int] = (), before: int | None = None
) -> list[tuple[int, BacktestRun]]:
    """Runs with their numbers, newest first, but without their curves, which are long.

    Args:
        database: where they are.
        limit: how many at most.
        without: numbers to leave out.
        before: only what was stored before this moment, nanoseconds UTC.
    """
    columns: list[ColumnElement[Any]] = [column for column in backtest_run.c if column.name != "equity_curve"]
    wanted: Select[Any] = select(*columns, literal("[]").label("equity_curve")).where(backtest_run.c.id.not_in(without))
    if before is not None:
        wanted = wanted.where(backtest_run.c.created_at < before)
    with database.reading() as connection:
        found = connection.execute(wanted.order_by(backtest_run.c.id.desc()).limit(limit))
        return [(one.id, _run(one)) for one in found]


def remove_run(database: Database, number: int) -> bool:
    """Remove a run with its round trips, all of it or nothing; whether there was one.

    Raises:
        StoreBusy, StoreFailed: it could not be removed.
    """
    with database.writing() as connection:
        connection.execute(delete(backtest_trade).where(backtest_trade.c.run_id == number))
        return connection.execute(delete(backtest_run).where(backtest_run.c.id == number)).rowcount > 0


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
