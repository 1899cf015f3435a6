"""The table of a sweep, one row a run, as a polars frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

import polars as pl

from algotrader.core.scaled import MONEY_SCALE
from algotrader.research.metrics import Metrics
from algotrader.research.sweeps.overfitting import Moments, luck, probabilistic_sharpe
from algotrader.research.sweeps.space import Axis, Space
from algotrader.research.sweeps.trial import OK, SAMPLES, TEST, Record

METRICS: Final = tuple(item.name for item in fields(Metrics))
"""Every figure of a backtest, by the name under which a sweep may be ranked."""

_MONEY: Final = frozenset(item.name for item in fields(Metrics) if item.type == "Decimal")
_WHOLE: Final = frozenset(item.name for item in fields(Metrics) if item.type == "int")
_DECIMAL: Final = pl.Decimal(38, MONEY_SCALE)
_TIME: Final = pl.Datetime("ns", "UTC")


def make_frame(space: Space, records: Sequence[Record]) -> pl.DataFrame:
    """The table of a sweep; money is exact, times are aware UTC, runs that failed have no figures."""
    columns = [
        pl.Series("window", [record["window"] for record in records], dtype=pl.Int32()),
        pl.Series("sample", [record["sample"] for record in records], dtype=pl.Enum(SAMPLES)),
        pl.Series("trial", [record["trial"] for record in records], dtype=pl.Int32()),
        *(_parameter(space, place, records) for place in range(len(space.axes))),
        pl.Series("status", [record["status"] for record in records], dtype=pl.String()),
        pl.Series("error", [record["error"] for record in records], dtype=pl.String()),
        *(pl.Series(name, [record.get(name) for record in records], dtype=pl.Int64()).cast(_TIME) for name in ("start", "end")),
        *(_metric(name, records) for name in METRICS),
        pl.Series("strategy_errors", [record.get("strategy_errors") for record in records], dtype=pl.Int64()),
        pl.Series("fingerprint", [record.get("fingerprint") for record in records], dtype=pl.String()),
        pl.Series("deflated_sharpe", _deflated(records), dtype=pl.Float64()),
    ]
    return pl.DataFrame(columns)


def _parameter(space: Space, place: int, records: Sequence[Record]) -> pl.Series:
    axis = space.axes[place]
    texts = [str(axis.values[space.places(record["point"])[place]]) for record in records]
    return pl.Series(f"param_{axis.name}", _typed(axis, texts), dtype=_type(axis))


def _type(axis: Axis) -> pl.DataType:
    return pl.Int64() if axis.whole else pl.Float64() if axis.numeric else pl.String()


def _typed(axis: Axis, texts: list[str]) -> list[Any]:
    return [int(text) for text in texts] if axis.whole else [float(text) for text in texts] if axis.numeric else texts


def _metric(name: str, records: Sequence[Record]) -> pl.Series:
    values = [record["metrics"][name] if record["status"] == OK else None for record in records]
    if name in _MONEY:
        return pl.Series(name, [None if value is None else Decimal(value) for value in values], dtype=_DECIMAL)
    return pl.Series(name, values, dtype=pl.Int64() if name in _WHOLE else pl.Float64())


def _deflated(records: Sequence[Record]) -> list[float | None]:
    """For every trial, its deflated Sharpe ratio among the trials of its window; tests were not chosen and have none."""
    groups: dict[int, list[Record]] = {}
    for record in records:
        if record["sample"] != TEST and record["status"] == OK:
            groups.setdefault(record["window"], []).append(record)
    levels = {window: luck([record["moments"]["sharpe"] for record in group]) for window, group in groups.items()}
    found: list[float | None] = []
    for record in records:
        judged = record["sample"] != TEST and record["status"] == OK
        found.append(probabilistic_sharpe(Moments(**record["moments"]), levels[record["window"]]) if judged else None)
    return found
