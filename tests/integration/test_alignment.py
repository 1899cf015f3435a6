"""A recorded paper session and a backtest over the same bars: the same positions, and the same money at every moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from backtest_kit import OPEN_POLICY, made_up
from paper_day import paper_day

from algotrader.history.calendars import day_start
from algotrader.history.catalogue import Catalogue
from algotrader.live.launch_settings import StrategyChoice
from algotrader.live.paper.market import CatalogueMarket
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.records import FillRecord
from algotrader.research.result import BacktestResult

SYMBOLS = ("AAPL", "TSLA", "AMD")
DAY = date(2024, 3, 4)
MINUTE = 60_000_000_000
CROSSING = '''
from algotrader.core.indicators import SMA, crossed_above, crossed_below
from algotrader.strategies.algorithm import TradingAlgorithm


class Crossing(TradingAlgorithm):
    """Holds a hundred of each symbol while its last price is above the mean of the last half hour."""

    name = "crossing"
    protection = "none"
    close_at_session_end = False

    def initialize(self, context):
        context.length = 30

    def handle_data(self, context, data):
        for asset in self.assets:
            closes = data.history(asset, "close", context.length, "1m")
            if len(closes) < context.length:
                continue
            wanted = 100 if closes[-1] > sum(closes) / len(closes) else 0
            if not self.get_open_orders(asset) and context.portfolio.positions[asset].amount != wanted:
                self.order_target(asset, wanted)
'''
RUNS = {
    "velez": ("velez", (("candle_interval_minutes", 1), ("sma_slow", 100))),
    "sma_cross": ("sma_cross", (("fast", 5), ("slow", 20))),
    "algorithm": ("crossing.py:Crossing", ()),
}


def history(fills: Sequence[FillRecord]) -> list[tuple[int, str, Decimal]]:
    """Every position from each minute on: the bar in which it changed, the symbol, what is held then."""
    held: dict[str, Decimal] = {}
    steps: dict[tuple[int, str], Decimal] = {}
    for fill in sorted(fills, key=lambda each: each.time):
        signed = fill.quantity if fill.side == "buy" else -fill.quantity
        held[fill.symbol] = held.get(fill.symbol, Decimal(0)) + signed
        steps[fill.time // MINUTE, fill.symbol] = held[fill.symbol]
    return [(minute, symbol, quantity) for (minute, symbol), quantity in sorted(steps.items())]


def same_moments(first: BacktestResult, second: BacktestResult) -> tuple[np.ndarray, np.ndarray]:
    """Both curves at the moments that both have."""
    _, mine, theirs = np.intersect1d(first.equity_time, second.equity_time, return_indices=True)
    return first.equity[mine], second.equity[theirs]


def both(kind: str, venue: str, folder: Path) -> tuple[BacktestResult, BacktestResult, Catalogue]:
    name, parameters = RUNS[kind]
    (folder / "crossing.py").write_text(CROSSING, encoding="utf-8")
    name = str(folder / name) if ".py" in name else name
    catalogue = made_up(folder / "bars", SYMBOLS, DAY, DAY, seed=4)
    options = replace(BacktestOptions(capital=Decimal(100_000), venue=venue), policy=OPEN_POLICY)
    start = day_start("XNYS", DAY)
    market = CatalogueMarket(catalogue, SYMBOLS, start)
    day = paper_day(StrategyChoice(name, SYMBOLS, parameters, "1m"), market, start, options, folder)
    day.trade()
    verdict, paper = day.replayed()
    assert verdict.difference is None
    assert verdict.events > 1_000
    return paper, backtest(name, SYMBOLS, data=catalogue, interval="1m", parameters=dict(parameters), options=options), catalogue


@pytest.mark.covers("B190", "B29", "C10")
@pytest.mark.parametrize("venue", ["generic", "alpaca-like"])
@pytest.mark.parametrize("kind", list(RUNS))
def test_a_paper_day_and_its_backtest_are_aligned(kind: str, venue: str, tmp_path: Path) -> None:
    paper, tested, _ = both(kind, venue, tmp_path)
    assert len(tested.fills) >= 10
    assert history(paper.fills) == history(tested.fills)
    mine, theirs = same_moments(paper, tested)
    assert len(mine) >= 380
    assert float(np.max(np.abs(mine / theirs - 1))) < 0.001
    assert abs(paper.final_equity / tested.final_equity - 1) < Decimal("0.001")
    assert float(np.corrcoef(mine, theirs)[0, 1]) > 0.99
