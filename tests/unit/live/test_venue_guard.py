"""The venue guard as a story in letters: f fails, s succeeds, digits are tens of seconds that pass."""

from __future__ import annotations

import asyncio

import pytest

from algotrader.live.clock import LoopClock
from algotrader.live.venue_guard import GuardOpen, GuardSettings, VenueGuard
from algotrader.rehearsal.virtual_time import run_virtually


@pytest.mark.covers("B95", "C39")
@pytest.mark.parametrize(
    ("story", "state"),
    [
        ("", "closed"),
        ("ffff", "closed"),
        ("fffff", "open"),
        ("ffffsf", "closed"),
        ("ffffsff", "open"),
        ("sssssfffff", "open"),
        ("fffff5", "open"),
        ("fffff6", "half_open"),
        ("fffff6s", "half_open"),
        ("fffff6ss", "closed"),
        ("fffff6sf", "open"),
        ("fffff6sf5", "open"),
        ("fffff6sf6", "half_open"),
        ("fffff6ssffff", "closed"),
        ("fffffss", "open"),
        ("fffff3fff3", "half_open"),
    ],
)
def test_states(story: str, state: str) -> None:
    async def main() -> None:
        clock = LoopClock(0, asyncio.get_running_loop())
        changes: list[str] = []
        guard = VenueGuard(clock, on_change=changes.append)
        for letter in story:
            if letter == "f":
                guard.failed()
            elif letter == "s":
                guard.succeeded()
            else:
                await clock.sleep(10 * int(letter))
        assert guard.state == state
        assert (changes or ["closed"])[-1] == state
        if state == "open":
            with pytest.raises(GuardOpen):
                guard.check()
        else:
            guard.check()

    run_virtually(main())


def test_its_numbers_are_settings() -> None:
    async def main() -> None:
        clock = LoopClock(0, asyncio.get_running_loop())
        guard = VenueGuard(clock, GuardSettings(failures=1, open_seconds=5, successes=1))
        guard.failed()
        assert guard.state == "open"
        await clock.sleep(5)
        guard.succeeded()
        assert guard.state == "closed"

    run_virtually(main())
