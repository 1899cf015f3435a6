"""The live feed: what it lets pass, when slices close, and what it does about silence, gaps and broken streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from scripted_feed import AAPL, MINUTE, MSFT, Scene, at, clock_text, minute_bar, play

from algotrader.core import reports
from algotrader.core.commands import RequestBars
from algotrader.core.events import MarketData
from algotrader.core.instruments import Instrument
from algotrader.core.market import Quote
from algotrader.live.control import CONNECTED, DISCONNECTED, RECONNECTING, Vitals
from algotrader.live.feed import Feed, FeedSettings
from algotrader.venues.protocols import NotAllowed, Throttled, Unanswered

DAY = "2024-03-05"
OPEN = at(f"{DAY} 14:30")
STEADY = FeedSettings(jitter=0)

Script = Callable[[Scene, Feed], Awaitable[None]]


def minutes(count: int) -> int:
    """So many minutes after the open."""
    return OPEN + count * MINUTE


def run(script: Script, start: str = f"{DAY} 14:30", instruments: Any = (AAPL, MSFT), **more: Any) -> Scene:
    """Run a feed while a script plays, then stop it."""

    async def main(scene: Scene) -> None:
        feed = Feed(
            scene.source, scene.clock, scene.put, instruments, tell=scene.tell, settings=more.pop("settings", STEADY), **more
        )
        task = asyncio.create_task(feed.run(scene.stop))
        await asyncio.sleep(0.01)
        await script(scene, feed)
        scene.stop.set()
        await task

    return play(start, main)


async def minute_passes(scene: Scene, number: int, *instruments: Instrument, late: float = 0.3) -> None:
    """The bars of a minute come."""
    await scene.until(minutes(number) + int(late * 1e9))
    scene.send(*(minute_bar(instrument, minutes(number - 1)) for instrument in instruments))
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)


@pytest.mark.covers("A34", "C10", "C13", "B33")
def test_bars_become_events_with_our_time_and_the_slice_closes_when_all_are_in() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL, MSFT)
        assert feed.last_bar("MSFT") == minute_bar(MSFT, OPEN)
        quote = Quote(AAPL, scene.clock.now(), 999_900, 1_000_100)
        scene.send(quote)
        await asyncio.sleep(0.01)
        assert feed.last_quote("AAPL") is quote
        assert feed.vitals.last_bar == at(f"{DAY} 14:31") + 300_000_000

    scene = run(script)
    assert scene.lines() == ["14:31:00 AAPL 14:31", "14:31:00 MSFT 14:31", "14:31:00 slice 14:31"]
    assert [event.time - minutes(1) for event in scene.events] == [300_000_000] * 3


def test_a_slice_closes_two_seconds_after_its_first_bar_and_what_comes_then_is_late() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL, late=1)
        await scene.until(minutes(1) + 4 * 10**9)
        scene.send(minute_bar(MSFT, OPEN))
        await asyncio.sleep(1)

    assert run(script).lines() == ["14:31:01 AAPL 14:31", "14:31:03 slice 14:31", "14:31:04 MSFT 14:31"]


def test_a_bar_of_the_next_minute_closes_a_slice_that_still_waits() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await scene.until(minutes(2) + 10**9)
        scene.send(*(minute_bar(AAPL, minutes(number)) for number in (0, 1)), minute_bar(MSFT, minutes(0)))
        await asyncio.sleep(3)

    settings = FeedSettings(jitter=0, max_age=120)
    assert run(script, settings=settings).lines() == [
        "14:32:01 AAPL 14:31",
        "14:32:01 slice 14:31",
        "14:32:01 AAPL 14:32",
        "14:32:01 MSFT 14:31",
        "14:32:03 slice 14:32",
    ]


def test_a_bar_older_than_a_bar_is_long_comes_after_its_slice() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await scene.until(minutes(2) + 10**9)
        scene.send(minute_bar(AAPL, minutes(0)))
        await asyncio.sleep(3)

    assert run(script).lines() == ["14:32:01 slice 14:31", "14:32:01 AAPL 14:31"]


def test_a_bar_older_than_the_open_slice_is_late_and_leaves_it_open() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await scene.until(minutes(2) + 10**9)
        scene.send(minute_bar(AAPL, minutes(1)), minute_bar(MSFT, minutes(0)))
        await asyncio.sleep(1)
        scene.send(minute_bar(MSFT, minutes(1)))
        await asyncio.sleep(3)

    settings = FeedSettings(jitter=0, max_age=120, silence=600)
    scene = run(script, f"{DAY} 14:31", settings=settings)
    assert scene.lines() == [
        *("14:32:01 AAPL 14:32", "14:32:01 slice 14:31", "14:32:01 MSFT 14:31"),
        *("14:32:02 MSFT 14:32", "14:32:02 slice 14:32"),
    ]


def test_a_live_bar_waits_while_the_gap_before_it_is_being_fetched() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL)
        scene.break_stream()
        scene.source.history_delay = 5
        scene.source.refusals = [Unanswered("down")] * 5
        scene.source.stored = [minute_bar(AAPL, minutes(1))]
        await scene.until(minutes(2) + 3 * 10**9)
        scene.send(minute_bar(AAPL, minutes(1)))
        await asyncio.sleep(1)
        scene.source.stored += [minute_bar(AAPL, minutes(0))]
        assert len(scene.events) == 2
        await asyncio.sleep(5)

    scene = run(script, instruments=(AAPL,))
    assert [text.split()[-1] for text in scene.lines() if "AAPL" in text] == ["14:31", "14:32"]
    assert scene.kinds(reports.INFO)[-1] == "gap_filled"


def test_only_instruments_whose_session_is_open_are_waited_for() -> None:
    london = Instrument("VOD", calendar="XLON", currency="GBP")

    async def script(scene: Scene, feed: Feed) -> None:
        await scene.until(at(f"{DAY} 09:01") + 10**8)
        scene.send(minute_bar(london, at(f"{DAY} 09:00")))
        await asyncio.sleep(0.1)

    assert run(script, f"{DAY} 09:00", (AAPL, london)).lines() == ["09:01:00 VOD 09:01", "09:01:00 slice 09:01"]


BAD_BARS = [
    ("an unknown symbol", lambda: minute_bar(Instrument("TSLA"), OPEN)),
    ("high below low", lambda: minute_bar(AAPL, OPEN, high=999_000, low=1_000_100)),
    ("a price of zero", lambda: minute_bar(AAPL, OPEN, 0, high=10, low=0)),
    ("a negative price", lambda: minute_bar(AAPL, OPEN, -5, high=10, low=-10)),
    ("a negative volume", lambda: minute_bar(AAPL, OPEN, volume=-1)),
    ("before it closes", lambda: minute_bar(AAPL, OPEN + MINUTE)),
    ("from the future", lambda: minute_bar(AAPL, OPEN + 60 * MINUTE)),
    ("another length", lambda: minute_bar(AAPL, OPEN, seconds=30)),
    ("closes before it opens", lambda: minute_bar(AAPL, OPEN, seconds=-60)),
    ("no market data at all", lambda: "hello"),
]


@pytest.mark.covers("A121", "A122", "C12", "B62")
@pytest.mark.parametrize("make", [make for _, make in BAD_BARS], ids=[name for name, _ in BAD_BARS])
def test_bad_bars_are_told_and_go_no_further(make: Callable[[], Any]) -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await scene.until(minutes(1) + 10**8)
        scene.send(make(), minute_bar(MSFT, OPEN))
        await asyncio.sleep(0.1)
        assert feed.last_bar("AAPL") is None

    scene = run(script)
    assert [event for event in scene.events if isinstance(event, MarketData) and event.bar and event.bar.symbol != "MSFT"] == []
    assert len(scene.kinds(reports.WARNING)) == 1


@pytest.mark.covers("A60", "A71")
def test_duplicates_and_bars_out_of_order_are_dropped() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        feed.resume("AAPL", minutes(0), minutes(1))
        await scene.until(minutes(2) + 10**8)
        scene.send(*(minute_bar(AAPL, minutes(number)) for number in (0, 1, 1, 0)))
        await asyncio.sleep(0.1)

    scene = run(script, f"{DAY} 14:31", instruments=(AAPL,))
    assert scene.lines() == ["14:32:00 AAPL 14:32", "14:32:00 slice 14:32"]
    assert scene.kinds(reports.WARNING) == ["bar_dropped"] * 3


def test_a_venue_whose_clock_is_a_little_ahead_is_believed() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await scene.until(minutes(1) - 10**9)
        scene.send(minute_bar(AAPL, OPEN))
        await asyncio.sleep(0.1)

    scene = run(script, instruments=(AAPL,))
    assert [(type(event).__name__, event.time) for event in scene.events] == [
        ("MarketData", minutes(1)),
        ("SliceClosed", minutes(1)),
    ]


@pytest.mark.covers("A50", "B59", "C11", "B62", "A49")
def test_a_broken_stream_is_opened_again_with_all_subscriptions_and_the_gap_comes_first() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL, MSFT)
        scene.break_stream()
        await asyncio.sleep(0.1)
        assert feed.vitals.bar_stream == RECONNECTING
        scene.source.refusals = [Unanswered("down")] * 5
        scene.source.stored = [minute_bar(AAPL, minutes(number)) for number in range(4)]
        scene.source.history_delay = 5
        await scene.until(minutes(3) + 10**9)
        assert feed.vitals.bar_stream == CONNECTED
        scene.send(minute_bar(AAPL, minutes(3) - 60 * 10**9), minute_bar(MSFT, minutes(2)))
        await scene.until(minutes(3) + 20 * 10**9)

    scene = run(script)
    assert scene.source.calls.count("connect") == 7
    assert scene.source.calls.count("+AAPL,MSFT") == 2
    aapl = [text for text in scene.lines() if "AAPL" in text]
    assert [text.split()[-1] for text in aapl] == ["14:31", "14:32", "14:33"]
    assert ("AAPL", "14:31:00") in [(symbol, start) for symbol, start, _ in scene.source.asked]


@pytest.mark.covers("B59")
def test_the_wait_before_a_new_stream_doubles_to_thirty_seconds_and_starts_anew_once_one_has_held() -> None:
    tries: list[int] = []

    async def script(scene: Scene, feed: Feed) -> None:
        async def refuse() -> None:
            tries.append(scene.clock.now() // 10**9)
            raise Unanswered("down")

        whole = scene.source.connect
        scene.source.connect = refuse  # type: ignore[method-assign]
        scene.break_stream()
        await asyncio.sleep(130)
        scene.source.connect = whole  # type: ignore[method-assign]
        await asyncio.sleep(31)
        scene.send(Quote(AAPL, scene.clock.now(), 1, 2))
        await asyncio.sleep(31)
        tries.append(scene.clock.now() // 10**9)
        scene.source.connect = refuse  # type: ignore[method-assign]
        scene.break_stream()
        await asyncio.sleep(2)

    run(script, f"{DAY} 22:00")
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[:6] == [2, 4, 8, 16, 30, 30]
    assert waits[-1] == 1


@pytest.mark.covers("B59")
def test_a_stream_that_breaks_as_soon_as_it_brings_something_makes_no_storm() -> None:
    opened: list[int] = []

    async def script(scene: Scene, feed: Feed) -> None:
        whole = scene.source.connect

        async def connect() -> None:
            opened.append(scene.clock.now() // 10**9)
            await whole()
            scene.send(Quote(AAPL, scene.clock.now(), 1, 2))
            asyncio.get_running_loop().call_later(0.1, scene.break_stream)

        scene.source.connect = connect  # type: ignore[method-assign]
        scene.break_stream()
        await asyncio.sleep(120)

    run(script, f"{DAY} 22:00")
    assert [later - earlier for earlier, later in pairwise(opened)][:5] == [2, 4, 8, 16, 30]


def test_a_venue_that_says_how_long_to_stay_away_is_obeyed() -> None:
    tries: list[int] = []

    async def script(scene: Scene, feed: Feed) -> None:
        async def refuse() -> None:
            tries.append(scene.clock.now() // 10**9)
            raise Throttled("the account's connections are used up", 45.0)

        scene.source.connect = refuse  # type: ignore[method-assign]
        scene.break_stream()
        await asyncio.sleep(100)

    run(script, f"{DAY} 22:00")
    assert [later - earlier for earlier, later in pairwise(tries)] == [45, 45]


@pytest.mark.covers("B62")
def test_wrong_keys_end_the_feed() -> None:
    async def script(scene: Scene) -> None:
        scene.source.refusals = [NotAllowed("no such key")]
        feed = Feed(scene.source, scene.clock, scene.put, (AAPL,), tell=scene.tell)
        with pytest.raises(NotAllowed):
            await feed.run(scene.stop)
        assert feed.vitals.bar_stream == DISCONNECTED

    assert play(f"{DAY} 14:30", script).kinds(reports.CRITICAL) == ["bar_stream_down"]


@pytest.mark.covers("B61")
def test_ten_bad_messages_in_a_row_force_a_new_stream() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        scene.send(*["junk"] * 9, Quote(AAPL, OPEN, 1, 2), *["junk"] * 9)
        await asyncio.sleep(3)
        assert scene.source.calls.count("connect") == 1
        scene.send("junk")
        await asyncio.sleep(3)
        assert scene.source.calls.count("connect") == 2

    assert "market_data_error" in run(script).kinds(reports.ERROR)


@pytest.mark.covers("A59", "A57")
def test_a_bar_that_does_not_come_is_asked_for_ninety_seconds_after_its_close() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL, MSFT)
        scene.source.stored = [minute_bar(MSFT, minutes(1))]
        await minute_passes(scene, 2, AAPL)
        await minute_passes(scene, 3, AAPL)
        await scene.until(minutes(3) + 31 * 10**9)

    scene = run(script)
    assert scene.source.asked == [("MSFT", "14:31:00", "14:33:30")]
    assert [text for text in scene.lines() if "MSFT" in text] == ["14:31:00 MSFT 14:31", "14:33:30 MSFT 14:32"]
    assert scene.kinds(reports.INFO)[-1] == "gap_filled"


@pytest.mark.covers("A59")
def test_a_window_that_is_empty_at_the_venue_too_is_skipped_with_a_warning() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL, MSFT)
        for number in range(2, 6):
            await minute_passes(scene, number, AAPL)

    scene = run(script)
    assert scene.source.asked == [("MSFT", "14:31:00", "14:33:30")]
    assert scene.kinds(reports.WARNING) == ["bars_missing"]


def test_past_bars_that_cannot_be_fetched_are_asked_for_again() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL, MSFT)
        scene.source.history_refusals = [Unanswered("busy")]
        scene.source.stored = [minute_bar(MSFT, minutes(1))]
        for number in range(2, 5):
            await minute_passes(scene, number, AAPL)

    assert [text.split()[-1] for text in run(script).lines() if "MSFT" in text] == ["14:31", "14:32"]


def test_nobody_is_missed_after_the_close_or_in_a_lunch_break() -> None:
    tokyo = Instrument("TM", calendar="XTKS", currency="JPY")

    async def script(scene: Scene, feed: Feed) -> None:
        scene.send(minute_bar(tokyo, at(f"{DAY} 02:29")))
        await scene.until(at(f"{DAY} 03:31:59"))
        assert scene.source.asked == []
        await scene.until(at(f"{DAY} 03:32:31"))
        assert scene.source.asked[0][:2] == ("TM", "02:30:00")
        await scene.until(at(f"{DAY} 06:10"))
        asked = len(scene.source.asked)
        await scene.until(at(f"{DAY} 23:59"))
        assert len(scene.source.asked) == asked

    run(script, f"{DAY} 02:30", (tokyo,))


@pytest.mark.covers("B60", "A131")
def test_a_silent_stream_is_opened_again() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL, MSFT)
        await scene.until(minutes(3))
        assert scene.source.calls.count("connect") == 1
        await scene.until(minutes(3) + 3 * 10**9)
        assert scene.source.calls.count("connect") == 2

    assert "market_data_stale" in run(script).kinds(reports.WARNING)


@pytest.mark.covers("B112", "A131")
def test_five_minutes_without_data_raise_an_alert_once_and_the_end_is_told() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await minute_passes(scene, 1, AAPL, MSFT)
        await scene.until(minutes(6))
        assert scene.kinds(reports.CRITICAL) == []
        await scene.until(minutes(6) + 10**9)
        assert scene.kinds(reports.CRITICAL) == ["market_data_stale"]
        await minute_passes(scene, 9, AAPL, MSFT)

    scene = run(script)
    assert scene.kinds(reports.CRITICAL) == ["market_data_stale"]
    assert ("market_data_stale", reports.INFO, "", "market data is back") in scene.told


def test_at_night_silence_is_no_news() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await scene.until(at("2024-03-06 14:31:15"))

    scene = run(script, f"{DAY} 21:00")
    assert (scene.source.calls.count("connect"), scene.kinds(reports.WARNING), scene.kinds(reports.CRITICAL)) == (1, [], [])


@pytest.mark.covers("A130")
def test_slow_bars_are_told_once_until_they_are_fast_again() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        for number, late in enumerate((0.5, 3.5, 4, 1, 5), start=1):
            await minute_passes(scene, number, AAPL, late=late)

    assert run(script, instruments=(AAPL,)).kinds(reports.WARNING) == ["bar_late"] * 2


def test_what_lies_between_warm_up_and_stream_is_fetched_before_the_first_live_bar() -> None:
    async def script(scene: Scene) -> None:
        feed = Feed(scene.source, scene.clock, scene.put, (AAPL,), tell=scene.tell)
        feed.resume("AAPL", minutes(-1), minutes(0))
        scene.source.stored = [minute_bar(AAPL, minutes(number)) for number in range(3)]
        await scene.until(minutes(1) + 10**9)
        task = asyncio.create_task(feed.run(scene.stop))
        await scene.until(minutes(3) + 10**9)
        scene.send(minute_bar(AAPL, minutes(2)))
        await asyncio.sleep(1)
        scene.stop.set()
        await task

    scene = play(f"{DAY} 14:30", script)
    assert [text.split()[-1] for text in scene.lines() if "AAPL" in text] == ["14:31", "14:32", "14:33"]


def test_subscriptions_change_at_run_time() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        await feed.subscribe([MSFT, AAPL])
        await minute_passes(scene, 1, AAPL)
        await feed.unsubscribe(["MSFT", "TSLA"])
        await minute_passes(scene, 2, AAPL, MSFT)

    scene = run(script, instruments=(AAPL,))
    assert scene.source.calls == ["connect", "+AAPL", "+MSFT", "-MSFT"]
    slices = [text for text in scene.lines() if "slice" in text]
    assert slices == ["14:31:00 slice 14:31", "14:32:00 slice 14:32"]
    assert scene.kinds(reports.WARNING) == ["bar_dropped"]


@pytest.mark.covers("A59")
def test_the_engines_wish_for_bars_is_answered() -> None:
    async def script(scene: Scene, feed: Feed) -> None:
        scene.source.stored = [minute_bar(AAPL, minutes(number)) for number in range(2)]
        await scene.until(minutes(2))
        feed.request(RequestBars("", "AAPL", minutes(0), minutes(2)))
        feed.request(RequestBars("", "TSLA", minutes(0), minutes(2)))
        await asyncio.sleep(1)

    assert [text.split()[-1] for text in run(script).lines() if "AAPL" in text] == ["14:31", "14:32"]


def test_a_stop_ends_the_feed_at_once_although_the_stream_says_nothing() -> None:
    async def script(scene: Scene) -> None:
        feed = Feed(scene.source, scene.clock, scene.put, (AAPL,))
        task = asyncio.create_task(feed.run(scene.stop))
        await asyncio.sleep(1)
        scene.source.history_delay = 1_000
        feed.request(RequestBars("", "AAPL", minutes(0), minutes(2)))
        await asyncio.sleep(1)
        scene.stop.set()
        before = scene.clock.now()
        await task
        assert scene.clock.now() == before
        assert len(asyncio.all_tasks()) == 1

    play(f"{DAY} 14:30", script)


def test_the_close_of_a_slice_can_be_waited_for() -> None:
    seen: list[str] = []

    async def script(scene: Scene, feed: Feed) -> None:
        async def wait(number: int) -> None:
            await feed.settled(minutes(number), minutes(number) + 5 * 10**9)
            seen.append(clock_text(scene.clock.now()))

        tasks = [asyncio.create_task(wait(number)) for number in (1, 2)]
        await minute_passes(scene, 1, AAPL, late=1)
        await asyncio.gather(*tasks)

    run(script)
    assert seen == ["14:31:03", "14:32:05"]


def test_the_feed_writes_its_vitals() -> None:
    vitals = Vitals()

    async def script(scene: Scene, feed: Feed) -> None:
        assert vitals.bar_stream == CONNECTED

    run(script, vitals=vitals)
    assert vitals.bar_stream == DISCONNECTED
