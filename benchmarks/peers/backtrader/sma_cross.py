"""W1 and W2 by backtrader: its own averages and ``CrossOver``, market orders at the next open, preloaded pandas feeds."""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

from typing import Any

import backtrader as bt
import pandas as pd

from benchmarks.protocol import Columns, read_task, report, timed

TASK = read_task()


class SmaCross(bt.Strategy):
    """Long only on every feed, a fixed number of shares."""

    def __init__(self) -> None:
        self.fills = 0
        self.crosses = {}
        for feed in self.datas:
            fast = bt.indicators.SimpleMovingAverage(feed.close, period=TASK.fast)
            slow = bt.indicators.SimpleMovingAverage(feed.close, period=TASK.slow)
            self.crosses[feed] = bt.indicators.CrossOver(fast, slow)

    def notify_order(self, order: Any) -> None:
        """Count the fills."""
        if order.status == order.Completed:
            self.fills += 1

    def next(self) -> None:
        """Buy on the cross above, close on the cross below."""
        for feed, cross in self.crosses.items():
            if not self.getposition(feed):
                if cross[0] > 0:
                    self.buy(data=feed, size=TASK.quantity)
            elif cross[0] < 0:
                self.close(data=feed)


def feed(columns: Columns) -> Any:
    """The bars as the library wants them."""
    prices = {"open": columns.open, "high": columns.high, "low": columns.low, "close": columns.close, "volume": columns.volume}
    return bt.feeds.PandasData(dataname=pd.DataFrame(prices, index=pd.DatetimeIndex(columns.time)))


def main() -> None:
    """Run the task once."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(TASK.capital)
    cerebro.broker.setcommission(commission=TASK.commission, commtype=bt.CommInfoBase.COMM_FIXED, stocklike=True)
    for symbol in TASK.symbols:
        cerebro.adddata(feed(TASK.columns(symbol)), name=symbol)
    cerebro.addstrategy(SmaCross)
    strategies, seconds = timed(cerebro.run)
    report(seconds, TASK.bars, strategies[0].fills, float(cerebro.broker.getvalue()))


if __name__ == "__main__":
    main()
