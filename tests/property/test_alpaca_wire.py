"""Whatever the venue sends, the parsers answer with what they could read or with their own fault, and lose nothing behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgpack
from alpaca_records import (
    AAPL,
    BITCOIN,
    NOW,
    TRADED,
    activity,
    bracket,
    coin,
    execution,
    held_position,
    listed_asset,
    order,
    practice_account,
    submit,
    update,
)
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.events import Event, OrderFill
from algotrader.core.market import Bar
from algotrader.core.orders import OrderType
from algotrader.venues.alpaca.errors import refusal_code, retry_after, venue_error
from algotrader.venues.alpaca.market_data import Damaged
from algotrader.venues.alpaca.market_data import parse as parse_market
from algotrader.venues.alpaca.trade_updates import KINDS, Update, events_of, unresolved
from algotrader.venues.alpaca.trade_updates import parse as parse_update
from algotrader.venues.alpaca.values import nearest_raw
from algotrader.venues.alpaca.wire import (
    AlpacaRecordFault,
    OrderNames,
    account,
    asset,
    calendar_days,
    clock,
    decimal_to_raw,
    fill_of_activity,
    instrument_of,
    order_status,
    order_statuses,
    our_symbol,
    position,
    read_orders,
    submit_body,
    time_ns,
)
from algotrader.venues.protocols import VenueError

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**64), 2**64),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["15", "0", "-1", "1e5", "1e99", "9" * 30, "NaN", "buy", "AAPL", "BTCUSD", "2026-11-20T14:32:00Z", "held", "new"]
    ),
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12
)
KIND = st.sampled_from([*KINDS, "teleported", ""])
MESSAGES = st.sampled_from(["b", "u", "d", "q", "t", "c", "x", "s", "l", "success", "error", "subscription", "n", "", "?"])

BAR = {"T": "b", "S": "AAPL", "t": msgpack.Timestamp(1_795_185_120, 0), "o": 150.1, "h": 150.5, "l": 150.0, "c": 150.2, "v": 12}
FIELDS = [*"SotiupdhlcvzxaprsbT", "bp", "ap", "bs", "as", "oi", "op", "os", "ci", "cp", "cs", "sc", "sm", "msg", "code", "bars"]


def spoiled(record: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A record of which some fields are anything, or gone."""
    changed = st.dictionaries(st.sampled_from(sorted(record)), JSON, max_size=4)
    gone = st.sets(st.sampled_from(sorted(record)), max_size=2)
    extra = st.dictionaries(st.text(max_size=6), JSON, max_size=2)

    def mix(changes: dict[str, Any], less: set[str], more: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**more, **record, **changes}.items() if name not in less}

    return st.builds(mix, changed, gone, extra)


def as_json(value: object) -> bytes:
    """Packed as JSON, with numbers that JSON does not have too."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def read_whole(frame: str | bytes) -> None:
    """Read a frame of trade updates to its end, or meet the parser's own fault."""
    with suppress(AlpacaRecordFault):
        found = parse_update(frame)
        if isinstance(found, Update):
            names = OrderNames()
            with suppress(AlpacaRecordFault):
                unresolved(found, names)
            assert all(isinstance(event, Event) for event in events_of(found, TRADED, NOW, names))


@given(st.one_of(st.binary(max_size=300), st.text(max_size=100), JSON.map(as_json)))
def test_any_bytes_are_a_frame_of_updates_or_a_fault(frame: str | bytes) -> None:
    read_whole(frame)


@given(KIND, spoiled(order()), spoiled(dict(execution()["data"])))
def test_any_update_of_any_order_gives_events_or_a_fault(kind: str, record: dict[str, Any], data: dict[str, Any]) -> None:
    read_whole(as_json({"stream": "trade_updates", "data": {**data, "event": kind, "order": record}}))
    read_whole(as_json({"stream": "trade_updates", "data": data}))


