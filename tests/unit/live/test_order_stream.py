"""How the order stream is opened again: waits grow, a venue may make them longer, and they begin anew once a stream has held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest
from scripted_broker import START, ScriptedBroker

from algotrader.core.events import ConnectionChanged, Event
from algotrader.live.clock import NS_PER_SECOND, LoopClock
from algotrader.live.control import Vitals
from algotrader.live.order_stream import OrderStream
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.venues.protocols import NotAllowed, StreamClosed, Throttled, VenueError


class Breaking(ScriptedBroker):
    """Its streams end as they are told to: at once, or after so many seconds."""

    def __init__(self, clock: LoopClock, ends: Callable[[int], tuple[float, VenueError]]) -> None:
        super().__init__(clock)
        self.tries: list[float] = []
        self._time = clock
        self._ends = ends

    async def connect(self) -> None:
        self.tries.append((self._time.now() - START) / NS_PER_SECOND)

    async def events(self) -> AsyncIterator[Event]:
        seconds, error = self._ends(len(self.tries))
        if seconds:
            yield ConnectionChanged(self._time.now(), "x", connected=True)
            await self._time.sleep(seconds)
        raise error


def waits(ends: Callable[[int], tuple[float, VenueError]], seconds: float) -> list[float]:
    """Seconds from the end of each stream to the next try."""

    async def main() -> list[float]:
        clock = LoopClock(START, asyncio.get_running_loop())
        broker = Breaking(clock, ends)

        async def reconcile(reason: str) -> None:
            return

        stream = OrderStream(broker, clock, lambda event: None, reconcile, Vitals(), lambda *told: None)
        running = asyncio.create_task(stream.run())
        await asyncio.wait([running], timeout=seconds)
        running.cancel()
        held = [ends(number)[0] for number in range(1, len(broker.tries))]
        return [later - earlier - open_for for (earlier, later), open_for in zip(pairwise(broker.tries), held, strict=True)]

    return run_virtually(main())


@pytest.mark.covers("A50")
def test_waits_double_to_thirty_seconds_with_some_jitter() -> None:
    found = waits(lambda number: (0, StreamClosed("no")), 130)
    for wait, least in zip(found, [1, 2, 4, 8, 16, 30, 30], strict=False):
        assert least <= wait <= 1.1 * least + 1e-6
    assert len(set(found)) == len(found) >= 6


def test_a_stream_that_breaks_as_soon_as_it_is_open_makes_no_storm() -> None:
    assert len(waits(lambda number: (0.5, StreamClosed("no")), 120)) <= 8


def test_a_stream_that_has_held_lets_the_waits_begin_anew() -> None:
    found = waits(lambda number: (40 if number == 4 else 0, StreamClosed("no")), 60)
    assert [round(wait) for wait in found[:5]] == [1, 2, 4, 1, 2]


def test_a_venue_that_says_how_long_to_stay_away_is_obeyed() -> None:
    found = waits(lambda number: (0, Throttled("used up", 45.0 if number % 2 else None)), 200)
    assert found[:3] == [45.0, 30.0, 45.0]


def test_wrong_keys_are_not_tried_again() -> None:
    with pytest.raises(NotAllowed):
        run_virtually(_until_refused())


async def _until_refused() -> None:
    clock = LoopClock(START, asyncio.get_running_loop())
    broker = Breaking(clock, lambda number: (0, NotAllowed("no such key")))

    async def reconcile(reason: str) -> None:
        return

    await OrderStream(broker, clock, lambda event: None, reconcile, Vitals(), lambda *told: None).run()
