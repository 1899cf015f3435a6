"""What a reader sees of the engine's state."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from algotrader.core.engine import Engine
from algotrader.core.events import CashMovement, OrderAccepted, OrderFill, OrderReplaced
from algotrader.core.instruments import equity
from algotrader.core.order_states import OrderState
from algotrader.core.orders import Leg, Order, OrderRequest, OrderRole, OrderType, Side
from algotrader.core.scaled import money
from algotrader.core.views import STATUS, account_info, order_status, position_info, replaced_legs, trade_update

NOON = int(datetime(2024, 3, 28, 12, tzinfo=UTC).timestamp()) * 10**9
AAPL = equity("AAPL")


def engine_with_position() -> tuple[Engine, Order]:
    """10,000 dollars, four shares bought at 165.00 of the eight asked for, last price 165.00."""
    engine = Engine([AAPL])
    state = engine.state
    engine.handle(CashMovement(NOON, "deposit", "USD", money(Decimal(10_000))))
    holding = state.holding(None, "mine", state.tracks[0], "none")
    order = Order(OrderRequest("a1", AAPL, Side.BUY, OrderType.MARKET, 8), "mine", OrderRole.PLAIN, "c1", NOON)
    engine.desk.register(order, holding)
    engine.handle(OrderAccepted(NOON, "a1", "v1"))
    fill = OrderFill(NOON + 10**9, "a1", fill_id="x1", symbol="AAPL", side=Side.BUY, price_raw=1_650_000, quantity_raw=4)
    engine.handle(fill)
    return engine, order


@pytest.mark.covers("A26", "A22")
def test_account_and_position_carry_exact_numbers() -> None:
    engine, _ = engine_with_position()
    engine.state.tracks[0].last_raw = 1_660_000
    account = account_info(engine.state)
    assert (account.cash, account.equity, account.margin_used) == (Decimal(9340), Decimal(10_004), Decimal(664))
    assert account.is_paper
    position = position_info(engine.state.holdings[("mine", 0)])
    assert (position.symbol, position.side, position.quantity) == ("AAPL", "long", Decimal(4))
    assert (position.average_entry_price, position.current_price) == (Decimal("165.00"), Decimal("166.0000"))
    assert position.unrealized_pnl == Decimal(4)
    assert position.stop_price is None
    with pytest.raises(FrozenInstanceError):
        account.cash = Decimal(0)  # type: ignore[misc]


@pytest.mark.covers("A26", "A29")
def test_an_order_and_its_updates_in_a_venues_words() -> None:
    _, order = engine_with_position()
    status = order_status(order, NOON)
    assert (status.status, status.broker_order_id, status.filled_quantity) == ("partially_filled", "v1", Decimal(4))
    assert status.average_fill_price == Decimal(165)
    assert status.submitted_at == datetime(2024, 3, 28, 12, tzinfo=UTC)
    assert status.updated_at == datetime(2024, 3, 28, 12, 0, 1, tzinfo=UTC)
    fill = OrderFill(NOON + 10**9, "a1", fill_id="x1", symbol="AAPL", side=Side.BUY, price_raw=1_650_000, quantity_raw=4)
    assert trade_update(order, fill).event == "partial_fill"
    order.cancel_requested = True
    assert order_status(order, NOON).status == "pending_cancel"


@pytest.mark.covers("A29")
def test_every_state_has_a_word_and_a_replaced_order_is_replaced() -> None:
    assert set(STATUS) == set(OrderState)
    engine, order = engine_with_position()
    assert replaced_legs(order, NOON) == []
    order.pending_leg = Leg("a1-r1", 10, 0, 0)
    engine.state.orders["a1-r1"] = order
    engine.handle(OrderReplaced(NOON + 2 * 10**9, "a1", new_client_order_id="a1-r1", venue_order_id="v2"))
    assert [(leg.client_order_id, leg.status) for leg in replaced_legs(order, NOON)] == [("a1", "replaced")]
    assert order_status(order, NOON).broker_order_id == "v2"
