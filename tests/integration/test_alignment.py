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
from algotrader.live.launch_settings import StrategyChoice
from algotrader.live.paper.market import CatalogueMarket
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.records import FillRecord
from algotrader.research.result import BacktestResult, Values

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
            closes = list(data.history(asset, "close", context.length, "1m"))
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


def history(fills: Sequence[FillRecord]) -> dict[str, list[tuple[int, Decimal]]]:
    """What is held of every symbol, minute by minute in which that changed."""
    held: dict[str, dict[int, Decimal]] = {}
    for fill in sorted(fills, key=lambda each: each.time):
        steps = held.setdefault(fill.symbol, {})
        before = next(reversed(steps.values()), Decimal(0))
        steps[fill.time // MINUTE] = before + (fill.quantity if fill.side == "buy" else -fill.quantity)
    return {symbol: list(steps.items()) for symbol, steps in held.items()}


def prices(fills: Sequence[FillRecord]) -> list[tuple[str, str, Decimal, Decimal, Decimal]]:
    """What was paid for what, and the commission, whenever that was."""
    return sorted((fill.symbol, fill.side, fill.quantity, fill.price, fill.commission) for fill in fills)


def same_moments(first: BacktestResult, second: BacktestResult) -> tuple[Values, Values]:
    """Both curves at the moments that both have."""
    _, mine, theirs = np.intersect1d(first.equity_time, second.equity_time, return_indices=True)
    return first.equity[mine], second.equity[theirs]


def both(kind: str, venue: str, folder: Path) -> tuple[BacktestResult, BacktestResult]:
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
    return paper, backtest(name, SYMBOLS, data=catalogue, interval="1m", parameters=dict(parameters), options=options)


@pytest.mark.covers("A51", "B29", "B190")
@pytest.mark.parametrize("venue", ["generic", "alpaca-like"])
@pytest.mark.parametrize("kind", list(RUNS))
def test_a_paper_day_and_its_backtest_are_aligned(kind: str, venue: str, tmp_path: Path) -> None:
    paper, tested = both(kind, venue, tmp_path)
    assert len(tested.fills) >= 10
    lived, simulated = history(paper.fills), history(tested.fills)
    assert [(symbol, [held for _, held in steps]) for symbol, steps in sorted(lived.items())] == [
        (symbol, [held for _, held in steps]) for symbol, steps in sorted(simulated.items())
    ]
    assert prices(paper.fills) == prices(tested.fills)
    # A session writes down when it heard of a fill; a backtest, when the bar began in which it happened.
    later = {mine[0] - theirs[0] for symbol in lived for mine, theirs in zip(lived[symbol], simulated[symbol], strict=True)}
    assert later <= {0, 1}
    mine, theirs = same_moments(paper, tested)
    assert len(mine) >= 380
    assert float(np.max(np.abs(mine / theirs - 1))) < 0.001
    assert paper.final_equity == tested.final_equity
    assert float(np.corrcoef(mine, theirs)[0, 1]) > 0.99
