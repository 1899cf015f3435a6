"""The stream of trade updates: every kind into the engine's events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alpaca_records import ENTRY, EXECUTION, GENERATED, NEXT, NOW, STOP, TAKE, TRADED, bracket, execution, leg, order, update

from algotrader.core.commands import REFUSED_INSUFFICIENT_QUANTITY, REFUSED_TOO_LATE
from algotrader.core.events import (
    CancelRejected,
    Event,
    FillBusted,
    FillCorrected,
    OrderAccepted,
    OrderCancel,
    OrderExpired,
    OrderFill,
    OrderReject,
    OrderReplaced,
    ReplaceRejected,
)
from algotrader.core.orders import Side
from algotrader.venues.alpaca.trade_updates import (
    KINDS,
    Authorization,
    Listening,
    StreamFault,
    Unheard,
    Update,
    events_of,
    nameless_successor,
    parse,
    unresolved,
)
from algotrader.venues.alpaca.wire import AlpacaRecordFault, OrderNames


def heard(message: dict[str, Any]) -> Update:
    """The update of a message, sent as the venue does: JSON in a binary frame."""
    found = parse(json.dumps(message).encode())
    assert isinstance(found, Update)
    return found


def told(message: dict[str, Any], names: OrderNames | None = None) -> list[Event]:
    """The events of a message."""
    return events_of(heard(message), TRADED, NOW, names)


def same(events: list[Event], expected: list[Event]) -> bool:
    """Whether events are of the same kinds and say the same."""
    return [(type(e), e.values()) for e in events] == [(type(e), e.values()) for e in expected]


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (
            {"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}},
            Authorization(True, "authenticate"),
        ),
        ({"stream": "authorization", "data": {"status": "unauthorized", "action": "listen"}}, Authorization(False, "listen")),
        ({"stream": "authorization"}, Authorization(False)),
        ({"stream": "listening", "data": {"streams": ["trade_updates"]}}, Listening(("trade_updates",))),
        ({"stream": "listening", "data": {"streams": []}}, Listening(())),
        ({"action": "error", "data": {"error_message": "internal server error"}}, StreamFault("internal server error")),
        ({"stream": "error", "data": {"code": 406, "msg": "too many"}}, StreamFault("too many", 406)),
        ({"stream": "account_updates", "data": {}}, Unheard("account_updates", {"stream": "account_updates", "data": {}})),
        ({}, Unheard("", {})),
    ],
)
def test_every_frame_is_told_by_its_stream(frame: dict[str, Any], found: object) -> None:
    assert parse(json.dumps(frame)) == found
    assert parse(json.dumps(frame).encode()) == found


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"not json",
        b"[]",
        b"3",
        b'"text"',
        b"\xff\xfe",
        "\ud800",
        b'{"stream": NaN}',
        b"[" * 5000,
        b'{"stream":"trade_updates"}',
        b'{"stream":"trade_updates","data":{"event":"new"}}',
        b'{"stream":"trade_updates","data":{"event":"new","order":[]}}',
        b'{"stream":"trade_updates","data":{"event":7,"order":{"id":"a"}}}',
        b'{"stream":"trade_updates","data":{"event":"new","order":{}}}',
        b'{"stream":"trade_updates","data":{"event":"new","order":{"id":"a"},"timestamp":"soon"}}',
        b'{"stream":"listening","data":{"streams":"trade_updates"}}',
        b" " * (1 << 20) + b" {}",
    ],
)
def test_a_frame_that_cannot_be_read_is_one_fault(frame: str | bytes) -> None:
    with pytest.raises(AlpacaRecordFault):
        parse(frame)


def test_an_update_keeps_its_times_and_unknown_fields() -> None:
    found = heard(update("new", brand_new=[1], order=order(brand_new="x")))
    assert (found.time, found.sent_time) == (1_795_185_120_999_999_999, 1_795_185_121_000_000_500)
    assert (found.data["brand_new"], found.order["brand_new"]) == ([1], "x")


def test_an_execution_counts_by_its_own_price_and_quantity_never_by_the_orders_totals() -> None:
    partial = order(status="partially_filled", filled_qty="12", filled_avg_price="149.9999")
    message = execution("partial_fill", qty="4", price="150.125", order=partial)
    expected = OrderFill(NOW, "run-1", EXECUTION, "AAPL", Side.BUY, 1_501_250, 4, 0, ENTRY)
    assert same(told(message), [expected])
    again = execution(qty="3", price="150.1299", execution_id=NEXT)
    assert same(told(again), [OrderFill(NOW, "run-1", NEXT, "AAPL", Side.BUY, 1_501_299, 3, 0, ENTRY)])


def test_a_short_sales_execution_and_one_in_crypto_are_read() -> None:
    short = execution(qty="-15", position_qty="-15", order=order(side="sell", status="filled"))
    assert same(told(short), [OrderFill(NOW, "run-1", EXECUTION, "AAPL", Side.SELL, 1_501_250, 15, 0, ENTRY)])
    coin = execution(qty="0.000000043", price="86543.123456789", order=order(symbol="BTC/USD", asset_class="crypto"))
    expected = OrderFill(NOW, "run-1", EXECUTION, "BTC/USD", Side.BUY, 86_543_123_456_789, 43, 0, ENTRY)
    assert same(told(coin), [expected])


def test_an_execution_without_its_id_is_booked_until_the_real_one_is_known() -> None:
    (event,) = told(execution(execution_id=None))
    assert isinstance(event, OrderFill)
    assert event.provisional
    (other,) = told(execution(execution_id=None))
    assert isinstance(other, OrderFill)
    assert event.fill_id == other.fill_id


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("new", {}, [OrderAccepted(NOW, "run-1", ENTRY)]),
        ("accepted", {"order": order(status="accepted")}, [OrderAccepted(NOW, "run-1", ENTRY)]),
        ("canceled", {"order": order(status="canceled")}, [OrderCancel(NOW, "run-1")]),
        ("expired", {"order": order(status="expired")}, [OrderExpired(NOW, "run-1")]),
        (
            "rejected",
            {"order": order(status="rejected", reject_reason="insufficient qty available for order")},
            [OrderReject(NOW, "run-1", "insufficient qty available for order", REFUSED_INSUFFICIENT_QUANTITY)],
        ),
        ("order_cancel_rejected", {"reason": "too late"}, [CancelRejected(NOW, "run-1", "too late")]),
        ("trade_bust", {"previous_execution_id": EXECUTION, "execution_id": NEXT}, [FillBusted(NOW, "run-1", EXECUTION)]),
        ("trade_bust", {"execution_id": EXECUTION}, [FillBusted(NOW, "run-1", EXECUTION)]),
        (
            "trade_correct",
            {"previous_execution_id": EXECUTION, "execution_id": NEXT, "price": "150.2", "qty": "14"},
            [FillCorrected(NOW, "run-1", EXECUTION, 1_502_000, 14, 0)],
        ),
        *[
            (kind, {}, [])
            for kind in (
                "pending_new",
                "pending_cancel",
                "pending_replace",
                "done_for_day",
                "stopped",
                "suspended",
                "calculated",
                "held",
                "restated",
            )
        ],
    ],
)
def test_every_kind_of_update_has_its_event(kind: str, changes: dict[str, Any], expected: list[Event]) -> None:
    assert same(told(update(kind, **changes)), expected)


def test_every_kind_of_the_venues_own_library_is_known() -> None:
    enums = pytest.importorskip("alpaca.trading.enums")
    assert {member.value for member in enums.TradeEvent} <= set(KINDS)


def test_the_messages_are_ones_that_the_venues_own_library_reads() -> None:
    models = pytest.importorskip("alpaca.trading.models")
    assert models.TradeUpdate(**execution()["data"]).qty == 15


def test_an_unknown_kind_gives_no_event_and_is_kept() -> None:
    found = heard(update("teleported", whither="Mars"))
    assert events_of(found, TRADED, NOW) == []
    assert (found.kind, found.is_known, found.data["whither"]) == ("teleported", False, "Mars")


@pytest.mark.parametrize(
    "message",
    [
        execution(price=None),
        execution(price="0"),
        execution(qty="0"),
        execution(qty="0.4"),
        execution(qty=None),
        execution(price="much"),
        execution(order=order(side="hold")),
        execution(order=order(symbol=None)),
        update("trade_bust"),
        update("trade_correct", previous_execution_id=EXECUTION, price="150", qty="0"),
    ],
)
def test_an_update_that_cannot_be_an_event_is_a_fault(message: dict[str, Any]) -> None:
    found = heard(message)
    assert found.is_execution
    with pytest.raises(AlpacaRecordFault):
        events_of(found, TRADED, NOW)


# Replacements


def replaced_pair() -> tuple[dict[str, Any], dict[str, Any]]:
    """An order that was replaced, and the one in its place."""
    return order(status="replaced", replaced_by=NEXT), order(id=NEXT, client_order_id="run-1-r1", replaces=ENTRY, status="new")


def test_a_replacement_gives_both_ids_when_the_answer_was_faster() -> None:
    old, new = replaced_pair()
    names = OrderNames()
    names.learn(order())
    names.learn(new)
    assert same(told(update("replaced", order=old), names), [OrderReplaced(NOW, "run-1", "run-1-r1", NEXT)])


def test_a_replacement_gives_both_ids_when_the_stream_was_faster_than_the_answer() -> None:
    old, _ = replaced_pair()
    names = OrderNames()
    names.expect(ENTRY, "run-1-r1")
    assert same(told(update("replaced", order=old), names), [OrderReplaced(NOW, "run-1", "run-1-r1", NEXT)])


def test_a_replacement_is_known_by_the_new_orders_own_record_too() -> None:
    _, new = replaced_pair()
    names = OrderNames()
    names.learn(order())
    for kind in ("replaced", "new"):
        assert same(told(update(kind, order=new), names), [OrderReplaced(NOW, "run-1", "run-1-r1", NEXT)])
    assert told(update("accepted", order={**new, "status": "accepted"}), names) == []


def test_a_new_order_whose_forerunner_is_not_known_works_all_the_same() -> None:
    _, new = replaced_pair()
    assert same(told(update("new", order=new)), [OrderAccepted(NOW, "run-1-r1", NEXT)])


def test_a_replacement_with_no_name_gives_no_event_until_somebody_has_asked() -> None:
    old, new = replaced_pair()
    names, found = OrderNames(), heard(update("replaced", order=old))
    assert nameless_successor(found, names) == NEXT
    assert events_of(found, TRADED, NOW, names) == []
    names.learn(new)
    assert nameless_successor(found, names) == ""
    assert same(events_of(found, TRADED, NOW, names), [OrderReplaced(NOW, "run-1", "run-1-r1", NEXT)])
    assert nameless_successor(heard(update("new")), names) == ""


def test_a_refused_change_is_known_by_the_id_that_it_was_to_have() -> None:
    names = OrderNames()
    names.learn(order())
    names.expect(ENTRY, "run-1-r1")
    message = update("order_replace_rejected", reason='order is already in "filled" state')
    expected = ReplaceRejected(NOW, "run-1-r1", 'order is already in "filled" state', REFUSED_TOO_LATE)
    assert same(told(message, names), [expected])
    assert told(message, names) == []
    _, new = replaced_pair()
    refused = update("rejected", order={**new, "status": "rejected"})
    assert same(told(refused, names), [ReplaceRejected(NOW, "run-1-r1", "", "")])


# Legs


def test_legs_go_by_our_ids_as_soon_as_their_parent_was_heard() -> None:
    names = OrderNames()
    assert same(told(update("new", order=bracket()), names), [OrderAccepted(NOW, "run-1", ENTRY)])
    assert told(update("accepted", order=leg("stop")), names) == []
    assert same(told(update("new", order=leg("stop", status="new")), names), [OrderAccepted(NOW, "run-1-sl", STOP)])
    stopped = execution(order=leg("stop", status="filled", filled_qty="15"), price="145.4")
    expected = OrderFill(NOW, "run-1-sl", EXECUTION, "AAPL", Side.SELL, 1_454_000, 15, 0, STOP)
    assert same(told(stopped, names), [expected])
    assert same(told(update("canceled", order=leg("limit", status="canceled")), names), [OrderCancel(NOW, "run-1-tp")])
    assert names.named(TAKE) == "run-1-tp"


def test_a_leg_that_is_heard_before_its_parent_is_asked_about_first() -> None:
    names = OrderNames()
    found = heard(update("new", order=leg("stop", status="new")))
    assert unresolved(found, names)
    names.learn(bracket())
    assert not unresolved(found, names)
    assert same(events_of(found, TRADED, NOW, names), [OrderAccepted(NOW, "run-1-sl", STOP)])


def test_a_persons_bracket_keeps_the_venues_names_once_it_was_asked_about() -> None:
    names = OrderNames()
    found = heard(update("new", order=leg("stop", status="new")))
    names.accept(found.order)
    assert not unresolved(found, names)
    assert same(events_of(found, TRADED, NOW, names), [OrderAccepted(NOW, GENERATED, STOP)])


def test_an_order_without_legs_is_never_asked_about() -> None:
    assert not unresolved(heard(update("new")), OrderNames())
    assert not unresolved(heard(update("new", order=order(client_order_id=GENERATED))), OrderNames())
