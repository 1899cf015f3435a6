"""A session on the paper venue of its own process ends in mid-trade; another goes on with the same account."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from backtest_kit import OPEN_POLICY, made_up
from paper_day import paper_day

from algotrader.history.calendars import day_start
from algotrader.live.launch_settings import StrategyChoice
from algotrader.live.paper.market import CatalogueMarket
from algotrader.live.replaying import Replay
from algotrader.research.options import BacktestOptions
from algotrader.storage.sql_store import open_store

SYMBOLS = ("AAPL", "TSLA", "AMD")
DAY = date(2024, 3, 4)
HOUR = 3_600 * 10**9
MINUTE = 60 * 10**9


@pytest.mark.covers("A98")
def test_executions_of_the_second_life_are_told_from_those_of_the_first(tmp_path: Path) -> None:
    catalogue = made_up(tmp_path / "bars", SYMBOLS, DAY, DAY, seed=4)
    options = replace(BacktestOptions(capital=Decimal(100_000)), policy=OPEN_POLICY)
    choice = StrategyChoice("sma_cross", SYMBOLS, (("fast", 5), ("slow", 20)), "1m")
    start = day_start("XNYS", DAY)
    day = paper_day(choice, CatalogueMarket(catalogue, SYMBOLS, start), start, options, tmp_path)
    replace(day, end=day.start + 2 * HOUR).trade()
    replace(day, start=day.start + 2 * HOUR + MINUTE, end=day.start + 4 * HOUR).trade()
    store = open_store(day.url)
    replay = Replay(store)
    for _ in replay.steps():
        pass
    assert replay.assembly is not None
    orders = replay.assembly.engine.state.orders.values()
    assert [repr(order) for order in orders if not order.is_final] == []
    told = [entry for entry in store.journal(0) if entry.kind == "OrderFill"]
    booked = [fill for order in orders for fill in order.fills]
    assert len(told) == len(booked) == len(set(booked)) > 20
    store.close()
