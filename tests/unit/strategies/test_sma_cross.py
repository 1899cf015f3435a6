"""The crossing of averages: when it buys and sells, at ties too, and what it says about itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.ma_cross_reference import crossing_fills

from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.strategies.columns import StrategyColumns
from algotrader.strategies.parameters import ParameterError
from algotrader.strategies.sma_cross import SmaCross


def decisions(closes: list[int], fast: int, slow: int) -> list[tuple[int, str]]:
    """Bars on which the strategy would enter or leave, asked on every one."""
    strategy = SmaCross.create("AAPL", {"fast": fast, "slow": slow})
    indicators = strategy.indicators()
    found = []
    for number, close in enumerate(closes):
        for indicator in indicators.values():
            indicator.update_bar(close, close, close, close, 0)
        bar = Bar(equity("AAPL"), number * NS_PER_MINUTE, (number + 1) * NS_PER_MINUTE, close, close, close, close, 0)
        if strategy.should_long(bar, None):
            found.append((number, "long"))
        if strategy.should_exit(bar, None):
            found.append((number, "exit"))
    return found


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ([10, 10, 11], [(2, "long")]),
        ([10, 10, 9], [(2, "exit")]),
        ([10, 10, 10, 10], []),
        ([10, 11, 12], []),
        ([12, 11, 12], [(2, "long")]),
        ([12, 11, 11, 12], [(3, "long")]),
        ([11, 12, 12, 11], [(3, "exit")]),
        ([11, 12, 12, 13], [(3, "long")]),
        ([9, 10, 9, 10], [(2, "exit"), (3, "long")]),
    ],
    ids=[
        "from a tie upwards",
        "from a tie downwards",
        "ties only",
        "above from the start is no cross",
        "from below",
        "from below over a tie",
        "from above over a tie",
        "a tie and above again: from a tie upwards",
        "down and up",
    ],
)
def test_crosses_of_one_and_two_bars(closes: list[int], expected: list[tuple[int, str]]) -> None:
    assert decisions([close * 10_000 for close in closes], 1, 2) == expected


@given(
    st.lists(st.integers(9_990, 10_010), min_size=1, max_size=120),
    st.integers(1, 6),
    st.integers(1, 9),
)
def test_decisions_are_those_of_the_reference(closes: list[int], fast: int, more: int) -> None:
    prices = np.array([*closes, closes[-1]])
    held, expected = False, []
    for number, kind in decisions(closes, fast, fast + more):
        if held == (kind == "exit"):
            held = not held
            expected.append((number + 1, "buy" if held else "sell", int(prices[number + 1])))
    if len(closes) > fast + more:
        assert crossing_fills(prices, prices, fast, fast + more) == expected
    else:
        assert expected == []


@given(st.lists(st.integers(9_990, 10_010), min_size=8, max_size=80), st.integers(1, 4), st.integers(1, 4))
def test_every_decision_lies_on_a_bar_that_it_named_beforehand(closes: list[int], fast: int, more: int) -> None:
    strategy: Any = SmaCross.create("AAPL", {"fast": fast, "slow": fast + more})
    column = np.array(closes, dtype=np.int64)
    columns = StrategyColumns(column, column, column, column, column)
    entries, leaves = strategy.candidates(columns), strategy.exit_candidates(columns)
    for number, kind in decisions(closes, fast, fast + more):
        assert (entries if kind == "long" else leaves)[number]


@pytest.mark.parametrize(
    ("given_parameters", "words"),
    [
        ({"fast": 200, "slow": 20}, ["'fast' (200) must be below 'slow' (20)", "did you mean fast=20 slow=200?"]),
        ({"fast": 20, "slow": 20}, ["'fast' (20) must be below 'slow' (20)", "choose a larger 'slow'"]),
        ({"fast": 0}, ["'fast' = 0", "greater than or equal to 1"]),
        ({"slow": 5001}, ["'slow' = 5001"]),
        ({"quantity": 0}, ["'quantity' = 0", "greater than 0"]),
        ({"fasd": 20}, ["no parameter 'fasd'", "did you mean 'fast'?"]),
        ({"fast": "many"}, ["'fast' = 'many'"]),
    ],
)
def test_mistakes_get_an_answer_that_helps(given_parameters: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        SmaCross.create("AAPL", given_parameters)
    for word in words:
        assert word in str(caught.value)


def test_what_it_says_about_itself() -> None:
    settings = SmaCross.create("AAPL", {"fast": "5", "slow": "30"}).settings(15)
    assert (settings.protection, settings.risk_sized, settings.closes_at_end, settings.allow_short) == ("none", False, False, False)
    assert (settings.required_history, settings.interval_minutes) == (31, 15)
