"""How long things take: a histogram of fixed size, whatever the number of measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FINE_BITS: Final = 4
"""Each power of two is divided into so many bits of steps: 16 steps, so that a value is off by at most a part in 16."""

_FINE: Final = 1 << FINE_BITS
_BUCKETS: Final = (64 - FINE_BITS) * _FINE


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """A histogram in a few numbers; times in milliseconds."""

    name: str
    count: int
    mean_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float


class Histogram:
    """Counts durations in nanoseconds."""

    def __init__(self) -> None:
        self._counts: Final = [0] * _BUCKETS
        self.count = 0
        self.total = 0
        self.largest = 0

    def record(self, duration: int) -> None:
        """Count one duration; a negative one, which only a clock that was set can give, counts as none at all."""
        duration = max(duration, 0)
        self._counts[_bucket(duration)] += 1
        self.count += 1
        self.total += duration
        self.largest = max(self.largest, duration)

    def quantile(self, share: float) -> int:
        """The duration that so large a share (0 to 1) did not exceed, rounded up to its bucket's end; 0 before any."""
        wanted = min(max(share, 0.0), 1.0) * self.count
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_end(bucket), self.largest)
        return 0

    def summary(self, name: str) -> LatencySummary:
        """The histogram in a few numbers."""
        mean = self.total / self.count if self.count else 0.0
        return LatencySummary(name, self.count, _ms(mean), _ms(self.quantile(0.5)), _ms(self.quantile(0.99)), _ms(self.largest))


class Latencies:
    """Histograms by name, made when something is first measured."""

    def __init__(self) -> None:
        self._histograms: Final[dict[str, Histogram]] = {}

    def record(self, name: str, duration: int) -> None:
        """Count a duration (nanoseconds) under a name."""
        self._histograms.setdefault(name, Histogram()).record(duration)

    def summaries(self) -> list[LatencySummary]:
        """All of them, by name."""
        return [self._histograms[name].summary(name) for name in sorted(self._histograms)]


def _bucket(duration: int) -> int:
    """Small numbers have a bucket each; above, the leading bits choose one."""
    if duration < _FINE:
        return duration
    shift = duration.bit_length() - FINE_BITS - 1
    return min((shift + 1) * _FINE + (duration >> shift) - _FINE, _BUCKETS - 1)


def _end(bucket: int) -> int:
    """The largest duration that falls into a bucket."""
    shift, step = divmod(bucket, _FINE)
    if shift == 0:
        return step
    return ((_FINE + step + 1) << (shift - 1)) - 1


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1_000_000, 4)
