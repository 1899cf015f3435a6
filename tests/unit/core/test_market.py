"""Bars, quotes, prints and sessions: exact to the reader, and bad data refused with its fault named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from algotrader.core.instruments import crypto, equity
from algotrader.core.market import BadData, Bar, Quote, Session, TradeTick, check_bar, make_bar, nanoseconds, utc

AAPL = equity("AAPL")
OPEN = datetime(2025, 11, 28, 14, 30, tzinfo=UTC)
CLOSE = OPEN + timedelta(minutes=1)


def bar(*prices: str, volume: str = "10", opens: datetime = OPEN, closes: datetime = CLOSE) -> Bar:
    o, h, low, c = (Decimal(price) for price in prices)
    return make_bar(AAPL, opens, closes, o, h, low, c, Decimal(volume))


@pytest.mark.covers("A26", "A22")
def test_a_bar_reads_as_decimals_and_aware_times() -> None:
    made = bar("100", "101.5", "99.25", "101")
    assert (made.open, made.high, made.low, made.close, made.volume) == tuple(
        Decimal(text) for text in ("100", "101.5", "99.25", "101", "10")
    )
    assert (made.symbol, made.timestamp) == ("AAPL", OPEN)
    assert made.timestamp.tzinfo is UTC
    assert made.is_green
    assert not made.is_red
    assert made == bar("100", "101.5", "99.25", "101")
    assert made != bar("100", "101.5", "99.25", "100.5")


@pytest.mark.parametrize(
    ("prices", "volume", "fault"),
    [
        (("100", "99", "98", "97"), "1", "open lies outside"),
        (("100", "101", "102", "100"), "1", "high is below low"),
        (("100", "101", "99", "102"), "1", "close lies outside"),
        (("0", "101", "0", "100"), "1", "zero or negative"),
        (("-1", "101", "-1", "100"), "1", "zero or negative"),
        (("100", "101", "99", "100"), "-1", "volume is negative"),
        (("100.00001", "101", "99", "100"), "1", "more than 4 decimal places"),
        (("NaN", "101", "99", "100"), "1", "not a"),
        (("100", "Infinity", "99", "100"), "1", "not a"),
        (("100", "101", "99", "100"), "1.5", "more than 0 decimal places"),
    ],
)
def test_an_impossible_bar_is_refused(prices: tuple[str, ...], volume: str, fault: str) -> None:
    with pytest.raises(BadData, match=fault):
        bar(*prices, volume=volume)


def test_a_bar_closes_after_it_opens() -> None:
    with pytest.raises(BadData, match="closes before it opens"):
        bar("100", "101", "99", "100", closes=OPEN)
    with pytest.raises(BadData, match="too large"):
        check_bar(Bar(AAPL, 0, 1, 1, 2**53, 1, 1, 1))


def test_times_without_a_zone_are_refused_and_others_mean_what_they_say() -> None:
    with pytest.raises(BadData, match="no time zone"):
        nanoseconds(OPEN.replace(tzinfo=None))
    assert nanoseconds(datetime(2025, 11, 28, 9, 30, tzinfo=timezone(timedelta(hours=-5)))) == nanoseconds(OPEN)
    assert utc(nanoseconds(OPEN)) == OPEN


@pytest.mark.covers("A26")
def test_a_quote_is_checked_and_cannot_be_changed() -> None:
    quote = Quote(AAPL, nanoseconds(OPEN), 1_000_000, 1_000_100, 5, 7, 1_000_050, 3)
    assert (quote.bid, quote.ask, quote.last, quote.volume) == (Decimal(100), Decimal("100.01"), Decimal("100.005"), Decimal(3))
    assert quote.timestamp == OPEN
    with pytest.raises((AttributeError, TypeError)):
        quote.bid_raw = 5  # type: ignore[misc]


@pytest.mark.parametrize(("bid", "ask", "fault"), [(101, 100, "above ask"), (-1, 100, "negative")])
def test_an_impossible_quote_is_refused(bid: int, ask: int, fault: str) -> None:
    with pytest.raises(BadData, match=fault):
        Quote(AAPL, 0, bid, ask)


def test_a_quote_may_have_an_empty_side() -> None:
    assert Quote(AAPL, 0, 0, 100).bid == 0


@pytest.mark.parametrize(
    ("price", "size", "aggressor", "fault"),
    [
        (0, 1, "buy", "positive"),
        (1, -1, "buy", "not negative"),
        (2**53, 1, "buy", "too large"),
        (1, 1, "maker", "buy, sell or unknown"),
    ],
)
def test_an_impossible_print_is_refused(price: int, size: int, aggressor: str, fault: str) -> None:
    with pytest.raises(BadData, match=fault):
        TradeTick(AAPL, 0, price, size, aggressor)


def test_a_print_reads_as_decimals() -> None:
    tick = TradeTick(crypto("BTC/USDT"), nanoseconds(OPEN), 9_712_345_678_901, 150_000_000)
    assert (tick.price, tick.size, tick.timestamp) == (Decimal("97123.45678901"), Decimal("1.5"), OPEN)


@pytest.mark.parametrize(("time", "inside"), [(9, False), (10, True), (19, True), (20, False), (25, True), (29, True), (30, False)])
def test_a_session_has_its_hours_and_its_break(time: int, inside: bool) -> None:
    assert Session("XTKS", "2025-11-28", 10, 30, ((20, 25),)).contains(time) is inside


def test_a_session_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BadData, match="closes before it opens"):
        Session("XNYS", "x", 10, 10)
