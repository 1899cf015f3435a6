"""Restored anywhere in any sequence of events, an engine goes on as if nothing had happened."""

from __future__ import annotations

import pytest
from engine_chaos import WARY, Chaos
from engine_rig import AAPL, MSFT, WIDE, Rig, Script
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_kit import differences
from snapshot_runs import Pair
from snapshot_strategies import Collector, Planner

from algotrader.core.engine import Engine
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.storage.snapshots import Kept, freeze, restore

STEPS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 10**12)), min_size=40, max_size=120)


def _set_up(capabilities: VenueCapabilities, wary: bool) -> tuple[Rig, list[Script]]:
    fresh = Rig(capabilities, WARY if wary else WIDE, [AAPL, MSFT], cash=0)
    return fresh, [
        fresh.strategy("one", "AAPL", take_profit_ppm=0),
        fresh.strategy("two", "AAPL", protection="emergency"),
        fresh.strategy("three", "MSFT", closes_at_end=True),
    ]


def _restored(payload: bytes, capabilities: VenueCapabilities) -> Engine:
    fresh, _ = _set_up(capabilities, False)
    restore(fresh.engine, payload)
    return fresh.engine


def _reborn(chaos: Chaos, capabilities: VenueCapabilities, wary: bool) -> bytes:
    """Put another engine in the place of the one under fire, with its state."""
    old = chaos.rig.engine
    payload = freeze(old)
    fresh, scripts = _set_up(capabilities, wary)
    restore(fresh.engine, payload)
    assert differences(old, fresh.engine) == []
    chaos.rig.engine, chaos.rig.state = fresh.engine, fresh.state
    chaos.state, chaos.scripts = fresh.state, scripts
    return payload


@pytest.mark.covers("C25", "C27", "B42", "A98")
@pytest.mark.parametrize("wary", [False, True], ids=["breaker_off", "breaker_on"])
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca_like"])
@settings(max_examples=12)
@given(steps=STEPS, every=st.integers(3, 40))
def test_a_restored_engine_goes_on_alike(
    capabilities: VenueCapabilities, wary: bool, steps: list[tuple[int, int]], every: int
) -> None:
    straight, reborn = Chaos(capabilities, wary), Chaos(capabilities, wary)
    for number, (kind, choice) in enumerate(steps):
        straight.step(kind, choice)
        if number % every == 0:
            _reborn(reborn, capabilities, wary)
        reborn.step(kind, choice)
        assert reborn.trail == straight.trail
    assert [repr(report) for report in reborn.rig.reports] == [repr(report) for report in straight.rig.reports]
    assert _reborn(reborn, capabilities, wary) == freeze(straight.rig.engine) == freeze(reborn.rig.engine)


@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca_like"])
@settings(max_examples=12)
@given(steps=STEPS)
def test_what_was_written_before_is_taken_over_only_while_it_is_true(
    capabilities: VenueCapabilities, steps: list[tuple[int, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Chunks of three come about, and break, all the time.
        patch.setattr("algotrader.storage.snapshot_writer.CHUNK", 3)
        chaos, kept = Chaos(capabilities, False), Kept()
        for number, (kind, choice) in enumerate(steps):
            chaos.step(kind, choice)
            payload = freeze(chaos.rig.engine, kept)
            if number % 5 == 0:
                assert freeze(_restored(payload, capabilities)) == freeze(chaos.rig.engine)
    assert not chaos.state.ledger.trips or kept.chunks


CASES: dict[str, tuple[object, dict[str, object], str | None]] = {
    "velez": (
        "velez",
        {"sma_fast": 5, "sma_slow": 100, "candle_interval_minutes": 2, "tightness_threshold_pct": 5, "strong_candle_body_pct": 30},
        None,
    ),
    "sma_cross": ("sma_cross", {"fast": 3, "slow": 9}, None),
    "momentum": ("momentum", {"lookback": 10}, "2m"),
    "rebalance": ("rebalance", {}, None),
    "collector": (Collector, {}, "2m"),
    "planner": (Planner, {}, "2m"),
}


@pytest.mark.covers("C25", "C27", "B34", "B42")
@pytest.mark.parametrize("case", CASES)
@settings(max_examples=3)
@given(seed=st.integers(0, 10**6), every=st.integers(40, 400))
def test_strategies_go_on_as_if_nothing_had_happened(case: str, seed: int, every: int) -> None:
    strategy, given_, interval = CASES[case]
    pair = Pair(strategy, given_, seed, 260, interval)
    pair.run(2, every)
    assert pair.lives > 1
    assert pair.commands, "nothing was traded"
