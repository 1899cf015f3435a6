"""Alpaca's pages of history: exact numbers, times to the nanosecond, and nothing that a hostile answer could break."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.market import BadData, utc
from algotrader.venues.alpaca.history_records import (
    HistoryFault,
    RawBar,
    RawQuote,
    RawTrade,
    close_time,
    format_time,
    make_bar,
    make_quote,
    make_trade,
    parse_page,
    parse_time,
)

AAPL, BTC = equity("AAPL"), crypto("BTC/USD")
MINUTE = 60
DAY = 86_400
BAR = '{"t":"2024-01-02T14:30:00Z","o":187.15,"h":188.44,"l":183.885,"c":185.64,"v":82488674,"n":1009074,"vw":185.937347}'


def page(rows: str, kind: str = "bars", token: str = "null") -> bytes:
    """The service's answer with these rows of AAPL."""
    return f'{{"{kind}":{{"AAPL":[{rows}]}},"next_page_token":{token}}}'.encode()


def ns(text: str) -> int:
    return parse_time(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02T00:00:00Z", None),
        ("2024-01-02T14:30:00Z", 1_704_205_800_000_000_000),
        ("2024-01-02T09:30:00-05:00", 1_704_205_800_000_000_000),
        ("2024-01-02T14:30:00.009203968Z", 1_704_205_800_009_203_968),
        ("2024-01-02T14:30:00.5Z", 1_704_205_800_500_000_000),
        ("2024-01-02T14:30:00", None),
        ("2024-13-02T14:30:00Z", None),
        ("2024-01-02 14:30:00Z", None),
        ("2024-01-02T14:30:00.0123456789Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("٢٠٢٤-01-02T14:30:00Z", None),
        (1_704_205_800, None),
        (None, None),
    ],
)
def test_times(text: object, expected: int | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r"time|month"):
            parse_time(text)
    else:
        assert parse_time(text) == expected


@given(st.integers(86_400_000_000_000 * 400, 2**62))
def test_a_time_that_is_written_reads_the_same(time: int) -> None:
    assert parse_time(format_time(time)) == time


def test_a_bar_is_exact() -> None:
    found = parse_page(page(BAR), "bars", frozenset({"AAPL"}))
    (raw,) = found.records["AAPL"]
    assert raw == RawBar(ns("2024-01-02T14:30:00Z"), "187.15", "188.44", "183.885", "185.64", "82488674")
    assert isinstance(raw, RawBar)
    bar = make_bar(AAPL, raw, MINUTE)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == tuple(map(Decimal, raw[1:]))
    assert bar.close_time - bar.open_time == 60_000_000_000


@pytest.mark.parametrize(
    ("number", "scaled"),
    [
        ("0.1", 1000),
        ("165.3700", 1653700),
        ("1e2", 1_000_000),
        ("1.00005", 10_000),
        ("1.00015", 10_002),
        ("70368744177.6639", 703687441776639),
    ],
)
def test_no_float_ever_holds_a_price(number: str, scaled: int) -> None:
    row = f'{{"t":"2024-01-02T14:30:00Z","o":{number},"h":{number},"l":{number},"c":{number},"v":1}}'
    (raw,) = parse_page(page(row), "bars", frozenset({"AAPL"})).records["AAPL"]
    assert isinstance(raw, RawBar)
    assert make_bar(AAPL, raw, MINUTE).open_raw == scaled


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"h": 1}, "high is below low"),
        ({"o": 500}, "open lies outside low..high"),
        ({"l": 0, "o": 0}, "a price is zero or negative"),
        ({"v": -1}, "volume is negative"),
        ({"v": 1e20}, "a number is too large for the instrument's scale"),
        ({"t": "2024-01-02T14:30:07Z"}, "it does not begin on a whole minute"),
    ],
)
def test_an_impossible_bar_is_refused(change: dict[str, Any], reason: str) -> None:
    row = json.dumps({**json.loads(BAR), **change})
    (raw,) = parse_page(page(row), "bars", frozenset({"AAPL"})).records["AAPL"]
    assert isinstance(raw, RawBar)
    with pytest.raises(BadData, match=reason.replace(".", r"\.")):
        make_bar(AAPL, raw, MINUTE)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("null", "is no object"),
        ('"bar"', "is no object"),
        ("{}", "has no 't'"),
        (BAR.replace('"v":82488674', '"v":true'), "a number cannot be read"),
        (BAR.replace("187.15", '"a lot"'), "a number cannot be read"),
        (BAR.replace("187.15", "1e9999999"), "a number cannot be read"),
        (BAR.replace("187.15", "9" * 4000), "a number cannot be read"),
        (BAR.replace("2024-01-02T14:30:00Z", "yesterday"), "the time cannot be read"),
    ],
)
def test_a_record_that_cannot_be_read_is_left_out_and_its_neighbours_are_kept(row: str, reason: str) -> None:
    found = parse_page(page(f"{row},{BAR}"), "bars", frozenset({"AAPL"}))
    assert len(found.records["AAPL"]) == 1
    assert found.faults == {"AAPL": Counter({reason: 1})}


