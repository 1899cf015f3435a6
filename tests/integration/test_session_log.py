"""A session that ``launch`` starts from settings: its limits and its log are those of the configuration."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

from algotrader.config.loading import load_settings
from algotrader.errors import UserError
from algotrader.live.control import Control
from algotrader.live.launch import launch
from algotrader.live.launch_settings import LaunchSettings, StrategyChoice


def settings_in(folder: Path, **environ: str) -> LaunchSettings:
    config = load_settings({"HOME": str(folder), **{f"ALGO_{name}": text for name, text in environ.items()}}).config
    return LaunchSettings(
        strategies=(StrategyChoice("velez", ("AAPL",)),),
        database=f"sqlite:///{folder / 'trading.db'}",
        start_day="2025-11-26",
        speed=2_000,
        config=config,
    )


@pytest.mark.covers("A117", "A91", "A223", "C3", "A19")
def test_a_session_writes_its_log_from_the_first_moment_to_the_last(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "session.jsonl"
    settings = settings_in(tmp_path, APP__LOG_FILE=str(file), RISK__MAX_DAILY_LOSS_PCT="0.04", BROKER__API_KEY="hunter2hunter2")
    limits = []

    def ready(control: Control) -> None:
        limits.append(control.engine.state.policy.max_daily_loss)
        loop = asyncio.get_running_loop()
        loop.call_later(1.0, lambda: control.request_shutdown("hunter2hunter2 seen enough"))

    assert asyncio.run(launch(settings, ready)) == 0
    assert limits == [Decimal("0.04")]
    text = file.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    states = [line["message"] for line in lines if line["event"] == "engine_state"]
    assert states == ["reconciling", "warming_up", "running", "shutting_down", "stopped"]
    assert lines[0]["time"].startswith("2025-11-26T")
    assert [line for line in lines if line["event"] == "warm_up"]
    assert {line["what"] for line in lines if line["event"] == "latency"} >= {"database_write"}
    assert "hunter2" not in text


def test_a_log_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, APP__LOG_FILE=str(tmp_path))
    with pytest.raises(UserError, match="cannot be opened"):
        asyncio.run(launch(settings, lambda control: pytest.fail("it started")))
