"""W1 and W2 by bt: an algo in the stack decides on every bar.

bt knows one price a bar and trades at it: it is given the opens, and the averages of the closes up to the bar before, as its users
do with signals. The account is valued at the last closes by this script.
"""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

from typing import Any

import bt
import numpy as np
import pandas as pd

from benchmarks.protocol import read_task, report, timed

TASK = read_task()


class SmaCross(bt.Algo):
    """Long only, a fixed number of shares of each symbol. ``gaps`` is fast less slow of the bar before, a column a symbol."""

    def __init__(self, gaps: pd.DataFrame) -> None:
        super().__init__()
        self.gaps = gaps.to_numpy()
        self.symbols = list(gaps.columns)
        self.row = -1
        self.fills = 0

    def __call__(self, target: Any) -> bool:
        """Buy on the cross above, sell on the cross below."""
        self.row += 1
        if self.row < 1:
            return True
        for number, symbol in enumerate(self.symbols):
            before, now = self.gaps[self.row - 1, number], self.gaps[self.row, number]
            child = target.children.get(symbol)
            if child is None or child.position == 0:
                if before <= 0 < now:
                    target.transact(TASK.quantity, child=symbol)
                    self.fills += 1
            elif now < 0 <= before:
                target.transact(-child.position, child=symbol)
                self.fills += 1
        return True


def run(opens: pd.DataFrame, closes: pd.DataFrame) -> tuple[Any, Any]:
    """Averages, then the backtest."""
    gaps = closes.rolling(TASK.fast).mean() - closes.rolling(TASK.slow).mean()
    strategy = bt.Strategy("sma_cross", [SmaCross(gaps.shift(1))])
    test = bt.Backtest(
        strategy, opens, initial_capital=TASK.capital, commissions=lambda q, p: abs(q) * TASK.commission, progress_bar=False
    )
    test.run()
    return test.strategy, test.strategy.stack.algos[0]


def main() -> None:
    """Run the task once."""
    columns = [TASK.columns(symbol) for symbol in TASK.symbols]
    index = pd.DatetimeIndex(columns[0].time)
    opens = pd.DataFrame({one.symbol: one.open for one in columns}, index=index)
    closes = pd.DataFrame({one.symbol: one.close for one in columns}, index=index)
    (strategy, algo), seconds = timed(lambda: run(opens, closes))
    held = {name: child.position for name, child in strategy.children.items()}
    equity = strategy.capital + float(np.sum([quantity * closes[name].iloc[-1] for name, quantity in held.items()]))
    report(seconds, TASK.bars, algo.fills, equity)


if __name__ == "__main__":
    main()
