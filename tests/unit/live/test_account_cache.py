"""The account's money: five seconds old at most, and the last known when the venue does not answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from executor_rig import ExecutorRig, with_rig
from scripted_broker import FINE, LOST, MUTE, NOT_ALLOWED, NOT_SENT, REFUSED

from algotrader.core.events import SystemError
from algotrader.live.account_cache import AccountCache
from algotrader.venues.protocols import NotAllowed, Unanswered


def _cache(rig: ExecutorRig) -> AccountCache:
    return AccountCache(rig.broker, rig.clock, rig.told.append, rig.calls)


@pytest.mark.covers("A133", "A41")
def test_an_answer_is_good_for_five_seconds() -> None:
    async def test(rig: ExecutorRig) -> None:
        cache = _cache(rig)
        assert cache.account.age is None
        assert (await cache.account.get()).cash == 1
        rig.broker.info = replace(rig.broker.info, cash=2)
        await rig.later(4.9)
        assert (await cache.account.get()).cash == 1
        await rig.later(0.1)
        assert (await cache.account.get()).cash == 2
        rig.broker.info = replace(rig.broker.info, cash=3)
        cache.account.forget()
        assert (await cache.account.get()).cash == 3
        assert cache.account.age == 0
        assert len(rig.broker.requests("account")) == 3
        assert await cache.positions.get() == []

    with_rig(test)


@pytest.mark.covers("A133", "A169", "A170", "B97")
@pytest.mark.parametrize("kind", ["account", "positions"])
@pytest.mark.parametrize(("fault", "waits"), [(LOST, 2), (NOT_SENT, 2), (MUTE, 32), (REFUSED, 0)])
def test_the_last_known_serves_when_the_venue_does_not_answer(kind: str, fault: str, waits: float) -> None:
    async def test(rig: ExecutorRig) -> None:
        cached = getattr(_cache(rig), kind)
        first = await cached.get()
        await rig.later(10)
        rig.broker.script(kind, for_ever=fault)
        assert await cached.get() is first
        assert rig.seconds == 10 + waits
        warning = rig.told[-1]
        assert isinstance(warning, SystemError)
        assert (warning.error_type, warning.severity) == ("account_stale", "warning")
        assert f"{kind}: using what was known {10 + waits} s ago" in warning.message

    with_rig(test)


@pytest.mark.covers("A169", "A170")
@pytest.mark.parametrize("kind", ["account", "positions"])
def test_wrong_keys_are_not_covered_up(kind: str) -> None:
    async def test(rig: ExecutorRig) -> None:
        cached = getattr(_cache(rig), kind)
        await cached.get()
        await rig.later(10)
        rig.broker.script(kind, for_ever=NOT_ALLOWED)
        with pytest.raises(NotAllowed):
            await cached.get()
        assert len(rig.broker.requests(kind)) == 2
        assert rig.words() == ["SystemError venue_not_allowed"]

    with_rig(test)


def test_there_is_nothing_to_fall_back_on_at_first() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("account", LOST, LOST, LOST, FINE)
        cache = _cache(rig)
        with pytest.raises(Unanswered):
            await cache.account.get()
        assert (await cache.account.get()).cash == 1

    with_rig(test)


def test_who_asks_together_shares_one_answer() -> None:
    async def test(rig: ExecutorRig) -> None:
        cache = _cache(rig)
        await asyncio.gather(*[cache.account.get() for _ in range(5)])
        assert len(rig.broker.requests("account")) == 1

    with_rig(test)
