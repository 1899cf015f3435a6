"""The client of the paper venue: the way there, streams that break, and what goes wrong on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from paper_rig import AAPL, OPEN, Desk, at_desk, bar, minute, refusal, submit

from algotrader.core.events import ConnectionChanged, Event, OrderFill
from algotrader.core.instruments import Instrument, crypto
from algotrader.core.market import NS_PER_SECOND, Bar, Quote
from algotrader.live.clock import FastClock
from algotrader.live.paper.broker import Latency, PaperBroker
from algotrader.live.paper.faults import Faults
from algotrader.live.paper.streams import Channel
from algotrader.venues.protocols import NotSent, StreamClosed, Throttled, Unanswered

BTC = crypto("BTC/USDT")


@pytest.mark.covers("B180")
@pytest.mark.parametrize(("instrument", "middle"), [(AAPL, 0.1), (BTC, 0.05)])
def test_requests_take_their_time_with_a_spread(instrument: Instrument, middle: float) -> None:
    async def script(desk: Desk) -> list[float]:
        took = []
        for _ in range(50):
            before = desk.clock.now()
            await desk.broker.order("x", instrument.symbol)
            took.append((desk.clock.now() - before) / NS_PER_SECOND)
        return took

    first = at_desk(script, [], instruments=[instrument])
    assert all(0.8 * middle - 1e-6 <= each <= 1.2 * middle + 1e-6 for each in first)
    assert max(first) - min(first) > 0.2 * middle
    assert first == at_desk(script, [], instruments=[instrument])
    assert first != at_desk(script, [], instruments=[instrument], latency=Latency(seed=7))


def test_nothing_overtakes_on_the_way() -> None:
    async def script(desk: Desk) -> None:
        await asyncio.gather(*(desk.send(f"a{number} buy 1 limit 90 gtc") for number in range(20)))
        await desk.clock.sleep(1)
        assert desk.said == [f"a{number} accepted" for number in range(20)]

    at_desk(script, [])


def test_events_are_stamped_with_the_clock_of_who_hears_them() -> None:
    async def script(desk: Desk) -> None:
        other = FastClock(OPEN + 5 * NS_PER_SECOND, 1e-9)
        broker = PaperBroker(desk.exchange, other, Latency(0, 0, 0))
        await broker.connect()
        stream = broker.events()
        await desk.send("a buy 1 market day")
        assert isinstance(await anext(stream), ConnectionChanged)
        event = await anext(stream)
        assert event.time // NS_PER_SECOND == OPEN // NS_PER_SECOND + 5

    at_desk(script, [])


@pytest.mark.covers("A49")
def test_a_stream_can_be_opened_again_and_repeats_nothing() -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 market day")
        desk.broker.drop()
        with pytest.raises(NotSent):
            await desk.send("b buy 1 market day")
        with pytest.raises(StreamClosed):
            await anext(desk.broker.events())
        await desk.at(1.2)
        await desk.broker.connect()
        desk.listen()
        await desk.send("c buy 1 limit 90 gtc")
        await desk.clock.sleep(1)
        assert desk.said == ["a accepted", "c accepted"]
        assert desk.opened == [OPEN, minute(1.2)]
        assert [fill.client_order_id for fill in await desk.broker.fills(0)] == ["a"]
        assert [status.client_order_id for status in await desk.broker.open_orders()] == ["c"]

    at_desk(script, [bar(0)])


@pytest.mark.covers("A47")
def test_no_event_is_dropped_however_long_nobody_listens() -> None:
    async def script(desk: Desk) -> None:
        stream = desk.broker.events()
        for number in range(3_000):
            desk.exchange.person_order(submit(f"p{number} buy 1 limit 90 gtc", AAPL).request)
        await desk.clock.sleep(60)
        assert isinstance(await anext(stream), ConnectionChanged)
        heard = [getattr(await anext(stream), "client_order_id", "") for _ in range(3_000)]
        assert heard == [f"p{number}" for number in range(3_000)]

    at_desk(script, [])


def test_what_has_left_arrives_though_nobody_waits_for_the_answer() -> None:
    async def script(desk: Desk) -> None:
        given_up = asyncio.ensure_future(desk.send("a buy 10 market day"))
        cut_off = asyncio.ensure_future(desk.send("b buy 10 market day"))
        await desk.clock.sleep(0.01)
        given_up.cancel()
        desk.broker.drop()
        with pytest.raises(Unanswered):
            await cut_off
        await desk.clock.sleep(1)
        assert [status.client_order_id for status in desk.exchange.open_orders()] == ["a", "b"]

    at_desk(script, [])


@pytest.mark.covers("A48")
def test_two_clients_one_after_the_other_share_the_account() -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 market day")
        await desk.broker.disconnect()
        await desk.broker.disconnect()
        second = PaperBroker(desk.exchange)
        await second.connect()
        assert await refusal(second.submit(submit("a buy 10 market day", AAPL))) == "duplicate_id"
        await desk.at(1.2)
        assert [position.quantity_raw for position in await second.positions()] == [10]

    at_desk(script, [bar(0)])


@pytest.mark.covers("A34", "A35", "A36", "C10")
def test_the_feed_gives_bars_when_they_are_closed_and_never_the_future() -> None:
    bars = [bar(number) for number in range(5)]

    async def script(desk: Desk) -> None:
        feed = desk.feed
        assert await feed.latest_quote(AAPL) is None
        await feed.subscribe(["AAPL"])
        stream = feed.stream()
        for number in range(3):
            assert await anext(stream) == bars[number]
            assert desk.clock.now() == minute(number + 1) + NS_PER_SECOND // 2
        assert await feed.history(AAPL, 0, minute(10), 60) == bars[:3]
        assert await feed.history(AAPL, minute(1), minute(2), 60) == bars[1:2]
        quote = await feed.latest_quote(AAPL)
        assert quote is not None
        assert (quote.bid_raw, quote.ask_raw, quote.last_raw, quote.time) == (1_000_000, 1_000_000, 1_000_000, minute(3))
        assert await refusal(feed.history(AAPL, 0, minute(10), 7)) == "unsupported"
        await feed.unsubscribe(["AAPL"])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(desk.clock.seconds(300)):
                await anext(stream)
        feed.drop()
        with pytest.raises(StreamClosed):
            await anext(stream)

    at_desk(script, bars)


class Chance(Faults):
    """Faults on demand."""

    def __init__(self) -> None:
        self.refuse: Exception | None = None
        self.swallow = False
        self.fates: list[list[float]] = []
        self.broken = False

    async def before_request(self, name: str, order_id: str) -> None:
        if self.refuse is not None and name == "submit":
            raise self.refuse

    async def before_answer(self, name: str, order_id: str) -> None:
        if self.swallow and name == "submit":
            raise Unanswered("lost")

    async def order_event(self, event: Event) -> Sequence[tuple[float, Event]]:
        if isinstance(event, ConnectionChanged):
            return [(0.0, event)]
        if self.broken:
            raise StreamClosed("broken")
        return [(delay, event) for delay in (self.fates.pop(0) if self.fates else [0.0])]

    async def market_data(self, item: Bar | Quote) -> Sequence[tuple[float, Bar | Quote]]:
        return [(delay, item) for delay in (self.fates.pop(0) if self.fates else [0.0])]


@pytest.mark.parametrize(
    ("fates", "heard"),
    [
        ([], ["0.1 a", "0.2 b", "0.3 c"]),
        ([[]], ["0.2 b", "0.3 c"]),
        ([[0.0], [0.0, 0.02]], ["0.1 a", "0.2 b", "0.22 b", "0.3 c"]),
        ([[0.25]], ["0.2 b", "0.3 c", "0.35 a"]),
        ([[5.0], [4.0], [3.0]], ["3.3 c", "4.2 b", "5.1 a"]),
    ],
)
def test_events_are_lost_doubled_late_and_overtaken(fates: list[list[float]], heard: list[str]) -> None:
    faults = Chance()
    faults.fates = list(fates)

    async def script(desk: Desk) -> None:
        for name in "abc":
            await desk.send(f"{name} buy 1 limit 90 gtc")
        await desk.clock.sleep(10)
        assert [text.removesuffix(" accepted") for text in desk.timed] == heard

    at_desk(script, [], faults=faults, latency=Latency(100_000_000, 100_000_000, 0))


def test_requests_fail_before_and_after_they_are_taken() -> None:
    faults = Chance()

    async def script(desk: Desk) -> None:
        for fault in (NotSent("no"), Throttled("slow down", 2.0), Unanswered("?")):
            faults.refuse = fault
            with pytest.raises(type(fault)):
                await desk.send("a buy 1 market day")
        faults.refuse = None
        assert await desk.broker.order("a", "AAPL") is None
        faults.swallow = True
        with pytest.raises(Unanswered):
            await desk.send("a buy 1 market day")
        assert await desk.known() == ["a 0/1 accepted"]
        faults.swallow, faults.broken = False, True
        await desk.send("b buy 1 market day")
        assert desk.listening is not None
        await desk.listening
        assert desk.said == ["a accepted"]

    at_desk(script, [], faults=faults)


def test_a_fill_may_come_long_after_it_happened() -> None:
    faults = Chance()
    faults.fates = [[0.0], [30.0]]

    async def script(desk: Desk) -> None:
        await desk.send("a buy 1 market day")
        await desk.at(2)
        assert isinstance(desk.heard[-1], OrderFill)
        assert desk.heard[-1].time == minute(1.5)
        assert [fill.time for fill in await desk.broker.fills(0)] == [minute(1)]

    at_desk(script, [bar(0)], faults=faults)


def test_streams_that_broke_leave_nothing_behind() -> None:
    channel = Channel[int]()
    kept = [channel.subscribe() for _ in range(3)]
    kept[0].close()
    kept[0].put(1)
    channel.publish(2)
    assert [channel.listeners, len(kept)] == [2, 3]

    async def script(desk: Desk) -> None:
        assert [await each.take(desk.clock) for each in kept[1:]] == [2, 2]
        with pytest.raises(StreamClosed):
            await kept[0].take(desk.clock)

    at_desk(script, [])
