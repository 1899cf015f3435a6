"""A warm-up on a machine that is slow: nothing that follows may overtake the bars of the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from paper_day import paper_day

from algotrader.core.instruments import equity
from algotrader.core.signal_style import SignalSlot
from algotrader.history.calendars import day_start
from algotrader.live.launch_settings import StrategyChoice
from algotrader.live.paper.market import GeneratedMarket
from algotrader.live.replaying import Replay
from algotrader.research.options import BacktestOptions
from algotrader.storage.sql_store import open_store

DAY = date(2024, 3, 7)
SYMBOLS = ("AAPL", "TSLA")
MINUTE = 60_000_000_000


def bars_seen(folder: Path, commit_seconds: float) -> list[int]:
    """Candles that each strategy had seen when the warm-up was over."""
    folder.mkdir()
    market = GeneratedMarket([equity(symbol) for symbol in SYMBOLS], DAY - timedelta(days=10), seed=0)
    options = BacktestOptions(capital=Decimal(100_000))
    day = paper_day(StrategyChoice("velez", SYMBOLS), market, day_start("XNYS", DAY), options, folder)
    day = replace(day, start=day.start - 60 * MINUTE, end=day.start + 5 * MINUTE, commit_seconds=commit_seconds)
    day.trade()
    store = open_store(day.url)
    replay = Replay(store)
    seen: list[int] = []
    for step in replay.steps():
        if step.entry.kind == "Warmup":
            assert replay.assembly is not None
            seen = [slot.bars for slot in replay.assembly.engine.state.slots if isinstance(slot, SignalSlot)]
    store.close()
    return seen


@pytest.mark.parametrize("seconds", [0.0, 8.0])
def test_strategies_see_all_bars_of_the_past(tmp_path: Path, seconds: float) -> None:
    assert bars_seen(tmp_path / "day", seconds) == [390, 390]
