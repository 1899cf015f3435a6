"""Skipping bars that cannot matter never changes a fill: random rules, random data, any chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import polars as pl
from backtest_kit import frame_of, ideal, instrument_of, minutes_of_sessions
from hypothesis import given, settings
from hypothesis import strategies as st

from algotrader.core.indicators import SMA, Indicator, gap, previous_gap
from algotrader.core.instruments import crypto
from algotrader.core.market import NS_PER_MINUTE, Bar, BarColumns
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import BacktestOptions, backtest, verify_candidates
from algotrader.strategies.base import Price, SignalStrategy
from algotrader.strategies.columns import Mask, StrategyColumns
from algotrader.strategies.scanners import Route, StaticScanner

START = 1_700_006_400 * 10**9
SYMBOLS = ("AAA/USD", "BBB/USD")


class Rule(SignalStrategy):
    """Enters on the widening of two averages when the close has a certain remainder; leaves, or trails, on another one."""

    name: ClassVar[str] = "rule"
    sizing: ClassVar[str] = "explicit"
    close_at_session_end: ClassVar[bool] = False
    fast_period: ClassVar[int] = 3
    slow_period: ClassVar[int] = 7
    enter_on: ClassVar[int] = 3
    leave_on: ClassVar[int] = 4
    slack: ClassVar[bool] = False
    minutes: ClassVar[int | None] = None

    def indicators(self) -> dict[str, Indicator]:
        self.fast, self.slow = SMA(self.fast_period), SMA(self.slow_period)
        return {"fast": self.fast, "slow": self.slow}

    @property
    def required_history(self) -> int:
        return self.slow_period + 1

    @property
    def interval_minutes(self) -> int | None:
        return self.minutes

    def should_long(self, bar: Bar, indicators: Any) -> object:
        return gap(self.fast, self.slow) > previous_gap(self.fast, self.slow) and bar.close_raw % self.enter_on == 0

    def stop_loss_price(self, bar: Bar, indicators: Any) -> Price:
        return None if self.protection == "none" else bar.low * Decimal("0.97")

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        return bar.close_raw % self.leave_on == 0 and gap(self.fast, self.slow) < 0

    def quantity(self, bar: Bar, indicators: Any) -> object:
        return 2

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        wide = columns.gap(self.fast_period, self.slow_period)
        assert wide is not None
        sure = (wide > columns.earlier(wide)) & (columns.close % self.enter_on == 0)
        return np.asarray(sure | (columns.close % 5 == 0)) if self.slack else sure

    def exit_candidates(self, columns: StrategyColumns) -> Mask | None:
        wide = columns.gap(self.fast_period, self.slow_period)
        assert wide is not None
        return None if self.slack else (columns.close % self.leave_on == 0) & (wide < 0)


class Unprotected(Rule):
    protection: ClassVar[str] = "none"


class SmallChunks(Catalogue):
    """A catalogue that gives its bars in chunks of a few rows."""

    rows = 5

    def columns(
        self, symbols: Sequence[str], interval: str, start_ns: int, end_ns: int, *, regular_only: bool, chunk_rows: int = 5
    ) -> Iterator[BarColumns]:
        return super().columns(symbols, interval, start_ns, end_ns, regular_only=regular_only, chunk_rows=self.rows)


def store(folder: Path, steps: list[list[int]], gaps: set[int]) -> Catalogue:
    catalogue = SmallChunks(folder)
    for symbol, moves in zip(SYMBOLS, steps, strict=True):
        close = 10_000 + np.cumsum(np.array(moves, dtype=np.int64)) * 10
        opened = np.concatenate([[10_000], close[:-1]])
        minute = np.arange(len(moves), dtype=np.int64)
        frame = pl.DataFrame(
            {
                "open_time": START + minute * NS_PER_MINUTE,
                "close_time": START + (minute + 1) * NS_PER_MINUTE,
                "open": opened,
                "high": np.maximum(opened, close) + 7,
                "low": np.minimum(opened, close) - 7,
                "close": close,
                "volume": np.full(len(moves), 1000, dtype=np.int64),
            }
        )
        kept = frame.filter(~pl.Series([int(m) in gaps for m in minute]))
        catalogue.write_bars(crypto(symbol, price_scale=2, quantity_scale=0), "1m", kept)
    return catalogue


@settings(max_examples=60)
@given(
    steps=st.lists(st.lists(st.integers(-9, 9), min_size=40, max_size=40), min_size=2, max_size=2),
    gaps=st.sets(st.integers(0, 39), max_size=6),
    rows=st.integers(1, 90),
    periods=st.tuples(st.integers(1, 5), st.integers(6, 12)),
    remainders=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    protected=st.booleans(),
    slack=st.booleans(),
    minutes=st.sampled_from([None, 2, 5]),
)
def test_the_same_fills_with_and_without_skipping(
    steps: list[list[int]],
    gaps: set[int],
    rows: int,
    periods: tuple[int, int],
    remainders: tuple[int, int],
    protected: bool,
    slack: bool,
    minutes: int | None,
) -> None:
    base = Rule if protected else Unprotected
    kind = type(
        "Drawn",
        (base,),
        {
            "fast_period": periods[0],
            "slow_period": periods[1],
            "enter_on": remainders[0] * 10,
            "leave_on": remainders[1] * 10,
            "slack": slack,
            "minutes": minutes,
        },
    )
    with TemporaryDirectory() as folder:
        catalogue = store(Path(folder), steps, gaps)
        SmallChunks.rows = rows
        assert verify_candidates(kind, SYMBOLS, data=catalogue, interval="1m") == ""


class Early(Rule):
    """Sees the bars before the open too, and offers nothing."""

    name: ClassVar[str] = "early"
    regular_hours: ClassVar[bool] = False

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        return None


def test_a_strategy_of_regular_hours_beside_one_of_extended_hours(tmp_path: Path) -> None:
    opens = minutes_of_sessions("XNYS", 780)
    early = [opens[390] - minute * NS_PER_MINUTE for minute in range(60, 0, -1)]
    times = [*opens[:390], *early, *opens[390:]]
    closes = 10_000 + np.cumsum(np.random.default_rng(1).integers(-9, 10, len(times))) * 10
    rows = [(close / 100, close / 100 + 1, close / 100 - 1, close / 100) for close in closes.tolist()]
    catalogue = SmallChunks(tmp_path)
    catalogue.write_bars(instrument_of("AAPL"), "1m", frame_of(instrument_of("AAPL"), rows, times))
    SmallChunks.rows = 100
    kind = type("Drawn", (Unprotected,), {"enter_on": 1000, "leave_on": 1000})
    routes = [Route(StaticScanner(), kind, {}), Route(StaticScanner(), Early, {})]
    runs = [
        backtest(
            None, ["AAPL"], data=catalogue, interval="1m", routes=routes, options=ideal(extended_hours=True, candidates=skipping)
        )
        for skipping in (True, False)
    ]
    assert runs[0].fills == runs[1].fills != []


class Liar(Unprotected):
    """Promises that no bar matters, and trades all the same."""

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        return np.zeros(len(columns), dtype=np.bool_)


def test_a_broken_promise_is_named(tmp_path: Path) -> None:
    catalogue = store(tmp_path, [[1, 2, 3, 4, 5, -6, -7, 8, 9, -9] * 6] * 2, set())
    SmallChunks.rows = 7
    kind = type("Drawn", (Liar,), {"enter_on": 10, "leave_on": 10})
    told = verify_candidates(kind, SYMBOLS, data=catalogue, interval="1m")
    assert told.startswith("fill 1 differs: skipping bars None, asking on every bar FillRecord(")


def test_rows_that_cannot_matter_are_not_asked_about(tmp_path: Path) -> None:
    asked: list[int] = []

    class Counting(Unprotected):
        enter_on: ClassVar[int] = 10
        leave_on: ClassVar[int] = 10
        # A subclass that answers differently has to promise anew.
        candidates = Unprotected.candidates
        exit_candidates = Unprotected.exit_candidates

        def should_long(self, bar: Bar, indicators: Any) -> object:
            asked.append(bar.open_time)
            return super().should_long(bar, indicators)

    catalogue = store(tmp_path, [[1, 2, 3, 4, 5, -6, -7, 8, 9, -9] * 6] * 2, set())
    backtest(Counting, SYMBOLS, data=catalogue, interval="1m")
    few = len(asked)
    asked.clear()
    backtest(Counting, SYMBOLS, data=catalogue, interval="1m", options=BacktestOptions(candidates=False))
    assert 0 < few < len(asked)
