"""W1, W3 and W5 by backtesting.py: averages through ``Strategy.I``, decisions in ``next``, market orders at the next open.

The sweep is its own optimiser on a grid, on all cores. It does not tell how often each run traded.
"""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

import os
import warnings
from typing import Any

import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks.protocol import Columns, read_task, report, timed

TASK = read_task()


def average(values: Any, period: int) -> Any:
    """Moving average as in the library's documentation."""
    return pd.Series(values).rolling(period).mean()


class SmaCross(Strategy):
    """Long only, a fixed number of shares."""

    fast = TASK.fast
    slow = TASK.slow

    def init(self) -> None:
        """The two averages."""
        self.quick = self.I(average, self.data.Close, self.fast)
        self.calm = self.I(average, self.data.Close, self.slow)

    def next(self) -> None:
        """Buy on the cross above, close on the cross below."""
        before = self.quick[-2] - self.calm[-2]
        now = self.quick[-1] - self.calm[-1]
        if not self.position:
            if before <= 0 < now:
                self.buy(size=TASK.quantity)
        elif now < 0 <= before:
            self.position.close()


def frame(columns: Columns) -> pd.DataFrame:
    """The bars as the library wants them."""
    prices = {"Open": columns.open, "High": columns.high, "Low": columns.low, "Close": columns.close, "Volume": columns.volume}
    return pd.DataFrame(prices, index=pd.DatetimeIndex(columns.time))


def commission(size: float, price: float) -> float:
    """Per share."""
    return abs(size) * TASK.commission


def sweep(test: Backtest) -> Any:
    """Final equity of every pair."""
    fasts = sorted({pair[0] for pair in TASK.pairs})
    slows = sorted({pair[1] for pair in TASK.pairs})
    return test.optimize(fast=fasts, slow=slows, maximize="Equity Final [$]", return_heatmap=True)[1]


def main() -> None:
    """Run the task once; a sweep's final equity is the mean over the pairs."""
    warnings.simplefilter("ignore")
    test = Backtest(frame(TASK.columns(TASK.symbols[0])), SmaCross, cash=TASK.capital, commission=commission)
    if len(TASK.pairs) > 1:
        heat, seconds = timed(lambda: sweep(test))
        report(seconds, TASK.bars, -1, float(heat.mean()), workers=os.cpu_count() or 1)
        return
    stats, seconds = timed(test.run)
    fills = 2 * len(stats["_trades"]) + len(stats["_strategy"].trades)
    report(seconds, TASK.bars, fills, float(stats["Equity Final [$]"]))


if __name__ == "__main__":
    main()
