"""The table of errors: row by row, and what the executor makes of them."""

from __future__ import annotations

import pytest
from executor_rig import ExecutorRig, with_rig
from scripted_broker import cancel, submit

from algotrader.core.commands import REFUSALS
from algotrader.core.events import CancelRejected, OrderReject
from algotrader.venues.alpaca.errors import (
    ALREADY_THERE,
    CODES,
    REFUSED,
    STREAM_TABLE,
    TABLE,
    AlreadyThere,
    refusal_code,
    retry_after,
    rule_for,
    stream_error,
    venue_error,
)
from algotrader.venues.protocols import NotAllowed, Refused, StreamClosed, Throttled, Unanswered, VenueError

CASES: list[tuple[int, int | None, str, type[VenueError], str]] = [
    (422, 40010001, "client_order_id must be unique", AlreadyThere, "duplicate_id"),
    (403, 40310000, "insufficient buying power", Refused, "buying_power"),
    (403, 40310000, "insufficient day trading buying power", Refused, "buying_power"),
    (403, 40310000, "insufficient options buying power (required: 20310, available: 9395)", Refused, "buying_power"),
    (403, 40310000, "insufficient balance for USD (requested: 10, available: 1)", Refused, "buying_power"),
    (403, 40310000, "insufficient balance for BTC (requested: 1, available: 0.5)", Refused, "insufficient_quantity"),
    (403, 40310000, "insufficient qty available for order (requested: 15, available: 0)", Refused, "insufficient_quantity"),
    (403, 40310000, "potential wash trade detected. use complex orders", Refused, "opposing_order"),
    (403, 40310000, "opposite side market/stop order exists", Refused, "opposing_order"),
    (403, 40310100, "trade denied due to pattern day trading protection", Refused, ""),
    (403, 40310000, "account is not allowed to short", Refused, "short_not_allowed"),
    (422, 42210000, 'asset "GME" cannot be sold short', Refused, "short_not_allowed"),
    (403, 40310000, "account is restricted to liquidation only", Refused, ""),
    (403, 40310000, "account is not allowed to trade", NotAllowed, ""),
    (403, 40310000, "account is restricted from trading", NotAllowed, ""),
    (403, 40310000, "new orders are rejected by user request", NotAllowed, ""),
    (422, 40010001, "us_equity orders not allowed for account", NotAllowed, ""),
    (403, 40310000, "order parameters are not changed", Refused, ""),
    (422, 42210000, "order parameters are not changed", Refused, ""),
    (403, 40310000, "cost basis must be >= minimal amount of order 1", Refused, "unsupported"),
    (403, 40310000, "something that nobody has heard of", Refused, ""),
    (403, None, "forbidden.", NotAllowed, ""),
    (403, 40300000, "forbidden", NotAllowed, ""),
    (401, 40110000, "request is not authorized", NotAllowed, ""),
    (401, None, "", NotAllowed, ""),
    (400, 40010000, "request body format is invalid", Refused, "unsupported"),
    (422, 40010001, "qty must be > 0", Refused, "unsupported"),
    (
        422,
        42210000,
        "invalid limit_price 150.123. sub-penny increment does not fulfill minimum pricing criteria",
        Refused,
        "unsupported",
    ),
    (422, 42210000, "fractional orders must be DAY orders", Refused, "unsupported"),
    (422, 42210000, 'asset "XYZ" not found', Refused, "unsupported"),
    (422, 42210000, "asset XYZ is not tradable", Refused, "unsupported"),
    (422, 42210000, "stop_loss.stop_price must be <= base_price - 0.01", Refused, "through_market"),
    (422, 42210000, "stop price must be less than current price", Refused, "through_market"),
    (422, 42210000, "stop price is through the market: last price 150", Refused, "through_market"),
    (422, 42210000, "take_profit.limit_price must be >= base_price + 0.01", Refused, "unsupported"),
    (422, 42210000, 'order is already in "filled" state', Refused, "too_late"),
    (422, 42210000, "cannot replace order in filled status", Refused, "too_late"),
    (422, 42210000, "order already replaced", Refused, "too_late"),
    (422, 42210000, "qty must be > filled_qty", Refused, "too_late"),
    (422, 42210000, "unable to replace order, order isn't sent to exchange yet", Refused, ""),
    (422, 42210000, "cannot replace order in pending_new status", Refused, ""),
    (422, 42210000, "trading in AAPL is halted", Refused, "halted"),
    (422, 42210000, "options market orders are only allowed during market hours", Refused, "market_closed"),
    (404, 40410000, "order not found for 904837e3", Refused, "not_found"),
    (404, 40410000, "position does not exist", Refused, "not_found"),
    (404, None, "endpoint not found.", Refused, "not_found"),
    (403, 42210000, "subscription does not permit querying recent SIP data", Refused, "unsupported"),
    (403, 40310100, "trade denied", Refused, ""),
    (400, 40010002, "limit is too large", Refused, "unsupported"),
    (400, None, "bad request", Refused, "unsupported"),
    (422, None, "unprocessable", Refused, "unsupported"),
    (418, None, "a teapot", Refused, ""),
    (429, 42910000, "too many requests.", Throttled, ""),
    (408, None, "request timeout", Unanswered, ""),
    (500, 50010000, "internal server error occurred", Unanswered, ""),
    (502, None, "<html>bad gateway</html>", Unanswered, ""),
    (503, None, "", Unanswered, ""),
    (504, 50410000, "request timed out", Unanswered, ""),
    (302, None, "", Unanswered, ""),
    (200, None, "what is this", Unanswered, ""),
    (0, None, "", Unanswered, ""),
]


