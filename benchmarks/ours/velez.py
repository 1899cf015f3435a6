"""W4 by this package: ``velez`` on 2-minute candles made of a year of minute bars of five instruments."""

from __future__ import annotations

from algotrader.core.risk import RiskPolicy
from algotrader.research.backtest import backtest
from benchmarks.ours.common import catalogue, options
from benchmarks.protocol import read_task, report, timed


def main() -> None:
    """Run the task once."""
    task = read_task()
    stored = catalogue(task)
    bars = sum(stored.count(symbol, "1m") for symbol in task.symbols)
    result, seconds = timed(lambda: backtest("velez", task.symbols, data=stored, options=options(task, RiskPolicy())))
    report(seconds, bars, len(result.fills), float(result.final_equity))


if __name__ == "__main__":
    main()
