"""What holds for every backtest: the future changes no fill of the past, and how the bars are handed over changes nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from backtest_kit import OPEN_POLICY, Run, fill_rows, made_up
from dice import Dice, DiceAlgorithm, DiceOvernight, DiceUnprotected
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from algotrader.core.market import NS_PER_MINUTE, BarColumns, utc
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.result import BacktestResult
from algotrader.strategies.registry import StrategyType

FAST_VELEZ = {"sma_fast": 5, "sma_slow": 100, "candle_interval_minutes": 1}
KINDS: list[tuple[str | StrategyType, dict[str, Any], str | None]] = [
    ("velez", FAST_VELEZ, None),
    ("velez", {**FAST_VELEZ, "candle_interval_minutes": 5, "allow_short": True}, None),
    ("sma_cross", {"fast": 3, "slow": 9}, None),
    ("sma_cross", {"fast": 3, "slow": 9}, "5m"),
    (Dice, {"seed": 1}, None),
    (Dice, {"seed": 2}, "2m"),
    (DiceOvernight, {"seed": 3}, None),
    (DiceUnprotected, {"seed": 4}, None),
    (DiceAlgorithm, {"seed": 5}, None),
    (DiceAlgorithm, {"seed": 6}, "5m"),
]
SYMBOLS = ("AAPL", "TSLA", "BTC/USDT")

kinds = st.sampled_from(range(len(KINDS)))
assumptions = st.builds(
    lambda latency, limit, venue, slippage, entry_bar, commission: BacktestOptions(
        capital=Decimal(1_000_000),
        latency_ms=latency,
        volume_limit=limit,
        venue=venue,
        slippage=slippage,
        entry_bar_stop=entry_bar,
        commission=commission,
        policy=replace(OPEN_POLICY, max_position=Decimal("0.2")),
        seed=7,
    ),
    st.sampled_from([0.0, 100.0, 1500.0, 61_000.0, 150_000.0]),
    st.sampled_from([None, Decimal("0.025"), Decimal("0.00001")]),
    st.sampled_from(["generic", "alpaca-like"]),
    st.sampled_from(["none", "0.01", "bps:5"]),
    st.sampled_from(["assume", "ignore"]),
    st.sampled_from(["none", "per-share:0.005:1"]),
)


@cache
def bars() -> Catalogue:
    """Three sessions with gaps, one of them before a short one, and a pair around the clock."""
    folder = Path(tempfile.mkdtemp(prefix="algotrader-properties-"))
    return made_up(folder, SYMBOLS, date(2024, 11, 26), date(2024, 11, 29), seed=2, missing=0.03)


def run(kind: int, symbols: list[str], options: BacktestOptions, end: int | None = None) -> BacktestResult:
    """A backtest; ``end`` is when the data stop."""
    strategy, parameters, interval = KINDS[kind]
    assume(options.venue == "generic" or "BTC/USDT" not in symbols)
    until = None if end is None else utc(end)
    return backtest(strategy, symbols, data=bars(), interval=interval, parameters=parameters, options=options, end=until)


symbol_lists = st.sampled_from([["AAPL"], ["BTC/USDT"], ["TSLA", "AAPL"], ["AAPL", "BTC/USDT", "TSLA"]])


@pytest.mark.covers("A90")
@settings(max_examples=30)
@given(kinds, symbol_lists, assumptions, st.integers(0, 2 * 390 + 209))
def test_what_comes_later_changes_no_earlier_fill(kind: int, symbols: list[str], options: BacktestOptions, minute: int) -> None:
    opens = session_minutes()
    end = opens[minute] + NS_PER_MINUTE
    whole, cut = run(kind, symbols, options), run(kind, symbols, options, end)
    count = len(cut.fills)
    assert fill_rows(cut.fills) == fill_rows(whole.fills[:count])
    # A fill at exactly this time is one at the open of a bar that the shorter run has not seen.
    assert all(fill.time >= end for fill in whole.fills[count:])


@cache
def session_minutes() -> list[int]:
    """Open times of all regular minutes."""
    frame = bars().scan("AAPL", "1m", 0, 2**62).sort("open_time").collect()
    times = frame["open_time"].to_list()
    assert len(times) > 900
    return [times[min(i, len(times) - 1)] for i in range(1000)]


@contextmanager
def chunks_of(rows: int) -> Iterator[None]:
    """Let the catalogue hand over so many bars at a time."""
    whole = Catalogue.columns

    def columns(self: Catalogue, *arguments: Any, **named: Any) -> Iterator[BarColumns]:
        return whole(self, *arguments, **{**named, "chunk_rows": rows})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalogue, "columns", columns)
        yield


@settings(max_examples=20)
@given(kinds, symbol_lists, assumptions, st.sampled_from([1, 2, 7, 100, 391]))
def test_the_size_of_the_chunks_does_not_matter(kind: int, symbols: list[str], options: BacktestOptions, rows: int) -> None:
    whole = run(kind, symbols, options)
    with chunks_of(rows):
        parts = run(kind, symbols, options)
    assert fill_rows(parts.fills) == fill_rows(whole.fills)
    assert parts.fingerprint == whole.fingerprint
    assert parts.equity.tolist() == whole.equity.tolist()
    assert parts.equity_time.tolist() == whole.equity_time.tolist()


SLOW = BacktestOptions(capital=Decimal(1_000_000), latency_ms=61_000.0, venue="alpaca-like", policy=OPEN_POLICY, seed=2)


@pytest.mark.covers("A90", "B174", "B190")
@settings(max_examples=20)
@given(kinds, symbol_lists, assumptions)
@example(2, ["TSLA", "AAPL"], SLOW)
def test_bars_as_single_events_give_the_same(kind: int, symbols: list[str], options: BacktestOptions) -> None:
    strategy, parameters, interval = KINDS[kind]
    batches = run(kind, symbols, options)
    events = Run(strategy, symbols, bars(), options, parameters=parameters, interval=interval).by_events()
    found = [
        (fill.time, fill.symbol, fill.side.value, i.quantity(fill.quantity_raw), i.price(fill.price_raw))
        for fill in events.fills
        for i in (events.engine.state.by_symbol[fill.symbol].instrument,)
    ]
    assert found == fill_rows(batches.fills)
    assert [time for time, _ in events.curve] == batches.equity_time.tolist()
    assert [money / 1e18 for _, money in events.curve] == pytest.approx(batches.equity.tolist(), rel=1e-12)


def test_all_kinds_trade() -> None:
    for kind in range(len(KINDS)):
        assert len(run(kind, list(SYMBOLS), BacktestOptions(capital=Decimal(1_000_000), policy=OPEN_POLICY)).fills) > 10, KINDS[
            kind
        ]
