"""Days with any set of planted differences: every one is explained, and the parts are the whole."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from divergence_kit import BARS, CROSSING, ORDERS, SYMBOLS, VELEZ, Planted, PlantedDay
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

BAR = st.tuples(st.sampled_from(SYMBOLS), st.integers(20, 140))
MINUTE = st.integers(20, 130)
PLANTED = st.builds(
    Planted,
    late=st.dictionaries(BAR, st.floats(1.5, 80), max_size=6),
    dropped=st.frozensets(BAR, max_size=6),
    thin=st.dictionaries(BAR, st.floats(0, 0.01), max_size=30),
    halts=st.lists(st.tuples(MINUTE, st.integers(1, 30)).map(lambda two: (two[0], two[0] + two[1])), max_size=1).map(tuple),
    closes=st.lists(st.tuples(MINUTE, st.sampled_from(SYMBOLS)), max_size=3).map(tuple),
    deaths=st.lists(st.tuples(st.integers(20, 60), st.floats(5, 600)), max_size=1).map(tuple),
    losses=st.lists(st.tuples(st.sampled_from((ORDERS, BARS)), st.integers(80, 130), st.floats(1, 400)), max_size=1).map(tuple),
    costs=st.fixed_dictionaries(
        {}, optional={"commission": st.sampled_from(("0.005", "per-trade:1", "per-dollar:0.0015")), "slippage": st.just("0.03")}
    ),
    ends=st.just(150),
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
@given(planted=PLANTED, choice=st.sampled_from((CROSSING, VELEZ)), seed=st.integers(1, 9))
def test_every_difference_has_a_cause(planted: Planted, choice: object, seed: int) -> None:
    with TemporaryDirectory() as folder:
        day = PlantedDay(planted, Path(folder), VELEZ if choice is VELEZ else CROSSING, seed=seed).trade()
        for found in (day.compared(), day.compared(catalogue=False)):
            assert found.unattributed == 0
            assert sum(finding.amount for finding in found.findings) == found.live_profit - found.tested_profit
            assert sum(total.amount for total in found.totals.values()) == found.difference
            assert sum(total.count for total in found.totals.values()) == len(found.findings)
