"""Windows of past bars as arrays: which bars a frequency means, and how those of several assets come to common times."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np
import numpy.typing as npt

from algotrader.core.algorithm_style import AlgorithmSlot, Feed
from algotrader.core.bars import WHOLE_SESSION
from algotrader.core.market import NS_PER_DAY, NS_PER_SECOND
from algotrader.core.state import BarHistory
from algotrader.strategies.algorithm_errors import AlgorithmError

HISTORY_FIELDS: Final = ("open", "high", "low", "close", "price", "volume")
DAILY: Final = "1d"
BASE: Final = "1m"

_ALIASES: Final = {"1D": DAILY, "d": DAILY, "daily": DAILY, "day": DAILY, "minute": BASE, "m": BASE}
_EVENING: Final = NS_PER_DAY // 4
"""Sessions that open within six hours of the next midnight UTC (Sydney, Chicago futures) carry the next day's date."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some bars of one field, oldest first; times in nanoseconds UTC."""

    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


class Frequencies:
    """The kinds of bars that one strategy can look back on."""

    def __init__(self, port: AlgorithmSlot) -> None:
        self._base_ns = port.base_seconds * NS_PER_SECOND
        self._base = DAILY if port.base_seconds == 0 else _minutes_name(port.base_seconds // 60)
        self._run = DAILY if port.interval_minutes == WHOLE_SESSION else _minutes_name(port.interval_minutes)
        self._run_ns = port.interval_minutes * 60 * NS_PER_SECOND

    def rows(self, feed: Feed, field: str, unit: float, count: int, frequency: str) -> Window:
        """The last ``count`` values of a field, divided by ``unit``.

        Raises:
            AlgorithmError: no such frequency, or more bars than are kept.
        """
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 1 <= count <= BarHistory.KEEP:
            raise AlgorithmError(f"bar_count must be a whole number from 1 to {BarHistory.KEEP}, not {count!r}")
        name = self._name(frequency)
        column = "close" if field == "price" else field
        if name == DAILY:
            return self._daily(feed, column, unit, int(count))
        if name == self._run:
            return _window(feed.history, column, unit, int(count), self._run_ns)
        history = feed.track.history
        return _window(history or feed.history, column, unit, int(count), self._base_ns)

    def _name(self, frequency: str) -> str:
        """The frequency in its standard form, checked.

        Raises:
            AlgorithmError: there are no such bars in this run.
        """
        if not frequency:
            return self._run
        name = _ALIASES.get(frequency, frequency)
        if name.endswith("h") and name[:-1].isdigit():
            name = _minutes_name(int(name[:-1]) * 60)
        if name == BASE and self._base != DAILY:
            return self._base
        known = list(dict.fromkeys([self._base, self._run, DAILY]))
        if name not in known:
            raise AlgorithmError(f"there are no bars of {frequency!r} in this run", f"it has {', '.join(known)}")
        return name

    def _daily(self, feed: Feed, column: str, unit: float, count: int) -> Window:
        track = feed.track
        day = track.day
        if self._base == DAILY or day is None:
            window = _window(track.history or feed.history, column, unit, count, 0)
        else:
            past = _window(day.history, column, unit, count, 0)
            window = past
            if day.open_raw:
                today = {
                    "open": day.open_raw,
                    "high": day.high_raw,
                    "low": day.low_raw,
                    "close": day.close_raw,
                    "volume": day.volume_raw,
                }
                times = np.append(past.times, day.open_time)[-count:]
                window = Window(times, np.append(past.values, today[column] / unit)[-count:])
        return Window(_dates(window.times), window.values)


def _minutes_name(minutes: int) -> str:
    return f"{minutes}m"


def _window(history: BarHistory, column: str, unit: float, count: int, shift_ns: int) -> Window:
    times = np.frombuffer(history.column("time"), dtype=np.int64)[-count:] + shift_ns
    return Window(times, np.frombuffer(history.column(column), dtype=np.int64)[-count:] / unit)


def _dates(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each session's date at midnight UTC, from when its first bar opened."""
    dates: npt.NDArray[np.int64] = (times + _EVENING) // NS_PER_DAY * NS_PER_DAY
    return dates


def align(windows: list[Window], field: str, count: int) -> tuple[npt.NDArray[np.int64], list[npt.NDArray[np.float64]]]:
    """Bring several assets to their common times: a price is repeated, a missing volume is 0, other fields are NaN."""
    if not windows:
        return np.empty(0, dtype=np.int64), []
    times = np.unique(np.concatenate([window.times for window in windows]))[-count:]
    return times, [_on_times(window, times, field) for window in windows]


def _on_times(window: Window, times: npt.NDArray[np.int64], field: str) -> npt.NDArray[np.float64]:
    result = np.full(len(times), 0.0 if field == "volume" else nan)
    if len(window.times) == 0:
        return result
    place = np.searchsorted(window.times, times, side="right") - 1
    known = place >= 0
    if field != "price":
        known &= window.times[place] == times
    result[known] = window.values[place[known]]
    return result
