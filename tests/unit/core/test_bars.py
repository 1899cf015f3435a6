"""Aggregation of bars and prints: windows, sessions, deadlines and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from algotrader.core.bars import WHOLE_SESSION, BarAggregator, TickBarBuilder, WindowBar
from algotrader.core.instruments import crypto, equity
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, BadData, Bar, Session, TradeTick, nanoseconds

IBM = equity("IBM")
OPEN = nanoseconds(datetime(2025, 11, 28, 14, 30, tzinfo=UTC))  # 9:30 in New York
DAY = Session("XNYS", "2025-11-26", OPEN, OPEN + 390 * NS_PER_MINUTE)
HALF_DAY = Session("XNYS", "2025-11-28", OPEN, OPEN + 210 * NS_PER_MINUTE)
LUNCH = Session("XTKS", "2025-11-28", OPEN, OPEN + 390 * NS_PER_MINUTE, ((OPEN + 150 * NS_PER_MINUTE, OPEN + 210 * NS_PER_MINUTE),))


def minute(number: int) -> int:
    """Time of the open plus so many minutes."""
    return OPEN + number * NS_PER_MINUTE


def push(aggregator: BarAggregator, number: int, *prices: int) -> int:
    """Push the one-minute bar ``number`` minutes after the open: open, high, low, close and volume, or a plain one."""
    o, h, low, c, v = prices or (100 + number, 110 + number, 90 + number, 105 + number, 10)
    return aggregator.push(minute(number), minute(number + 1), o, h, low, c, v)


def aggregate(minutes: int, numbers: list[int], session: Session = DAY) -> list[tuple[int, int, int, int]]:
    """Window start, end (minutes from the open), parts and expected parts of what comes out, flush at the end included."""
    aggregator = BarAggregator(IBM, minutes)
    aggregator.open_session(session)
    out: list[tuple[int, int, int, int]] = []
    for number in numbers:
        out += [shape(bar) for bar in aggregator.ready[: push(aggregator, number)]]
    return out + [shape(bar) for bar in aggregator.ready[: aggregator.close_session()]]


def shape(bar: WindowBar) -> tuple[int, int, int, int]:
    return (bar.open_time - OPEN) // NS_PER_MINUTE, (bar.close_time - OPEN) // NS_PER_MINUTE, bar.parts, bar.expected


@pytest.mark.covers("A53", "A54", "A61", "A63")
@pytest.mark.parametrize(
    ("minutes", "numbers", "expected"),
    [
        (5, [0, 1, 2, 3, 4], [(0, 5, 5, 5)]),
        (2, [0, 1, 2, 3], [(0, 2, 2, 2), (2, 4, 2, 2)]),
        (10, list(range(20)), [(0, 10, 10, 10), (10, 20, 10, 10)]),
        (5, [0, 1, 3, 4], [(0, 5, 4, 5)]),  # a minute without a trade
        (5, [0, 1, 2, 6], [(0, 5, 3, 5), (5, 10, 1, 5)]),  # a later window ends the earlier
        (5, [3, 9], [(0, 5, 1, 5), (5, 10, 1, 5)]),  # and ends itself by the same bar
        (5, [2, 22], [(0, 5, 1, 5), (20, 25, 1, 5)]),  # no bar for a window without bars
        (60, list(range(300, 360)), [(300, 360, 60, 60)]),
        (60, list(range(360, 390)), [(360, 390, 30, 30)]),  # the last hour of the day is half one
        (7, [385, 389], [(385, 390, 2, 5)]),
        (WHOLE_SESSION, list(range(390)), [(0, 390, 390, 390)]),
        (WHOLE_SESSION, [0, 5], [(0, 390, 2, 390)]),
    ],
)
def test_windows_of_a_day(minutes: int, numbers: list[int], expected: list[tuple[int, int, int, int]]) -> None:
    assert aggregate(minutes, numbers) == expected


@pytest.mark.covers("A61")
@pytest.mark.parametrize(
    ("minutes", "numbers", "expected"),
    [
        (60, list(range(180, 210)), [(180, 210, 30, 30)]),  # complete with the close at 13:00, no timer needed
        (60, [180, 181], [(180, 210, 2, 30)]),  # flushed at the close
        (60, [209, 210, 211], [(180, 210, 1, 30)]),  # after the close nothing counts
        (WHOLE_SESSION, list(range(210)), [(0, 210, 210, 210)]),
    ],
)
def test_a_half_day_ends_its_last_window(minutes: int, numbers: list[int], expected: list[tuple[int, int, int, int]]) -> None:
    assert aggregate(minutes, numbers, HALF_DAY) == expected


@pytest.mark.parametrize(
    ("minutes", "numbers", "expected"),
    [
        (60, [120, 149, 150, 209, 210, 269], [(120, 150, 2, 30), (210, 270, 2, 60)]),
        (WHOLE_SESSION, [0, 149, 160, 210, 389], [(0, 390, 4, 330)]),
        (WHOLE_SESSION, [149, 210, 211, 210, 250], [(0, 390, 4, 330)]),
    ],
)
def test_windows_start_anew_after_a_lunch_break(
    minutes: int, numbers: list[int], expected: list[tuple[int, int, int, int]]
) -> None:
    assert aggregate(minutes, numbers, LUNCH) == expected


@pytest.mark.covers("A55")
def test_prices_and_volume_of_a_window() -> None:
    aggregator = BarAggregator(IBM, 2)
    aggregator.open_session(DAY)
    assert push(aggregator, 0, 100, 120, 95, 110, 7) == 0
    assert push(aggregator, 1, 111, 115, 90, 92, 5) == 1
    assert aggregator.ready[0].bar() == Bar(IBM, minute(0), minute(2), 100, 120, 90, 92, 12)
    assert not aggregator.ready[0].incomplete


def test_one_push_can_make_two_bars_ready() -> None:
    aggregator = BarAggregator(IBM, 2)
    aggregator.open_session(DAY)
    push(aggregator, 0, 1, 4, 1, 2, 7)
    assert push(aggregator, 3, 5, 6, 5, 6, 8) == 2
    assert aggregator.ready[0].bar() == Bar(IBM, minute(0), minute(2), 1, 4, 1, 2, 7)
    assert aggregator.ready[1].bar() == Bar(IBM, minute(2), minute(4), 5, 6, 5, 6, 8)
    assert aggregator.ready[0].incomplete


@pytest.mark.covers("A53", "A56")
def test_the_base_interval_passes_straight_through_and_one_bar_feeds_several_intervals() -> None:
    aggregators = [BarAggregator(IBM, minutes) for minutes in (1, 2, 5, 10)]
    made = [0, 0, 0, 0]
    for aggregator in aggregators:
        aggregator.open_session(DAY)
    for number in range(30):
        for place, aggregator in enumerate(aggregators):
            made[place] += push(aggregator, number)
        one = aggregators[0].ready[0].bar()
        assert one == Bar(IBM, minute(number), minute(number + 1), 100 + number, 110 + number, 90 + number, 105 + number, 10)
        assert aggregators[0].ready[0].parts == aggregators[0].ready[0].expected == 1
    assert made == [30, 15, 6, 3]


@pytest.mark.covers("A56")
def test_a_bar_that_passes_straight_through_keeps_its_own_times() -> None:
    aggregator = BarAggregator(IBM, 1)
    aggregator.open_session(DAY)
    start = minute(3) + 30 * NS_PER_SECOND
    assert aggregator.push(start, start + NS_PER_MINUTE, 1, 2, 1, 2, 5) == 1
    assert aggregator.ready[0].bar() == Bar(IBM, start, start + NS_PER_MINUTE, 1, 2, 1, 2, 5)


def test_a_restored_whole_session_still_knows_its_break() -> None:
    before, after = BarAggregator(IBM, WHOLE_SESSION), BarAggregator(IBM, WHOLE_SESSION)
    before.open_session(LUNCH)
    push(before, 10)
    after.restore(before.state())
    for number in (11, 149, 150, 200, 210):
        push(after, number)
    assert (after.parts, after.outside) == (4, 2)


@pytest.mark.parametrize(
    ("minutes", "base", "right"), [(1, 1, True), (30, 900, True), (5, 120, False), (-1, 60, False), (1, 0, False)]
)
def test_the_base_bars_must_fit(minutes: int, base: int, right: bool) -> None:
    if right:
        assert BarAggregator(IBM, minutes, base).base_seconds == base
    else:
        with pytest.raises(ValueError, match=r"cannot be made|not a whole number"):
            BarAggregator(IBM, minutes, base)


@pytest.mark.covers("A60")
def test_repeated_and_disordered_bars_are_dropped_and_counted() -> None:
    aggregator = BarAggregator(IBM, 5)
    aggregator.open_session(DAY)
    counts = [push(aggregator, number) for number in (0, 0, 2, 1, 2, 4, 4)]
    assert counts == [0, 0, 0, 0, 0, 1, 0]
    assert (aggregator.duplicates, aggregator.out_of_order, aggregator.late) == (3, 1, 0)
    assert (aggregator.ready[0].parts, aggregator.ready[0].volume_raw) == (3, 30)


def test_bars_outside_the_session_are_ignored_and_counted() -> None:
    aggregator = BarAggregator(IBM, 5)
    assert push(aggregator, 0) == 0  # no session yet
    aggregator.open_session(LUNCH)
    for number in (-30, -1, 150, 209, 390, 500):
        assert push(aggregator, number) == 0
    assert aggregator.outside == 7
    assert (aggregator.parts, aggregator.deadline) == (0, 0)
    push(aggregator, 389)
    assert aggregator.outside == 7


@pytest.mark.covers("A57", "A58", "A63")
def test_a_window_is_given_up_ninety_seconds_after_its_end() -> None:
    aggregator = BarAggregator(IBM, 5)
    aggregator.open_session(DAY)
    assert aggregator.on_timer(minute(100)) == 0
    push(aggregator, 0)
    assert aggregator.deadline == minute(5) + 90 * NS_PER_SECOND
    assert aggregator.on_timer(aggregator.deadline - 1) == 0
    push(aggregator, 3)  # late by the clock, but its window still waits
    assert aggregator.on_timer(aggregator.deadline) == 1
    assert shape(aggregator.ready[0]) == (0, 5, 2, 5)
    assert aggregator.ready[0].incomplete
    assert (aggregator.deadline, aggregator.parts) == (0, 0)
    assert push(aggregator, 4) == 0  # its window is out already
    assert aggregator.late == 1
    push(aggregator, 5)
    assert aggregator.deadline == minute(10) + 90 * NS_PER_SECOND


def test_a_session_that_opens_ends_the_one_before() -> None:
    aggregator = BarAggregator(IBM, 60)
    aggregator.open_session(DAY)
    push(aggregator, 300)
    tomorrow = Session("XNYS", "next", minute(1440), minute(1830))
    assert aggregator.open_session(tomorrow) == 1
    assert shape(aggregator.ready[0]) == (300, 360, 1, 60)
    assert push(aggregator, 301) == 0
    assert aggregator.outside == 1
    assert aggregator.close_session() == 0


def test_a_market_that_never_closes_counts_from_midnight_utc() -> None:
    midnight = nanoseconds(datetime(2025, 11, 28, tzinfo=UTC))
    day = Session("24/7", "2025-11-28", midnight, midnight + 1440 * NS_PER_MINUTE, continuous=True)
    aggregator = BarAggregator(crypto("BTC/USDT"), 60)
    aggregator.open_session(day)
    start = midnight + 90 * NS_PER_MINUTE
    aggregator.push(start, start + NS_PER_MINUTE, 1, 1, 1, 1, 1)
    assert aggregator.close_session() == 1
    assert aggregator.ready[0].open_time == midnight + 60 * NS_PER_MINUTE


def test_a_split_rescales_the_window_that_waits() -> None:
    aggregator = BarAggregator(IBM, 5)
    aggregator.open_session(DAY)
    aggregator.rescale(1, 7)
    push(aggregator, 0, 700, 770, 693, 707, 11)
    aggregator.rescale(1, 7)
    aggregator.close_session()
    assert aggregator.ready[0].bar() == Bar(IBM, minute(0), minute(5), 100, 110, 99, 101, 77)


@pytest.mark.parametrize("numbers", [[], [0] * 14, [0] * 16])
def test_what_is_no_state_is_refused(numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="not the state of an aggregator"):
        BarAggregator(IBM, 5).restore(numbers)
    with pytest.raises(ValueError, match="not the state of a tick bar builder"):
        TickBarBuilder(IBM, 5).restore([*numbers, 0])


def print_at(seconds: float, price: int, size: int = 1) -> TradeTick:
    return TradeTick(IBM, OPEN + round(seconds * NS_PER_SECOND), price, size)


@pytest.mark.covers("B65")
def test_prints_make_bars_that_come_out_with_the_next_window() -> None:
    called: list[Bar] = []
    builder = TickBarBuilder(IBM, 60, on_bar=called.append)
    for tick in (print_at(12, 100, 5), print_at(30, 120, 1), print_at(40, 90, 2), print_at(59.9, 105, 2)):
        assert builder.add(tick) is None
    bar = builder.add(print_at(60, 106))
    assert bar == Bar(IBM, minute(0), minute(1), 100, 120, 90, 105, 10)
    assert called == [bar]


@pytest.mark.covers("B65")
def test_quiet_windows_make_no_bar_and_flush_waits_for_the_end() -> None:
    builder = TickBarBuilder(IBM, 60)
    assert builder.flush(minute(9)) is None
    builder.add(print_at(0, 100))
    assert builder.add(print_at(600, 101)) == Bar(IBM, minute(0), minute(1), 100, 100, 100, 100, 1)
    assert builder.flush(minute(11) - 1) is None
    assert builder.flush(minute(11)) == Bar(IBM, minute(10), minute(11), 101, 101, 101, 101, 1)
    assert builder.flush(minute(12)) is None
    assert builder.add(print_at(659, 7)) is None  # its bar is out
    assert builder.late == 1
    assert builder.add(print_at(660, 102)) is None
    assert builder.add(print_at(659, 7)) is None
    assert builder.late == 2


def test_a_print_of_an_earlier_window_is_dropped_and_counted() -> None:
    builder = TickBarBuilder(IBM, 60)
    builder.add(print_at(120, 100))
    assert builder.add(print_at(30, 500)) is None
    assert builder.late == 1
    assert builder.flush(minute(3)) == Bar(IBM, minute(2), minute(3), 100, 100, 100, 100, 1)


def test_prints_are_ordered_by_their_own_time_within_a_window() -> None:
    builder = TickBarBuilder(IBM, 10)
    for seconds, price in ((5, 105), (3, 103), (8, 108), (8, 107), (7, 100), (5, 120)):
        builder.add(print_at(seconds, price))
    assert builder.flush(minute(1)) == Bar(IBM, OPEN, OPEN + 10 * NS_PER_SECOND, 103, 120, 100, 107, 6)


def test_prints_without_size_set_no_price() -> None:
    builder = TickBarBuilder(IBM, 10)
    builder.add(print_at(1, 999, 0))
    builder.add(print_at(2, 100))
    builder.add(print_at(3, 999, 0))
    builder.add(print_at(11, 999, 0))
    assert builder.empty == 3
    assert builder.flush(minute(1)) == Bar(IBM, OPEN, OPEN + 10 * NS_PER_SECOND, 100, 100, 100, 100, 1)


def test_windows_of_prints_can_count_from_the_open() -> None:
    builder = TickBarBuilder(IBM, 60, anchor=OPEN + 15 * NS_PER_SECOND)
    builder.add(print_at(20, 100))
    bar = builder.flush(minute(2))
    assert bar is not None
    assert bar.open_time == OPEN + 15 * NS_PER_SECOND


def test_prints_of_another_instrument_and_empty_windows_are_refused() -> None:
    with pytest.raises(BadData, match="SPY does not belong into bars of IBM"):
        TickBarBuilder(IBM, 60).add(TradeTick(equity("SPY"), OPEN, 100, 1))
    with pytest.raises(ValueError, match="bars of 0 seconds"):
        TickBarBuilder(IBM, 0)
