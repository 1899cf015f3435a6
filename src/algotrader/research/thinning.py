"""Make long series small enough for a page without losing what the eye looks for: extremes, and the bars around trades."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from algotrader.research.curve import Indices
from algotrader.research.result import PriceSeries, Times, Values

_PADS = (120, 60, 30, 15, 8, 4, 2)
"""Bars kept on each side of an entry and an exit, the widest that fits the budget."""

_LONG_TRIP = 400
"""Positions held for more bars than this keep single bars only near their entry and exit."""


def extreme_indices(series: Sequence[Values], buckets: int) -> Indices:
    """Choose the points of parallel series that keep their shape: first, last, lowest and highest of every bucket.

    Args:
        series: arrays of one length; NaN is never an extreme.
        buckets: how many equal parts the series are cut into.

    Returns:
        Ascending positions; all of them when the series are short enough already.
    """
    length = len(series[0])
    if length <= buckets * 4:
        return np.arange(length, dtype=np.int64)
    edges = np.linspace(0, length, buckets + 1).astype(np.int64)
    chosen = [edges[:-1], edges[1:] - 1]
    for values in series:
        low = np.where(np.isnan(values), np.inf, values)
        high = np.where(np.isnan(values), -np.inf, values)
        pairs = list(pairwise(edges))
        chosen.append(np.array([left + int(np.argmin(low[left:right])) for left, right in pairs], dtype=np.int64))
        chosen.append(np.array([left + int(np.argmax(high[left:right])) for left, right in pairs], dtype=np.int64))
    return np.unique(np.concatenate(chosen))


def bar_groups(length: int, windows: Sequence[tuple[int, int]], budget: int) -> Indices:
    """Decide which neighbouring bars are drawn as one, so that about ``budget`` remain and those near trades stay single.

    Args:
        length: number of bars.
        windows: (first, last) bar of every position.
        budget: how many bars the page can hold.

    Returns:
        The position of the first bar of every group, ascending, starting with 0.
    """
    if length <= budget:
        return np.arange(length, dtype=np.int64)
    single = np.zeros(length, dtype=np.bool_)
    for pad in _PADS:
        marked = _near(length, windows, pad)
        if int(marked.sum()) <= budget * 7 // 8:
            single = marked
            break
    room = max(budget - int(single.sum()), 1)
    size = -(-(length - int(single.sum())) // room)
    starts = single | (np.arange(length) % size == 0)
    starts[1:] |= single[:-1]
    starts[0] = True
    return np.flatnonzero(starts).astype(np.int64)


def _near(length: int, windows: Sequence[tuple[int, int]], pad: int) -> npt.NDArray[np.bool_]:
    """Mark the bars within ``pad`` of a position, or of its two ends when it was long."""
    steps = np.zeros(length + 1, dtype=np.int64)
    for first, last in windows:
        spans = [(first, last)] if last - first <= _LONG_TRIP else [(first, first), (last, last)]
        for left, right in spans:
            steps[max(left - pad, 0)] += 1
            steps[min(right + pad + 1, length)] -= 1
    return np.asarray(np.cumsum(steps[:-1]) > 0)


def merge_bars(prices: PriceSeries, starts: Indices) -> PriceSeries:
    """Join each group of bars into one: first open, highest high, lowest low, last close, sum of volume."""
    if len(starts) == len(prices.time):
        return prices
    ends = np.append(starts[1:], len(prices.time)) - 1
    return PriceSeries(
        prices.symbol,
        prices.time[starts],
        prices.open[starts],
        np.maximum.reduceat(prices.high, starts),
        np.minimum.reduceat(prices.low, starts),
        prices.close[ends],
        np.add.reduceat(prices.volume, starts),
    )


def bar_positions(times: Times, bar_times: Times) -> Values:
    """Place times on an axis that counts bars: bar k covers k to k + 1, and what lies between two bars sits on their border.

    Args:
        times: nanoseconds UTC.
        bar_times: starts of the bars, nanoseconds UTC, ascending; not empty.
    """
    length = float(np.median(np.diff(bar_times))) if len(bar_times) > 1 else 1.0
    index = np.clip(np.searchsorted(bar_times, times, side="right") - 1, 0, len(bar_times) - 1)
    return np.asarray(index + np.clip((times - bar_times[index]) / max(length, 1.0), 0.0, 1.0), dtype=np.float64)
