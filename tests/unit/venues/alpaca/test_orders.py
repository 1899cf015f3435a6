"""Orders, positions and executions as the venue's records have them."""

from __future__ import annotations

from typing import Any

import pytest
from alpaca_records import (
    AAPL,
    BITCOIN,
    ENTRY,
    EXECUTION,
    GENERATED,
    NEXT,
    STOP,
    TAKE,
    TRADED,
    activity,
    bracket,
    held_position,
    leg,
    order,
)

from algotrader.core.instruments import AssetClass
from algotrader.core.orders import OrderState, Side
from algotrader.venues.alpaca.wire import (
    STATES,
    AlpacaRecordFault,
    OrderNames,
    fill_of_activity,
    instrument_of,
    order_status,
    order_statuses,
    position,
    read_orders,
)
from algotrader.venues.protocols import OrderStatus, VenueFill, VenuePosition


def test_every_field_of_an_order_is_taken_over_exactly() -> None:
    record = order(
        type="stop_limit",
        side="sell",
        limit_price="149.5",
        stop_price="150",
        status="partially_filled",
        filled_qty="4",
        filled_avg_price="149.87655",
    )
    assert order_status(record, TRADED) == OrderStatus(
        client_order_id="run-1",
        venue_order_id=ENTRY,
        symbol="AAPL",
        side=Side.SELL,
        quantity_raw=15,
        filled_raw=4,
        average_raw=1_498_766,
        state=OrderState.PARTIALLY_FILLED,
        limit_raw=1_495_000,
        stop_raw=1_500_000,
        submitted_time=1_795_185_120_123_456_000,
        updated_time=1_795_185_120_223_456_789,
    )


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("new", "0", OrderState.ACCEPTED),
        ("accepted", "0", OrderState.ACCEPTED),
        ("accepted_for_bidding", "0", OrderState.ACCEPTED),
        ("pending_new", "0", OrderState.SUBMITTED),
        ("pending_review", "0", OrderState.SUBMITTED),
        ("held", "0", OrderState.SUBMITTED),
        ("partially_filled", "4", OrderState.PARTIALLY_FILLED),
        ("filled", "15", OrderState.FILLED),
        ("done_for_day", "0", OrderState.ACCEPTED),
        ("done_for_day", "4", OrderState.PARTIALLY_FILLED),
        ("calculated", "4", OrderState.PARTIALLY_FILLED),
        ("calculated", "15", OrderState.FILLED),
        ("stopped", "0", OrderState.ACCEPTED),
        ("suspended", "0", OrderState.ACCEPTED),
        ("pending_cancel", "0", OrderState.ACCEPTED),
        ("pending_cancel", "4", OrderState.PARTIALLY_FILLED),
        ("pending_replace", "4", OrderState.PARTIALLY_FILLED),
        ("canceled", "4", OrderState.CANCELED),
        ("replaced", "0", OrderState.CANCELED),
        ("expired", "4", OrderState.EXPIRED),
        ("rejected", "0", OrderState.REJECTED),
        ("something_new", "4", OrderState.UNKNOWN),
    ],
)
def test_every_status_has_its_state(status: str, filled: str, state: OrderState) -> None:
    assert order_status(order(status=status, filled_qty=filled), TRADED).state is state


def test_every_status_of_the_venues_own_library_is_known() -> None:
    enums = pytest.importorskip("alpaca.trading.enums")
    assert {member.value for member in enums.OrderStatus} == set(STATES)


def test_the_records_are_ones_that_the_venues_own_library_reads() -> None:
    models = pytest.importorskip("alpaca.trading.models")
    assert models.Order(**bracket()).legs[1].stop_price == "145.5"
    assert models.TradeActivity(**activity()).qty == 15
    assert models.Position(**held_position()).qty == "15"