def test_records_of_strangers_are_counted_and_not_given() -> None:
    found = parse_page(page(f"{BAR},{BAR}"), "bars", frozenset({"MSFT"}))
    assert found.records == {}
    assert found.faults[""].total() == 2


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"[]",
        b"null",
        b"{}",
        b'{"bars":[]',
        b'{"bars":[1]}',
        b'{"bars":{"AAPL":5}}',
        b'{"bars":{"AAPL":{}}}'.replace(b"{}", b'{"t":1}'),
        b'{"bars":{},"next_page_token":7.5e1}'.replace(b"7.5e1", b"[1]"),
        b'{"bars":{"AAPL":[NaN]}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"bars":' + b"[" * 100_000,
    ],
)
def test_what_is_no_page_is_refused(text: bytes) -> None:
    with pytest.raises(HistoryFault):
        parse_page(text, "bars", frozenset({"AAPL"}))


@pytest.mark.parametrize(
    "empty", [b'{"bars":{},"next_page_token":null}', b'{"bars":null}', b'{"bars":{"AAPL":null}}', b'{"bars":{"AAPL":[]}}']
)
def test_an_empty_page_is_a_page(empty: bytes) -> None:
    found = parse_page(empty, "bars", frozenset({"AAPL"}))
    assert (found.records, found.token, found.faults) == ({}, "", {})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12) | st.just("2024-01-02T14:30:00Z"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["t", "o", "h", "l", "c", "v", "p", "s", "bp", "bs", "ap", "as", "i", "tks", "AAPL"]), inner, max_size=8
        )
    ),
    max_leaves=30,
)


@given(body=_JSON, kind=st.sampled_from(["bars", "quotes", "trades"]))
def test_whatever_comes_raises_nothing_but_our_own_error(body: object, kind: Any) -> None:
    for document in (body, {kind: body}, {kind: {"AAPL": body}}, {kind: {"AAPL": [body]}, "next_page_token": body}):
        try:
            found = parse_page(json.dumps(document).encode(), kind, frozenset({"AAPL"}))
        except HistoryFault:
            continue
        for raw in found.records.get("AAPL", ()):
            try:
                _make(raw)
            except BadData:
                continue


@given(st.binary(max_size=200))
def test_whatever_bytes_come_raise_nothing_but_our_own_error(text: bytes) -> None:
    with suppress(HistoryFault):
        assert parse_page(text, "bars", frozenset()).records.keys() <= {"AAPL"}


def _make(raw: object) -> object:
    if isinstance(raw, RawBar):
        return make_bar(AAPL, raw, MINUTE)
    if isinstance(raw, RawQuote):
        return make_quote(AAPL, raw)
    assert isinstance(raw, RawTrade)
    return make_trade(AAPL, raw)


@pytest.mark.parametrize(
    ("instrument", "opens", "closes"),
    [
        (AAPL, "2024-01-02T05:00:00Z", "2024-01-03T05:00:00Z"),
        (AAPL, "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z"),
        (AAPL, "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"),
        (BTC, "2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z"),
        (BTC, "2024-01-02T06:00:00Z", "2024-01-03T06:00:00Z"),
        (BTC, "2024-03-10T06:00:00Z", "2024-03-11T05:00:00Z"),
    ],
)
def test_days_end_at_the_next_midnight_whatever_the_clocks_do(instrument: Instrument, opens: str, closes: str) -> None:
    assert utc(close_time(instrument, ns(opens), DAY)) == utc(ns(closes))


@pytest.mark.parametrize(
    ("instrument", "opens"), [(AAPL, "2024-01-02T00:00:00Z"), (AAPL, "2024-01-02T14:30:00Z"), (BTC, "2024-01-02T05:00:00Z")]
)
def test_a_day_that_begins_at_no_midnight_is_refused(instrument: Instrument, opens: str) -> None:
    with pytest.raises(BadData, match="does not begin at midnight"):
        close_time(instrument, ns(opens), DAY)


def test_quotes_and_prints() -> None:
    row = '{"t":"2024-01-02T14:30:00.000000001Z","bp":185.1,"bs":2,"ap":185.12,"as":3,"bx":"V","ax":"V","c":["R"],"z":"C"}'
    (raw,) = parse_page(page(row, "quotes"), "quotes", frozenset({"AAPL"})).records["AAPL"]
    assert isinstance(raw, RawQuote)
    quote = make_quote(AAPL, raw, "185.11", "1000")
    assert (quote.bid_raw, quote.ask_raw, quote.bid_size_raw, quote.ask_size_raw) == (1851000, 1851200, 2, 3)
    assert (quote.last_raw, quote.volume_raw, quote.time % 1_000_000_000) == (1851100, 1000, 1)
    row = '{"t":"2024-01-02T14:30:00Z","p":42000.5,"s":8.473e-05,"i":151521553,"tks":"S"}'
    (print_,) = parse_page(page(row, "trades"), "trades", frozenset({"AAPL"})).records["AAPL"]
    assert isinstance(print_, RawTrade)
    tick = make_trade(BTC, print_)
    assert (tick.price_raw, tick.size_raw, tick.aggressor, tick.trade_id) == (4_200_050_000_000, 8473, "sell", "151521553")


def test_a_crossed_quote_is_refused() -> None:
    with pytest.raises(BadData, match="above ask"):
        make_quote(AAPL, RawQuote(0, "2", "1", "1", "1"))