READERS: list[tuple[Callable[[dict[str, Any]], object], dict[str, Any]]] = [
    (lambda record: order_status(record, TRADED), order()),
    (lambda record: order_statuses(record, TRADED, OrderNames()), bracket()),
    (lambda record: position(record, TRADED), held_position()),
    (lambda record: fill_of_activity(record, TRADED), activity()),
    (lambda record: account(record), practice_account()),
    (lambda record: asset(record).instrument(), listed_asset()),
    (lambda record: asset(record).instrument(), coin()),
    (lambda record: clock(record), {"timestamp": "2026-11-20T09:31:00-05:00", "is_open": True, "next_open": "", "next_close": ""}),
    (lambda record: calendar_days([record]), {"date": "2026-11-27", "open": "09:30", "close": "13:00", "session_open": "0400"}),
]


@given(st.sampled_from(range(len(READERS))).flatmap(lambda i: st.tuples(st.just(i), spoiled(READERS[i][1]))))
def test_any_record_of_rest_is_read_or_is_a_fault(case: tuple[int, dict[str, Any]]) -> None:
    number, record = case
    with suppress(AlpacaRecordFault):
        assert READERS[number][0](record) is not None


@given(st.lists(spoiled(bracket()), max_size=3), st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=2))
def test_a_good_order_is_never_lost_among_bad_ones(spoilt: list[dict[str, Any]], junk: list[dict[str, Any]]) -> None:
    good = order(id="good", client_order_id="run-9")
    found, _ = read_orders([*spoilt, *junk, good], TRADED, OrderNames())
    assert found[-1] == order_status(good, TRADED)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_of_market_data_or_a_fault(frame: bytes) -> None:
    with suppress(AlpacaRecordFault):
        assert isinstance(parse_market(frame, TRADED), list)


PACKED = st.recursive(
    st.one_of(
        LEAVES.filter(lambda value: not isinstance(value, int) or -(2**63) <= value < 2**64),
        st.binary(max_size=6),
        st.builds(msgpack.Timestamp, st.integers(-(2**62), 2**62), st.integers(0, 999_999_999)),
        st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=5)),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.one_of(st.text(max_size=4), st.integers(0, 9)), inner, max_size=3)
    ),
    max_leaves=8,
)


def packed(value: object) -> bytes:
    """In msgpack; a text that is none in UTF-8 is left as its bytes."""
    return bytes(msgpack.packb(value, unicode_errors="surrogatepass"))


@given(MESSAGES, st.dictionaries(st.sampled_from(FIELDS), PACKED, max_size=9), PACKED)
def test_whatever_a_message_is_the_one_behind_it_is_read(kind: str, fields: dict[str, Any], anything: object) -> None:
    message = {**BAR, **fields, "T": kind}
    found = parse_market(b"\x94" + packed(message) + packed(BAR) + packed(anything) + packed(BAR), TRADED)
    assert len(found) == 4
    assert isinstance(found[1], Bar)
    assert found[3] == found[1]


@given(st.binary(min_size=1, max_size=8), st.integers(0, 60))
def test_bytes_that_are_damaged_in_one_message_never_reach_back(damage: bytes, place: int) -> None:
    body = bytearray(packed(BAR))
    start = place % len(body)
    body[start : start + len(damage)] = damage
    with suppress(AlpacaRecordFault):
        found = parse_market(b"\x93" + packed(BAR) + bytes(body) + packed(BAR), TRADED)
        assert isinstance(found[0], Bar)
        assert len(found) == 3 or isinstance(found[-1], Damaged)


CENTS = st.integers(100, 10_000_000)


@given(st.lists(st.tuples(st.integers(1, 500), CENTS), min_size=1, max_size=6))
def test_executions_add_up_to_the_last_digit_whatever_the_orders_totals_say(parts: list[tuple[int, int]]) -> None:
    total, value = 0, 0
    for number, (quantity, cents) in enumerate(parts):
        record = order(status="partially_filled", filled_qty="99999", filled_avg_price="0.01")
        price = str(Decimal(cents) / 100)
        message = execution("partial_fill", qty=str(quantity), price=price, execution_id=f"x{number}", order=record)
        found = parse_update(json.dumps(message))
        assert isinstance(found, Update)
        (event,) = events_of(found, TRADED, NOW)
        assert isinstance(event, OrderFill)
        total, value = total + event.quantity_raw, value + event.quantity_raw * event.price_raw
    assert total == sum(quantity for quantity, _ in parts)
    assert value == sum(quantity * cents * 100 for quantity, cents in parts)