def test_the_legs_of_a_bracket_go_by_our_ids_and_are_found_by_the_venues() -> None:
    names = OrderNames()
    found = order_statuses(bracket(), TRADED, names)
    told = [(s.client_order_id, s.venue_order_id, s.attached_to, s.state.value, s.limit_raw, s.stop_raw) for s in found]
    assert told == [
        ("run-1", ENTRY, "", "accepted", 0, 0),
        ("run-1-tp", TAKE, "run-1", "submitted", 1_600_000, 0),
        ("run-1-sl", STOP, "run-1", "submitted", 0, 1_455_000),
    ]
    alone = order_status(leg("stop", status="new"), TRADED, names)
    assert (alone.client_order_id, alone.attached_to, alone.state) == ("run-1-sl", "run-1", OrderState.ACCEPTED)
    assert names.named(TAKE) == "run-1-tp"


def test_a_leg_that_we_replaced_keeps_the_name_that_we_gave_it() -> None:
    names = OrderNames()
    old = leg("stop", status="replaced", replaced_by=NEXT)
    new = leg("stop", id=NEXT, client_order_id="run-1-sl-r1", replaces=STOP, status="new", stop_price="147")
    found = order_statuses(bracket(legs=[leg("limit"), old, new]), TRADED, names)
    assert [(s.client_order_id, s.replaced_by, s.attached_to) for s in found[2:]] == [
        ("run-1-sl", "run-1-sl-r1", "run-1"),
        ("run-1-sl-r1", "", "run-1"),
    ]


def test_the_leg_of_a_replaced_entry_belongs_to_the_order_and_not_to_its_leg() -> None:
    found = order_statuses(bracket(client_order_id="run-1-r2"), TRADED)
    assert [s.client_order_id for s in found] == ["run-1-r2", "run-1-tp", "run-1-sl"]


def test_the_stop_of_a_take_profit_is_its_leg() -> None:
    pair = order(client_order_id="run-7", order_class="oco", type="limit", side="sell", legs=[leg("stop", order_class="oco")])
    assert [s.client_order_id for s in order_statuses(pair, TRADED)] == ["run-7", "run-7-sl"]


def test_a_leg_alone_is_open_until_its_parent_is_known() -> None:
    names = OrderNames()
    alone = leg("stop")
    names.learn(alone)
    assert names.is_open(alone)
    assert names.name(alone) == GENERATED
    names.learn(bracket())
    assert not names.is_open(alone)
    assert names.name(alone) == "run-1-sl"


def test_a_leg_that_nobody_knows_keeps_its_own_name() -> None:
    names = OrderNames()
    names.accept(leg("stop"))
    assert not names.is_open(leg("stop"))
    assert names.name(leg("stop")) == GENERATED


def test_the_chain_of_replacements_is_told_in_our_ids_whichever_record_comes_first() -> None:
    names = OrderNames()
    old = order(status="replaced", replaced_by=NEXT)
    new = order(id=NEXT, client_order_id="run-1-r1", replaces=ENTRY)
    found, faults = read_orders([old, new], TRADED, names)
    assert faults == []
    assert [(s.client_order_id, s.replaced_by, s.reason) for s in found] == [
        ("run-1", "run-1-r1", "replaced"),
        ("run-1-r1", "", ""),
    ]


def test_a_successor_that_nobody_named_goes_by_the_venues_id_so_that_nobody_takes_the_order_for_cancelled() -> None:
    assert order_status(order(status="replaced", replaced_by=NEXT), TRADED).replaced_by == NEXT


def test_a_replacement_is_certain_only_when_the_venue_says_so() -> None:
    new = order(id=NEXT, client_order_id="run-1-r1", replaces=ENTRY, status="accepted")
    assert order_status(new, TRADED).state is OrderState.SUBMITTED
    assert order_status({**new, "status": "new"}, TRADED).state is OrderState.ACCEPTED
    names = OrderNames()
    names.learn(order(status="replaced", replaced_by=NEXT))
    assert order_status(new, TRADED, names).state is OrderState.ACCEPTED


