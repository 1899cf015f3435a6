"""Whatever event or command the engine knows, its stored form gives it back, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core import commands, events
from algotrader.core.commands import ApprovedOrder, Command, RequestBars, SubmitOrder
from algotrader.core.events import (
    MOVEMENTS,
    SEVERITIES,
    TRIGGERS,
    CashMovement,
    Event,
    MarketData,
    OrderFill,
    ScheduledTrigger,
    SystemError,
)
from algotrader.core.instruments import crypto, equity
from algotrader.core.market import Bar, Quote, Session, TradeTick
from algotrader.core.orders import OrderRequest, OrderType, Side
from algotrader.core.risk import approve
from algotrader.storage.codec import COMMANDS, EVENTS, decode_command, decode_event, encode_command, encode_event
from algotrader.storage.shapes import DamagedRecord, arguments_of

AAPL = equity("AAPL")
COIN = crypto("BTC/USDT")
INSTRUMENTS = {"AAPL": AAPL, "BTC/USDT": COIN}
TIMES = st.integers(0, 2**62)
PRICES = st.integers(1, 2**53 - 1)
WHOLE = st.integers(-(2**90), 2**90)
TEXTS = st.text(max_size=12)
ABOUT = st.sampled_from([AAPL, COIN])


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low, open_, close, high = sorted(draw(st.lists(PRICES, min_size=4, max_size=4)))
    start = draw(TIMES)
    return Bar(draw(ABOUT), start, start + draw(st.integers(1, 10**15)), open_, high, low, close, draw(st.integers(0, 2**53 - 1)))


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    bid, ask = sorted(draw(st.lists(st.integers(0, 2**53), min_size=2, max_size=2)))
    return Quote(draw(ABOUT), draw(TIMES), bid, ask, draw(PRICES), draw(PRICES))


TICKS = st.builds(TradeTick, ABOUT, TIMES, PRICES, PRICES, st.sampled_from(["buy", "sell", "unknown"]), TEXTS)
PAIRS = st.tuples(TIMES, TIMES)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    start = draw(TIMES)
    breaks = tuple(draw(st.lists(PAIRS, max_size=2)))
    return Session(draw(TEXTS), draw(TEXTS), start, start + draw(st.integers(1, 10**15)), breaks, draw(st.booleans()))


REQUESTS = st.builds(
    OrderRequest,
    TEXTS,
    ABOUT,
    st.sampled_from(Side),
    st.sampled_from(OrderType),
    quantity_raw=PRICES,
    limit_raw=PRICES,
    stop_raw=PRICES,
    trail_raw=PRICES,
    reduce_only=st.booleans(),
    stop_loss_raw=WHOLE,
    oco_group=TEXTS,
)


@st.composite
def market_data(draw: st.DrawFn) -> MarketData:
    what = draw(st.one_of(bars(), quotes(), TICKS))
    if isinstance(what, Bar):
        return MarketData(what.close_time + draw(st.integers(0, 10**12)), bar=what)
    if isinstance(what, Quote):
        return MarketData(what.time, quote=what)
    return MarketData(what.time, tick=what)


BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "time": TIMES,
    "client_order_id": TEXTS,
    "new_client_order_id": TEXTS,
    "symbol": TEXTS,
    "severity": st.sampled_from(SEVERITIES),
    "action": st.sampled_from(["halt", "reduce", "resume", "flatten"]),
    "reason": st.text(min_size=1, max_size=9),
    "fill_id": st.text(min_size=1, max_size=9),
    "trigger_type": st.sampled_from(TRIGGERS),
    "session": sessions(),
    "order": REQUESTS.map(approve),
    "side": st.sampled_from(Side),
    "provisional": st.booleans(),
    "commission": WHOLE,
    "venue_order_id": TEXTS,
    "price_raw": PRICES,
    "quantity_raw": PRICES,
    "numerator": PRICES,
    "denominator": PRICES,
    "open_time": TIMES,
    "close_time": TIMES,
    "changes": st.lists(st.tuples(st.just("max_daily_loss"), st.sampled_from(["0.01", "0.5"])), max_size=2).map(tuple),
    "profits": st.lists(WHOLE, max_size=3).map(tuple),
}


def _values(kind: type, name: str, default: object) -> st.SearchStrategy[Any]:
    if kind is CashMovement and name == "kind":
        return st.sampled_from(MOVEMENTS)
    if name == "amount":
        return st.integers(1, 2**90)
    if name in BY_NAME:
        return BY_NAME[name]
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return WHOLE
    if isinstance(default, float):
        return st.floats()
    if isinstance(default, Enum):
        return st.sampled_from(type(default))
    assert isinstance(default, str), f"{kind.__name__}.{name}"
    return TEXTS


def made(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Random records of a class."""
    if kind is MarketData:
        return market_data()
    given = {name: _values(kind, name, default) for name, default in arguments_of(kind).items()}
    if kind is ScheduledTrigger:
        # A user's schedule has a name, and nothing else has one.
        others = st.builds(
            kind, **given | {"trigger_type": st.sampled_from([t for t in TRIGGERS if t != "schedule"]), "name": st.just("")}
        )
        return others | st.builds(kind, **given | {"trigger_type": st.just("schedule"), "name": st.text(min_size=1, max_size=12)})
    return st.builds(kind, **given)


