"""Files that a backtest leaves beside its tear sheet: fills as CSV, and everything a program may want as JSON."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from algotrader.core.market import utc
from algotrader.errors import UserError
from algotrader.research.metrics import Metrics
from algotrader.research.result import BacktestResult, FillRecord, ProblemRecord, RoundTripRecord
from algotrader.research.thinning import extreme_indices

FILL_COLUMNS: Final = ("time", "symbol", "side", "quantity", "price", "commission", "client_order_id")
_CURVE_PARTS: Final = 250


def check_writable(path: Path | None) -> None:
    """Make sure before a long run that its file can be written. The folder is made; a file that exists is left as it is.

    Raises:
        UserError: it cannot.
    """
    if path is None:
        return
    existed = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}", "choose a file in a folder of yours") from None


def iso_time(time_ns: int) -> str:
    """Nanoseconds since the epoch as ISO 8601 in UTC, such as ``2024-01-02T14:32:00Z``.

    Fractions of a second are written only if there are any; digits beyond the microsecond are cut off.
    """
    return utc(time_ns).isoformat().replace("+00:00", "Z")


def exact(value: Decimal) -> str:
    """A decimal in full, never with an exponent."""
    return format(value, "f")


def write_fills(result: BacktestResult, path: Path) -> None:
    """Write every fill as a line of CSV, in order of time. Times are ISO 8601 UTC, numbers exact.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FILL_COLUMNS)
        writer.writerows(_fill_row(fill) for fill in result.fills)


def _fill_row(fill: FillRecord) -> tuple[str, ...]:
    amounts = (exact(fill.quantity), exact(fill.price), exact(fill.commission))
    return (iso_time(fill.time), fill.symbol, fill.side, *amounts, fill.client_order_id)


def write_json(result: BacktestResult, metrics: Metrics, path: Path) -> None:
    """Write the run as JSON: money as exact text, times as ISO 8601 UTC, the equity curve thinned to what shows its shape.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_document(result, metrics), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def as_document(result: BacktestResult, metrics: Metrics) -> dict[str, Any]:
    """Give the run as values of JSON."""
    return {
        "strategy": result.strategy,
        "parameters": {name: _plain(value) for name, value in result.parameters.items()},
        "symbols": list(result.symbols),
        "interval": result.interval,
        "start": iso_time(result.start),
        "end": iso_time(result.end),
        "capital": exact(result.capital),
        "final_equity": exact(result.final_equity),
        "engine": result.engine,
        "fingerprint": result.fingerprint,
        "metrics": metrics.as_dict(),
        "fills": len(result.fills),
        "counts": result.counts,
        "assumptions": result.assumptions,
        "round_trips": [_trip(trip) for trip in result.round_trips],
        "problems": [_problem(problem) for problem in result.problems],
        "equity": _curve(result),
    }


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _trip(trip: RoundTripRecord) -> dict[str, Any]:
    return {
        "trip_id": trip.trip_id,
        "strategy": trip.strategy,
        "symbol": trip.symbol,
        "side": trip.side,
        "quantity": exact(trip.quantity),
        "entry_price": exact(trip.entry_price),
        "exit_price": exact(trip.exit_price),
        "entry_time": iso_time(trip.entry_time),
        "exit_time": iso_time(trip.exit_time),
        "pnl": exact(trip.pnl),
        "pnl_pct": trip.pnl_pct,
        "commission": exact(trip.commission),
        "stop_price": None if trip.stop_price is None else exact(trip.stop_price),
        "exit_reason": trip.exit_reason,
    }


def _problem(problem: ProblemRecord) -> dict[str, Any]:
    time = iso_time(problem.time) if problem.time else None
    return {"time": time, "kind": problem.kind, "symbol": problem.symbol, "message": problem.message}


def _curve(result: BacktestResult) -> list[list[object]]:
    """Points of the equity curve: time and equity, with the first, last, lowest and highest of each part of the run."""
    if len(result.equity) == 0:
        return []
    chosen = extreme_indices([result.equity], _CURVE_PARTS)
    return [[iso_time(int(result.equity_time[k])), round(float(result.equity[k]), 6)] for k in chosen]
