"""What a sweep has found: every run as a row of a table, the best of them, and how far the best can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from algotrader.errors import UserError, did_you_mean
from algotrader.history.files import replace_file
from algotrader.research import curve
from algotrader.research.result import Values
from algotrader.research.sweeps.frame import METRICS, make_frame
from algotrader.research.sweeps.overfitting import Deflated, Moments, deflated_sharpe, moments
from algotrader.research.sweeps.space import Space
from algotrader.research.sweeps.trial import OK, TEST, Record
from algotrader.research.sweeps.walkforward import Window

LOWER_IS_BETTER: Final = frozenset({"volatility", "max_drawdown", "longest_drawdown_days", "fees", "turnover"})
"""Figures of which less is better; of all others more is."""


def metric_name(text: str) -> str:
    """Give the name of a figure in its standard form.

    Raises:
        UserError: there is no such figure; the hint names the nearest.
    """
    name = text.strip().lower().replace("-", "_").replace(" ", "_")
    if name not in METRICS:
        raise UserError(f"{text!r} is not a metric", f"{did_you_mean(name, METRICS)} known: {', '.join(METRICS)}".strip())
    return name


def value_of(record: Record, metric: str) -> float | None:
    """A figure of a run; None where the run failed or the figure is not defined."""
    value = record["metrics"][metric] if record["status"] == OK else None
    return None if value is None else float(value)


def score_of(record: Record, metric: str) -> float | None:
    """A figure of a run turned so that more is better."""
    value = value_of(record, metric)
    return -value if value is not None and metric in LOWER_IS_BETTER else value


def ranked(records: Sequence[Record], metric: str) -> list[Record]:
    """Runs from the best to the worst; equals in the order of their trials, runs without the figure at the end."""

    def order(record: Record) -> tuple[bool, float, int]:
        score = score_of(record, metric)
        return score is None, -(score or 0.0), record["trial"]

    return sorted(records, key=order)


@dataclass(frozen=True, slots=True)
class Step:
    """A window of a walk-forward: which trial did best in training, and how the same parameters did in the test after it.

    ``best`` and ``test`` are None where no run of the training, or not the one of the test, came to its end.
    """

    window: Window
    best: Record | None
    test: Record | None
    verdict: Deflated


@dataclass(frozen=True, slots=True)
class Forward:
    """All tests of a walk-forward put together: what somebody would have earned who chose anew before each of them."""

    days: int
    total_return: float
    sharpe: float
    max_drawdown: float


@dataclass(slots=True)
class SweepResult:
    """The outcome of a sweep.

    Attributes:
        strategy: name of the strategy.
        symbols: what was traded.
        metric: the figure by which runs are ranked.
        space: what there was to try.
        search: ``grid``, ``random`` or ``optuna``.
        seed: of what was drawn at random.
        skipped: combinations that the strategy does not allow.
        records: every run, in the order of window, sample and trial; see ``trial.run_task`` for the keys.
        windows: the windows of a walk-forward; empty without one.
        zone: time zone of the first symbol's exchange, in which days are named.
    """

    strategy: str
    symbols: tuple[str, ...]
    metric: str
    space: Space
    search: str
    seed: int
    skipped: int
    records: list[Record]
    windows: list[Window] = field(default_factory=list)
    zone: str = "UTC"

    @property
    def trials(self) -> list[Record]:
        """The runs that compete: all but the tests of a walk-forward."""
        return [record for record in self.records if record["sample"] != TEST]

    @property
    def best(self) -> Record | None:
        """The best run of a sweep without walk-forward; None when no run came to its end."""
        order = [] if self.windows else ranked(self.records, self.metric)
        return order[0] if order and score_of(order[0], self.metric) is not None else None

    def parameters(self, record: Record) -> dict[str, object]:
        """The parameters of a run."""
        return self.space.at(record["point"])

    @property
    def failed(self) -> list[Record]:
        """The runs that did not come to their end."""
        return [record for record in self.records if record["status"] != OK]

    def verdict(self) -> Deflated:
        """The deflated Sharpe ratio of the best run of a sweep without walk-forward."""
        return judge(self.best, self.trials)

    def steps(self) -> list[Step]:
        """Window by window, what was chosen and what became of it."""
        found = []
        for window in self.windows:
            own = [record for record in self.records if record["window"] == window.number]
            trials = [record for record in own if record["sample"] != TEST]
            order = ranked(trials, self.metric)
            best = order[0] if order and score_of(order[0], self.metric) is not None else None
            test = next((record for record in own if record["sample"] == TEST and record["status"] == OK), None)
            found.append(Step(window, best, test, judge(best, trials)))
        return found

    def forward(self) -> Forward | None:
        """The tests of all windows as one record; None without a test that came to its end."""
        tests = [step.test for step in self.steps() if step.test is not None]
        if not tests:
            return None
        returns = np.concatenate([np.asarray(test["returns"], dtype=np.float64) for test in tests])
        levels: Values = np.asarray(np.cumprod(1.0 + returns), dtype=np.float64)
        yearly = math.sqrt(tests[0]["annual_sessions"])
        deepest = float(curve.drawdowns(levels, 1.0).max(initial=0.0))
        return Forward(len(returns), float(levels[-1]) - 1.0 if len(levels) else 0.0, moments(returns).sharpe * yearly, deepest)

    def frame(self) -> pl.DataFrame:
        """Every run as a row: what it was, its parameters (``param_…``), its figures, and its deflated Sharpe ratio."""
        return make_frame(self.space, self.records)

    def write(self, path: Path) -> None:
        """Write the table as Parquet, in one step. The same sweep gives the same bytes, however often it was interrupted.

        Raises:
            OSError: the file cannot be written.
        """
        frame = self.frame()
        replace_file(path, lambda temporary: frame.write_parquet(temporary, compression="zstd"))


def judge(best: Record | None, trials: Sequence[Record]) -> Deflated:
    """The deflated Sharpe ratio of a run among those it was chosen from; trials that failed do not count."""
    sharpes = [record["moments"]["sharpe"] for record in trials if record["status"] == OK]
    return Deflated(len(sharpes), None, None) if best is None else deflated_sharpe(Moments(**best["moments"]), sharpes)
