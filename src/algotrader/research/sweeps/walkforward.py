"""Walk-forward analysis: parameters are chosen on one stretch of history and tried on the next, again and again.

A *rolling* window moves its beginning along; an *anchored* one always begins on the first day and grows. The stretches for testing
follow each other without gap or overlap, so their results put together are one record of decisions made without knowing what comes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from algotrader.core.market import utc
from algotrader.errors import UserError, did_you_mean
from algotrader.history.calendars import day_start, sessions
from algotrader.research.options import BacktestError
from algotrader.research.result import BacktestResult

KINDS: Final = ("rolling", "anchored")
_LENGTH: Final = re.compile(r"(\d+)\s*(d|days?|sessions?)")
_PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class WalkForward:
    """How to walk: ``rolling`` or ``anchored``, and the lengths of training and test in calendar days or in sessions."""

    kind: str
    train: int
    test: int
    in_sessions: bool

    @staticmethod
    def read(kind: str, train: str, test: str) -> WalkForward:
        """Read the words of the command line, such as ``rolling``, ``180d`` and ``30d``, or ``126sessions`` and ``21sessions``.

        Raises:
            UserError: one of them cannot be read, or days and sessions are mixed.
        """
        if kind not in KINDS:
            raise UserError(f"{kind!r} is no walk-forward", f"{did_you_mean(kind, KINDS)} known: {', '.join(KINDS)}".strip())
        (first, in_sessions), (second, also) = _length("--train", train), _length("--test", test)
        if in_sessions != also:
            raise UserError("--train and --test have different units", "give both in days (180d) or both in sessions (126sessions)")
        return WalkForward(kind, first, second, in_sessions)


def _length(option: str, text: str) -> tuple[int, bool]:
    found = _LENGTH.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise UserError(f"{option} {text!r} is not a length of time", "write it like 180d or 126sessions")
    return int(found[1]), found[2].startswith("s")


@dataclass(frozen=True, slots=True)
class Window:
    """One step of the walk: train in ``[train_start, train_end)``, test in ``[train_end, test_end)``; nanoseconds UTC."""

    number: int
    train_start: int
    train_end: int
    test_end: int


def windows_over(edges: Sequence[int], train: int, test: int, anchored: bool) -> list[Window]:
    """Lay windows over days.

    Args:
        edges: the moments (nanoseconds UTC, ascending) between which the days lie: one more than there are days.
        train: days of training; of the first window when anchored.
        test: days of each test; the last one takes what is left.
        anchored: every training begins on the first day.

    Raises:
        UserError: there are not enough days for one window.
    """
    days = len(edges) - 1
    if days <= train:
        raise UserError(
            f"the period has {max(days, 0)} days or sessions, training alone needs {train}", "shorten --train and --test"
        )
    found = []
    for number, first in enumerate(range(train, days, test)):
        start = 0 if anchored else first - train
        found.append(Window(number + 1, edges[start], edges[first], edges[min(first + test, days)]))
    return found


def make_windows(walk: WalkForward, calendar: str, start_ns: int, end_ns: int) -> list[Window]:
    """Lay the windows of a walk over a period.

    Args:
        walk: kind and lengths.
        calendar: of the first symbol; its days begin at its own midnight.
        start_ns: begin of the period, nanoseconds UTC.
        end_ns: its end.

    Raises:
        UserError: the period is too short.
    """
    edges = session_edges(calendar, start_ns, end_ns) if walk.in_sessions else day_edges(calendar, start_ns, end_ns)
    return windows_over(edges, walk.train, walk.test, walk.kind == "anchored")


def day_edges(calendar: str, start_ns: int, end_ns: int) -> list[int]:
    """Every midnight at the exchange within a period, and its two ends; a day cut by an end counts as one."""
    first = utc(start_ns).date() - timedelta(days=1)
    count = (utc(end_ns).date() - first).days + 2
    return _within([day_start(calendar, first, plus_days=day) for day in range(count)], start_ns, end_ns)


def session_edges(calendar: str, start_ns: int, end_ns: int) -> list[int]:
    """The beginnings of the sessions that open within a period, with its two ends at the ends.

    A session begins at midnight at the exchange, or where it opens on the evening before, with that.
    """
    inside = [session for session in sessions(calendar, start_ns, end_ns) if start_ns <= session.open_time < end_ns]
    begins = [min(session.open_time, day_start(calendar, _day(session.label))) for session in inside]
    # Before the first session there is nothing to train on, and a day that begins the evening before would be named after it.
    return _within(begins[1:], max(start_ns, begins[0]) if begins else start_ns, end_ns)


def _day(label: str) -> date:
    return date.fromisoformat(label)


def _within(moments: Sequence[int], start_ns: int, end_ns: int) -> list[int]:
    return [start_ns, *(moment for moment in moments if start_ns < moment < end_ns), end_ns]


def measured_from(result: BacktestResult, moment: int) -> BacktestResult:
    """The part of a run after a moment, as if the account had been opened then with what it held.

    A run that is to be judged on a test window begins with the window's training: indicators are warm and positions are open as
    they would be for somebody who had been trading. Fills and the ends of round trips before the moment are left out; a round trip
    that began before it counts whole. ``exposure`` and ``fingerprint`` stay those of the whole run.

    Args:
        result: the whole run.
        moment: nanoseconds UTC; points of the curve at it belong to what is left out.

    Raises:
        BacktestError: nothing was traded after the moment: there are no bars.
    """
    first = int(np.searchsorted(result.equity_time, moment, side="right"))
    if first == len(result.equity_time):
        raise BacktestError("no bars to trade in this window", "choose longer windows or other dates")
    capital = result.capital
    benchmark = result.benchmark
    if first:
        capital = Decimal(repr(round(float(result.equity[first - 1]), _PLACES)))
        benchmark = None if benchmark is None else benchmark * (float(capital) / float(benchmark[first - 1]))
    rest = replace(
        result,
        start=moment,
        capital=capital,
        equity_time=result.equity_time[first:],
        equity=result.equity[first:],
        session_days=result.session_days[first:],
        benchmark=None if benchmark is None else benchmark[first:],
        fills=[fill for fill in result.fills if fill.time >= moment],
        round_trips=[trip for trip in result.round_trips if trip.exit_time >= moment],
        stops=[stop for stop in result.stops if stop.time >= moment],
    )
    rest.fingerprint = result.fingerprint
    return rest
