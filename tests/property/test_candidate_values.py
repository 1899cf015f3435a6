"""Candidates told from float indicators over whole columns: the same fills with and without, whatever the chunks and sessions."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.test_candidates_property import SmallChunks

from algotrader.core.indicators import EMA, SMA, VWAP, BollingerBands, Highest, Indicator
from algotrader.core.instruments import crypto
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, Bar
from algotrader.research.backtest import backtest, verify_candidates
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.columns import Floats, Mask, StrategyColumns

MIDNIGHT = 19_676 * NS_PER_DAY
SYMBOL = "AAA/USD"


class Floating(SignalStrategy):
    """Enters above the session's average price, leaves below a band or at a new high."""

    name: ClassVar[str] = "floating"
    sizing: ClassVar[str] = "explicit"
    protection: ClassVar[str] = "none"
    close_at_session_end: ClassVar[bool] = False
    minutes: ClassVar[int | None] = None

    def indicators(self) -> dict[str, Indicator]:
        self.ema, self.vwap, self.bands, self.top = EMA(3), VWAP(), BollingerBands(5, 1.0), Highest(4)
        return {"ema": self.ema, "vwap": self.vwap, "bands": self.bands, "top": self.top}

    @property
    def required_history(self) -> int:
        return 6

    @property
    def interval_minutes(self) -> int | None:
        return self.minutes

    def should_long(self, bar: Bar, indicators: Any) -> object:
        return self.ema.value > self.vwap.value

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        return self.ema.value < self.bands.lower or self.top.raw > self.top.previous_raw

    def quantity(self, bar: Bar, indicators: Any) -> object:
        return 2

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        return columns.values(self.ema) > columns.values(self.vwap)

    def exit_candidates(self, columns: StrategyColumns) -> Mask | None:
        rising = columns.integers(self.top, "raw") > columns.integers(self.top, "previous_raw")
        return rising | (columns.values(self.ema) < columns.values(self.bands, "lower"))


def store(folder: Path, moves: list[int], volumes: list[int], gaps: set[int]) -> SmallChunks:
    """Minute bars around a midnight, at which the session of a market around the clock begins."""
    catalogue = SmallChunks(folder)
    close = 10_000 + np.cumsum(np.array(moves, dtype=np.int64)) * 10
    opened = np.concatenate([[10_000], close[:-1]])
    minute = np.arange(len(moves), dtype=np.int64) - len(moves) // 2
    frame = pl.DataFrame(
        {
            "open_time": MIDNIGHT + minute * NS_PER_MINUTE,
            "close_time": MIDNIGHT + (minute + 1) * NS_PER_MINUTE,
            "open": opened,
            "high": np.maximum(opened, close) + 7,
            "low": np.minimum(opened, close) - 7,
            "close": close,
            "volume": np.array(volumes, dtype=np.int64),
        }
    )
    kept = frame.filter(~pl.Series([place in gaps for place in range(len(moves))]))
    catalogue.write_bars(crypto(SYMBOL, price_scale=2, quantity_scale=0), "1m", kept)
    return catalogue


@pytest.mark.covers("A64")
@settings(max_examples=40)
@given(
    moves=st.lists(st.integers(-9, 9), min_size=50, max_size=50),
    volumes=st.lists(st.sampled_from([0, 1, 1000, 5000]), min_size=50, max_size=50),
    gaps=st.sets(st.integers(0, 49), max_size=6),
    rows=st.integers(1, 60),
    minutes=st.sampled_from([None, 2, 5]),
)
def test_the_same_fills_with_and_without_skipping(
    moves: list[int], volumes: list[int], gaps: set[int], rows: int, minutes: int | None
) -> None:
    kind = type("Drawn", (Floating,), {"minutes": minutes})
    with TemporaryDirectory() as folder:
        catalogue = store(Path(folder), moves, volumes, gaps)
        SmallChunks.rows = rows
        assert verify_candidates(kind, [SYMBOL], data=catalogue, interval="1m") == ""


@pytest.mark.parametrize("rows", [1, 7, 50])
def test_earlier_bars_have_their_values_again(tmp_path: Path, rows: int) -> None:
    seen: list[tuple[Floats, Floats]] = []

    class Noting(Floating):
        def candidates(self, columns: StrategyColumns) -> Mask | None:
            ema, vwap = columns.values(self.ema), columns.values(self.vwap)
            assert columns.values(self.ema) is not None
            seen.append((ema, vwap))
            return np.asarray(ema > vwap)

        exit_candidates = Floating.exit_candidates

    dice = np.random.default_rng(3)
    moves, volumes = [int(move) for move in dice.integers(-9, 10, 50)], [int(volume) for volume in dice.integers(0, 9, 50)]
    SmallChunks.rows = rows
    backtest(Noting, [SYMBOL], data=store(tmp_path, moves, volumes, set()), interval="1m")
    by_bar = (EMA(3), VWAP())
    expected = np.zeros((2, 50))
    for place, close in enumerate(10_000 + np.cumsum(moves) * 10):
        opened = 10_000 if place == 0 else int(10_000 + np.sum(moves[:place]) * 10)
        if place == 25:
            by_bar[1].reset_session()
        for number, indicator in enumerate(by_bar):
            if place == 0:
                indicator.bind(2, 0)
            indicator.update_bar(opened, max(opened, int(close)) + 7, min(opened, int(close)) - 7, int(close), volumes[place])
            expected[number][place] = indicator.value
    planned = 0
    for ema, vwap in seen:
        again = min(planned, 7)
        assert len(ema) == again + min(rows, 50 - planned)
        planned += len(ema) - again
        part = slice(planned - len(ema), planned)
        assert ema.tobytes() == expected[0][part].tobytes()
        assert vwap.tobytes() == expected[1][part].tobytes()
    assert planned == 50


class Elsewhere(Floating):
    """Asks for an indicator that the strategy does not have."""

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        return columns.values(SMA(3)) > 0


def test_only_the_strategys_own_indicators_can_be_asked_for(tmp_path: Path) -> None:
    catalogue = store(tmp_path, [1] * 50, [1] * 50, set())
    with pytest.raises(ValueError, match=r"SMA cannot be computed here: ask for one that indicators\(\) gave"):
        backtest(Elsewhere, [SYMBOL], data=catalogue, interval="1m")


def test_columns_by_hand_serve_any_fresh_indicator() -> None:
    numbers = np.array([100, 300, 500], dtype=np.int64)
    columns = StrategyColumns(numbers, numbers, numbers, numbers, numbers)
    average = SMA(2)
    average.bind(2, 0)
    assert columns.values(average)[1:].tolist() == [2.0, 4.0]
    assert columns.integers(average, "total").tolist() == [100, 400, 800]
    assert average.count == 0
    with pytest.raises(ValueError, match="these bars do not tell when"):
        columns.values(VWAP())
