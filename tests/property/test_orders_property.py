"""An order under any sequence of reports: its state always follows from the table or from its quantities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.instruments import equity
from algotrader.core.orders import FINAL_STATES, TRANSITIONS, Fill, Order, OrderRequest, OrderRole, OrderState, OrderType, Side

REQUEST = OrderRequest("a1", equity("AAPL"), Side.BUY, OrderType.MARKET, 100)
STEPS = st.lists(
    st.one_of(
        st.sampled_from(list(OrderState)),
        st.tuples(st.just("fill"), st.integers(1, 60)),
        st.tuples(st.just("bust"), st.integers(0, 9)),
        st.tuples(st.just("change"), st.integers(1, 60)),
    ),
    max_size=30,
)


@pytest.mark.covers("A149")
@given(STEPS)
def test_random_sequences_never_reach_a_state_that_is_not_accounted_for(steps: list[OrderState | tuple[str, int]]) -> None:
    order = Order(REQUEST, "s", OrderRole.ENTRY, "c1", 0)
    count = 0
    for step in steps:
        before = order.state
        if isinstance(step, OrderState):
            expected = order.set_state(step)
            assert expected is (step in TRANSITIONS[before])
            assert order.state is (before if before in FINAL_STATES else step)
        else:
            count += 1
            _execute(order, step, count)
            _check_execution(order, before)
        assert order.filled_raw == sum(fill.quantity_raw for fill in order.fills.values())
        assert order.filled_value == sum(fill.quantity_raw * fill.price_raw for fill in order.fills.values())
        assert order.commission == sum(fill.commission for fill in order.fills.values())
        assert order.remaining_raw == max(order.quantity_raw - order.filled_raw, 0)


def _execute(order: Order, step: tuple[str, int], count: int) -> None:
    kind, number = step
    names = list(order.fills)
    if kind == "fill" or not names:
        order.add_fill(Fill(f"f{count}", "a1", Side.BUY, 100 + number, max(number, 1), number, count))
    elif kind == "bust":
        order.remove_fill(names[number % len(names)])
    else:
        order.change_fill(Fill(names[number % len(names)], "a1", Side.BUY, 100 + number, number, number, count))


def _check_execution(order: Order, before: OrderState) -> None:
    """What is filled says how far it is; only a full execution ends an order, and only a bust takes that back."""
    if order.filled_raw >= order.quantity_raw:
        assert order.state is OrderState.FILLED
    elif before in FINAL_STATES:
        assert order.state is (OrderState.CANCELED if before is OrderState.FILLED else before)
    else:
        assert order.state not in FINAL_STATES or order.state is OrderState.CANCELED
        if order.filled_raw and order.state is not OrderState.CANCELED:
            assert order.state is OrderState.PARTIALLY_FILLED
