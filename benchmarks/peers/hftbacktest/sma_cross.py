"""W1 by hftbacktest: no Python a bar; the strategy is compiled by numba and reads a simulated order book.

It takes market depth and not bars: each bar becomes a quote at its open and one at its close, a bid at the price and an offer one
step (0.0001) above. Bars are laid end to end, a minute each. An order travels for three seconds, so that one decided at a close
reaches the next bar's open quote. Compilation is done beforehand and is told separately.
"""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

from typing import Any

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTC,
    LOCAL_EVENT,
    MARKET,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit

from benchmarks.protocol import Columns, read_task, report, timed

TASK = read_task()
TICK = 0.0001
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
CLOSE = 58 * SECOND
LATENCY = 3 * SECOND
FEW = 1000


@njit  # type: ignore[untyped-decorator]
def sma_cross(hbt: Any, bars: int, fast: int, slow: int, quantity: float) -> int:
    """Look at the book just after each bar's close. Gives the number of fills."""
    closes = np.zeros(bars)
    fast_sum = slow_sum = before = 0.0
    fills = order_id = 0
    held = 0.0
    hbt.elapse(MINUTE + CLOSE + 1)
    for i in range(bars):
        if i > 0 and hbt.elapse(MINUTE) != 0:
            break
        if hbt.position(0) != held:
            held = hbt.position(0)
            fills += 1
            hbt.clear_inactive_orders(0)
        close = hbt.depth(0).best_bid
        closes[i] = close
        fast_sum += close - (closes[i - fast] if i >= fast else 0.0)
        slow_sum += close - (closes[i - slow] if i >= slow else 0.0)
        now = fast_sum * slow - slow_sum * fast
        if i >= slow:
            if held == 0.0 and before <= 0.0 < now:
                order_id += 1
                hbt.submit_buy_order(0, order_id, close, quantity, GTC, MARKET, False)
            elif held > 0.0 and now < 0.0 <= before:
                order_id += 1
                hbt.submit_sell_order(0, order_id, close, held, GTC, MARKET, False)
        before = now
    return fills


def quotes(columns: Columns) -> Any:
    """Both quotes of every bar: the old levels are taken away, the new ones put in their place."""
    count = len(columns)
    price = np.empty(2 * count)
    price[0::2], price[1::2] = columns.open, columns.close
    time = np.empty(2 * count, dtype=np.int64)
    time[0::2] = (np.arange(count) + 1) * MINUTE
    time[1::2] = time[0::2] + CLOSE
    old = np.concatenate((price[:1], price[:-1]))
    both = EXCH_EVENT | LOCAL_EVENT | DEPTH_EVENT
    rows = np.zeros((2 * count, 4), dtype=event_dtype)
    sides = ((BUY_EVENT, old, 0.0), (SELL_EVENT, old + TICK, 0.0), (BUY_EVENT, price, 1e6), (SELL_EVENT, price + TICK, 1e6))
    for place, (side, level, size) in enumerate(sides):
        rows["ev"][:, place] = both | side
        rows["px"][:, place] = level
        rows["qty"][:, place] = size
        rows["exch_ts"][:, place] = rows["local_ts"][:, place] = time
    return rows.reshape(-1)


def market(events: Any) -> Any:
    """A simulated venue over these quotes."""
    asset = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(LATENCY, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_qty_fee_model(TASK.commission, TASK.commission)
        .tick_size(TICK)
        .lot_size(1.0)
        .last_trades_capacity(0)
    )
    return HashMapMarketDepthBacktest([asset])


def run(events: Any, bars: int) -> tuple[int, float]:
    """One backtest: fills, and the equity at the last bid."""
    hbt = market(events)
    fills = sma_cross(hbt, bars, TASK.fast, TASK.slow, float(TASK.quantity))
    state = hbt.state_values(0)
    equity = TASK.capital + state.balance - state.fee + state.position * hbt.depth(0).best_bid
    hbt.close()
    return fills, equity


def main() -> None:
    """Run the task once, after a small run that compiles."""
    events = quotes(TASK.columns(TASK.symbols[0]))
    _, compiling = timed(lambda: run(events[: 8 * FEW], FEW))
    (fills, equity), seconds = timed(lambda: run(events, TASK.rows))
    report(seconds, TASK.bars, fills, equity, compile_seconds=compiling)


if __name__ == "__main__":
    main()
