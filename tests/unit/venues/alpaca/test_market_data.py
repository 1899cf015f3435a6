"""The market-data streams: every message in a frame, and none lost to another's damage."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from alpaca_records import AAPL, BITCOIN, TRADED

from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, Bar, Quote, TradeTick
from algotrader.venues.alpaca.market_data import (
    Cancel,
    Correction,
    DailyBar,
    Damaged,
    Luld,
    Message,
    Status,
    StreamError,
    Subscription,
    Unknown,
    UpdatedBar,
    Welcome,
    parse,
)
from algotrader.venues.alpaca.values import AlpacaRecordFault

SECONDS = 1_795_185_120
TIME = SECONDS * 1_000_000_000
STAMP = msgpack.Timestamp(SECONDS, 123_456_789)


def bar(**changes: Any) -> dict[str, Any]:
    """A minute's bar."""
    numbers = {"o": 150.1, "h": 150.55, "l": 150.0, "c": 150.2501, "v": 1234, "n": 57, "vw": 150.2345678}
    return {"T": "b", "S": "AAPL", "t": msgpack.Timestamp(SECONDS, 0), **numbers, **changes}


def quote(**changes: Any) -> dict[str, Any]:
    """A quote."""
    sides = {"bx": "V", "bp": 150.1, "bs": 3, "ax": "V", "ap": 150.12, "as": 5}
    return {"T": "q", "S": "AAPL", "t": STAMP, "c": ["R"], "z": "C", **sides, **changes}


def frame(*messages: object) -> bytes:
    """A frame as the venue packs it."""
    return bytes(msgpack.packb(list(messages)))


def one(message: dict[str, Any]) -> Message:
    """The only message of a frame."""
    (found,) = parse(frame(message), TRADED)
    return found


def test_a_minutes_bar_is_exact_and_closes_a_minute_after_it_opened() -> None:
    expected = Bar(AAPL, TIME, TIME + NS_PER_MINUTE, 1_501_000, 1_505_500, 1_500_000, 1_502_501, 1234)
    assert one(bar()) == expected
    assert one(bar(T="u")) == UpdatedBar(expected)
    assert one(bar(T="d")) == DailyBar(Bar(AAPL, TIME, TIME + NS_PER_DAY, 1_501_000, 1_505_500, 1_500_000, 1_502_501, 1234))


def test_bars_of_five_symbols_come_in_one_frame() -> None:
    symbols = ["AAPL", "MSFT", "BRK.B", "BTC/USD", "NVDA"]
    found = parse(frame(*[bar(S=symbol) for symbol in symbols]), TRADED)
    assert [message.symbol for message in found if isinstance(message, Bar)] == symbols


def test_times_may_be_stamps_or_texts() -> None:
    assert one(quote(t="2026-11-20T14:32:00.123456789Z")) == one(quote())


def test_quotes_and_prints_are_exact_to_the_nanosecond() -> None:
    assert one(quote()) == Quote(AAPL, TIME + 123_456_789, 1_501_000, 1_501_200, 3, 5)
    tick = {"T": "t", "S": "AAPL", "i": 96_921, "x": "D", "p": 126.5599, "s": 1, "t": STAMP, "c": ["@", "I"], "z": "C"}
    assert one(tick) == TradeTick(AAPL, TIME + 123_456_789, 1_265_599, 1, "unknown", "96921")


def test_crypto_is_read_with_nine_decimals_and_the_takers_side() -> None:
    assert one(quote(S="BTC/USD", bp=86_543.21, bs=0.123456789, ap=86_544.0, **{"as": 1.5})) == Quote(
        BITCOIN, TIME + 123_456_789, 86_543_210_000_000, 86_544_000_000_000, 123_456_789, 1_500_000_000
    )
    tick = {"T": "t", "S": "BTC/USD", "p": 86_543.2, "s": 4.3e-08, "t": STAMP, "i": 7, "tks": "S"}
    assert one(tick) == TradeTick(BITCOIN, TIME + 123_456_789, 86_543_200_000_000, 43, "sell", "7")


def test_corrections_cancels_bands_and_halts_are_told() -> None:
    time = TIME + 123_456_789
    old = {"oi": 52, "op": 150.0, "os": 10, "oc": ["@"]}
    new = {"ci": 53, "cp": 150.01, "cs": 11, "cc": ["@"]}
    assert one({"T": "c", "S": "AAPL", "x": "M", **old, **new, "z": "A", "t": STAMP}) == Correction(
        AAPL, time, "M", "52", 1_500_000, 10, "53", 1_500_100, 11
    )
    gone = {"T": "x", "S": "AAPL", "i": 54, "x": "M", "p": 150.0, "s": 1, "a": "C", "z": "A", "t": STAMP}
    assert one(gone) == Cancel(AAPL, time, "M", "54", 1_500_000, 1, "C")
    band = {"T": "l", "S": "AAPL", "u": 158.2, "d": 142.1, "i": "B", "t": STAMP, "z": "C"}
    assert one(band) == Luld(AAPL, time, 1_582_000, 1_421_000, "B")


