"""A sweep as a job: its table, its heat map and what to think of its best trial. Imported by the worker process only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from algotrader.research.sweeps.result import LOWER_IS_BETTER, Step, SweepResult, ranked
from algotrader.research.sweeps.space import Axis
from algotrader.research.sweeps.summary import columns_beside, counted, kind_of, label, warning, window_days
from algotrader.research.sweeps.sweep import WalkForward, sweep
from algotrader.research.sweeps.trial import TEST, Record
from algotrader.server.jobs.common_work import HEAD, Progress, figures_of, open_market, options_of, text_of, write_result

MOST_ROWS: Final = 5_000
"""Runs in a table; of more the best are kept."""

_ALSO: Final = ("win_rate", "net_profit", "cagr", "sortino")


def run_sweep(order: dict[str, Any], folder: Path, report: Progress) -> dict[str, Any]:
    """Run a sweep, one trial after the other in this one process.

    Returns:
        Figures of the best trial.

    Raises:
        UserError: it cannot be run as it is wanted.
    """
    report(0.0, "reading bars")
    catalogue, asked = open_market(order), order["request"]
    walk = asked["walk_forward"]
    result = sweep(
        asked["strategy"],
        asked["symbols"],
        data=catalogue,
        grid={name: tuple(values) for name, values in asked["grid"].items()},
        metric=asked["metric"],
        start=asked["start"],
        end=asked["end"],
        interval=asked["interval"],
        options=options_of(order),
        scanner=asked["scanner"],
        search=asked["search"],
        trials=asked["trials"],
        seed=asked["seed"],
        walk_forward=None if walk is None else WalkForward.read(walk["kind"], walk["train"], walk["test"]),
        workers=1,
        progress=lambda done, planned: report(done / max(planned, 1), f"{done:,} of {planned:,} runs"),
    )
    write_result(folder, _document(result))
    best = result.best
    return {"figures": [] if best is None else figures_of(best, HEAD), "run": None}


def _document(result: SweepResult) -> dict[str, Any]:
    columns = [*columns_beside(result.metric), *(name for name in _ALSO if name != result.metric)]
    best = result.best
    return {
        "metric": result.metric,
        "metric_label": label(result.metric),
        "summary": counted(result),
        "warning": warning(result),
        "axes": [_axis(axis) for axis in result.space.axes],
        "columns": [
            {"name": name, "label": label(name), "kind": kind_of(name), "lower_is_better": name in LOWER_IS_BETTER}
            for name in columns
        ],
        "rows": [_row(result, record, columns) for record in ranked(result.records, result.metric)[:MOST_ROWS]],
        "best": None if best is None else best["trial"],
        "heatmap": heat_map(result),
        "steps": [_step(result, step) for step in result.steps()],
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {"name": axis.name, "values": [str(value) for value in axis.values], "numeric": axis.numeric}


def _parameters(result: SweepResult, record: Record | None) -> dict[str, str]:
    return {} if record is None else {name: str(value) for name, value in result.parameters(record).items()}


def _row(result: SweepResult, record: Record, columns: Sequence[str]) -> dict[str, Any]:
    return {
        "window": record["window"],
        "sample": record["sample"],
        "trial": record["trial"],
        "parameters": _parameters(result, record),
        "status": record["status"],
        "error": record["error"],
        "values": [text_of(record, name) for name in columns],
    }


def _step(result: SweepResult, step: Step) -> dict[str, Any]:
    first, last, tested, until = window_days(result, step.window)
    best, test = step.best, step.test
    return {
        "window": step.window.number,
        "train_start": first,
        "train_end": last,
        "test_start": tested,
        "test_end": until,
        "trial": None if best is None else best["trial"],
        "parameters": _parameters(result, best),
        "trained": None if best is None else text_of(best, result.metric),
        "tested": None if test is None else text_of(test, result.metric),
        "test_return": None if test is None else text_of(test, "total_return"),
    }


def heat_map(result: SweepResult) -> dict[str, Any] | None:
    """The matrix of the ranking figure over the first two parameters with several values; None where there is none."""
    many = [place for place, axis in enumerate(result.space.axes) if len(axis.values) > 1]
    if not many:
        return None
    x, y = many[0], many[1] if len(many) > 1 else None
    windows = [window.number for window in result.windows] or [0]
    return {
        "x": _axis(result.space.axes[x]),
        "y": None if y is None else _axis(result.space.axes[y]),
        "metric": result.metric,
        "lower_is_better": result.metric in LOWER_IS_BETTER,
        "layers": [_layer(result, window, x, y) for window in windows],
    }


def _layer(result: SweepResult, window: int, x: int, y: int | None) -> dict[str, Any]:
    axes = result.space.axes
    height = 1 if y is None else len(axes[y].values)
    cells: list[list[str | None]] = [[None] * len(axes[x].values) for _ in range(height)]
    trials: list[list[int | None]] = [[None] * len(axes[x].values) for _ in range(height)]
    own = [record for record in result.records if record["window"] == window and record["sample"] != TEST]
    # From the worst to the best, so that the best of those that share a cell is what stays.
    for record in reversed(ranked(own, result.metric)):
        value = text_of(record, result.metric)
        if value is not None:
            places = result.space.places(record["point"])
            line = 0 if y is None else places[y]
            cells[line][places[x]] = value
            trials[line][places[x]] = record["trial"]
    return {"window": window, "cells": cells, "trials": trials}