@given(
    st.one_of(
        st.floats(-1e15, 1e15), st.builds(lambda raw, places: raw / 10**places, st.integers(-(10**15), 10**15), st.integers(0, 12))
    ),
    st.integers(0, 9),
)
def test_a_float_is_rounded_as_the_decimal_that_was_meant(value: float, scale: int) -> None:
    def rounded(number: object) -> int | None:
        try:
            return nearest_raw(number, scale)
        except AlpacaRecordFault:
            return None

    assert rounded(value) == rounded(Decimal(repr(value)))


SUB_DOLLAR = st.integers(1, 9_999)
DOLLARS = st.integers(100, 10**10).map(lambda cents: cents * 100)


@given(st.integers(1, 10**9), SUB_DOLLAR | DOLLARS)
def test_what_is_sent_comes_back_as_it_was(quantity: int, price: int) -> None:
    command = submit(str(quantity), OrderType.LIMIT, f"limit {AAPL.price(price)}")
    body = submit_body(command)
    record = order(qty=body["qty"], limit_price=body["limit_price"], type=body["type"], client_order_id=body["client_order_id"])
    status = order_status(record, TRADED)
    request = command.request
    assert (status.client_order_id, status.quantity_raw, status.limit_raw) == ("run-1", request.quantity_raw, request.limit_raw)


@given(st.integers(1, 2**53 - 1), st.integers(1, 2**53 - 1))
def test_crypto_goes_and_comes_with_nine_decimals(quantity: int, price: int) -> None:
    command = submit(f"{BITCOIN.quantity(quantity):f}", OrderType.LIMIT, f"limit {BITCOIN.price(price):f}", instrument=BITCOIN)
    body = submit_body(command)
    record = order(symbol="BTC/USD", asset_class="crypto", qty=body["qty"], limit_price=body["limit_price"])
    status = order_status(record, TRADED)
    assert (status.quantity_raw, status.limit_raw) == (quantity, price)


@given(st.integers(-(2**53) + 1, 2**53 - 1), st.integers(0, 12))
def test_scaled_integers_and_decimals_are_the_same_number(raw: int, scale: int) -> None:
    assert decimal_to_raw(f"{Decimal(raw).scaleb(-scale):f}", scale) == raw


@given(st.integers(86_400, 250_000_000_000), st.integers(0, 999_999_999), st.integers(-840, 840))
def test_a_time_is_the_same_in_every_zone(second: int, nanoseconds: int, minutes: int) -> None:
    local = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}"
    assert time_ns(f"{local}Z") == second * 10**9 + nanoseconds
    zone = f"{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    assert time_ns(f"{local}Z") - time_ns(f"{local}{zone}") == minutes * 60 * 10**9


@given(st.text(max_size=30), st.sampled_from(["", "crypto", "us_equity", "us_option"]))
def test_any_symbol_has_an_instrument_or_a_fault(symbol: str, asset_class: str) -> None:
    assert our_symbol(our_symbol(symbol, asset_class), asset_class) == our_symbol(symbol, asset_class)
    with suppress(AlpacaRecordFault):
        instrument_of(symbol, asset_class, TRADED)


@given(
    st.integers(-1, 1000),
    st.none() | st.integers(),
    st.text(max_size=80),
    st.dictionaries(st.sampled_from(["Retry-After", "X-RateLimit-Reset", "Date"]), st.text(max_size=30)),
    st.none() | st.integers(0, 2**62),
)
def test_any_error_has_a_meaning(status: int, code: int | None, message: str, headers: dict[str, str], now: int | None) -> None:
    assert isinstance(venue_error(status, code, message, headers, now), VenueError)
    refusal_code(message)
    wait = retry_after(headers, now)
    assert wait is None or 0 <= wait <= 3600


def test_the_plain_update_is_one() -> None:
    assert isinstance(parse_update(json.dumps(update("new"))), Update)
