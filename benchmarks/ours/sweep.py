"""W3 by this package: ``sweep`` over a grid, on all cores unless the variant says ``one core``. Each run is a whole backtest."""

from __future__ import annotations

import os
from decimal import Decimal

from algotrader.core.market import utc
from algotrader.research.sweeps.sweep import SweepResult, sweep
from benchmarks.engines import ONE_CORE
from benchmarks.ours.common import catalogue, options
from benchmarks.protocol import Task, read_task, report, timed


def run(task: Task, workers: int) -> SweepResult:
    """Every pair."""
    grid = {
        "fast": sorted({pair[0] for pair in task.pairs}),
        "slow": sorted({pair[1] for pair in task.pairs}),
        "quantity": task.quantity,
    }
    return sweep(
        "sma_cross", task.symbols, data=catalogue(task), end=utc(task.end), grid=grid, options=options(task), workers=workers
    )


def main() -> None:
    """Run the task once; the final equity is the mean over the pairs."""
    task = read_task()
    workers = 1 if task.variant == ONE_CORE else os.cpu_count() or 1
    result, seconds = timed(lambda: run(task, workers))
    metrics = [record["metrics"] for record in result.records]
    mean = sum((Decimal(one["final_equity"]) for one in metrics), Decimal(0)) / len(metrics)
    report(seconds, task.bars, sum(one["fills"] for one in metrics), float(mean), workers=workers if workers > 1 else 0)


if __name__ == "__main__":
    main()
