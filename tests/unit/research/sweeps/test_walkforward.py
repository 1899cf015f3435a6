"""Windows of a walk-forward: what holds for all of them, and where the days of an exchange begin."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_results import DAY, START, small_result, trip

from algotrader.core.market import utc
from algotrader.errors import UserError
from algotrader.history.calendars import sessions
from algotrader.research import curve
from algotrader.research.sweeps.walkforward import (
    WalkForward,
    Window,
    day_edges,
    make_windows,
    measured_from,
    session_edges,
    windows_over,
)

lengths = st.integers(1, 40)
moments = st.integers(1_500_000_000, 1_700_000_000).map(lambda second: second * 1_000_000_000)


@st.composite
def walks(draw: st.DrawFn) -> tuple[list[int], int, int, bool, list[Window]]:
    """Edges of days of unequal length, lengths of training and test that fit, and the windows laid over them."""
    train, test, anchored = draw(lengths), draw(lengths), draw(st.booleans())
    steps = draw(st.lists(st.integers(1, 5), min_size=train + 1, max_size=150))
    edges = [0, *np.cumsum(steps).tolist()]
    return edges, train, test, anchored, windows_over(edges, train, test, anchored)


@given(walks())
def test_tests_neither_overlap_nor_leave_gaps(walk: tuple[list[int], int, int, bool, list[Window]]) -> None:
    edges, train, _, _, windows = walk
    assert windows[0].train_end == edges[train]
    assert all(before.test_end == after.train_end for before, after in pairwise(windows))
    assert windows[-1].test_end == edges[-1]


@given(walks())
def test_training_comes_before_its_test(walk: tuple[list[int], int, int, bool, list[Window]]) -> None:
    for window in walk[-1]:
        assert window.train_start < window.train_end < window.test_end


@given(walks())
def test_anchored_begins_on_the_first_day_and_rolling_keeps_its_length(
    walk: tuple[list[int], int, int, bool, list[Window]],
) -> None:
    edges, train, _, anchored, windows = walk
    for window in windows:
        if anchored:
            assert window.train_start == edges[0]
        else:
            assert edges.index(window.train_end) - edges.index(window.train_start) == train


@given(walks())
def test_only_the_last_test_may_be_short(walk: tuple[list[int], int, int, bool, list[Window]]) -> None:
    edges, _, test, _, windows = walk
    spans = [edges.index(window.test_end) - edges.index(window.train_end) for window in windows]
    assert all(span == test for span in spans[:-1])
    assert 1 <= spans[-1] <= test


@pytest.mark.parametrize("days", [0, 1, 5])
def test_too_short_a_period_is_refused(days: int) -> None:
    with pytest.raises(UserError, match="training alone needs 5"):
        windows_over(list(range(days + 1)), 5, 2, anchored=False)


@pytest.mark.parametrize("calendar", ["XNYS", "24/7"])
@given(start=moments, days=st.integers(2, 60))
def test_days_cover_the_period_and_begin_at_midnight(calendar: str, start: int, days: int) -> None:
    end = start + days * DAY
    edges = day_edges(calendar, start, end)
    assert (edges[0], edges[-1]) == (start, end)
    assert all(before < after <= before + 25 * DAY // 24 for before, after in pairwise(edges))
    hours = {utc(edge).hour for edge in edges[1:-1]}
    assert hours <= ({0} if calendar == "24/7" else {4, 5})


@given(start=moments, days=st.integers(10, 60))
def test_sessions_are_never_cut(start: int, days: int) -> None:
    start, end = start // DAY * DAY, start // DAY * DAY + days * DAY
    edges = session_edges("XNYS", start, end)
    inside = [session for session in sessions("XNYS", start, end) if session.open_time < end]
    assert len(edges) == len(inside) + 1
    for session, (begin, until) in zip(inside, pairwise(edges), strict=True):
        assert begin <= session.open_time < session.close_time <= until


def test_windows_of_sessions_and_days() -> None:
    start, end = START, START + 30 * DAY
    by_days = make_windows(WalkForward("rolling", 10, 10, False), "XNYS", start, end)
    by_sessions = make_windows(WalkForward("anchored", 10, 10, True), "XNYS", start, end)
    assert [window.number for window in by_days] == [1, 2, 3]
    assert utc(by_days[0].train_end).isoformat() == "2024-01-12T05:00:00+00:00"
    assert utc(by_sessions[0].train_end).isoformat() == "2024-01-17T05:00:00+00:00"  # the 15th is a holiday
    assert by_sessions[1].train_start == start


@pytest.mark.parametrize(
    ("text", "walk"),
    [
        (("rolling", "180d", "30d"), WalkForward("rolling", 180, 30, False)),
        (("anchored", "1 day", "2 days"), WalkForward("anchored", 1, 2, False)),
        (("rolling", "126sessions", "1session"), WalkForward("rolling", 126, 1, True)),
    ],
)
def test_lengths_are_read(text: tuple[str, str, str], walk: WalkForward) -> None:
    assert WalkForward.read(*text) == walk


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (("roling", "180d", "30d"), "'roling' is no walk-forward", "did you mean rolling"),
        (("rolling", "180", "30d"), "--train '180' is not a length", "180d or 126sessions"),
        (("rolling", "180d", "0d"), "--test '0d' is not a length", "180d or 126sessions"),
        (("rolling", "180d", "5sessions"), "different units", "both in days"),
    ],
)
def test_what_cannot_be_read_is_told(text: tuple[str, str, str], message: str, hint: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        WalkForward.read(*text)
    assert hint in caught.value.hint


def test_measured_from_takes_the_rest_of_the_account() -> None:
    """Closes 1000, 1100 | 1210, 1331 with a capital of 1000: what is measured begins with 1100 and gains 10 % a day."""
    result = small_result([1000.0, 1100.0, 1210.0, 1331.0])
    result.benchmark = np.array([1000.0, 500.0, 600.0, 750.0])
    result.round_trips = [trip("5", 1), trip("7", 2)]
    rest = measured_from(result, int(result.equity_time[1]))
    assert rest.capital == Decimal("1100.0")
    assert rest.equity.tolist() == [1210.0, 1331.0]
    assert rest.benchmark is not None
    assert rest.benchmark.tolist() == pytest.approx([1320.0, 1650.0])
    assert curve.daily_returns(rest.equity, rest.session_days, 1100.0).tolist() == pytest.approx([0.1, 0.1])
    assert rest.round_trips == [item for item in result.round_trips if item.exit_time >= result.equity_time[1]]
    assert result.equity.tolist()[0] == 1000.0


def test_measured_from_the_beginning_changes_nothing() -> None:
    result = small_result([1010.0, 1020.0])
    rest = measured_from(result, START)
    assert (rest.capital, rest.equity.tolist()) == (result.capital, [1010.0, 1020.0])


def test_a_window_without_bars_is_told() -> None:
    result = small_result([1010.0])
    with pytest.raises(UserError, match="no bars"):
        measured_from(result, int(result.equity_time[-1]))