def shown(value: Any) -> Any:
    """Something that is equal exactly when all fields are, those of objects inside too."""
    if isinstance(value, ApprovedOrder):
        value = value.request
    if isinstance(value, (Event, Command, OrderRequest)):
        return type(value), {name: shown(getattr(value, name)) for name in arguments_of(type(value))}
    if isinstance(value, (Bar, Quote, TradeTick, Session)):
        return type(value), repr(value)
    return repr(value)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_an_event_comes_back_as_it_went(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(made(kind))
    name, payload = encode_event(event)
    back = decode_event(name, payload, INSTRUMENTS)
    assert shown(back) == shown(event)
    assert encode_event(back) == (name, payload)


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_command_comes_back_as_it_went(kind: type[Command], data: st.DataObject) -> None:
    command = data.draw(made(kind))
    name, payload = encode_command(command)
    back = decode_command(name, payload, INSTRUMENTS)
    assert shown(back) == shown(command)
    assert encode_command(back) == (name, payload)


def _leaves(module: ModuleType, base: type) -> set[type]:
    """The classes of a module that derive from one and that none of the others derives from."""
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, base)]
    return {kind for kind in found if not any(other is not kind and issubclass(other, kind) for other in found)}


def test_no_event_and_no_command_is_missing_from_the_tables() -> None:
    assert _leaves(events, Event) == set(EVENTS)
    assert _leaves(commands, Command) == set(COMMANDS)


@contextmanager
def _naming(kind: str) -> Iterator[None]:
    """What is raised inside is a damaged record, and says of which kind."""
    try:
        yield
    except Exception as fault:
        if not isinstance(fault, DamagedRecord) or kind not in str(fault):
            raise AssertionError(f"{fault!r} does not name {kind}") from fault
        raise


@given(event=made(OrderFill), cut=st.integers(0, 200), changed=st.integers(0, 255))
def test_a_damaged_payload_names_its_kind(event: Event, cut: int, changed: int) -> None:
    kind, payload = encode_event(event)
    at = cut % len(payload)
    for damaged in (payload[:at], payload[:at] + bytes([changed]) + payload[at + 1 :]):
        with suppress(DamagedRecord), _naming(kind):
            decode_event(kind, damaged, INSTRUMENTS)


UNKNOWN = "'Gossip' is no kind of"


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("Gossip", b"", UNKNOWN),
        ("SliceClosed", msgspec.msgpack.encode({"v": 2, "time": 3}), "version 2"),
        ("SliceClosed", msgspec.msgpack.encode({"v": 1}), "SliceClosed"),
        ("SliceClosed", b"", "SliceClosed"),
        ("SystemError", msgspec.msgpack.encode({"v": 1, "time": 3, "severity": "mild"}), "severity"),
        ("OrderFill", msgspec.msgpack.encode({"v": 1, "time": 3, "fill_id": "x", "side": "hold"}), "hold"),
        ("MarketData", msgspec.msgpack.encode({"v": 1, "time": 3, "bar": ["XYZ", 1, 2, 3, 3, 3, 3, 3]}), "'XYZ'"),
    ],
)
def test_what_cannot_be_read_is_said(kind: str, payload: bytes, words: str) -> None:
    with pytest.raises(DamagedRecord, match=words):
        decode_event(kind, payload, INSTRUMENTS)
    if words == UNKNOWN:
        with pytest.raises(DamagedRecord, match=words):
            decode_command(kind, payload, INSTRUMENTS)


def test_what_a_later_version_added_is_ignored_and_what_it_misses_is_the_default() -> None:
    payload = msgspec.msgpack.encode({"v": 1, "time": 3, "mood": "good", "message": "m"})
    event = decode_event("SystemError", payload, INSTRUMENTS)
    assert event == SystemError(3, "", "m", "error")
    payload = msgspec.msgpack.encode({"v": 1, "time": 60, "bar": ["AAPL", 1, 2, 3, 3, 3, 3, 3, "more"]})
    event = decode_event("MarketData", payload, INSTRUMENTS)
    assert event == MarketData(60, bar=Bar(AAPL, 1, 2, 3, 3, 3, 3, 3))


def test_a_stored_order_is_an_approved_one_again() -> None:
    command = SubmitOrder("a1", approve(OrderRequest("a1", AAPL, Side.BUY, OrderType.MARKET, 5)))
    back = decode_command(*encode_command(command), INSTRUMENTS)
    assert isinstance(back, SubmitOrder)
    assert back.request == command.request
    assert back.request.instrument is AAPL


def test_what_is_in_no_table_is_refused() -> None:
    with pytest.raises(TypeError, match="Event is in no table"):
        encode_event(Event())
    assert encode_command(RequestBars("", "AAPL", 1, 2))[0] == "RequestBars"
