"""The walk over rows of bars: the batch form of handling bar events, with the same results.

No event, bar or list is made for a row, and rows that cannot matter are passed by.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le

from algotrader.core.batch import VISIT_FLAT, Visits
from algotrader.core.columns import WIDTH, IntColumn
from algotrader.core.market import BarColumns
from algotrader.core.slices import Slices
from algotrader.core.state import EngineState
from algotrader.core.streams import Streams


@final
class RowWalk:
    """Takes closed bars from columns, slice by slice."""

    def __init__(self, state: EngineState, streams: Streams, slices: Slices) -> None:
        self.state: Final = state
        self.streams: Final = streams
        self.slices: Final = slices

    def walk(self, columns: BarColumns, start: int, stop: int, busy: list[bool], any_busy: bool, visits: Visits | None) -> int:
        """Handle rows from ``start`` on, slice by slice, until there is a reason for the caller to act.

        Args:
            columns: the bars.
            start: first row of a slice.
            stop: row before which something else may have to come.
            busy: for each instrument, whether the venue has something to match there.
            any_busy: whether any of them is.
            visits: which rows have to be looked at; None for all.

        Returns:
            The first row not handled: ``stop``, or earlier when commands wait, a timer is due before the next slice, or the next
            slice has an instrument with working orders (``busy``) that must be matched first. At least one slice is handled.
        """
        if visits is None:
            return self._every_bar(columns, start, stop, busy, any_busy)
        row = self._some_bars(columns, start, stop, busy, any_busy, visits)
        self.streams.pass_all_by(columns, visits, row)
        self.state.now = max(self.state.now, columns.close_time[row - 1])
        return row

    def _every_bar(self, columns: BarColumns, start: int, stop: int, busy: list[bool], any_busy: bool) -> int:
        state, streams = self.state, self.streams
        close_times, numbers = columns.close_time, columns.instrument
        timer = state.next_timer()
        row = start
        while row < stop:
            close_time = close_times[row]
            if row != start:
                if timer != 0 and close_time >= timer:
                    return row
                if streams.deadline != 0 and close_time >= streams.deadline and close_time >= streams.next_deadline() != 0:
                    return row
                if any_busy and _slice_busy(numbers, close_times, row, stop, busy):
                    return row
            if close_time > state.now:
                state.now = close_time
            while row < stop and close_times[row] == close_time:
                self._row(columns, row, close_time)
                row += 1
            self.slices.close(close_time)
            if state.commands:
                return row
        return row

    def _some_bars(self, columns: BarColumns, start: int, stop: int, busy: list[bool], any_busy: bool, visits: Visits) -> int:
        """Look at the rows that may matter: those with a flag that fits, and those of instruments in which orders work."""
        state, close_times = self.state, columns.close_time
        row = start
        while row < stop:
            found = visits.next_mark(row, stop)
            if any_busy or state.live_orders:
                found = self._first_working(columns.instrument, row, found, busy)
            if found == stop:
                return self._before_timer(close_times, row, start, stop)
            close_time = close_times[found]
            first = found
            while first > row and close_times[first - 1] == close_time:
                first -= 1
            due = self._before_timer(close_times, row, start, first)
            if due < first or (any_busy and first != start and _slice_busy(columns.instrument, close_times, first, stop, busy)):
                return due
            if close_time > state.now:
                state.now = close_time
            end = self._visit_slice(columns, found, stop, busy, visits)
            if self.streams.signalled:
                # Signals are ranked and sized with the last prices of all instruments.
                self.streams.pass_all_by(columns, visits, end)
            self.slices.close(close_time)
            row = end
            if state.commands:
                return row
        return row

    def _visit_slice(self, columns: BarColumns, found: int, stop: int, busy: list[bool], visits: Visits) -> int:
        """Look at what matters from row ``found`` to the end of its slice; gives the first row of the next one."""
        close_times, flags = columns.close_time, visits.flags
        close_time = close_times[found]
        row = found
        while row < stop and close_times[row] == close_time:
            track = self.state.tracks[columns.instrument[row]]
            wanted = flags[row] if track.held else flags[row] & VISIT_FLAT
            if wanted or track.live_orders or busy[track.index]:
                self.streams.pass_by(columns, visits, track, row)
                visits.unseen(track.index, row + 1)
                self._row(columns, row, close_time)
            row += 1
        return row

    def _before_timer(self, close_times: IntColumn, row: int, start: int, end: int) -> int:
        """Rows up to ``end`` pass by, but for those before which a timer is due: the first of these, though never ``start``."""
        due = self.slices.next_deadline() if self.streams.deadline or self.state.timers else 0
        if due == 0 or row >= end:
            return end
        found = close_times.first_from(due, row)
        return min(found if found > start else close_times.first_from(close_times[start] + 1, start), end)

    def _first_working(self, numbers: IntColumn, row: int, stop: int, busy: list[bool]) -> int:
        """The first row from ``row`` on, before ``stop``, of an instrument in which an order works or is under way."""
        tracks = self.state.tracks
        while row < stop:
            number = numbers[row]
            if busy[number] or tracks[number].live_orders:
                return row
            row += 1
        return stop

    def _row(self, columns: BarColumns, row: int, close_time: int) -> None:
        at = row * WIDTH
        open_time: int = read_i64_le(columns.open_time.raw, at)
        number: int = read_i64_le(columns.instrument.raw, at)
        o: int = read_i64_le(columns.open.raw, at)
        h: int = read_i64_le(columns.high.raw, at)
        low: int = read_i64_le(columns.low.raw, at)
        c: int = read_i64_le(columns.close.raw, at)
        v: int = read_i64_le(columns.volume.raw, at)
        regular = len(columns.regular) == 0 or columns.regular[row] != 0
        self.streams.bar(self.state.tracks[number], open_time, close_time, o, h, low, c, v, regular)


def _slice_busy(numbers: IntColumn, close_times: IntColumn, row: int, stop: int, busy: list[bool]) -> bool:
    close_time = close_times[row]
    while row < stop and close_times[row] == close_time:
        if busy[numbers[row]]:
            return True
        row += 1
    return False
