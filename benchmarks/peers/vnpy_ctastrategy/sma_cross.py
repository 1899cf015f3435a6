"""W1 by vnpy_ctastrategy: ``ArrayManager`` for the averages, ``on_bar`` for the decisions.

vn.py has limit and stop orders only; an order far beyond the close fills at the next open, as a market order would. The commission
per share is its ``slippage``, an amount it takes off for every share traded.
"""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from vnpy.trader.constant import Exchange, Interval
from vnpy.trader.object import BarData
from vnpy.trader.utility import ArrayManager
from vnpy_ctastrategy import CtaTemplate
from vnpy_ctastrategy.backtesting import BacktestingEngine

from benchmarks.protocol import Columns, read_task, report, timed

TASK = read_task()


class SmaCross(CtaTemplate):
    """Long only, a fixed number of shares."""

    def on_init(self) -> None:
        """Room for the slow average and the one before."""
        self.am = ArrayManager(TASK.slow + 1)

    def on_bar(self, bar: Any) -> None:
        """Buy on the cross above, sell on the cross below."""
        am = self.am
        am.update_bar(bar)
        if not am.inited:
            return
        fast = am.sma(TASK.fast, array=True)
        slow = am.sma(TASK.slow, array=True)
        before, now = fast[-2] - slow[-2], fast[-1] - slow[-1]
        if self.pos == 0:
            if before <= 0 < now:
                self.buy(bar.close_price * 1.1, TASK.quantity)
        elif now < 0 <= before:
            self.sell(bar.close_price * 0.9, self.pos)


def bars(columns: Columns) -> list[Any]:
    """The bars as the library wants them."""
    rows = zip(*(part.tolist() for part in (columns.time, columns.open, columns.high, columns.low, columns.close)), strict=True)
    return [
        BarData(
            gateway_name="BENCH",
            symbol=columns.symbol,
            exchange=Exchange.SMART,
            datetime=datetime.fromtimestamp(time // 10**9, UTC),
            interval=Interval.MINUTE,
            open_price=o,
            high_price=h,
            low_price=low,
            close_price=c,
        )
        for time, o, h, low, c in rows
    ]


def run(engine: Any) -> float:
    """Replay, then the daily results. Gives the final balance."""
    engine.run_backtesting()
    daily = engine.calculate_result()
    return TASK.capital + float(daily["net_pnl"].sum())


def main() -> None:
    """Run the task once."""
    engine = BacktestingEngine()
    engine.output = lambda _: None
    history = bars(TASK.columns(TASK.symbols[0]))
    engine.set_parameters(
        vt_symbol=f"{TASK.symbols[0]}.SMART",
        interval=Interval.MINUTE,
        start=history[0].datetime,
        end=history[-1].datetime + timedelta(days=1),
        rate=0.0,
        slippage=TASK.commission,
        size=1,
        pricetick=0.0001,
        capital=int(TASK.capital),
    )
    engine.add_strategy(SmaCross, {})
    engine.history_data = history
    balance, seconds = timed(lambda: run(engine))
    report(seconds, TASK.bars, engine.trade_count, balance)


if __name__ == "__main__":
    main()
