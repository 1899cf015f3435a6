"""Whatever is sent to the paper venue, its records agree with each other and with the simulated venue's account."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_rig import AAPL, CAPITAL, CLOSE, NO_LATENCY, Desk, at_desk, bar
from unit.simulation.support import MSFT

from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.core.orders import FINAL_STATES, Side
from algotrader.simulation.costs import PerShareCommission
from algotrader.simulation.settings import SimulationSettings
from algotrader.venues.protocols import Refused

INSTRUMENTS = {"AAPL": AAPL, "MSFT": MSFT}
CENTS = st.integers(9_800, 10_200)
ORDERS = st.one_of(
    st.just("market day"),
    st.builds(lambda price: f"limit {price / 100:.2f} day", CENTS),
    st.builds(lambda price: f"stop {price / 100:.2f} gtc", CENTS),
    st.builds(lambda price: f"stop_limit {price / 100:.2f} {price / 100:.2f} gtc", CENTS),
    st.builds(lambda trail: f"trailing_stop {trail / 100:.2f} gtc", st.integers(10, 200)),
)
ACTIONS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["buy", "sell"]), st.integers(1, 400), ORDERS, st.sampled_from(sorted(INSTRUMENTS))),
    st.tuples(st.just("attach"), st.sampled_from(["buy"]), st.integers(1, 400), ORDERS, st.sampled_from(sorted(INSTRUMENTS))),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("replace"), st.integers(0, 20), st.integers(1, 400)),
    st.tuples(st.just("wait"), st.sampled_from([0.01, 0.5, 1.0])),
)
STEPS = st.lists(st.tuples(CENTS, CENTS, CENTS, CENTS), min_size=4, max_size=8)


async def act(desk: Desk, number: int, action: tuple[object, ...]) -> None:
    kind, *rest = action
    if kind in ("send", "attach"):
        side, quantity, order, symbol = rest
        extra = {"stop_loss": "97", "take_profit": "103"} if kind == "attach" else {}
        await desk.send(f"o{number} {side} {quantity} {order}", str(symbol), **extra)
    elif kind == "wait":
        await desk.clock.sleep(60 * float(str(rest[0])))
    elif kind == "cancel":
        await desk.broker.cancel(f"o{rest[0]}", "", "AAPL")
    else:
        await desk.replace(f"o{rest[0]}", f"o{rest[0]}-r{number}", int(str(rest[1])))


def check(desk: Desk) -> None:
    exchange = desk.exchange
    fills = exchange.fills(0)
    cash, held = CAPITAL, dict.fromkeys(INSTRUMENTS, 0)
    for fill in fills:
        sign = 1 if fill.side is Side.BUY else -1
        held[fill.symbol] += sign * fill.quantity_raw
        cash -= sign * INSTRUMENTS[fill.symbol].notional(fill.price_raw, fill.quantity_raw) + fill.commission
    assert exchange.account().cash == cash
    assert {p.symbol: p.quantity_raw for p in exchange.positions()} == {symbol: q for symbol, q in held.items() if q}
    assert len({fill.fill_id for fill in fills}) == len(fills)
    assert [fill.time for fill in fills] == sorted(fill.time for fill in fills)
    for status in exchange.recent_orders(0):
        own = sum(fill.quantity_raw for fill in fills if fill.client_order_id == status.client_order_id)
        before = next((o.filled_raw for o in exchange.recent_orders(0) if o.replaced_by == status.client_order_id), 0)
        assert status.filled_raw == own + before <= status.quantity_raw
    open_ids = {status.client_order_id for status in exchange.open_orders()}
    assert open_ids == {o.client_order_id for o in exchange.recent_orders(0) if o.state not in FINAL_STATES}
    assert open_ids == {order.client_order_id for order in exchange.working()}


@pytest.mark.covers("B189")
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca-like"])
@given(actions=st.lists(ACTIONS, max_size=25), steps=STEPS)
def test_records_agree(capabilities: VenueCapabilities, actions: list[tuple[object, ...]], steps: list[tuple[int, ...]]) -> None:
    bars = []
    for number, prices in enumerate(steps):
        o, c, *_ = prices
        texts = [f"{value / 100:.2f}" for value in (o, max(prices), min(prices), c)]
        bars += [bar(number, texts, 10_000, instrument) for instrument in INSTRUMENTS.values()]

    async def script(desk: Desk) -> None:
        for number, action in enumerate(actions):
            with suppress(Refused):
                await act(desk, number, action)
            check(desk)
        await desk.clock.sleep_until(CLOSE + 10**9)
        check(desk)

    settings = SimulationSettings(commission=PerShareCommission(Decimal("0.01")))
    at_desk(script, bars, capabilities=capabilities, settings=settings, latency=NO_LATENCY, instruments=list(INSTRUMENTS.values()))
