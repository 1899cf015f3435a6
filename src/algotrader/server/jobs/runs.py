"""Backtests that the database keeps, whoever ran them, as the server shows them. Called in threads only."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final

from algotrader.core.market import utc
from algotrader.server.documents import Document, exact, iso
from algotrader.storage import backtests
from algotrader.storage.backtests import BacktestRun, BacktestTrade
from algotrader.storage.database import Database
from algotrader.storage.schema import open_database

PREFIX: Final = "run-"
_MOST_TRIPS: Final = 500
_MOST_POINTS: Final = 2_000


def run_number(job_id: str) -> int | None:
    """The number in an id such as ``run-12``; None where it is none."""
    digits = job_id.removeprefix(PREFIX)
    return int(digits) if job_id.startswith(PREFIX) and digits.isascii() and digits.isdigit() and len(digits) <= 15 else None


class StoredRuns:
    """The runs of one database.

    Args:
        url: of the database.
    """

    def __init__(self, url: str) -> None:
        self._url: Final = url
        self._opened: Database | None = None

    def open(self) -> None:
        """Open it; a second call does nothing.

        Raises:
            StoreBusy, StoreFailed: there is none, or it cannot be read.
        """
        if self._url and self._opened is None:
            self._opened = open_database(self._url)

    def close(self) -> None:
        """Let go of it; a second call does nothing."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def newest(self, count: int, without: Collection[int], before: int | None = None) -> list[Document]:
        """So many runs at most, newest first, but not those of some numbers, nor those since a moment (nanoseconds UTC)."""
        if self._opened is None:
            return []
        found = backtests.stored_heads(self._opened, limit=count, without=without, before=before)
        return [document(number, run) for number, run in found]

    def one(self, number: int) -> Document | None:
        """A run with its result; None where there is none of this number."""
        if self._opened is None:
            return None
        run = backtests.stored_run(self._opened, number)
        if run is None:
            return None
        return {**document(number, run), "result": _result(run, backtests.stored_trades(self._opened, number))}

    def remove(self, number: int) -> bool:
        """Remove a run with its round trips; whether there was one."""
        return self._opened is not None and backtests.remove_run(self._opened, number)


def document(number: int, run: BacktestRun) -> Document:
    """A run as a backtest that has ended."""
    created = iso(run.created_at)
    return {
        "id": f"{PREFIX}{number}",
        "kind": "backtest",
        "title": f"{run.strategy} on {', '.join(run.symbols[:3])}{' …' if len(run.symbols) > 3 else ''}",
        "state": "done",
        "progress": 1.0,
        "message": "done",
        "created_at": created,
        "started_at": None,
        "ended_at": created,
        "market": None,
        "error": None,
        "run": number,
        "has_tearsheet": False,
        "request": {
            "strategy": run.strategy,
            "symbols": list(run.symbols),
            "interval": run.params.get("interval"),
            "start": utc(run.start_date).date().isoformat(),
            "end": utc(max(run.end_date - 1, 0)).date().isoformat(),
            "capital": run.initial_capital,
            "parameters": dict(run.params.get("parameters", {})),
        },
        "figures": _figures(run),
    }


def _figures(run: BacktestRun) -> list[Document]:
    def percent(name: str, label: str, value: float) -> Document:
        return {"name": name, "label": label, "kind": "percent", "value": _text(value), "text": f"{value * 100:,.2f} %"}

    def number(name: str, label: str, value: float) -> Document:
        return {"name": name, "label": label, "kind": "number", "value": _text(value), "text": f"{value:,.2f}"}

    return [
        percent("total_return", "Total return", run.total_return),
        number("sharpe", "Sharpe", run.sharpe_ratio),
        percent("max_drawdown", "Max drawdown", run.max_drawdown),
        percent("win_rate", "Win rate", run.win_rate),
        number("profit_factor", "Profit factor", run.profit_factor),
        {
            "name": "round_trips",
            "label": "Round trips",
            "kind": "whole",
            "value": str(run.total_trades),
            "text": f"{run.total_trades:,}",
        },
    ]


def _text(value: float) -> str:
    return exact(Decimal(str(round(value, 10))))


def _result(run: BacktestRun, trades: list[BacktestTrade]) -> Document:
    step = max(len(run.equity_curve) // _MOST_POINTS, 1)
    points = [[iso(moment), f"{equity:.2f}"] for moment, equity in run.equity_curve[::step]]
    assumptions: Any = run.params.get("assumptions", {})
    return {
        "start": iso(run.start_date),
        "end": iso(run.end_date),
        "interval": str(run.params.get("interval", "")),
        "capital": run.initial_capital,
        "final_equity": None,
        "figures": _figures(run),
        "equity": points,
        "benchmark_symbol": "",
        "benchmark": [],
        "round_trips": [_trip(trade) for trade in trades[:_MOST_TRIPS]],
        "more_round_trips": max(len(trades) - _MOST_TRIPS, 0),
        "problems": [],
        "more_problems": 0,
        "counts": {},
        "assumptions": {str(name): str(value) for name, value in assumptions.items()},
        "strategy_errors": 0,
        "fingerprint": str(run.params.get("fingerprint", "")),
    }


def _trip(trade: BacktestTrade) -> Document:
    return {
        "symbol": trade.symbol,
        "side": trade.side,
        "qty": trade.qty,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "entry_at": iso(trade.entry_at),
        "exit_at": iso(trade.exit_at),
        "pnl": trade.pnl,
        "duration_seconds": trade.duration_seconds,
        "exit_reason": "",
    }