def test_one_damaged_record_takes_no_other_with_it() -> None:
    bad: list[Any] = [order(id=None), order(id=STOP, side="sideways"), order(id=TAKE, legs="two")]
    found, faults = read_orders([*bad, order(id=NEXT)], TRADED, OrderNames())
    assert [s.venue_order_id for s in found] == [NEXT]
    assert len(faults) == 3


def test_an_order_for_money_counts_what_it_has_filled() -> None:
    record = order(qty=None, notional="1000", filled_qty="6.5", status="partially_filled", symbol="MSFT")
    found = order_status(record, TRADED)
    assert (found.quantity_raw, found.filled_raw) == (6, 6)


def test_numbers_that_come_as_numbers_are_the_same() -> None:
    assert order_status(order(qty=15, filled_qty=4, limit_price=150.25), TRADED).limit_raw == 1_502_500


def test_crypto_keeps_nine_decimals() -> None:
    record = order(symbol="BTC/USD", asset_class="crypto", qty="0.123456789", limit_price="86543.21")
    found = order_status(record, TRADED)
    assert (found.symbol, found.quantity_raw, found.limit_raw) == ("BTC/USD", 123_456_789, 86_543_210_000_000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("side", "hold"),
        ("symbol", None),
        ("id", ""),
        ("qty", "many"),
        ("status", None),
        ("updated_at", "soon"),
        ("qty", str(2**60)),
    ],
)
def test_an_order_that_cannot_be_read_is_refused(field: str, value: object) -> None:
    with pytest.raises(AlpacaRecordFault):
        order_status(order(**{field: value}), TRADED)


def test_positions_have_the_sign_of_their_side() -> None:
    assert position(held_position(), TRADED) == VenuePosition("AAPL", 15, 1_501_251)
    assert position(held_position(side="short", qty="-15"), TRADED) == VenuePosition("AAPL", -15, 1_501_251)
    coins = held_position(symbol="BTCUSD", asset_class="crypto", qty="0.5", avg_entry_price="86543.21")
    assert position(coins, TRADED) == VenuePosition("BTC/USD", 500_000_000, 86_543_210_000_000)


def test_of_a_persons_fraction_the_part_counts_that_the_instrument_holds() -> None:
    assert position(held_position(qty="15.75"), TRADED).quantity_raw == 15
    assert position(held_position(symbol="ABR.PRD", qty="3"), TRADED) == VenuePosition("ABR.PRD", 3, 1_501_251)


def test_an_execution_has_the_same_id_in_the_records_as_in_the_stream() -> None:
    names = OrderNames()
    names.learn(order())
    expected = VenueFill(EXECUTION, "run-1", ENTRY, "AAPL", Side.BUY, 1_501_250, 15, 0, 1_795_185_120_999_999_000)
    assert fill_of_activity(activity(), TRADED, names) == expected
    assert fill_of_activity(activity(), TRADED).client_order_id == ""
    assert fill_of_activity(activity(side="sell_short"), TRADED).side is Side.SELL


def test_an_execution_without_price_or_quantity_is_refused() -> None:
    for changes in ({"price": "0"}, {"qty": "0.5"}, {"qty": None}, {"side": ""}):
        with pytest.raises(AlpacaRecordFault):
            fill_of_activity(activity(**changes), TRADED)


def test_the_sessions_own_instruments_come_first_and_strangers_get_sensible_ones() -> None:
    assert instrument_of("AAPL", "us_equity", TRADED) is AAPL
    assert instrument_of("BTCUSD", "crypto", TRADED) is BITCOIN
    assert (instrument_of("MSFT", "us_equity", TRADED).asset_class, instrument_of("MSFT", "", TRADED).quantity_scale) == (
        AssetClass.EQUITY,
        0,
    )
    assert instrument_of("ETH/USD", "", TRADED).currency == "USD"
    option = instrument_of("AAPL261218C00150000", "us_option", TRADED)
    assert (option.asset_class, option.multiplier) == (AssetClass.OPTION, 100)
    with pytest.raises(AlpacaRecordFault):
        instrument_of("ABR.PRD", "us_equity", TRADED)
