"""W3 by this package: a hundred pairs of averages, one backtest after the other."""

from __future__ import annotations

from algotrader.research.result import BacktestResult
from benchmarks.ours.common import run
from benchmarks.protocol import Task, read_task, report, timed


def sweep(task: Task) -> list[BacktestResult]:
    """Every pair."""
    return [run(task, "sma_cross", pair) for pair in task.pairs]


def main() -> None:
    """Run the task once; the final equity is the mean over the pairs."""
    task = read_task()
    results, seconds = timed(lambda: sweep(task))
    mean = sum(float(result.final_equity) for result in results) / len(results)
    report(seconds, task.bars, sum(len(result.fills) for result in results), mean)


main()
