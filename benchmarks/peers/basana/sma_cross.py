"""W1 and W2 by basana: an asynchronous handler on each bar event, market orders filled at the next bar's open.

basana leaves indicators to libraries of the user's choice; running sums are the fastest of them.
"""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import basana as bs
from basana.backtesting import exchange, fees, liquidity
from basana.core import event

from benchmarks.protocol import Columns, read_task, report, timed

TASK = read_task()
MINUTE = timedelta(minutes=1)


class PerShare(fees.FeeStrategy):
    """Commission per share."""

    rate = Decimal(str(TASK.commission))

    def calculate_fees(self, order: Any, balance_updates: dict[str, Decimal]) -> dict[str, Decimal]:
        """What this fill costs."""
        return {order.pair.quote_symbol: -abs(balance_updates[order.pair.base_symbol]) * self.rate}


class SmaCross:
    """Long only, a fixed number of shares of one pair."""

    def __init__(self, market: Any) -> None:
        self.market = market
        self.closes: deque[float] = deque(maxlen=TASK.slow + 1)
        self.fast_sum = self.slow_sum = self.before = 0.0
        self.held = False

    async def on_bar_event(self, bar_event: Any) -> None:
        """Buy on the cross above, sell on the cross below."""
        close = float(bar_event.bar.close)
        closes, fast, slow = self.closes, TASK.fast, TASK.slow
        closes.append(close)
        self.fast_sum += close - (closes[-1 - fast] if len(closes) > fast else 0.0)
        self.slow_sum += close - (closes[0] if len(closes) > slow else 0.0)
        if len(closes) < slow:
            return
        before, now = self.before, self.fast_sum * slow - self.slow_sum * fast
        self.before = now
        if len(closes) == slow:
            return
        pair = bar_event.bar.pair
        if not self.held and before <= 0 < now:
            self.held = True
            await self.market.create_market_order(bs.OrderOperation.BUY, pair, Decimal(TASK.quantity))
        elif self.held and now < 0 <= before:
            self.held = False
            await self.market.create_market_order(bs.OrderOperation.SELL, pair, Decimal(TASK.quantity))


def events(pair: Any, columns: Columns) -> list[Any]:
    """The bars as the library wants them: exact decimals."""
    rows = zip(*(part.tolist() for part in (columns.time, columns.open, columns.high, columns.low, columns.close)), strict=True)
    made = []
    for time, *prices in rows:
        begin = datetime.fromtimestamp(time // 10**9, UTC)
        o, h, low, c = (Decimal(f"{price:.4f}") for price in prices)
        made.append(bs.BarEvent(begin + MINUTE, bs.Bar(begin, pair, o, h, low, c, Decimal(1_000_000), MINUTE)))
    return made


def main() -> None:
    """Run the task once."""
    dispatcher = bs.backtesting_dispatcher()
    market = exchange.Exchange(
        dispatcher,
        {"USD": Decimal(str(TASK.capital))},
        liquidity_strategy_factory=liquidity.InfiniteLiquidity,
        fee_strategy=PerShare(),
        default_pair_info=bs.PairInfo(base_precision=0, quote_precision=4),
    )
    last = {}
    for symbol in TASK.symbols:
        pair = bs.Pair(symbol, "USD")
        columns = TASK.columns(symbol)
        last[symbol] = Decimal(f"{columns.close[-1]:.4f}")
        market.add_bar_source(event.FifoQueueEventSource(events=events(pair, columns)))
        market.subscribe_to_bar_events(pair, SmaCross(market).on_bar_event)
    _, seconds = timed(lambda: asyncio.run(dispatcher.run()))
    fills, equity = asyncio.run(outcome(market, last))
    report(seconds, TASK.bars, fills, equity)


async def outcome(market: Any, last: dict[str, Decimal]) -> tuple[int, float]:
    """Fills, and what the account is worth at the last closes."""
    filled = [order for order in await market.get_orders() if order.amount_filled]
    balances = await market.get_balances()
    shares = sum((balances[symbol].total * price for symbol, price in last.items() if symbol in balances), Decimal(0))
    return len(filled), float(balances["USD"].total + shares)


if __name__ == "__main__":
    main()
