"""Histograms of fixed size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from algotrader.monitoring.latency import FINE_BITS, Histogram, Latencies, _bucket, _end

DURATIONS = st.lists(st.integers(0, 10**13), min_size=1, max_size=200)


@given(DURATIONS, st.floats(0, 1))
def test_a_quantile_is_off_by_at_most_a_sixteenth_and_never_too_low(durations: list[int], share: float) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.record(duration)
    ordered = sorted(durations)
    exact = next(value for place, value in enumerate(ordered, start=1) if place >= share * len(ordered))
    found = histogram.quantile(share)
    assert exact <= found <= exact * (1 + 1 / (1 << FINE_BITS)) + 1
    assert histogram.quantile(1.0) == max(durations) == histogram.largest


@given(st.integers(0, 2**62))
def test_buckets_follow_each_other(duration: int) -> None:
    assert _end(_bucket(duration) - 1) < duration <= _end(_bucket(duration)) if duration else _bucket(duration) == 0


def test_sizes_stay_the_same_and_odd_values_do_not_hurt() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.99) == 0
    before = len(histogram._counts)
    for duration in (-5, 0, 2**70):
        histogram.record(duration)
    assert (len(histogram._counts), histogram.count, histogram.quantile(0.0)) == (before, 3, 0)


def test_summaries() -> None:
    latencies = Latencies()
    for milliseconds in range(1, 101):
        latencies.record("commit", milliseconds * 1_000_000)
    latencies.record("a", 1)
    first, second = latencies.summaries()
    assert (first.name, second.name, second.count, second.max_ms, second.mean_ms) == ("a", "commit", 100, 100.0, 50.5)
    assert 50 <= second.p50_ms <= 54
    assert 99 <= second.p99_ms <= 100
