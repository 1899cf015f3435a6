"""Days with any set of planted differences: every one is explained by what was planted, and the parts are the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from divergence_kit import BARS, CROSSING, ORDERS, SYMBOLS, VELEZ, Planted, PlantedDay
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from algotrader.research.divergence.comparison import Divergence

BAR = st.tuples(st.sampled_from(SYMBOLS), st.integers(20, 140))
MINUTE = st.integers(20, 130)
KINDS: dict[str, tuple[st.SearchStrategy[Any], set[str]]] = {
    "late": (st.dictionaries(BAR, st.floats(1.5, 80), min_size=1, max_size=6), {"timing", "signal"}),
    "dropped": (st.frozensets(BAR, min_size=1, max_size=6), {"timing", "signal"}),
    "thin": (st.dictionaries(BAR, st.floats(0, 0.01), min_size=1, max_size=30), {"partial", "missing"}),
    "halts": (
        st.lists(st.tuples(MINUTE, st.integers(1, 30)).map(lambda two: (two[0], sum(two))), min_size=1, max_size=1).map(tuple),
        {"missing"},
    ),
    "closes": (st.lists(st.tuples(MINUTE, st.sampled_from(SYMBOLS)), min_size=1, max_size=3).map(tuple), {"extra"}),
    "deaths": (
        st.lists(st.tuples(st.integers(20, 60), st.floats(5, 600)), min_size=1, max_size=1).map(tuple),
        {"missing", "timing"},
    ),
    "losses": (
        st.lists(st.tuples(st.sampled_from((ORDERS, BARS)), st.integers(80, 130), st.floats(1, 400)), min_size=1, max_size=1).map(
            tuple
        ),
        {"missing", "timing"},
    ),
    "costs": (
        st.fixed_dictionaries(
            {"commission": st.sampled_from(("0.005", "per-trade:1", "per-dollar:0.0015"))}, optional={"slippage": st.just("0.03")}
        ),
        {"fee", "price"},
    ),
}
"""What can be planted, and the causes that it may have."""

MANY = settings(deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
CHOICES = {"velez": VELEZ, "sma_cross": CROSSING}


@st.composite
def planted_days(draw: st.DrawFn, most: int) -> tuple[Planted, set[str]]:
    """A day with up to so many kinds of differences, and the causes that these may have."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=most, unique=True))
    planted = replace(Planted(ends=150), **{kind: draw(KINDS[kind][0]) for kind in kinds})
    return planted, set().union(*(KINDS[kind][1] for kind in kinds))


def both(planted: Planted, strategy: str, seed: int) -> list[Divergence]:
    """The day over its own bars, and over those of the catalogue."""
    with TemporaryDirectory() as folder:
        day = PlantedDay(planted, Path(folder), CHOICES[strategy], seed=seed).trade()
        return [day.compared(catalogue=False), day.compared()]


def check(found: Divergence) -> None:
    """Nothing is left over, neither differences nor money."""
    assert found.unattributed == 0
    assert sum(finding.amount for finding in found.findings) == found.live_profit - found.tested_profit
    assert sum(total.amount for total in found.totals.values()) == found.difference
    assert sum(total.count for total in found.totals.values()) == len(found.findings)


@pytest.mark.slow
@settings(MANY, max_examples=12)
@given(planted_days(6), st.sampled_from(sorted(CHOICES)), st.integers(1, 9))
def test_every_difference_has_a_cause(day: tuple[Planted, set[str]], strategy: str, seed: int) -> None:
    for found in both(day[0], strategy, seed):
        check(found)


@pytest.mark.slow
@settings(MANY, max_examples=16)
@given(planted_days(1), st.sampled_from(sorted(CHOICES)), st.integers(1, 9))
def test_what_was_planted_is_what_is_found(day: tuple[Planted, set[str]], strategy: str, seed: int) -> None:
    """Over the session's own bars: those of the catalogue go on after the session has ended."""
    own, whole = both(day[0], strategy, seed)
    assert {finding.root.reason.cause for finding in own.findings} <= day[1] | {"signal"}
    assert {finding.root.reason.cause for finding in whole.findings} <= day[1] | {"signal", "missing"}
    for found in (own, whole):
        check(found)
