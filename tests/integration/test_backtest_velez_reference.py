"""Velez over weeks of bars equals an independent simulation that was written from the rules' text, fill by fill."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from backtest_kit import DATA, made_up
from reference.velez_reference import Account, Rules, Simulation

from algotrader.core.market import NS_PER_MINUTE
from algotrader.history.catalogue import Catalogue
from algotrader.history.importing import import_file
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.result import BacktestResult

CAPITAL = Decimal(25_000)
NIGHT = 6 * 60 * NS_PER_MINUTE
SYMBOLS = ("AAPL", "TSLA", "AMD")

VARIANTS: dict[str, tuple[dict[str, Any], Rules, int]] = {
    "defaults": ({}, Rules(), 2),
    "minute candles": (
        {"candle_interval_minutes": 1, "buy_stop_expiry_candles": 3, "max_run_candles": 2},
        Rules(expiry=3, max_run=2),
        1,
    ),
    "no dojis, long waits": (
        {"candle_interval_minutes": 1, "doji_threshold_pct": 0, "buy_stop_expiry_candles": 5, "sma_slow": 100},
        Rules(doji=Fraction(0), expiry=5, slow=100),
        1,
    ),
    "five-minute candles": (
        {"candle_interval_minutes": 5, "sma_slow": 100, "sma_fast": 10, "strong_candle_body_pct": 30, "doji_threshold_pct": 25},
        Rules(slow=100, fast=10, strong=Fraction(30), doji=Fraction(25)),
        5,
    ),
    "wide stops": (
        {"stop_buffer_pct": "1.0", "stop_buffer_min": "0.10", "tightness_threshold_pct": "0.5", "max_run_candles": 10},
        Rules(buffer_pct=Fraction(1), buffer_min=1000, tightness=Fraction(1, 2), max_run=10),
        2,
    ),
}


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Two months of made-up minutes; the days after Thanksgiving and before Christmas are short."""
    return made_up(tmp_path_factory.mktemp("bars"), SYMBOLS, date(2024, 11, 1), date(2024, 12, 31), seed=3)


def frame_of(catalogue: Catalogue, symbol: str) -> pl.DataFrame:
    """Regular bars of a symbol in order of time."""
    chunks = list(catalogue.columns([symbol], "1m", *catalogue.span(symbol, "1m"), regular_only=True))
    return pl.DataFrame(
        {
            name: [value for chunk in chunks for value in getattr(chunk, name)]
            for name in ("open_time", "open", "high", "low", "close")
        }
    )


def expected(frame: pl.DataFrame, rules: Rules, per_candle: int) -> list[tuple[int, str, int, int]]:
    """Fills of the reference; a night starts a session."""
    rows = list(zip(*(frame[name].to_list() for name in ("open", "high", "low", "close")), strict=True))
    starts = [0, *(np.flatnonzero(np.diff(frame["open_time"].to_numpy()) > NIGHT) + 1).tolist(), len(rows)]
    days = [rows[a:b] for a, b in pairwise(starts)]
    return Simulation(rules, Account(Fraction(int(CAPITAL) * 10_000))).run(days, per_candle)


def check(result: BacktestResult, frame: pl.DataFrame, fills: list[tuple[int, str, int, int]]) -> None:
    """Every fill has the side, the shares, the price to the tick and the bar of the reference's."""
    found = [(fill.side, int(fill.quantity), int(fill.price * 10_000)) for fill in result.fills]
    assert found == [fill[1:] for fill in fills]
    for fill, (bar, *_) in zip(result.fills, fills, strict=True):
        assert fill.time - frame["open_time"][bar] in (0, NS_PER_MINUTE)


@pytest.mark.covers("A77", "A79", "A80", "A81", "A82", "A83", "A84", "A153", "A155")
@pytest.mark.parametrize("candidates", [True, False], ids=["skipping", "asking on every bar"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_velez_equals_the_reference(bars: Catalogue, symbol: str, variant: str, candidates: bool) -> None:
    parameters, rules, per_candle = VARIANTS[variant]
    options = BacktestOptions(capital=CAPITAL, ideal=True, candidates=candidates)
    result = backtest("velez", [symbol], data=bars, parameters=parameters, options=options)
    frame = frame_of(bars, symbol)
    fills = expected(frame, rules, per_candle)
    assert len(fills) > 20
    check(result, frame, fills)


@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded market data are not there")
@pytest.mark.parametrize("variant", ["defaults", "minute candles", "no dojis, long waits"])
@pytest.mark.parametrize("symbol", ["SPY", "BAC"])
def test_velez_equals_the_reference_on_recorded_minutes(tmp_path: Path, symbol: str, variant: str) -> None:
    catalogue = Catalogue(tmp_path)
    import_file(DATA / "equity_us" / "minute" / f"{symbol}_trade.parquet", symbol, "1m", catalogue, asset_class="equity")
    parameters, rules, per_candle = VARIANTS[variant]
    result = backtest(
        "velez", [symbol], data=catalogue, parameters=parameters, options=BacktestOptions(capital=CAPITAL, ideal=True)
    )
    frame = frame_of(catalogue, symbol)
    assert len(frame) == 4 * 390
    check(result, frame, expected(frame, rules, per_candle))
