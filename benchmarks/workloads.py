"""What is measured: the workloads, and the bars they run on.

The bars are a random walk in steps of 0.0001 with a fixed seed. Every price is a whole number of steps divided by 10,000, so an
engine that counts in integers and one that counts in doubles see the same prices. The step is that small, and the seed chosen such,
that the two averages never tie: an engine that sums in floats then decides every cross as an exact one does, and all trade alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

Ticks = npt.NDArray[np.int64]

PRICE_UNIT: Final = 10_000
"""Steps in one unit of currency."""

FIRST_PRICE: Final = 100 * PRICE_UNIT
LOWEST_PRICE: Final = 10 * PRICE_UNIT
FAST: Final = 20
SLOW: Final = 200
QUANTITY: Final = 10
CAPITAL: Final = 100_000
COMMISSION: Final = 0.005
"""A share, account currency."""

SWEEP: Final = tuple((fast, slow) for fast in range(5, 51, 5) for slow in range(60, 331, 30))
"""The hundred pairs of W3."""

_MOVE: Final = 500
_GAP: Final = 100
_WICK: Final = 200
_MAX_SEEDS: Final = 200


DATA: Final = {"w1": (1, 500_000), "w2": (50, 20_000), "w4": (5, 0), "w6": (20, 500_000)}
"""Instruments of each set of bars and how many bars each has; 0 where the calendar says."""


def symbols(count: int) -> list[str]:
    """Names of the first instruments: two letters each."""
    return [chr(65 + number // 26) + chr(65 + number % 26) for number in range(count)]


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload.

    Attributes:
        name: ``W1`` to ``W6``.
        title: what it is, for the report.
        data: the set of bars in ``DATA`` that it runs on.
        instruments: how many.
        rows: minute bars of each instrument.
        pairs: (fast, slow) pairs to run; one, but for the sweep.
    """

    name: str
    title: str
    data: str
    instruments: int
    rows: int
    pairs: tuple[tuple[int, int], ...] = ((FAST, SLOW),)

    @property
    def bars(self) -> int:
        """Bars that the engine has to go through in one run."""
        return self.instruments * self.rows * len(self.pairs)

    @property
    def symbols(self) -> list[str]:
        """Names of the instruments."""
        return symbols(self.instruments)

    def first(self, rows: int) -> Workload:
        """The same on the first ``rows`` bars of each instrument."""
        return replace(self, rows=min(rows, self.rows))


WORKLOADS: Final = {
    load.name: load
    for load in (
        Workload("W1", "one instrument, 500,000 bars, SMA cross 20/200", "w1", 1, 500_000),
        Workload("W2", "fifty instruments of 20,000 bars, one account, SMA cross 20/200", "w2", 50, 20_000),
        Workload("W3", "a sweep of 100 pairs of averages over 100,000 bars", "w1", 1, 100_000, SWEEP),
        Workload("W4", "velez on 2-minute candles, five instruments, a year of minute bars", "w4", 5, 97_140),
        Workload("W5", "W1 in the algorithm style (initialize, handle_data)", "w1", 1, 500_000),
        Workload("W6", "ten million bars streamed: twenty instruments of 500,000, SMA cross 20/200", "w6", 20, 500_000),
    )
}


@dataclass(frozen=True, slots=True)
class Walk:
    """The bars of one instrument: prices in steps of 0.0001, volume in shares."""

    open: Ticks
    high: Ticks
    low: Ticks
    close: Ticks
    volume: Ticks


def walk(seed: int, rows: int) -> Walk:
    """A random walk of ``rows`` bars; the same seed gives the same bars everywhere (PCG64, integers only)."""
    bits = np.random.Generator(np.random.PCG64(seed))
    close = FIRST_PRICE + np.cumsum(bits.integers(-_MOVE, _MOVE + 1, rows))
    open_ = np.concatenate(([FIRST_PRICE], close[:-1])) + bits.integers(-_GAP, _GAP + 1, rows)
    high = np.maximum(open_, close) + bits.integers(0, _WICK + 1, rows)
    low = np.minimum(open_, close) - bits.integers(0, _WICK + 1, rows)
    return Walk(open_, high, low, close, bits.integers(10_000, 100_001, rows))


def ties(close: Ticks, fast: int, slow: int) -> int:
    """How often the exact averages of ``fast`` and ``slow`` bars are equal."""
    total = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(close)))
    fast_sum = total[slow:] - total[slow - fast : len(total) - fast]
    slow_sum = total[slow:] - total[:-slow]
    return int(np.count_nonzero(fast_sum * slow == slow_sum * fast))


def chosen_walk(seed: int, rows: int) -> Walk:
    """The walk of the first seed from ``seed`` on that never ties and never falls below 10.

    Raises:
        ValueError: none of the next 200 seeds serves.
    """
    for candidate in range(seed, seed + _MAX_SEEDS):
        bars = walk(candidate, rows)
        if int(bars.low.min()) >= LOWEST_PRICE and ties(bars.close, FAST, SLOW) == 0:
            return bars
    raise ValueError(f"no seed from {seed} to {seed + _MAX_SEEDS - 1} gives a walk of {rows} bars without ties")