@pytest.mark.parametrize(("status", "code", "message", "kind", "refusal"), CASES)
def test_every_error_is_what_it_means(status: int, code: int | None, message: str, kind: type[VenueError], refusal: str) -> None:
    found = venue_error(status, code, message)
    assert type(found) is kind
    assert getattr(found, "code", "") == refusal
    assert message in str(found)
    assert str(status) in str(found)


def test_every_row_of_the_table_is_met_by_a_case() -> None:
    met = [rule_for(status, code, message) for status, code, message, _, _ in CASES]
    assert [rule for rule in TABLE if rule not in met] == []


def test_the_codes_of_the_table_are_listed_once_each() -> None:
    listed = (40010000, 40010001, 40110000, 40300000, 40310000, 40310100, 40410000, 42210000, 42910000, 50010000)
    assert set(listed) <= set(CODES)
    assert sorted(set(CODES)) == list(CODES)


def test_refusals_are_in_the_engines_words() -> None:
    for rule in TABLE:
        assert rule.refusal in ("", *REFUSALS)
        assert rule.meaning
        assert rule.answer in (REFUSED, ALREADY_THERE) or not rule.refusal
        assert all(word == word.lower() for word in rule.words)


def test_a_message_in_capitals_or_without_end_is_read_all_the_same() -> None:
    assert venue_error(403, 40310000, "INSUFFICIENT BUYING POWER").args[0].startswith("INSUFFICIENT")
    assert getattr(venue_error(403, 40310000, "Insufficient Buying Power"), "code", "") == "buying_power"
    assert len(str(venue_error(500, None, "x" * 10_000))) < 600


def test_words_alone_tell_a_refusal_for_updates() -> None:
    assert refusal_code("insufficient qty available for order") == "insufficient_quantity"
    assert refusal_code("") == ""
    assert refusal_code("account is blocked") == ""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "1e9"}, 3600.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 14:32:07 GMT"}, 7.0),
        ({"X-RateLimit-Reset": "1795185130"}, 10.0),
        ({"X-RateLimit-Reset": "1795185000"}, 0.0),
        ({"X-RateLimit-Reset": "1e300"}, 3600.0),
        ({}, None),
    ],
)
@pytest.mark.covers("A166")
def test_the_venue_says_how_long_to_leave_it_alone(headers: dict[str, str], seconds: float | None) -> None:
    now = 1_795_185_120_000_000_000
    assert retry_after(headers, now) == seconds
    found = venue_error(429, 42910000, "too many requests.", headers, now)
    assert isinstance(found, Throttled)
    assert found.retry_after == seconds


