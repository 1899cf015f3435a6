"""Alpaca's rules around the paper exchange: what becomes of orders, in the venue's own words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from alpaca_rig import HOUR, MINUTE, OPEN, Stage
from hypothesis import given, settings
from hypothesis import strategies as st

from algotrader.core.instruments import crypto, equity
from algotrader.rehearsal.alpaca.answers import ApiError
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.simulation.settings import SimulationSettings

CLOSE = OPEN + 6 * HOUR + 30 * MINUTE


def body(**fields: Any) -> dict[str, Any]:
    """A request for a market order of 10 shares, but for the fields given; None leaves one out."""
    found = {"symbol": "AAPL", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day", **fields}
    return {name: value for name, value in found.items() if value is not None}


def limit(price: str, **fields: Any) -> dict[str, Any]:
    return body(type="limit", limit_price=price, **fields)


def stop(price: str, **fields: Any) -> dict[str, Any]:
    return body(type="stop", stop_price=price, **fields)


def bracket(take: str = "110", at: str = "95", **fields: Any) -> dict[str, Any]:
    return body(order_class="bracket", take_profit={"limit_price": take}, stop_loss={"stop_price": at}, **fields)


def refused(act: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        act()
    return caught.value


async def holding(stage: Stage, quantity: str = "10", price: str = "100") -> None:
    """Come to hold shares of AAPL."""
    await stage.bar("AAPL", price)
    stage.venue.submit(body(qty=quantity))
    await stage.bar("AAPL", price)
    stage.updates.clear()


def test_a_market_order_is_told_from_beginning_to_end() -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        answer = stage.venue.submit(body(client_order_id="mine"))
        assert (answer["status"], answer["filled_qty"], answer["filled_avg_price"]) == ("pending_new", "0", None)
        await stage.bar("AAPL", "101", "102", "100", "101.5")
        assert stage.events() == [("pending_new", "pending_new"), ("new", "new"), ("fill", "filled")]
        fill = stage.updates[-1]
        assert (fill["price"], fill["qty"], fill["position_qty"]) == ("101", "10", "10")
        assert fill["order"]["id"] == answer["id"]
        assert fill["order"]["filled_avg_price"] == "101"
        [activity] = stage.venue.book.activities.page({}, {"FILL"})
        assert activity["id"].endswith("::" + fill["execution_id"])
        assert (activity["leaves_qty"], activity["cum_qty"], activity["type"]) == ("0", "10", "fill")
        assert stage.venue.money().cash == stage.exchange.account().cash

    run_virtually(run())


REFUSALS = [
    (body(symbol=None), 422, 40010001, "symbol is required"),
    (body(symbol="NOPE"), 422, 42210000, 'asset "NOPE" not found'),
    (body(qty=None), 422, 40010001, "qty or notional is required"),
    (body(notional="100"), 422, 40010001, "only one of qty or notional is accepted"),
    (body(qty="0"), 422, 40010001, "qty must be > 0"),
    (body(qty="ten"), 422, 40010001, "qty is not a number"),
    (body(qty=True), 422, 40010001, "qty is not a number"),
    (body(qty="1.5"), 403, 40310000, "asset AAPL is not fractionable"),
    (body(side="hold"), 422, 40010001, "invalid side"),
    (body(type="iceberg"), 422, 40010001, "invalid order type"),
    (body(time_in_force="gtd"), 422, 40010001, "invalid time_in_force"),
    (body(type="limit"), 422, 40010001, "limit orders require limit price"),
    (body(limit_price="100"), 422, 40010001, "market orders must not have limit_price"),
    (limit("100.123"), 422, 42210000, "invalid limit_price 100.123. sub-penny increment does not fulfill minimum pricing criteria"),
    (limit("-1"), 422, 40010001, "limit_price must be > 0"),
    (body(extended_hours=True), 422, 42210000, "extended hours order must be DAY or GTC limit orders"),
    (limit("100", extended_hours=True, time_in_force="gtc"), 422, 42210000, "extended hours order must be DAY limit orders"),
    (stop("105", time_in_force="ioc"), 422, 42210000, "invalid time_in_force for stop order"),
    (stop("99"), 422, 42210000, "stop price must be greater than the market price"),
    (body(type="trailing_stop"), 422, 40010001, "trailing stop orders must specify one of trail_price or trail_percent"),
    (bracket(take="99"), 422, 42210000, "take_profit.limit_price must be >= base_price + 0.01"),
    (bracket(at="100"), 422, 42210000, "stop_loss.stop_price must be <= base_price - 0.01"),
    (bracket(time_in_force="ioc"), 422, 40010001, "complex orders must be DAY or GTC orders"),
    (body(order_class="bracket"), 422, 40010001, "bracket orders require take_profit.limit_price"),
    (body(order_class="oto"), 422, 40010001, "oto orders require one of take_profit or stop_loss"),
    (body(take_profit={"limit_price": "110"}), 422, 40010001, "simple orders must not have take_profit or stop_loss"),
    (body(qty="2000"), 403, 40310000, "insufficient buying power"),
    (body(client_order_id="x" * 129), 422, 40010001, "client_order_id must be no more than 128 characters"),
    (body(symbol="BTC/USD", qty="0.1"), 422, 42210000, "invalid crypto time_in_force"),
    (body(symbol="BTC/USD", qty="0.1", time_in_force="gtc", side="sell"), 403, 40310000, "insufficient balance for BTC"),
]


@pytest.mark.parametrize(("asked", "status", "code", "message"), REFUSALS, ids=[row[3][:50] for row in REFUSALS])
def test_what_is_refused(asked: dict[str, Any], status: int, code: int, message: str) -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        refusal = refused(lambda: stage.venue.submit(asked))
        assert (refusal.status, refusal.code) == (status, code)
        assert refusal.message.startswith(message)
        assert refusal.body()["message"] == refusal.message
        assert stage.updates == []
        assert stage.venue.book.orders == {}
        assert stage.exchange.open_orders() == []

    run_virtually(run())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["AAPL", "buy", "limit"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "symbol",
    "qty",
    "notional",
    "side",
    "type",
    "time_in_force",
    "limit_price",
    "stop_price",
    "order_class",
    "take_profit",
    "trail_price",
)


@settings(max_examples=200, deadline=None)
@given(JSON | st.builds(lambda extra: body(**extra), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)))
def test_any_body_is_answered(asked: Any) -> None:
    stage = Stage()
    try:
        answer = stage.venue.submit(asked)
    except ApiError:
        assert stage.exchange.open_orders() == []
    else:
        assert stage.venue.book.order(answer["id"]).open


def test_an_id_is_taken_once_for_ever() -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        order = stage.venue.submit(limit("90", client_order_id="mine"))
        stage.venue.cancel(stage.venue.book.order(order["id"]))
        refusal = refused(lambda: stage.venue.submit(limit("91", client_order_id="mine")))
        assert (refusal.status, refusal.code, refusal.message) == (422, 40010001, "client_order_id must be unique")

    run_virtually(run())


def test_a_resting_stop_reserves_the_holding() -> None:
    async def run() -> None:
        stage = Stage()
        await holding(stage)
        resting = stage.venue.submit(stop("95", side="sell", time_in_force="gtc"))
        assert stage.venue.available(stage.instruments[0]) == 0
        refusal = refused(lambda: stage.venue.submit(body(side="sell")))
        assert (refusal.status, refusal.code) == (403, 40310000)
        assert refusal.body() == {
            "available": "0",
            "code": 40310000,
            "existing_qty": "10",
            "held_for_orders": "10",
            "message": "insufficient qty available for order (requested: 10, available: 0)",
            "related_orders": [resting["id"]],
            "symbol": "AAPL",
        }
        stage.venue.cancel(stage.venue.book.order(resting["id"]))
        stage.venue.submit(body(side="sell"))
        await stage.bar("AAPL", "99")
        assert stage.venue.held() == []

    run_virtually(run())


@pytest.mark.parametrize(
    ("resting", "asked", "reason"),
    [
        (stop("105"), body(side="sell"), "opposite side market/stop order exists"),
        (limit("99"), body(side="sell"), "opposite side limit order exists"),
        (limit("99"), limit("99", side="sell"), "opposite side limit order exists"),
        (limit("99"), limit("99.01", side="sell"), ""),
    ],
)
def test_orders_that_could_meet_each_other_are_refused(resting: Any, asked: Any, reason: str) -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        first = stage.venue.submit(resting)
        if not reason:
            assert stage.venue.submit(asked)["status"] == "pending_new"
            return
        refusal = refused(lambda: stage.venue.submit(asked))
        assert refusal.extra == {"existing_order_id": first["id"], "reject_reason": reason}
        assert refusal.message == "potential wash trade detected. use complex orders"

    run_virtually(run())


def test_the_legs_of_a_bracket_are_held_until_the_entry_is_filled() -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        answer = stage.venue.submit(bracket(time_in_force="gtc"))
        assert [leg["status"] for leg in answer["legs"]] == ["held", "held"]
        assert len({answer["id"], *(leg["id"] for leg in answer["legs"])}) == 3
        await stage.bar("AAPL", "100")
        take, at = (stage.venue.book.order(leg["id"]) for leg in answer["legs"])
        assert (take.status, at.status) == ("new", "new")
        assert stage.venue.available(stage.instruments[0]) == 0
        await stage.bar("AAPL", "100", "111", "100", "111")
        assert (take.status, at.status) == ("filled", "canceled")
        told = [event for event, _ in stage.events()]
        assert told == ["pending_new", "new", "held", "held", "fill", "new", "new", "fill", "canceled"]

    run_virtually(run())


@pytest.mark.parametrize("expires", [False, True])
def test_an_entry_that_ends_takes_its_legs_with_it(expires: bool) -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        answer = stage.venue.submit(bracket(type="limit", limit_price="98"))
        if expires:
            stage.phase(opens=False, time=CLOSE)
        else:
            stage.venue.cancel(stage.venue.book.order(answer["id"]))
        statuses = [order.status for order in stage.venue.book.orders.values()]
        assert statuses == ["expired" if expires else "canceled", "canceled", "canceled"]

    run_virtually(run())


def test_of_a_pair_one_is_filled_and_the_other_canceled() -> None:
    async def run() -> None:
        stage = Stage()
        await holding(stage)
        pair = stage.venue.submit(
            limit("110", side="sell", order_class="oco", take_profit={"limit_price": "110"}, stop_loss={"stop_price": "95"})
        )
        assert refused(lambda: stage.venue.submit(body(side="sell"))).extra["held_for_orders"] == "10"
        await stage.bar("AAPL", "100", "100", "94", "94")
        [leg] = pair["legs"]
        assert stage.venue.book.order(leg["id"]).status == "filled"
        assert stage.venue.book.order(pair["id"]).status == "canceled"

    run_virtually(run())


def test_canceling_one_of_a_pair_cancels_the_other() -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        answer = stage.venue.submit(bracket(time_in_force="gtc"))
        await stage.bar("AAPL", "100")
        stage.venue.cancel(stage.venue.book.order(answer["legs"][1]["id"]))
        assert stage.venue.book.order(answer["legs"][0]["id"]).status == "canceled"
        assert stage.exchange.working() == []

    run_virtually(run())


def test_a_replacement_is_an_order_of_its_own() -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        first = stage.venue.submit(limit("90", client_order_id="a"))
        stage.updates.clear()
        second = stage.venue.replace(stage.venue.book.order(first["id"]), {"limit_price": "91", "client_order_id": "a-r1"})
        assert (second["status"], second["replaces"], second["limit_price"]) == ("accepted", first["id"], "91")
        old = stage.venue.book.order_by_client_id("a").record()
        assert (old["status"], old["replaced_by"]) == ("replaced", second["id"])
        told = [(update["event"], update["order"]["client_order_id"]) for update in stage.updates]
        assert told == [("pending_replace", "a"), ("replaced", "a"), ("new", "a-r1")]
        third = stage.venue.replace(stage.venue.book.order(second["id"]), {"qty": "7"})
        assert third["client_order_id"] not in ("a", "a-r1")
        await stage.bar("AAPL", "92", "92", "89", "90")
        assert stage.venue.book.order(third["id"]).record()["filled_qty"] == "7"
        refusal = refused(lambda: stage.venue.replace(stage.venue.book.order(second["id"]), {"qty": "8"}))
        assert refusal.message == 'order is already in "replaced" state'

    run_virtually(run())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "order parameters are not changed"),
        ({"limit_price": "90"}, "order parameters are not changed"),
        ({"stop_price": "80"}, "limit orders must not have stop_price"),
        ({"qty": "5000"}, "insufficient buying power"),
        ({"client_order_id": "a"}, "order parameters are not changed"),
        ({"client_order_id": "a", "qty": "3"}, "client_order_id must be unique"),
        ({"limit_price": "90.001"}, "invalid limit_price 90.001"),
    ],
)
def test_replacements_that_are_refused_leave_the_order_at_work(change: dict[str, str], message: str) -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        first = stage.venue.submit(limit("90", client_order_id="a"))
        order = stage.venue.book.order(first["id"])
        assert refused(lambda: stage.venue.replace(order, change)).message.startswith(message)
        await stage.bar("AAPL", "89")
        assert order.status == "filled"

    run_virtually(run())


@pytest.mark.parametrize(("keeps", "asked", "filled", "position"), [(False, "6", "0", 10), (True, "10", "4", 10)])
def test_a_replacement_after_a_part_was_filled(keeps: bool, asked: str, filled: str, position: int) -> None:
    async def run() -> None:
        stage = Stage(settings=replace(SimulationSettings.ideal(), volume_limit_ppm=1_000_000), replace_keeps_fills=keeps)
        await stage.bar("AAPL", "100")
        order = stage.venue.book.order(stage.venue.submit(limit("99"))["id"])
        await stage.bar("AAPL", "99", volume=4)
        assert (order.status, order.filled_raw) == ("partially_filled", 4)
        new = stage.venue.replace(order, {"limit_price": "98", "qty": asked})
        assert (new["filled_qty"], new["qty"]) == (filled, asked)
        await stage.bar("AAPL", "98", volume=1000)
        assert stage.venue.holding(stage.instruments[0]).quantity_raw == position
        assert stage.venue.book.order(new["id"]).status == "filled"

    run_virtually(run())


@pytest.mark.parametrize(
    ("meanwhile", "old", "new", "last"),
    [
        ("", "replaced", "new", ["replaced", "new"]),
        ("filled", "filled", "rejected", ["fill", "rejected", "order_replace_rejected"]),
        ("partly", "replaced", "partially_filled", ["partial_fill", "replaced", "new"]),
        ("canceled", "canceled", "rejected", ["pending_cancel", "canceled", "rejected", "order_replace_rejected"]),
    ],
)
def test_a_replacement_that_takes_its_time(meanwhile: str, old: str, new: str, last: list[str]) -> None:
    async def run() -> None:
        stage = Stage(settings=replace(SimulationSettings.ideal(), volume_limit_ppm=1_000_000), replace_seconds=2)
        await stage.bar("AAPL", "100")
        order = stage.venue.book.order(stage.venue.submit(limit("99"))["id"])
        answer = stage.venue.replace(order, {"limit_price": "98"})
        assert (answer["status"], order.status) == ("accepted", "pending_replace")
        stage.updates.clear()
        if meanwhile == "canceled":
            stage.venue.cancel(order)
        elif meanwhile:
            await stage.bar("AAPL", "99", volume=4 if meanwhile == "partly" else 1000)
        await asyncio.sleep(3)
        successor = stage.venue.book.order(answer["id"])
        assert (order.status, successor.status) == (old, new)
        assert [event for event, _ in stage.events()] == last
        await stage.bar("AAPL", "98", volume=1000)
        held = {"canceled": 0}.get(meanwhile, 10)
        assert stage.venue.holding(stage.instruments[0]).quantity_raw == held
        assert stage.exchange.working() == []

    run_virtually(run())


def test_another_time_in_force_keeps_the_order_at_work() -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        first = stage.venue.submit(limit("90"))
        second = stage.venue.replace(stage.venue.book.order(first["id"]), {"time_in_force": "gtc"})
        assert "canceled" not in [event for event, _ in stage.events()]
        stage.phase(opens=False, time=CLOSE)
        assert stage.venue.book.order(second["id"]).status == "new"

    run_virtually(run())


def test_day_orders_expire_with_the_session_and_later_ones_wait_for_the_next() -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        today = stage.venue.submit(limit("90"))
        stage.phase(opens=False, time=CLOSE)
        assert stage.venue.book.order(today["id"]).status == "expired"
        stage.clock.time = CLOSE + HOUR
        answer = stage.venue.submit(limit("91"))
        assert answer["status"] == "accepted"
        order = stage.venue.book.order(answer["id"])
        assert order.status == "accepted"
        refusal = refused(lambda: stage.venue.replace(order, {"limit_price": "92"}))
        assert refusal.message == "cannot replace order in accepted status"
        stage.phase(opens=True, time=OPEN + 24 * HOUR)
        assert order.status == "new"
        assert stage.events()[-2:] == [("accepted", "accepted"), ("new", "new")]

    run_virtually(run())


def test_orders_for_an_auction_come_in_time_or_are_refused() -> None:
    async def run() -> None:
        stage = Stage()
        await stage.bar("AAPL", "100")
        assert "opg orders submitted after 09:28" in refused(lambda: stage.venue.submit(body(time_in_force="opg"))).message
        assert stage.venue.submit(body(time_in_force="cls"))["status"] == "pending_new"
        stage.clock.time = CLOSE - 5 * MINUTE
        assert "cls orders submitted after 15:50" in refused(lambda: stage.venue.submit(body(time_in_force="cls"))).message
        stage.phase(opens=False, time=CLOSE)
        stage.clock.time = CLOSE + 4 * HOUR
        assert stage.venue.submit(body(time_in_force="opg"))["status"] == "accepted"

    run_virtually(run())


def test_a_trailing_stop_shows_what_it_has_seen() -> None:
    async def run() -> None:
        stage = Stage()
        await holding(stage)
        order = stage.venue.submit(body(side="sell", type="trailing_stop", trail_percent="2", time_in_force="gtc"))
        await stage.bar("AAPL", "100", "110", "100", "110")
        stage.venue.book.refresh()
        found = stage.venue.book.order(order["id"]).record()
        assert (found["hwm"], found["stop_price"], found["trail_percent"]) == ("110", "108", "2")

    run_virtually(run())


@pytest.mark.parametrize(
    ("rules", "asked", "message"),
    [
        ({"trading_blocked": True}, body(), "account is restricted from trading"),
        ({"trade_suspended_by_user": True}, body(), "new orders are rejected by user request"),
        ({"account_blocked": True}, body(), "account is not allowed to trade"),
        ({"no_shorting": True}, body(side="sell"), "account is not allowed to short"),
        ({"shorting_enabled": False}, body(side="sell"), "account is not allowed to short"),
        ({"unshortable": ("AAPL",)}, body(side="sell"), 'asset "AAPL" cannot be sold short'),
    ],
)
def test_what_the_account_may_not_do(rules: dict[str, Any], asked: Any, message: str) -> None:
    async def run() -> None:
        stage = Stage(**rules)
        await stage.bar("AAPL", "100")
        assert refused(lambda: stage.venue.submit(asked)).message == message

    run_virtually(run())


def test_shares_in_fractions_and_for_an_amount_of_money() -> None:
    async def run() -> None:
        stage = Stage([equity("AAPL", fractional=True), crypto("BTC/USD")])
        await stage.bar("AAPL", "100")
        assert (
            refused(lambda: stage.venue.submit(body(qty="1.5", time_in_force="gtc"))).message
            == "fractional orders must be DAY orders"
        )
        assert refused(lambda: stage.venue.submit(bracket(qty="1.5"))).message == "fractional orders must be simple orders"
        assert refused(lambda: stage.venue.submit(body(qty="1.5", side="sell"))).message == "fractional orders cannot be sold short"
        answer = stage.venue.submit(body(qty=None, notional="50.50"))
        assert (answer["qty"], answer["notional"]) == (None, "50.5")
        await stage.bar("AAPL", "100")
        assert stage.venue.book.order(answer["id"]).record()["filled_qty"] == "0.505"

    run_virtually(run())


def test_activities_come_page_by_page() -> None:
    async def run() -> None:
        stage = Stage()
        for _ in range(5):
            await holding(stage, "1")
        stage.venue.deposit(10**18)
        log = stage.venue.book.activities
        first = log.page({"page_size": "2", "direction": "asc"}, set())
        second = log.page({"page_size": "2", "direction": "asc", "page_token": first[-1]["id"]}, set())
        ids = [row["id"] for row in first + second]
        assert ids == [entry["id"] for _, entry in log.entries[:4]]
        assert ids == sorted(ids)
        newest = log.page({}, set())[0]
        assert (newest["activity_type"], newest["net_amount"]) == ("CSD", "1")
        assert log.page({"after": str(first[-1]["transaction_time"]), "direction": "asc"}, {"FILL"})[0]["id"] == second[0]["id"]
        assert refused(lambda: log.page({"page_token": "x"}, set())).status == 422

    run_virtually(run())


def test_closing_a_position_takes_what_no_order_holds() -> None:
    async def run() -> None:
        stage = Stage()
        await holding(stage)
        half = stage.venue.close("AAPL", percentage="50")
        assert (half["side"], half["qty"], half["position_intent"]) == ("sell", "5", "sell_to_close")
        assert refused(lambda: stage.venue.close("TSLA")).status == 404
        for nonsense in ("0", "101", "inf", "half"):
            assert refused(partial(stage.venue.close, "AAPL", percentage=nonsense)).status == 422
        assert refused(lambda: stage.venue.close("AAPL")).extra["available"] == "5"

    run_virtually(run())
