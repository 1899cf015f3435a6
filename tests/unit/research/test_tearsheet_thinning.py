"""Thinning keeps what the eye looks for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_results import DAY, MINUTE, START, session_times, walk

from algotrader.research.result import PriceSeries, Values
from algotrader.research.thinning import bar_groups, bar_positions, extreme_indices, merge_bars


def series(values: list[float]) -> Values:
    return np.array(values, dtype=np.float64)


@given(st.lists(st.floats(min_value=-1e9, max_value=1e9), min_size=1, max_size=300), st.integers(min_value=1, max_value=20))
def test_extremes_and_ends_survive(values: list[float], buckets: int) -> None:
    curve = series(values)
    kept = curve[extreme_indices([curve], buckets)]
    assert len(kept) <= max(4 * buckets, 1)
    assert (kept.min(), kept.max()) == (curve.min(), curve.max())
    assert (kept[0], kept[-1]) == (curve[0], curve[-1])


def test_extremes_of_parallel_series_all_survive() -> None:
    count = 10_000
    first, second = np.zeros(count), np.zeros(count)
    first[1234], second[7777], second[55] = 5.0, -3.0, np.nan
    kept = extreme_indices([first, second], 100)
    assert {1234, 7777} <= set(kept.tolist())
    assert len(kept) < 700


@pytest.mark.parametrize(("count", "budget"), [(5, 10), (10, 10)])
def test_short_series_stay_whole(count: int, budget: int) -> None:
    assert bar_groups(count, [], budget).tolist() == list(range(count))


def test_bars_around_positions_stay_single() -> None:
    starts = bar_groups(100_000, [(50_000, 50_020)], 2_000)
    assert len(starts) < 2_400
    assert starts[0] == 0
    assert set(range(49_990, 50_030)) <= set(starts.tolist())


def test_a_single_bar_is_never_joined_with_the_next_ones() -> None:
    # 120 bars on each side of the position are single, so the first one joined to others is the 121st after it.
    starts = bar_groups(100_000, [(50_000, 50_020)], 2_000)
    spans = dict(zip(starts.tolist(), np.diff(np.append(starts, 100_000)).tolist(), strict=True))
    assert {spans[index] for index in range(49_880, 50_141)} == {1}
    assert spans[50_141] > 1


def test_long_positions_keep_their_ends() -> None:
    kept = set(bar_groups(100_000, [(20_000, 80_000)], 2_000).tolist())
    assert set(range(19_990, 20_010)) | set(range(79_990, 80_010)) <= kept
    assert not set(range(50_000, 50_020)) <= kept


def test_merged_bars_keep_highs_lows_and_ends() -> None:
    prices = PriceSeries(
        "AAPL",
        START + np.arange(5, dtype=np.int64) * MINUTE,
        series([10, 11, 12, 13, 14]),
        series([20, 31, 22, 23, 24]),
        series([9, 8, 7, 3, 5]),
        series([11, 12, 13, 14, 15]),
        series([1, 2, 3, 4, 5]),
    )
    merged = merge_bars(prices, np.array([0, 3]))
    assert merged.time.tolist() == [START, START + 3 * MINUTE]
    assert (merged.open.tolist(), merged.close.tolist()) == ([10, 13], [13, 15])
    assert (merged.high.tolist(), merged.low.tolist()) == ([31, 24], [7, 3])
    assert merged.volume.tolist() == [6, 9]


@given(st.integers(min_value=1, max_value=60))
def test_merging_never_loses_the_range(budget: int) -> None:
    times, _ = session_times(1)
    prices = walk("AAPL", times, np.random.default_rng(1), 50.0)
    merged = merge_bars(prices, bar_groups(len(times), [], budget))
    assert (merged.high.max(), merged.low.min()) == (prices.high.max(), prices.low.min())
    assert merged.volume.sum() == prices.volume.sum()


@pytest.mark.parametrize(
    ("offset", "place"),
    [(0, 0.0), (MINUTE // 2, 0.5), (MINUTE, 1.0), (3 * MINUTE, 3.0), (DAY // 2, 3.0), (DAY, 3.0), (-MINUTE, 0.0), (2 * DAY, 6.0)],
    ids=["open", "within", "border", "close of the session", "night", "next open", "before", "after"],
)
def test_places_on_the_axis_of_bars(offset: int, place: float) -> None:
    minutes = np.array([0, 1, 2], dtype=np.int64) * MINUTE
    bars = START + np.concatenate((minutes, minutes + DAY))
    assert bar_positions(np.array([START + offset]), bars).tolist() == [place]
