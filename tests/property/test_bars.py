"""What holds of aggregation whatever comes in: it equals a grouping, noise changes nothing, and a crash loses nothing."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.bars import WHOLE_SESSION, BarAggregator, TickBarBuilder
from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, Bar, Session, TradeTick

Row = tuple[int, int, int, int, int, int]
SPY = equity("SPY")
OPEN = 1_764_340_200 * NS_PER_SECOND
BREAK = (OPEN + 50 * NS_PER_MINUTE, OPEN + 63 * NS_PER_MINUTE)
LENGTH = 120
SESSIONS = st.sampled_from(
    [
        Session("XNYS", "plain", OPEN, OPEN + LENGTH * NS_PER_MINUTE),
        Session("XTKS", "with a break", OPEN, OPEN + LENGTH * NS_PER_MINUTE, (BREAK,)),
    ]
)
LENGTHS = st.sampled_from([1, 2, 5, 7, 10, 15, 30, 60, WHOLE_SESSION])


@st.composite
def minutes(draw: st.DrawFn) -> list[Row]:
    """One-minute bars in order: minute from the open (some lie outside the session), prices and volume."""
    rows = []
    for number in sorted(draw(st.sets(st.integers(-5, LENGTH + 5), max_size=60))):
        low, first, last, high = sorted(draw(st.lists(st.integers(1, 50), min_size=4, max_size=4)))
        rows.append((number, first, high, low, last, draw(st.integers(0, 100))))
    return rows


def push(aggregator: BarAggregator, row: Row) -> list[Bar]:
    start = OPEN + row[0] * NS_PER_MINUTE
    count = aggregator.push(start, start + NS_PER_MINUTE, *row[1:])
    return [bar.bar() for bar in aggregator.ready[:count]]


def opened(length: int, session: Session) -> BarAggregator:
    aggregator = BarAggregator(SPY, length)
    aggregator.open_session(session)
    return aggregator


def finish(aggregator: BarAggregator, rows: list[Row]) -> list[Bar]:
    """Push the rest of a session and close it."""
    out = [bar for row in rows for bar in push(aggregator, row)]
    return out + [bar.bar() for bar in aggregator.ready[: aggregator.close_session()]]


def grouped(rows: list[Row], length: int, session: Session) -> list[Bar]:
    """The same bars, worked out after the fact."""
    pauses = [((a - OPEN) // NS_PER_MINUTE, (b - OPEN) // NS_PER_MINUTE) for a, b in session.breaks]
    edges = [0, *(edge for pause in pauses for edge in pause), LENGTH]

    def window(number: int) -> tuple[int, int]:
        if length == WHOLE_SESSION:
            return 0, LENGTH
        anchor = max(edge for edge in edges[::2] if edge <= number)
        start = number - (number - anchor) % length
        return start, min(start + length, min(edge for edge in edges[1::2] if edge > number))

    inside = [row for row in rows if session.contains(OPEN + row[0] * NS_PER_MINUTE)]
    out = []
    for (start, end), members in groupby(inside, key=lambda row: window(row[0])):
        _, opens, highs, lows, closes, volumes = zip(*members, strict=True)
        numbers = (opens[0], max(highs), min(lows), closes[-1], sum(volumes))
        out.append(Bar(SPY, OPEN + start * NS_PER_MINUTE, OPEN + end * NS_PER_MINUTE, *numbers))
    return out


@pytest.mark.covers("A53", "A54", "A55", "A56")
@given(rows=minutes(), length=LENGTHS, session=SESSIONS)
def test_aggregation_equals_a_grouping_after_the_fact(rows: list[Row], length: int, session: Session) -> None:
    aggregator = opened(length, session)
    assert finish(aggregator, rows) == grouped(rows, length, session)
    assert aggregator.outside == sum(not session.contains(OPEN + row[0] * NS_PER_MINUTE) for row in rows)
    assert (aggregator.duplicates, aggregator.out_of_order, aggregator.late, aggregator.deadline) == (0, 0, 0, 0)


@pytest.mark.covers("A60")
@given(rows=minutes(), length=LENGTHS, session=SESSIONS, data=st.data())
def test_repeated_and_disordered_bars_change_nothing(rows: list[Row], length: int, session: Session, data: st.DataObject) -> None:
    inside = [row for row in rows if session.contains(OPEN + row[0] * NS_PER_MINUTE)]
    aggregator, noise = opened(length, session), 0
    out = []
    for place, row in enumerate(inside):
        out += push(aggregator, row)
        for back in data.draw(st.lists(st.integers(0, place), max_size=2)):
            assert push(aggregator, inside[back]) == []
            noise += 1
    assert out + finish(aggregator, []) == grouped(inside, length, session)
    assert aggregator.duplicates + aggregator.out_of_order == noise


@pytest.mark.covers("A62")
@given(rows=minutes(), length=LENGTHS, session=SESSIONS, cut=st.integers(0, 60))
def test_a_crash_in_the_middle_of_a_window_loses_nothing(rows: list[Row], length: int, session: Session, cut: int) -> None:
    before = opened(length, session)
    out = [bar for row in rows[:cut] for bar in push(before, row)]
    # After the restart the session's bars come from history, in part the very ones seen before the crash.
    rebuilt = opened(length, session)
    again = [bar for row in rows[:cut] for bar in push(rebuilt, row)]
    assert again == out
    assert rebuilt.state() == before.state()
    # The stream overlaps with the history.
    assert out + finish(rebuilt, rows[max(0, cut - 3) :]) == finish(opened(length, session), rows)


@given(rows=minutes(), length=LENGTHS, session=SESSIONS, cut=st.integers(0, 60))
def test_a_restored_snapshot_continues_the_same(rows: list[Row], length: int, session: Session, cut: int) -> None:
    whole, before, after = opened(length, session), opened(length, session), BarAggregator(SPY, length)
    out = [bar for row in rows[:cut] for bar in push(before, row)]
    after.restore(before.state())
    assert (after.deadline, after.parts) == (before.deadline, before.parts)
    assert out + finish(after, rows[cut:]) == finish(whole, rows)
    assert after.state() == whole.state()


@pytest.mark.covers("A57", "A58")
@given(rows=minutes(), length=LENGTHS, session=SESSIONS, waits=st.lists(st.integers(0, 4), min_size=60, max_size=60))
def test_with_timers_every_bar_is_in_one_window_or_counted_as_late(
    rows: list[Row], length: int, session: Session, waits: list[int]
) -> None:
    inside = [row for row in rows if session.contains(OPEN + row[0] * NS_PER_MINUTE)]
    aggregator, out, taken = opened(length, session), [], 0
    for row, wait in zip(inside, waits, strict=False):
        now = OPEN + (row[0] + 1 + wait) * NS_PER_MINUTE
        late = aggregator.late
        out += push(aggregator, row)
        taken += row[5] if aggregator.late == late else 0
        out += [bar.bar() for bar in aggregator.ready[: aggregator.on_timer(now)]]
        assert aggregator.deadline == 0 or now < aggregator.deadline
    out += finish(aggregator, [])
    assert sum(bar.volume_raw for bar in out) == taken
    assert all(one.close_time <= two.open_time for one, two in pairwise(out))


@st.composite
def prints(draw: st.DrawFn) -> list[TradeTick]:
    """Prints that come in the order of their times."""
    seconds = sorted(draw(st.lists(st.integers(0, 600), max_size=40)))
    return [TradeTick(SPY, OPEN + s * NS_PER_SECOND, draw(st.integers(1, 30)), draw(st.integers(0, 5))) for s in seconds]


@pytest.mark.covers("B65")
@given(ticks=prints(), seconds=st.sampled_from([1, 5, 7, 60]), anchor=st.sampled_from([0, OPEN]), cut=st.integers(0, 40))
def test_prints_equal_a_grouping_and_continue_from_a_snapshot(ticks: list[TradeTick], seconds: int, anchor: int, cut: int) -> None:
    length = seconds * NS_PER_SECOND
    expected = []
    for start, group in groupby([t for t in ticks if t.size_raw], key=lambda t: t.time - (t.time - anchor) % length):
        members = list(group)
        prices = [tick.price_raw for tick in members]
        volume = sum(tick.size_raw for tick in members)
        expected.append(Bar(SPY, start, start + length, prices[0], max(prices), min(prices), prices[-1], volume))
    before, after = TickBarBuilder(SPY, seconds, anchor), TickBarBuilder(SPY, seconds, anchor)
    made = [before.add(tick) for tick in ticks[:cut]]
    after.restore(before.state())
    made += [after.add(tick) for tick in ticks[cut:]]
    made.append(after.flush(OPEN + 3600 * NS_PER_SECOND))
    assert [bar for bar in made if bar is not None] == expected
    assert after.empty == sum(tick.size_raw == 0 for tick in ticks)
