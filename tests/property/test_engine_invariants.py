"""Whatever a venue says and in whatever order: nothing raises, nothing is lost or counted twice, every position has its stop."""

from __future__ import annotations

import pytest
from engine_chaos import Chaos
from hypothesis import given, settings
from hypothesis import strategies as st

from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities

STEPS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 10**12)), min_size=60, max_size=150)


def _run(capabilities: VenueCapabilities, steps: list[tuple[int, int]], wary: bool) -> Chaos:
    chaos = Chaos(capabilities, wary)
    try:
        for kind, number in steps:
            chaos.step(kind, number)
        chaos.settle()
        chaos.check_rest()
    except BaseException as error:
        error.add_note("\n".join(chaos.trail[-60:]))
        raise
    return chaos


@pytest.mark.covers("A149", "A152", "A139", "A136", "A138")
@pytest.mark.parametrize("wary", [False, True], ids=["breaker_off", "breaker_on"])
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca_like"])
@settings(max_examples=150)
@given(steps=STEPS)
def test_no_sequence_of_events_breaks_the_engine(capabilities: VenueCapabilities, wary: bool, steps: list[tuple[int, int]]) -> None:
    _run(capabilities, steps, wary)
