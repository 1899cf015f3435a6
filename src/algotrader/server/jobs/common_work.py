"""What the work on a backtest and on a sweep have in common; imported by the worker process only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import ensure_demo_catalogue
from algotrader.research.options import BacktestOptions
from algotrader.research.sweeps.summary import figure_text, kind_of, label
from algotrader.research.sweeps.trial import OK, Record
from algotrader.server.jobs.folder import RESULT

Progress = Callable[[float, str], None]

HEAD: Final = ("total_return", "sharpe", "max_drawdown", "win_rate", "profit_factor", "round_trips", "net_profit")
"""Figures that a list of runs shows."""

_PLACES: Final = 10


def open_market(order: dict[str, Any]) -> Catalogue:
    """The bars that the session's settings name; the made-up ones are made at the first use.

    Raises:
        UserError: the folder cannot be written, or holds no catalogue.
    """
    market = order["market"]
    if market["kind"] != "made_up":
        return Catalogue(market["folder"])
    try:
        return ensure_demo_catalogue(market["folder"])
    except OSError as error:
        raise UserError(
            f"the made-up bars cannot be written: {error.strerror or error}", "ALGOTRADER_CACHE names another folder"
        ) from None


def options_of(order: dict[str, Any]) -> BacktestOptions:
    """The assumptions of a run; ``checks.py`` has read every one of them once."""
    asked = order["request"]
    limit = order["volume_limit"]
    return BacktestOptions(
        capital=Decimal(asked["capital"]),
        slippage=asked["slippage"],
        commission=asked["commission"],
        volume_limit=None if limit is None else Decimal(limit),
        ideal=asked["ideal"],
        latency_ms=asked["latency_ms"],
        fill=asked["fill"],
        entry_bar_stop=asked["entry_bar_stop"],
        seed=asked["seed"],
        venue=asked["venue"],
        extended_hours=asked["extended_hours"],
        benchmark=asked["benchmark"],
        strict=False,
    )


def decimal_text(value: float | int | str | None) -> str | None:
    """A number as decimal text without an exponent; None stays None."""
    if value is None or isinstance(value, str):
        return value if value is None else format(Decimal(value), "f")
    return format(Decimal(str(round(value, _PLACES))).normalize(), "f")


def text_of(record: Record, metric: str) -> str | None:
    """A figure of a run as exact decimal text; None where the run failed or the figure is not defined."""
    return decimal_text(record["metrics"][metric]) if record["status"] == OK else None


def figures_of(record: Record, names: Sequence[str]) -> list[dict[str, Any]]:
    """Figures of a run, for programs and for people."""
    return [
        {
            "name": name,
            "label": label(name),
            "kind": kind_of(name),
            "value": text_of(record, name),
            "text": figure_text(record, name),
        }
        for name in names
    ]


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Keep a result, whole or not at all."""
    draft = folder / f"{RESULT}.new"
    draft.write_text(json.dumps(result, ensure_ascii=True, allow_nan=False, separators=(",", ":")), encoding="ascii")
    draft.replace(folder / RESULT)
