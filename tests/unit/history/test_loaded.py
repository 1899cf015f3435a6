"""Bars in memory: the same bars as the folder gives, whatever part of them is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from algotrader.core.instruments import crypto, equity
from algotrader.core.market import NS_PER_MINUTE, BarColumns, utc
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.history.loaded import LoadedCatalogue
from algotrader.research.backtest import backtest

Bars = Callable[..., pl.DataFrame]
START = 1_704_292_200_000_000_000
"""2024-01-03 14:30 UTC, an open in New York."""


def rows_of(chunks: object) -> list[tuple[int, ...]]:
    """Every row of chunks, with whether it lies in the regular session."""
    found: list[tuple[int, ...]] = []
    for chunk in chunks:  # type: ignore[attr-defined]
        assert isinstance(chunk, BarColumns)
        flags = chunk.regular or bytes([1]) * len(chunk)
        found += zip(chunk.instrument, chunk.open_time, chunk.close_time, chunk.close, chunk.volume, flags, strict=True)
    return found


@pytest.fixture
def stored(catalogue: Catalogue, minute_bars: Bars) -> Catalogue:
    """Two equities, an hour of which lies before the open, and a coin."""
    for name, before, count in (("AAPL", 60, 300), ("SPY", 0, 200)):
        frame = minute_bars(START - before * NS_PER_MINUTE, count).with_columns(pl.int_range(1, count + 1).alias("volume"))
        catalogue.write_bars(equity(name), "1m", frame)
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(START, 30))
    return catalogue


@pytest.mark.parametrize("regular_only", [False, True])
@pytest.mark.parametrize(("first", "last"), [(-60, 300), (-60, 0), (-10, 50), (0, 300), (20, 21), (400, 500)])
def test_it_gives_what_the_folder_gives(stored: Catalogue, regular_only: bool, first: int, last: int) -> None:
    loaded = LoadedCatalogue(stored, ["AAPL", "SPY"], "1m")
    period = START + first * NS_PER_MINUTE, START + last * NS_PER_MINUTE
    for symbols in (["AAPL", "SPY"], ["SPY", "AAPL"], ["SPY"], ["BTC/USDT"]):
        expected = rows_of(stored.columns(symbols, "1m", *period, regular_only=regular_only))
        assert rows_of(loaded.columns(symbols, "1m", *period, regular_only=regular_only)) == expected
        for symbol in symbols:
            for mine, theirs in zip(loaded.closes(symbol, "1m", *period), stored.closes(symbol, "1m", *period), strict=True):
                assert np.array_equal(mine, theirs)
    assert loaded.spans(["AAPL", "SPY"], "1m") == stored.spans(["AAPL", "SPY"], "1m")
    assert len(loaded) == 500


def test_what_is_written_later_is_not_seen(stored: Catalogue, minute_bars: Bars) -> None:
    loaded = LoadedCatalogue(stored, ["SPY"], "1m")
    stored.write_bars(equity("SPY"), "1m", minute_bars(START + 200 * NS_PER_MINUTE, 10))
    assert len(rows_of(loaded.columns(["SPY"], "1m", START, 2 * START, regular_only=False))) == 200
    assert len(rows_of(stored.columns(["SPY"], "1m", START, 2 * START, regular_only=False))) == 210


def test_what_is_not_there_is_said_at_once(stored: Catalogue) -> None:
    with pytest.raises(UserError, match="MSFT is not in the catalogue"):
        LoadedCatalogue(stored, ["MSFT"], "1m")
    with pytest.raises(UserError, match="no 1d bars of SPY"):
        LoadedCatalogue(stored, ["SPY"], "1d")
    with pytest.raises(UserError, match="given twice"):
        LoadedCatalogue(stored, ["SPY", "spy"], "1m")


def test_a_backtest_over_loaded_bars_is_the_same_backtest(tmp_path: Path) -> None:
    stored = Catalogue(tmp_path / "generated")
    for name in ("AAPL", "MSFT"):
        stored.write_bars(equity(name), "1m", generate(equity(name), date(2024, 1, 2), date(2024, 1, 31), seed=5))
    loaded = LoadedCatalogue(stored, ["AAPL", "MSFT"], "1m")
    for strategy in ("sma_cross", "velez"):
        for end in (None, "2024-01-17"):
            plain, quick = (backtest(strategy, ["AAPL", "MSFT"], data=data, end=end) for data in (stored, loaded))
            assert len(plain.fills)
            assert plain.fingerprint == quick.fingerprint
            assert plain.final_equity == quick.final_equity != Decimal(100_000)
            assert utc(plain.end) == utc(quick.end)
