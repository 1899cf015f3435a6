"""At high speed what measures the machine takes real seconds, and what measures the market those of the session."""

from __future__ import annotations

import asyncio

import pytest

from algotrader.live.clock import FastClock, LoopClock, SystemClock
from algotrader.live.feed import FeedSettings
from algotrader.rehearsal.virtual_time import run_virtually


@pytest.mark.parametrize(("speed", "seconds"), [(400.0, 1200.0), (60.0, 180.0), (1.0, 3.0), (0.5, 3.0)])
def test_a_fast_clock_is_patient_for_no_less_than_real_time(speed: float, seconds: float) -> None:
    clock = FastClock(0, speed)
    assert clock.patience(3) == seconds
    assert clock.seconds(clock.patience(3)) >= 3


def test_other_clocks_keep_the_numbers() -> None:
    async def look() -> None:
        clock = LoopClock(0, asyncio.get_running_loop())
        assert clock.patience(3) == SystemClock().patience(3) == 3
        assert FeedSettings().following(clock, 60) == FeedSettings(max_age=60)

    run_virtually(look())


def test_the_feed_follows() -> None:
    settings = FeedSettings().following(FastClock(0, 400), 60)
    assert (settings.slow_after, settings.silence, settings.slice_wait, settings.max_age) == (1200, 24_000, 800, 24_000)
    assert (settings.request_timeout, settings.backoff, settings.reach) == (4000, 1, 7 * 86_400)
    assert settings.missing_after == 90 + 1200 - 3