@pytest.mark.parametrize(
    ("code", "tape", "halted"),
    [
        ("H", "C", True),
        ("P", "C", True),
        ("T", "C", False),
        ("2", "A", True),
        ("3", "B", False),
        ("5", "A", None),
        ("T", "A", None),
    ],
)
def test_a_status_says_whether_trading_is_halted(code: str, tape: str, halted: bool | None) -> None:
    message = {"T": "s", "S": "AAPL", "sc": code, "sm": "Trading", "rc": "T12", "rm": "News", "z": tape, "t": STAMP}
    assert one(message) == Status("AAPL", TIME + 123_456_789, code, "Trading", "T12", "News", tape, halted)


def test_the_streams_own_words_are_told() -> None:
    assert one({"T": "success", "msg": "authenticated"}) == Welcome("authenticated")
    assert one({"T": "error", "code": 406, "msg": "connection limit exceeded"}) == StreamError(406, "connection limit exceeded")
    lists = {"trades": [], "quotes": ["AAPL"], "bars": ["AAPL", "*"], "updatedBars": ["AAPL"], "cancelErrors": None}
    assert one({"T": "subscription", **lists}) == Subscription(
        {"trades": (), "quotes": ("AAPL",), "bars": ("AAPL", "*"), "updatedBars": ("AAPL",)}
    )


def test_an_unknown_kind_is_kept() -> None:
    assert one({"T": "n", "headline": "x"}) == Unknown("n", {"T": "n", "headline": "x"})


def test_an_unknown_field_does_no_harm() -> None:
    assert one(bar(brand_new={"deep": [1]})) == one(bar())


def test_a_stranger_gets_an_instrument_of_its_own() -> None:
    found = one(bar(S="MSFT"))
    assert isinstance(found, Bar)
    assert found.instrument == equity("MSFT", venue="ALPACA")


BAD_STAMP = b"\xc7\x03\xff\x01\x02\x03"
BAD_TEXT = b"\xa4\xff\xfe\xfd\xfc"


def with_raw(name: str, value: bytes) -> bytes:
    """A bar's packed map with one raw value."""
    plain = {key: item for key, item in bar().items() if key != name}
    packed = b"".join(bytes(msgpack.packb(part)) for pair in plain.items() for part in pair)
    return bytes([0x80 + len(plain) + 1]) + packed + bytes(msgpack.packb(name)) + value


@pytest.mark.parametrize(
    "damaged",
    [
        msgpack.packb(bar(o=None)),
        msgpack.packb(bar(o="dear")),
        msgpack.packb(bar(o=float("nan"))),
        msgpack.packb(bar(o=-1.0)),
        msgpack.packb(bar(h=1.0)),
        msgpack.packb(bar(v=1e300)),
        msgpack.packb(bar(t=msgpack.Timestamp(-5, 0))),
        msgpack.packb(bar(t=msgpack.Timestamp(1 << 40, 0))),
        msgpack.packb(bar(t=None)),
        msgpack.packb(bar(S=7)),
        msgpack.packb(bar(S="not a symbol")),
        msgpack.packb({"S": "AAPL"}),
        msgpack.packb({"T": 5}),
        msgpack.packb(quote(bp=151.0)),
        msgpack.packb(3),
        msgpack.packb(None),
        msgpack.packb([1, 2]),
        msgpack.packb({"T": "t", "S": "AAPL", "p": 0.0, "s": 1, "t": STAMP}),
        with_raw("t", BAD_STAMP),
        with_raw("S", BAD_TEXT),
        b"\x81\x91\x01\x02",
    ],
)
def test_one_damaged_message_takes_no_other_with_it(damaged: bytes) -> None:
    found = parse(b"\x93" + msgpack.packb(bar()) + damaged + msgpack.packb(quote()), TRADED)
    assert [type(message) for message in found] == [Bar, Damaged, Quote]


def test_what_came_before_a_frame_broke_off_is_kept() -> None:
    whole = frame(bar(), quote(), bar())
    assert [type(message) for message in parse(whole[:-4], TRADED)] == [Bar, Quote, Damaged]


@pytest.mark.parametrize("broken", [b"", b"\x01", b"\x81\xa1T\xa1b", b"\xc1", b"text", b"\xdd\xff\xff\xff\xff"])
def test_a_frame_that_is_no_list_is_one_fault(broken: bytes) -> None:
    with pytest.raises(AlpacaRecordFault):
        parse(broken, TRADED)


def test_a_frame_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(AlpacaRecordFault):
        parse(b"\x90" + bytes(16 << 20))
