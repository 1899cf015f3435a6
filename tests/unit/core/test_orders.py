"""Orders: what a request must hold, which state may follow which, what executions make of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from algotrader.core.commands import ApprovedOrder, NotApproved, RiskSeal, SubmitOrder
from algotrader.core.desk import SubmittedWords
from algotrader.core.instruments import equity
from algotrader.core.orders import (
    FINAL_STATES,
    TRANSITIONS,
    BracketOrderRequest,
    Fill,
    IllegalTransition,
    Order,
    OrderRequest,
    OrderRole,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    check_transition,
    opposite,
    state_from_quantities,
)
from algotrader.core.risk import approve

AAPL = equity("AAPL")
HEADER = "SUBMITTED ACCEPTED PARTIALLY_FILLED FILLED CANCELED EXPIRED REJECTED SUBMIT_FAILED UNKNOWN PENDING_SUBMIT"
# From the rulings, typed in by hand: x where the transition is expected.
TABLE = {
    #                    sub acc par fil can exp rej fai unk pen
    "PENDING_SUBMIT":   "x   x   x   x   .   .   x   x   x   .",
    "SUBMITTED":        ".   x   x   x   x   x   x   .   x   .",
    "ACCEPTED":         ".   .   x   x   x   x   x   .   x   .",
    "PARTIALLY_FILLED": ".   .   x   x   x   x   x   .   x   .",
    "UNKNOWN":          "x   x   x   x   x   x   x   x   .   .",
    "FILLED":           ".   .   .   .   .   .   .   .   .   .",
    "CANCELED":         ".   .   .   .   .   .   .   .   .   .",
    "EXPIRED":          ".   .   .   .   .   .   .   .   .   .",
    "REJECTED":         ".   .   .   .   .   .   .   .   .   .",
    "SUBMIT_FAILED":    ".   .   .   .   .   .   .   .   .   .",
}  # fmt: skip
CELLS = [(old, new, mark == "x") for old, row in TABLE.items() for new, mark in zip(HEADER.split(), row.split(), strict=True)]


def request(kind: OrderType = OrderType.MARKET, quantity: int = 100, **more: int) -> OrderRequest:
    return OrderRequest("a1", AAPL, Side.BUY, kind, quantity, **more)  # type: ignore[arg-type]


def order(state: OrderState = OrderState.ACCEPTED) -> Order:
    made = Order(request(), "s", OrderRole.ENTRY, "c1", 0)
    made.state = state
    return made


def fill(name: str, quantity: int, price: int = 1_000_000, commission: int = 0) -> Fill:
    return Fill(name, "a1", Side.BUY, price, quantity, commission, 5)


@pytest.mark.covers("A144", "A145", "A146", "A147", "A148")
@pytest.mark.parametrize(("old", "new", "allowed"), CELLS)
def test_the_table_of_transitions_is_that_of_the_rulings(old: str, new: str, allowed: bool) -> None:
    assert len(CELLS) == len(OrderState) ** 2
    if allowed:
        check_transition(OrderState[old], OrderState[new])
        return
    with pytest.raises(IllegalTransition, match=f"from {old.lower()} to {new.lower()}"):
        check_transition(OrderState[old], OrderState[new])


@pytest.mark.covers("A148")
@pytest.mark.parametrize(("old", "new", "allowed"), CELLS)
def test_an_event_never_raises_and_never_reopens_an_order_that_has_ended(old: str, new: str, allowed: bool) -> None:
    tested = order(OrderState[old])
    ended = tested.is_final
    assert tested.set_state(OrderState[new]) is allowed
    assert tested.state is (OrderState[old] if ended else OrderState[new])


@pytest.mark.parametrize(
    ("before", "filled", "after"),
    [
        ("ACCEPTED", 0, "ACCEPTED"),
        ("ACCEPTED", 40, "PARTIALLY_FILLED"),
        ("SUBMITTED", 40, "PARTIALLY_FILLED"),
        ("PENDING_SUBMIT", 100, "FILLED"),
        ("UNKNOWN", 40, "PARTIALLY_FILLED"),
        ("UNKNOWN", 0, "UNKNOWN"),
        ("PARTIALLY_FILLED", 0, "ACCEPTED"),
        ("PARTIALLY_FILLED", 120, "FILLED"),
        ("CANCELED", 40, "CANCELED"),
        ("CANCELED", 100, "FILLED"),
        ("REJECTED", 100, "FILLED"),
        ("EXPIRED", 99, "EXPIRED"),
        ("FILLED", 60, "CANCELED"),
        ("FILLED", 0, "CANCELED"),
    ],
)
def test_the_state_that_quantities_imply(before: str, filled: int, after: str) -> None:
    assert state_from_quantities(OrderState[before], filled, 100) is OrderState[after]


@pytest.mark.parametrize("state", OrderState)
def test_an_order_is_final_in_the_states_without_a_successor(state: OrderState) -> None:
    tested = order()
    tested.state = state
    assert tested.is_final is (state in FINAL_STATES) is (not TRANSITIONS[state])


def test_executions_add_up_and_can_be_taken_back() -> None:
    tested = order()
    tested.add_fill(fill("f1", 40, 1_000_000, 7))
    assert (tested.state, tested.filled, tested.remaining_raw) == (OrderState.PARTIALLY_FILLED, Decimal(40), 60)
    tested.add_fill(fill("f2", 60, 1_010_000, 3))
    assert (tested.state, tested.average_price, tested.commission) == (OrderState.FILLED, Decimal("100.6"), 10)
    assert tested.first_fill_time == 5
    tested.remove_fill("f1")
    assert (tested.state, tested.filled_raw, tested.commission) == (OrderState.CANCELED, 60, 3)
    tested.change_fill(fill("f2", 100, 1_010_000, 4))
    assert (tested.state, tested.filled_raw, tested.filled_value) == (OrderState.FILLED, 100, 101_000_000)


def test_an_order_without_executions_has_no_average() -> None:
    assert order().average_price is None


@pytest.mark.covers("A27")
@pytest.mark.parametrize(
    ("kind", "prices", "fault"),
    [
        ("market", {}, ""),
        ("limit", {"limit_raw": 1}, ""),
        ("limit", {"stop_raw": 1}, "limit order needs a limit price"),
        ("stop", {"stop_raw": 1}, ""),
        ("stop", {}, "stop order needs a stop price"),
        ("stop_limit", {"stop_raw": 1, "limit_raw": 1}, ""),
        ("stop_limit", {"stop_raw": 1}, "stop_limit order needs a limit price"),
        ("stop_limit", {"limit_raw": 1}, "stop_limit order needs a stop price"),
        ("trailing_stop", {"trail_raw": 1}, ""),
        ("trailing_stop", {}, "trailing_stop order needs a trail distance"),
        ("market", {"quantity": 0}, "quantity must be positive"),
        ("market", {"quantity": -5}, "quantity must be positive"),
    ],
)
def test_a_request_needs_the_prices_of_its_type(kind: str, prices: dict[str, int], fault: str) -> None:
    if not fault:
        assert request(OrderType(kind), **prices).order_type is OrderType(kind)
        return
    with pytest.raises(ValueError, match=fault):
        request(OrderType(kind), **prices)


@pytest.mark.covers("A28", "A30", "A22", "A26", "A31")
def test_a_request_reads_as_decimals_and_is_for_the_day_unless_said_otherwise() -> None:
    made = OrderRequest("a1", AAPL, Side.SELL, OrderType.STOP_LIMIT, 100, limit_raw=999_900, stop_raw=1_000_000)
    assert (made.client_order_id, made.symbol, made.side.value) == ("a1", "AAPL", "sell")
    assert (made.quantity, made.limit_price, made.stop_price) == (Decimal(100), Decimal("99.99"), Decimal(100))
    assert made.time_in_force is TimeInForce.DAY
    assert request().limit_price is None
    assert request().stop_price is None
    assert {tif.value for tif in TimeInForce} >= {"day", "gtc", "ioc"}


@pytest.mark.covers("A31", "A26")
@pytest.mark.parametrize("take", [0, 1_100_000])
def test_a_bracket_is_its_entry_with_attached_orders(take: int) -> None:
    entry = OrderRequest("a1", AAPL, Side.BUY, OrderType.LIMIT, 100, TimeInForce.GTC, 1_000_000, reduce_only=False)
    whole = BracketOrderRequest(entry, 980_000, take).as_request()
    assert (whole.client_order_id, whole.limit_raw, whole.time_in_force) == ("a1", 1_000_000, TimeInForce.GTC)
    assert (whole.stop_loss_raw, whole.take_profit_raw) == (980_000, take)


@pytest.mark.parametrize("side", list(Side))
def test_the_opposite_of_the_opposite_is_the_side(side: Side) -> None:
    assert opposite(side) is not side
    assert opposite(opposite(side)) is side


@pytest.mark.parametrize("seal", [RiskSeal("somebody"), "algotrader.core.risk", None])
def test_only_risk_control_approves(seal: object) -> None:
    # Compiled code refuses another type even earlier.
    with pytest.raises((NotApproved, TypeError)):
        ApprovedOrder(request(), seal)  # type: ignore[arg-type]


def test_what_risk_control_approved_can_be_sent() -> None:
    command = SubmitOrder("a1", approve(request()))
    assert command.request == request()
    assert command.name == "SubmitOrder"


def test_an_order_says_what_it_is() -> None:
    text = repr(Order(request(OrderType.LIMIT, limit_raw=1_000_000), "s", OrderRole.ENTRY, "c1", 0))
    assert "a1 entry buy 100 AAPL limit limit 100.0000 pending_submit filled 0" in text


@pytest.mark.parametrize(
    ("kind", "prices", "words"),
    [
        (OrderType.MARKET, {}, "at market"),
        (OrderType.LIMIT, {"limit_raw": 1_000_000}, "limit 100.0000"),
        (OrderType.STOP, {"stop_raw": 990_000}, "stop 99.0000"),
        (OrderType.STOP_LIMIT, {"stop_raw": 990_000, "limit_raw": 1_000_000}, "stop 99.0000 limit 100.0000"),
        (OrderType.TRAILING_STOP, {"trail_raw": 5_000}, "trailing stop by 0.5000"),
    ],
)
def test_what_is_told_of_an_order_names_its_prices_once(kind: OrderType, prices: dict[str, int], words: str) -> None:
    assert SubmittedWords(request(kind, **prices), OrderRole.ENTRY).text() == f"entry buy 100 AAPL {words} day"
