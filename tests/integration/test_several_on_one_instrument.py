"""Strategies that say where they could act, on the same bars: none loses a bar to the other, and every answer is heard anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from backtest_kit import ideal, made_up

from algotrader.core.market import Bar
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import backtest
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.scanners import Route, StaticScanner


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return made_up(tmp_path_factory.mktemp("bars"), ["AAPL"], date(2024, 6, 3), date(2024, 6, 21), seed=5)


def test_what_one_strategy_holds_hides_no_bar_from_another(bars: Catalogue) -> None:
    pairs = [{"fast": 5, "slow": 200}, {"fast": 3, "slow": 30}]
    routes = [Route(StaticScanner(), "sma_cross", dict(pair)) for pair in pairs]
    runs = [
        backtest(None, ["AAPL"], data=bars, routes=routes, options=replace(ideal(), candidates=skipping))
        for skipping in (True, False)
    ]
    assert {fill.strategy for fill in runs[0].fills} == {"sma_cross", "sma_cross-2"}
    assert list(runs[0].fills) == list(runs[1].fills)
    held, entered = [trip for trip in runs[0].round_trips if trip.strategy == "sma_cross"], runs[0].fills
    inside = [f for f in entered if f.role == "entry" and f.strategy != "sma_cross" and _within(f.time, held)]
    assert len(inside) > 3


def _within(time: int, trips: list[Any]) -> bool:
    return any(trip.entry_time < time < trip.exit_time for trip in trips)


class Growing(SignalStrategy):
    """Gives the same array again and again for its quantity, and counts it up in place."""

    name: ClassVar[str] = "growing"
    sizing: ClassVar[str] = "explicit"
    protection: ClassVar[str] = "none"
    required_history = 1

    def should_long(self, bar: Bar, indicators: Any) -> object:
        return True

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        return True

    def quantity(self, bar: Bar, indicators: Any) -> Any:
        self.size: Any = getattr(self, "size", np.zeros(()))
        self.size += 1.0
        return self.size


def test_a_quantity_that_changes_in_place_is_read_anew(tmp_path: Path, bars: Catalogue) -> None:
    result = backtest(Growing, ["AAPL"], data=bars, end=date(2024, 6, 3), options=ideal())
    assert [int(trip.quantity) for trip in result.round_trips[:4]] == [1, 2, 3, 4]
