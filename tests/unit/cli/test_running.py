"""A session in the foreground before there is one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from algotrader.cli.running import Foreground
from algotrader.live.control import Control
from algotrader.live.launch_settings import LaunchSettings, StrategyChoice


def test_a_start_that_waits_for_a_venue_can_be_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cleaned: list[str] = []

    async def launch(settings: LaunchSettings, ready: Callable[[Control], None]) -> int:
        try:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            cleaned.append("the database is closed")
        return 1

    settings = LaunchSettings((StrategyChoice("sma_cross", ("AAPL",)),), f"sqlite:///{tmp_path / 'a.db'}", port=0)
    assert asyncio.run(Foreground(settings, launch).run()) == 0
    assert cleaned == ["the database is closed"]
    assert "stopped before the session began" in capsys.readouterr().out
