"""The account at Alpaca over real sockets, against the server that speaks as Alpaca does."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("alpaca")

from alpaca_desk import Desk, at_desk, settings_for
from alpaca_rig import Stage
from alpaca_servers import QUICK

from algotrader.core.commands import REFUSED_NOT_FOUND
from algotrader.core.events import OrderAccepted, OrderCancel, OrderFill, OrderReplaced
from algotrader.core.orders import OrderState, TimeInForce
from algotrader.core.scaled import money
from algotrader.rehearsal.alpaca.faults import DROP, ERROR, GARBAGE, HALF_OPEN, LOST_ANSWER, MUTE, ORDERS, THROTTLE, Fault
from algotrader.venues.protocols import NotAllowed, Refused, StreamClosed, Throttled, Unanswered


def plan(desk: Desk, kind: str, where: str = "rest", **more: Any) -> None:
    desk.server.plan.add(Fault(kind, where, **more))


@pytest.mark.covers("A32", "A41")
def test_an_account_is_for_practice_only_when_its_address_and_its_number_say_so() -> None:
    async def script(desk: Desk) -> None:
        await desk.broker.connect()
        found = await desk.broker.account()
        assert found.is_paper
        assert (found.equity, found.cash) == (money_of(100_000), money_of(100_000))
        real = desk.fresh(settings_for(desk.server, trading_url=desk.settings.trading_url))
        assert (await real.account()).is_paper
        await real.disconnect()

    async def live(desk: Desk) -> None:
        assert not (await desk.broker.account()).is_paper

    at_desk(script)
    at_desk(live, Stage(rate_limit=0, live=True))


def money_of(amount: int) -> int:
    return money(Decimal(amount))


@pytest.mark.covers("A37", "A40", "A41", "A43", "A46")
def test_an_order_is_filled_and_the_venue_s_records_say_the_same_as_its_stream() -> None:
    async def script(desk: Desk) -> None:
        await desk.listen()
        began = desk.stage.clock.now()
        status = await desk.broker.submit(desk.command("a-1", "buy", 10))
        assert (status.client_order_id, status.state) in [("a-1", OrderState.SUBMITTED), ("a-1", OrderState.ACCEPTED)]
        assert status.venue_order_id
        await desk.stage.bar("AAPL", "100", "101", "99", "100.5")
        [fill] = await desk.heard(OrderFill)
        [accepted] = await desk.heard(OrderAccepted)
        assert (accepted.client_order_id, accepted.venue_order_id) == ("a-1", status.venue_order_id)
        assert (fill.client_order_id, fill.symbol, fill.price_raw, fill.quantity_raw) == ("a-1", "AAPL", 1_000_000, 10)
        [booked] = await desk.fresh().fills(began)
        assert (booked.fill_id, booked.client_order_id, booked.price_raw) == (fill.fill_id, "a-1", fill.price_raw)
        found = await desk.broker.order("a-1", "AAPL")
        assert found is not None
        assert (found.state, found.filled_raw, found.average_raw) == (OrderState.FILLED, 10, 1_000_000)
        [held] = await desk.broker.positions()
        assert (held.symbol, held.quantity_raw, held.average_raw) == ("AAPL", 10, 1_000_000)
        assert await desk.broker.open_orders() == []
        assert [one.client_order_id for one in await desk.broker.recent_orders(began - 1)] == ["a-1"]

    at_desk(script)


@pytest.mark.covers("A38")
def test_an_attached_stop_goes_by_our_name_on_the_stream_in_lists_and_after_a_restart() -> None:
    async def script(desk: Desk) -> None:
        await desk.listen()
        await desk.broker.submit(desk.command("a-1", "buy", 10, stop_loss_raw=950_000, time_in_force=TimeInForce.GTC))
        assert [one.client_order_id for one in await desk.broker.open_orders()] == ["a-1", "a-1-sl"]
        await desk.stage.bar("AAPL", "100", "101", "99", "100.5")
        accepted = await desk.heard(OrderAccepted, 2)
        assert [event.client_order_id for event in accepted] == ["a-1", "a-1-sl"]
        for broker in (desk.broker, desk.fresh()):
            stop = await broker.order("a-1-sl", "AAPL")
            assert stop is not None
            assert (stop.client_order_id, stop.attached_to, stop.stop_raw) == ("a-1-sl", "a-1", 950_000)
            assert [one.client_order_id for one in await broker.open_orders()] == ["a-1-sl"]
        await desk.stage.bar("AAPL", "95", "95", "94", "94.5")
        fills = await desk.heard(OrderFill, 2)
        assert fills[1].client_order_id == "a-1-sl"
        assert [fill.client_order_id for fill in await desk.fresh().fills(0)] == ["a-1", "a-1-sl"]

    at_desk(script)


def replacements(desk: Desk) -> list[tuple[str, str, str]]:
    found = [event for event in desk.said if isinstance(event, OrderReplaced)]
    return [(event.client_order_id, event.new_client_order_id, event.venue_order_id) for event in found]


@pytest.mark.covers("A44", "A46")
def test_a_replaced_stop_has_our_new_name_and_a_new_number_and_can_be_found_by_each() -> None:
    async def script(desk: Desk) -> None:
        await desk.listen()
        await desk.broker.submit(desk.command("a-1", "buy", 10, stop_loss_raw=950_000))
        await desk.stage.bar("AAPL", "100", "101", "99", "100.5")
        await desk.heard(OrderAccepted, 2)
        old = await desk.broker.order("a-1-sl", "AAPL")
        assert old is not None
        for number, price in ((1, 960_000), (2, 970_000)):
            before = "a-1-sl" if number == 1 else "a-1-sl-r1"
            status = await desk.broker.replace(desk.change(before, f"a-1-sl-r{number}", 10, stop_raw=price))
            assert status.client_order_id == f"a-1-sl-r{number}"
            assert status.venue_order_id != old.venue_order_id
            told = (before, f"a-1-sl-r{number}", status.venue_order_id)
            await desk.until(lambda told=told: told in replacements(desk))  # type: ignore[misc]
        for broker in (desk.broker, desk.fresh()):
            gone = await broker.order("a-1-sl", "AAPL")
            assert gone is not None
            assert (gone.venue_order_id, gone.replaced_by) == (old.venue_order_id, "a-1-sl-r1")
            works = await broker.order("a-1-sl-r2", "AAPL")
            assert works is not None
            assert (works.stop_raw, works.replaced_by, works.state) == (970_000, "", OrderState.ACCEPTED)

    at_desk(script)


@pytest.mark.covers("A39", "A46")
def test_a_cancel_is_a_wish_that_the_stream_confirms() -> None:
    async def script(desk: Desk) -> None:
        await desk.listen()
        status = await desk.broker.submit(desk.command("a-1", "buy", 10, limit_raw=900_000))
        await desk.fresh().cancel("a-1", status.venue_order_id, "AAPL")
        [cancelled] = await desk.heard(OrderCancel)
        assert cancelled.client_order_id == "a-1"
        for name, number in (("a-1", ""), ("a-1", status.venue_order_id)):
            with pytest.raises(Refused):
                await desk.broker.cancel(name, number, "AAPL")
        with pytest.raises(Refused) as caught:
            await desk.fresh().cancel("a-9", "", "AAPL")
        assert caught.value.code == REFUSED_NOT_FOUND
        assert await desk.broker.order("a-9", "AAPL") is None
        assert await desk.broker.order("a-9-sl", "AAPL") is None

    at_desk(script)


def test_an_order_that_is_there_already_is_taken_as_such() -> None:
    async def script(desk: Desk) -> None:
        command = desk.command("a-1", "buy", 10, limit_raw=900_000)
        first = await desk.broker.submit(command)
        again = await desk.fresh().submit(command)
        assert again.venue_order_id == first.venue_order_id
        assert len(desk.stage.venue.book.orders) == 1
        # Where it cannot be asked for now, nobody knows: that it was not taken this time is no word on the order.
        for kind in (ERROR, THROTTLE, DROP):
            plan(desk, kind, name="by_client_order_id")
            with pytest.raises(Unanswered):
                await desk.fresh().submit(command)

    at_desk(script)


@pytest.mark.covers("A42", "A157")
def test_lists_of_any_length_come_whole() -> None:
    async def script(desk: Desk) -> None:
        began = desk.stage.clock.now()
        for number in range(505):
            await desk.broker.submit(desk.command(f"a-{number}", "buy", 1, limit_raw=10_000 + 100 * number))
            desk.stage.clock.time += 1_000_000
        for found in (await desk.broker.open_orders(), await desk.fresh().recent_orders(began - 1)):
            assert sorted(one.client_order_id for one in found) == sorted(f"a-{number}" for number in range(505))
        await desk.stage.bar("AAPL", "1.00", "1.00", "1.00", "1.00")
        fills = await desk.fresh().fills(began)
        assert len({fill.fill_id for fill in fills}) == len(fills) == 505
        assert sorted(fill.client_order_id for fill in fills) == sorted(f"a-{number}" for number in range(505))

    at_desk(script, Stage(rate_limit=0, capital=1_000_000))


@pytest.mark.covers("A47", "A49", "A50")
@pytest.mark.parametrize("kind", [DROP, MUTE, HALF_OPEN, GARBAGE])
def test_a_stream_that_fails_ends_and_the_next_one_goes_on(kind: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.listen()
        desk.server.strike(kind, ORDERS)
        began = time.monotonic()
        assert isinstance(await desk.ended(), StreamClosed)
        assert time.monotonic() - began < 5
        # What happens meanwhile is in the venue's records.
        await desk.broker.submit(desk.command("a-1", "buy", 10))
        await desk.stage.bar("AAPL", "100")
        desk.said.clear()
        await desk.listen()
        assert [fill.client_order_id for fill in await desk.broker.fills(0)] == ["a-1"]
        await desk.broker.submit(desk.command("a-2", "buy", 10))
        await desk.stage.bar("AAPL", "101")
        [fill] = await desk.heard(OrderFill)
        assert fill.client_order_id == "a-2"

    at_desk(script, patience=QUICK)


def test_wrong_keys_and_a_second_connection_are_told_apart() -> None:
    async def script(desk: Desk) -> None:
        stranger = desk.fresh(settings_for(desk.server, key="NOBODY"))
        with pytest.raises(NotAllowed):
            await stranger.connect()
        with pytest.raises(NotAllowed):
            await anext(stranger.events())
        await stranger.disconnect()
        plan(desk, THROTTLE, "orders.connect")
        with pytest.raises(Throttled):
            await anext(desk.broker.events())

    at_desk(script)


@pytest.mark.parametrize("kind", [LOST_ANSWER, "drop_answer", GARBAGE, MUTE, HALF_OPEN])
def test_an_order_whose_answer_is_lost_is_neither_there_nor_not_until_it_is_asked_for(kind: str) -> None:
    async def script(desk: Desk) -> None:
        plan(desk, kind, name="POST /v2/orders")
        with pytest.raises(Unanswered):
            await desk.broker.submit(desk.command("a-1", "buy", 10, limit_raw=900_000))
        taken = len(desk.stage.venue.book.orders)
        found = await desk.broker.order("a-1", "AAPL")
        assert (found is not None) == bool(taken)

    at_desk(script, patience=QUICK)
