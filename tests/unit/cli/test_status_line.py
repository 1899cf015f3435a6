"""The status line: short, fresh, and quiet where it goes to a file."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_rig import Rig
from session_kit import ToldControl

from algotrader.cli.status import lines
from algotrader.cli.status_line import _now_and_then, line, watch
from algotrader.live.control import DISCONNECTED, INITIALIZING, RUNNING, SHUTTING_DOWN, STOPPED
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.server.status import status


def test_it_says_what_matters_in_80_columns() -> None:
    rig = Rig()
    rig.phase("session_open")
    rig.hold(rig.strategy())
    control = ToldControl(rig)
    assert line(control) == "2025-11-26 14:30:00  running  1,000,000.00 (+0.00)  1 held  1 orders  0 trips"
    assert len(line(control)) <= 80
    control.vitals.order_stream = DISCONNECTED
    assert "  running (!)  " in line(control)
    rig.operator("halt")
    assert "  halted (!)  " in line(control)
    control.state = SHUTTING_DOWN
    assert "  shutting down  " in line(control)


def test_without_a_terminal_a_line_comes_with_news_and_once_a_minute() -> None:
    control = ToldControl()
    written: list[str] = []
    control.state = INITIALIZING

    async def life() -> None:
        watching = asyncio.create_task(_now_and_then(control, written.append))
        await asyncio.sleep(2.5)
        control.state = RUNNING
        await asyncio.sleep(125)
        control.state = STOPPED
        await watching

    run_virtually(life())
    assert ["initializing" in text for text in written] == [True, False, False, False]


def test_it_ends_with_the_session(capsys: pytest.CaptureFixture[str]) -> None:
    control = ToldControl()
    control.state = STOPPED
    asyncio.run(watch(control))
    assert capsys.readouterr().out == ""


def test_in_a_terminal_it_is_drawn_over(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    control = ToldControl()

    async def life() -> None:
        watching = asyncio.create_task(watch(control))
        await asyncio.sleep(1)
        control.state = STOPPED
        await watching

    run_virtually(life())
    assert "running" in capsys.readouterr().out


def test_status_lines_fit() -> None:
    rig = Rig(strict=False)
    rig.strategy("a_strategy")
    control = ToldControl(rig)
    control.vitals.order_stream = DISCONNECTED
    rig.state.breaker.reason = "3 losing round trips in a row"
    found: dict[str, Any] = status(control)
    told = lines(found)
    assert told[0] == "session  unhealthy, running, paper"
    assert "trading  active; breaker: 3 losing round trips in a row" in told
    assert "problem  the stream of orders is disconnected" in told
    assert "last     bar 0 s ago, commit never, reconciliation never" in told
    assert max(map(len, told)) <= 80
