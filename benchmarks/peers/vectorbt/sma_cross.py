"""W1, W2 and W3 by vectorbt: no callback at all; averages, crosses and orders are whole arrays, compiled by numba.

Compilation is done beforehand on a few bars and is told separately.
"""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

from typing import Any

import pandas as pd
import vectorbt as vbt

from benchmarks.protocol import Columns, read_task, report, timed

TASK = read_task()
FEW = 1000


def run(opens: Any, closes: Any) -> tuple[int, float]:
    """Signals on one bar become orders at the open of the next. Gives fills and the (mean) final value."""
    fast = vbt.MA.run(closes, [pair[0] for pair in TASK.pairs], short_name="fast")
    slow = vbt.MA.run(closes, [pair[1] for pair in TASK.pairs], short_name="slow")
    # A pair's first cross can only be on the bar after the slow average is full; vectorbt compares NaN as not above.
    entries = fast.ma_crossed_above(slow).vbt.signals.fshift(1)
    exits = fast.ma_crossed_below(slow).vbt.signals.fshift(1)
    shared = len(TASK.symbols) > 1
    portfolio = vbt.Portfolio.from_signals(
        closes,
        entries,
        exits,
        price=opens,
        size=float(TASK.quantity),
        fixed_fees=TASK.quantity * TASK.commission,
        init_cash=TASK.capital,
        cash_sharing=shared,
        group_by=True if shared else None,
        freq="1min",
    )
    value: Any = portfolio.final_value()
    return int(portfolio.orders.count().sum()), float(value if shared else value.mean())


def frames(columns: list[Columns]) -> tuple[Any, Any]:
    """Opens and closes of all symbols."""
    index = pd.DatetimeIndex(columns[0].time)
    opens = pd.DataFrame({one.symbol: one.open for one in columns}, index=index)
    return opens, pd.DataFrame({one.symbol: one.close for one in columns}, index=index)


def main() -> None:
    """Run the task once, after a small run that compiles."""
    opens, closes = frames([TASK.columns(symbol) for symbol in TASK.symbols])
    if len(TASK.pairs) > 1:
        # One column stands beside many pairs: as a series it is broadcast.
        opens, closes = opens.iloc[:, 0], closes.iloc[:, 0]
    _, compiling = timed(lambda: run(opens.iloc[:FEW], closes.iloc[:FEW]))
    (fills, value), seconds = timed(lambda: run(opens, closes))
    report(seconds, TASK.bars, fills, value, compile_seconds=compiling)


if __name__ == "__main__":
    main()
