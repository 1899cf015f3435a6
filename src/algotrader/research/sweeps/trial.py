"""One run of a sweep: what a worker is told, and the figures it answers with.

Everything that travels between processes is plain: texts, numbers, tuples and dictionaries. What is written to the journal is the
same record, so a run that is read back is the run that was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from algotrader.core import reports
from algotrader.core.market import utc
from algotrader.core.risk import RiskPolicy
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.research import curve
from algotrader.research.backtest import Moment, backtest
from algotrader.research.metrics import compute_metrics
from algotrader.research.options import BacktestOptions
from algotrader.research.result import BacktestResult
from algotrader.research.sweeps.overfitting import moments
from algotrader.research.sweeps.walkforward import measured_from
from algotrader.strategies.registry import StrategyType
from algotrader.strategies.scanners import Route, StaticScanner, scanner_from_text

WHOLE: Final = "all"
TRAIN: Final = "train"
TEST: Final = "test"
SAMPLES: Final = (WHOLE, TRAIN, TEST)
"""What a run covers: the whole period, a window's training, or (measured after it) its test."""

OK: Final = "ok"
FAILED: Final = "failed"

Record = dict[str, Any]
"""The outcome of a run as plain values; see ``run_task`` for its keys."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all runs of a sweep have in common: the arguments of ``backtest``, with the folder of the catalogue as ``path``.

    ``options`` are the fields of ``BacktestOptions`` with the policy as a dictionary; ``scanner`` is a text such as ``gap_up:2``.
    """

    strategy: str | StrategyType
    symbols: tuple[str, ...]
    path: str
    start: Moment
    end: Moment
    interval: str | None
    scanner: str | None
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """One run. Times are nanoseconds UTC; None takes those of the job. Figures count from ``measured`` on, where it is given."""

    window: int
    sample: str
    trial: int
    point: int
    parameters: dict[str, object]
    start: int | None
    end: int | None
    measured: int | None = None

    @property
    def key(self) -> tuple[int, str, int]:
        """What tells this run from every other of the sweep; also the order of the results."""
        return self.window, self.sample, self.trial


def plain_options(options: BacktestOptions) -> dict[str, Any]:
    """Options as values that can travel to another process."""
    found = {item.name: getattr(options, item.name) for item in fields(options)}
    found["policy"] = {item.name: getattr(options.policy, item.name) for item in fields(RiskPolicy)}
    return found


def run_task(job: Job, catalogue: Catalogue, task: Task) -> Record:
    """Run one backtest and measure it.

    Returns:
        ``window``, ``sample``, ``trial``, ``point``, ``status`` (``ok`` or ``failed``), ``error``, and for a run that came to its
        end: ``start`` and ``end`` of what was measured, ``metrics`` by name, ``moments`` of the daily returns,
        ``annual_sessions``, ``fingerprint`` of the fills, ``strategy_errors``, and ``returns`` (daily, tests only).
    """
    record: Record = {"window": task.window, "sample": task.sample, "trial": task.trial, "point": task.point}
    try:
        result = _run(job, catalogue, task)
        if task.measured is not None:
            result = measured_from(result, task.measured)
    except UserError as error:
        return {**record, "status": FAILED, "error": error.message}
    return {**record, "status": OK, "error": "", **_figures(result, task)}


def _run(job: Job, catalogue: Catalogue, task: Task) -> BacktestResult:
    options = BacktestOptions(**{**job.options, "policy": RiskPolicy(**job.options["policy"])})
    scanner = StaticScanner() if job.scanner is None else scanner_from_text(job.scanner)
    return backtest(
        None,
        job.symbols,
        data=catalogue,
        start=job.start if task.start is None else utc(task.start),
        end=job.end if task.end is None else utc(task.end),
        interval=job.interval,
        options=options,
        routes=[Route(scanner, job.strategy, task.parameters)],
    )


def _figures(result: BacktestResult, task: Task) -> Record:
    metrics = compute_metrics(result).as_dict()
    if task.measured is not None:
        metrics["exposure"] = None
    returns = curve.daily_returns(result.equity, result.session_days, float(result.capital))
    return {
        "start": result.start,
        "end": result.end,
        "metrics": metrics,
        "moments": asdict(moments(returns)),
        "annual_sessions": result.annual_sessions,
        "fingerprint": result.fingerprint,
        "strategy_errors": strategy_errors(result.counts),
        "returns": returns.tolist() if task.sample == TEST else [],
    }


def strategy_errors(counts: Mapping[str, int]) -> int:
    """How often a strategy raised, or answered what cannot be used."""
    return counts.get(reports.STRATEGY_ERROR, 0) + counts.get(reports.STRATEGY_VALUE, 0)


def catalogue_path(data: Catalogue | Path | str) -> Path:
    """The folder of a catalogue, as an absolute path that another process understands too."""
    return (data.path if isinstance(data, Catalogue) else Path(data)).resolve()
