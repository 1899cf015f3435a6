"""Parameter sweeps: one strategy, many combinations of its parameters, every core busy.

Each run is an ordinary backtest (``research.backtest``) over bars that are read and sorted once. ``docs/sweeps.md`` explains the
searches, walk-forward analysis, and the warning about over-fitting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import Moment
from algotrader.research.options import BacktestOptions
from algotrader.research.sweeps.data import build_shared
from algotrader.research.sweeps.executors import LOCAL, Executor, check_executor, make_executor
from algotrader.research.sweeps.journal import Journal
from algotrader.research.sweeps.plan import Request, make_plan
from algotrader.research.sweeps.result import SweepResult
from algotrader.research.sweeps.runner import Progress, Runner
from algotrader.research.sweeps.walkforward import WalkForward
from algotrader.research.sweeps.workers import forked_workers
from algotrader.strategies.registry import StrategyType

__all__ = ["SweepResult", "WalkForward", "sweep"]


def sweep(
    strategy: str | StrategyType,
    symbols: Sequence[str],
    *,
    data: Catalogue | Path | str,
    grid: Mapping[str, object],
    metric: str = "sharpe",
    start: Moment = None,
    end: Moment = None,
    interval: str | None = None,
    options: BacktestOptions | None = None,
    scanner: str | None = None,
    search: str = "grid",
    trials: int | None = None,
    seed: int = 0,
    walk_forward: WalkForward | None = None,
    workers: int | None = None,
    executor: str = "local",
    out: Path | str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> SweepResult:
    """Try combinations of a strategy's parameters over stored bars.

    Args:
        strategy: a registered name, ``path/to/file.py:Name``, or the class itself (which other processes must be able to import).
        symbols: what to trade.
        data: the catalogue, or its folder.
        grid: values for each parameter: a sequence, a single value, or a text such as ``5:50:5`` or ``10,20,50``.
        metric: the figure to rank by, a name of ``research.metrics.Metrics``.
        start: first day, as for ``backtest``.
        end: last day, as for ``backtest``.
        interval: of the strategy's bars, as for ``backtest``.
        options: capital, costs and other assumptions; by default those of ``backtest``, but a stop that is missing is mended and
            reported instead of ending the sweep.
        scanner: which symbols may be traded each day, such as ``gap_up:2``.
        search: ``grid`` for every combination, ``random`` or ``optuna`` for some of them.
        trials: how many of them; of each window in a walk-forward.
        seed: of the search.
        walk_forward: choose on one stretch of time and test on the next.
        workers: processes, or Ray actors; None for one on each core.
        executor: ``local`` or ``ray``.
        out: a Parquet file for the table; a journal beside it lets an interrupted sweep go on.
        resume: go on with that journal.
        progress: called with the runs done and the runs planned, after each.

    Returns:
        Every run, and what the best of them are worth.

    Raises:
        UserError: what was asked for cannot be done; the message says what and the hint what to do.
        OSError: a file cannot be written.
    """
    count = check_executor(executor, workers)
    catalogue = data if isinstance(data, Catalogue) else Catalogue(data)
    assumed = options or BacktestOptions(strict=False)
    asked = Request(
        strategy, symbols, catalogue, grid, metric, start, end, interval, assumed, scanner, search, trials, seed, walk_forward
    )
    output = None if out is None else Path(out)
    prefix = "algo-trader-sweep-"
    with forked_workers(count if executor == LOCAL else 0) as pool, TemporaryDirectory(prefix=prefix) as temporary:
        plan = make_plan(asked)
        folder = Path(temporary) / "bars"
        shared = build_shared(catalogue, folder, plan.tables, plan.period)
        journal = Journal(output, plan.header(shared.digest), resume)
        try:

            def make(tasks: int) -> Executor:
                return make_executor(executor, plan.job, shared, folder, min(count, tasks), pool)

            runner = Runner(plan, journal, make, progress)
            records = runner.run()
        finally:
            journal.close()
    result = plan.result(records, runner.skipped)
    if len(result.failed) == len(result.records):
        journal.remove()
        raise UserError(f"every run failed: {result.failed[0]['error']}", "try one of them with `algo-trader backtest`")
    if output is not None:
        result.write(output)
    journal.remove()
    return result
