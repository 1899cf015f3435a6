"""A backtest as a job: run it, write its tear sheet and result, keep it in the database. Imported by the worker process only."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from algotrader.core.market import utc
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import backtest
from algotrader.research.collect import load_prices
from algotrader.research.metrics import Metrics, compute_metrics
from algotrader.research.result import BacktestResult, RoundTripRecord, Values
from algotrader.research.stored import run_of, trades_of
from algotrader.research.sweeps.frame import METRICS
from algotrader.research.sweeps.trial import OK, Record, strategy_errors
from algotrader.research.tearsheet import write_tearsheet
from algotrader.research.thinning import extreme_indices
from algotrader.server.jobs.common_work import HEAD, Progress, figures_of, open_market, options_of, write_result
from algotrader.server.jobs.folder import TEARSHEET
from algotrader.storage.backtests import store_run
from algotrader.storage.records import StoreBusy, StoreFailed
from algotrader.storage.schema import open_database
from algotrader.strategies.scanners import Route, StaticScanner, scanner_from_text

MOST_TRIPS: Final = 500
"""Round trips in a result; the database and the tear sheet have them all."""

_MOST_PROBLEMS: Final = 100
_CURVE_PARTS: Final = 250
_NS: Final = 1_000_000_000
_NEARLY: Final = 0.95
"""How much is done when all bars are traded and the reports are still to be written."""


def run_backtest(order: dict[str, Any], folder: Path, report: Progress) -> dict[str, Any]:
    """Run a backtest.

    Returns:
        The most wanted figures, and the number under which the database keeps the run.

    Raises:
        UserError: it cannot be run as it is wanted.
    """
    report(0.0, "reading bars")
    catalogue = open_market(order)
    result = _simulate(order, catalogue, report)
    metrics = compute_metrics(result)
    made_up = catalogue.made_up()
    if any(symbol in made_up for symbol in result.symbols):
        result.assumptions["data"] = "made up by the generator, not a market's"
    report(_NEARLY, "writing the tear sheet")
    load_prices(result, catalogue)
    write_tearsheet(result, metrics, folder / TEARSHEET)
    record: Record = {"status": OK, "metrics": metrics.as_dict()}
    write_result(folder, _document(result, record))
    return {"figures": figures_of(record, HEAD), "run": _keep(order["database"], result, metrics)}


def _simulate(order: dict[str, Any], catalogue: Catalogue, report: Progress) -> BacktestResult:
    asked = order["request"]
    scanner = StaticScanner() if asked["scanner"] is None else scanner_from_text(asked["scanner"])
    return backtest(
        None,
        asked["symbols"],
        data=catalogue,
        start=asked["start"],
        end=asked["end"],
        interval=asked["interval"],
        options=options_of(order),
        routes=[Route(scanner, asked["strategy"], asked["parameters"])],
        progress=lambda done, day: report(done * _NEARLY, day),
    )


def _keep(database: str, result: BacktestResult, metrics: Metrics) -> int | None:
    """Keep the run where the session keeps everything; None where that does not work, for the result is there all the same."""
    if not database:
        return None
    # Made before the transaction begins, which holds up the session's own commits for as long as it lasts.
    run, trades = run_of(result, metrics, time.time_ns()), trades_of(result)
    try:
        opened = open_database(database)
        try:
            return store_run(opened, run, trades)
        finally:
            opened.close()
    except (StoreBusy, StoreFailed):
        return None


def _document(result: BacktestResult, record: Record) -> dict[str, Any]:
    trips, problems = result.round_trips, result.problems
    # A run without a single bar ends with an error, so there are points.
    chosen = [int(k) for k in extreme_indices([result.equity], _CURVE_PARTS)]
    times = [_iso(int(result.equity_time[k])) for k in chosen]

    def points(values: Values) -> list[tuple[str, str]]:
        return [(moment, f"{float(values[k]):.2f}") for moment, k in zip(times, chosen, strict=True)]

    return {
        "start": _iso(result.start),
        "end": _iso(result.end),
        "interval": result.interval,
        "capital": format(result.capital, "f"),
        "final_equity": format(result.final_equity, "f"),
        "figures": figures_of(record, METRICS),
        "equity": points(result.equity),
        "benchmark_symbol": result.benchmark_symbol,
        "benchmark": [] if result.benchmark is None else points(result.benchmark),
        "round_trips": [_trip(trips[k]) for k in range(min(len(trips), MOST_TRIPS))],
        "more_round_trips": max(len(trips) - MOST_TRIPS, 0),
        "problems": [
            {"time": _iso(one.time) if one.time else None, "kind": one.kind, "symbol": one.symbol, "message": one.message[:500]}
            for one in problems[:_MOST_PROBLEMS]
        ],
        "more_problems": max(len(problems) - _MOST_PROBLEMS, 0),
        "counts": dict(result.counts),
        "assumptions": dict(result.assumptions),
        "strategy_errors": strategy_errors(result.counts),
        "fingerprint": result.fingerprint,
    }


def _trip(trip: RoundTripRecord) -> dict[str, Any]:
    return {
        "symbol": trip.symbol,
        "side": trip.side,
        "qty": format(trip.quantity, "f"),
        "entry_price": format(trip.entry_price, "f"),
        "exit_price": format(trip.exit_price, "f"),
        "entry_at": _iso(trip.entry_time),
        "exit_at": _iso(trip.exit_time),
        "pnl": format(trip.pnl, "f"),
        "duration_seconds": (trip.exit_time - trip.entry_time) // _NS,
        "exit_reason": trip.exit_reason,
    }


def _iso(time_ns: int) -> str:
    return utc(time_ns).isoformat().replace("+00:00", "Z")
