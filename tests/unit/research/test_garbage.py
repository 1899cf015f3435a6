"""The garbage collector looks seldom during a run, and as before after it."""

from __future__ import annotations

import gc
from pathlib import Path

import polars as pl
import pytest

from algotrader.core.instruments import crypto
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import backtest
from algotrader.research.garbage import rare_collections


def test_thresholds_come_back_after_nested_runs_and_errors() -> None:
    before = gc.get_threshold()
    with rare_collections():
        with pytest.raises(KeyError), rare_collections():
            raise KeyError
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before


def test_two_threads_do_not_keep_each_others_thresholds() -> None:
    before = gc.get_threshold()
    first, second = rare_collections(), rare_collections()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() != before
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_a_finished_run_leaves_little_to_the_garbage_collector(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    rows = 4000
    opens = [NS_PER_DAY + row * NS_PER_MINUTE for row in range(rows)]
    price = [1000 + 100 * (row // 3 % 2) for row in range(rows)]
    bars = {"open_time": opens, "close_time": [time + NS_PER_MINUTE for time in opens], "volume": [10**6] * rows}
    frame = pl.DataFrame({**bars, **dict.fromkeys(("open", "high", "low", "close"), price)})
    catalogue.write_bars(crypto("BTC/USDT", price_scale=2, quantity_scale=0), "1m", frame)
    gc.collect()
    gc.disable()
    try:
        result = backtest("sma_cross", ["BTC/USDT"], data=catalogue, parameters={"fast": 1, "slow": 2, "quantity": 1})
        fills = len(result.fills)
        del result
        assert gc.collect() < fills
    finally:
        gc.enable()
    assert fills > 1000
