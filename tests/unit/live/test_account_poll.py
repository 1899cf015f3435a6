"""The account's money is asked for every few seconds; a venue that does not answer costs nothing but age."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from executor_rig import ExecutorRig, with_rig
from scripted_broker import LOST, MUTE, NOT_ALLOWED, NOT_SENT, REFUSED

from algotrader.core.events import AccountSnapshot
from algotrader.live.account_poll import AccountPoll

EVERY = 5.0


async def _polled(rig: ExecutorRig, seconds: float) -> list[int]:
    """The cash that was told within some seconds."""
    poll = AccountPoll(rig.broker, rig.calls, rig.clock, rig.told.append, EVERY)
    running = asyncio.create_task(poll.run())
    await rig.later(seconds)
    running.cancel()
    return [event.cash for event in rig.told if isinstance(event, AccountSnapshot)]


@pytest.mark.covers("A133", "A41")
def test_the_engine_hears_of_the_money_every_five_seconds() -> None:
    async def test(rig: ExecutorRig) -> None:
        assert await _polled(rig, 5.1) == [1]
        rig.broker.info = replace(rig.broker.info, cash=2)
        assert await _polled(rig, 10.1) == [1, 2, 2]

    with_rig(test)


@pytest.mark.covers("A133", "A169", "B97")
@pytest.mark.parametrize("fault", [LOST, NOT_SENT, MUTE, REFUSED, NOT_ALLOWED])
def test_without_an_answer_nothing_is_told_and_the_next_one_counts(fault: str) -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("account", for_ever=fault)
        assert await _polled(rig, 60) == []
        rig.broker.script("account")
        assert await _polled(rig, 5.1) == [1]

    with_rig(test)


@pytest.mark.covers("A169")
def test_missing_rights_are_told() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("account", for_ever=NOT_ALLOWED)
        await _polled(rig, 12)
        assert rig.words() == ["SystemError venue_not_allowed"]

    with_rig(test)
