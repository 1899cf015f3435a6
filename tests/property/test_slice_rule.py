"""The slice rule of live sessions, whatever the order, the delays and the repetitions in which bars come."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from scripted_feed import AAPL, MINUTE, MSFT, Scene, at, minute_bar, play

from algotrader.core.events import MarketData, SliceClosed
from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar
from algotrader.live.feed import Feed, FeedSettings

OPEN = at("2024-03-05 14:30")
INSTRUMENTS = (AAPL, MSFT, Instrument("TSLA"))
WAIT = 2 * 10**9
ARRIVALS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 4), st.one_of(st.integers(0, 1_500), st.integers(0, 150_000))),
    min_size=1,
    max_size=25,
)
"""Instrument, minute, and milliseconds after the bar's close."""


def arrive(arrivals: list[tuple[int, int, int]]) -> tuple[Scene, list[tuple[int, Bar]]]:
    """Let bars come; gives what the feed made of them, and the arrivals in their order."""
    order = sorted((OPEN + (minute + 1) * MINUTE + late * 10**6, place) for place, (_, minute, late) in enumerate(arrivals))
    sent = [(moment, minute_bar(INSTRUMENTS[arrivals[place][0]], OPEN + arrivals[place][1] * MINUTE)) for moment, place in order]

    async def script(scene: Scene) -> None:
        patient = FeedSettings(missing_after=10**6, silence=10**6, alert_after=10**6)
        feed = Feed(scene.source, scene.clock, scene.put, INSTRUMENTS, tell=scene.tell, settings=patient)
        task = asyncio.create_task(feed.run(scene.stop))
        await asyncio.sleep(1)
        for moment, bar in sent:
            await scene.until(moment)
            scene.send(bar)
        await asyncio.sleep(10)
        scene.stop.set()
        await task

    # The first bar of an instrument makes the feed look for what lies before it; the past knows nothing here.
    return play("2024-03-05 14:30", script), sent


def newest_first(sent: list[tuple[int, Bar]]) -> list[Bar]:
    """The bars that are newer than all those of their instrument before them, in their order of arrival."""
    last: dict[str, int] = {}
    kept = []
    for _, bar in sent:
        if bar.open_time > last.get(bar.symbol, 0):
            last[bar.symbol] = bar.open_time
            kept.append(bar)
    return kept


@given(ARRIVALS)
def test_every_bar_is_handed_on_once_and_in_order(arrivals: list[tuple[int, int, int]]) -> None:
    scene, sent = arrive(arrivals)
    bars = [event.bar for event in scene.events if isinstance(event, MarketData) and event.bar is not None]
    for instrument in INSTRUMENTS:
        own = [bar for bar in bars if bar.symbol == instrument.symbol]
        assert own == [bar for bar in newest_first(sent) if bar.symbol == instrument.symbol]
    times = [event.time for event in scene.events]
    assert times == sorted(times)


@given(ARRIVALS)
def test_every_slice_closes_once_soon_after_its_first_bar_and_never_holds_an_old_one(arrivals: list[tuple[int, int, int]]) -> None:
    scene, _ = arrive(arrivals)
    closed = 0
    waiting: dict[int, int] = {}
    for event in scene.events:
        if isinstance(event, MarketData):
            assert event.bar is not None
            close_time = event.bar.close_time
            if close_time > closed:
                # On time: its slice is open, and it is not an old bar.
                assert event.time - close_time <= MINUTE
                waiting.setdefault(close_time, event.time)
                assert len(waiting) == 1
        elif isinstance(event, SliceClosed):
            first = waiting.pop(event.close_time, None)
            assert first is None or event.time - first <= WAIT
            assert event.close_time not in waiting
            closed = max(closed, event.close_time)
    assert waiting == {}


@given(ARRIVALS)
def test_the_same_arrivals_give_the_same_events(arrivals: list[tuple[int, int, int]]) -> None:
    assert arrive(arrivals)[0].lines() == arrive(arrivals)[0].lines()
