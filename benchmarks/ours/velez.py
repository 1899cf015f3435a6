"""W4 by this package: ``velez`` on 2-minute candles made of a year of minute bars of five instruments."""

from __future__ import annotations

from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import backtest
from benchmarks.ours.common import options
from benchmarks.protocol import read_task, report, timed


def main() -> None:
    """Run the task once."""
    task = read_task()
    catalogue = Catalogue(task.catalogue)
    bars = sum(catalogue.count(symbol, "1m") for symbol in task.symbols)
    result, seconds = timed(lambda: backtest("velez", task.symbols, data=catalogue, options=options(task)))
    report(seconds, bars, len(result.fills), float(result.final_equity))


main()
