"""Signals: the first asks, the second forces, and one that comes too early is not lost."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from session_kit import ToldControl

from algotrader.live.signals import ShutdownSignals


@pytest.mark.covers("A106")
@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_first_asks_second_forces(first: signal.Signals, early: bool) -> None:
    told: list[str] = []
    forced: list[str] = []
    control = ToldControl()

    async def life() -> None:
        signals = ShutdownSignals(told.append, lambda: forced.append("out"))
        signals.install()
        if not early:
            signals.attach(control)
        os.kill(os.getpid(), first)
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert control.shutdowns == ([] if early else [(first.name, False)])
        signals.attach(control)
        assert forced == []
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.01)
        signals.remove()
        signals.remove()

    asyncio.run(life())
    assert {reason for reason, _ in control.shutdowns} == {first.name}
    assert forced == ["out"]
    assert [text.split(":")[0] for text in told] == [first.name, "SIGTERM again"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