def test_a_moment_without_our_clock_says_nothing() -> None:
    assert retry_after({"Retry-After": "Fri, 20 Nov 2026 14:32:07 GMT"}) is None


@pytest.mark.parametrize("rule", STREAM_TABLE, ids=lambda rule: str(rule.code))
def test_every_error_of_the_streams_is_what_it_means(rule: object) -> None:
    kinds = {"stream_closed": StreamClosed, "not_allowed": NotAllowed, "refused": Refused}
    assert type(stream_error(rule.code, "")) is kinds[rule.answer]  # type: ignore[attr-defined]


def test_an_unknown_error_of_a_stream_closes_it() -> None:
    assert type(stream_error(499, "no idea")) is StreamClosed
    assert type(stream_error(None, "")) is StreamClosed


# What the executor makes of them


def answers(rig: ExecutorRig, method: str, *errors: VenueError) -> None:
    """Let the venue answer requests of one kind with errors, then as it does otherwise."""
    waiting, usual = list(errors), getattr(rig.broker, method)

    async def answer(*arguments: object) -> object:
        if waiting:
            raise waiting.pop(0)
        return await usual(*arguments)

    setattr(rig.broker, method, answer)


def sent(*errors: VenueError, seconds: float = 300) -> ExecutorRig:
    """A rig that has sent an order and met these errors."""

    async def main(rig: ExecutorRig) -> ExecutorRig:
        answers(rig, "submit", *errors)
        rig.take(submit("a1"))
        await rig.executor.drain(seconds)
        return rig

    return with_rig(main)


@pytest.mark.covers("A167")
@pytest.mark.parametrize(("status", "code", "message", "refusal"), [(s, c, m, r) for s, c, m, k, r in CASES if k is Refused])
def test_a_refused_order_is_rejected_with_the_venues_reason(status: int, code: int | None, message: str, refusal: str) -> None:
    rig = sent(venue_error(status, code, message))
    (event,) = [event for event in rig.told if isinstance(event, OrderReject)]
    assert (event.code, message in event.reason) == (refusal, True)


@pytest.mark.covers("A166")
def test_an_order_that_came_too_soon_after_others_is_sent_once_more_after_the_wait() -> None:
    rig = sent(venue_error(429, 42910000, "too many requests.", {"Retry-After": "7"}))
    assert rig.words()[-1] == "OrderAccepted a1 v-a1"
    assert rig.seconds >= 7


@pytest.mark.covers("A165")
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_an_order_whose_answer_is_the_venues_failure_is_asked_about_and_never_taken_for_refused(status: int) -> None:
    rig = sent(venue_error(status, None, ""), seconds=5)
    assert "OrderFateUnknown a1" in rig.words()
    assert not any(word.startswith("OrderReject") for word in rig.words())


def test_an_id_that_is_there_already_is_asked_about_and_not_rejected() -> None:
    rig = sent(venue_error(422, 40010001, "client_order_id must be unique"), seconds=5)
    assert "OrderFateUnknown a1" in rig.words()
    assert not any(word.startswith("OrderReject") for word in rig.words())


@pytest.mark.covers("A168")
def test_a_refused_cancel_is_told_with_its_reason() -> None:
    async def main(rig: ExecutorRig) -> ExecutorRig:
        rig.take(submit("a1"))
        await rig.executor.drain(5)
        answers(rig, "cancel", venue_error(422, 42210000, 'order is already in "pending_cancel" state'))
        rig.take(cancel("a1"))
        await rig.executor.drain(60)
        return rig

    (event,) = [event for event in with_rig(main).told if isinstance(event, CancelRejected)]
    assert event.reason.startswith("too_late")
