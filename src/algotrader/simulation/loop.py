"""The backtest's loop: feeds bars, session phases and timers to the engine, and carries commands and events between it and the
simulated venue.

Nothing is decided here. The order is that of the rulings: before the bars of a close time come the timers and session phases due
by then, then what those bars do to working orders, then the bars themselves; session ends come after the bars that close with them.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.batch import Visits
from algotrader.core.columns import IntColumn
from algotrader.core.commands import Command
from algotrader.core.engine import Engine
from algotrader.core.events import Event, OrderFill, ScheduledTrigger, Split
from algotrader.core.market import BarColumns
from algotrader.simulation.venue import SimulatedVenue


@final
class Scheduled:
    """An event of the calendar: due before the bars that close at ``time``, or after them. ``rank`` orders equal times."""

    def __init__(self, time: int, after: bool, rank: int, event: Event) -> None:
        self.time: Final = time
        self.after: Final = after
        self.rank: Final = rank
        self.event: Final = event


def by_time(item: Scheduled) -> tuple[int, bool, int]:
    """Sort key of scheduled events."""
    return (item.time, item.after, item.rank)


@mypyc_attr(acyclic=True)
@final
class Change:
    """Cash (money) and one instrument's net quantity (scaled) as they are from the slice at ``time`` on."""

    def __init__(self, time: int, index: int, quantity_raw: int, cash: int) -> None:
        self.time: Final = time
        self.index: Final = index
        self.quantity_raw: Final = quantity_raw
        self.cash: Final = cash


@final
class BacktestLoop:
    """Runs one engine against one simulated venue over chunks of bars.

    Args:
        engine: set up with its strategies.
        venue: over the same list of instruments.
        schedule: session phases and corporate actions, sorted by ``by_time``.
    """

    def __init__(self, engine: Engine, venue: SimulatedVenue, schedule: list[Scheduled]) -> None:
        self.engine: Final = engine
        self.venue: Final = venue
        self.schedule: Final = schedule
        self.position: int = 0
        self.slice_time: int = 0
        self.fills: list[OrderFill] = []
        self.changes: list[Change] = []
        self.slices: int = 0

    def run(self, columns: BarColumns, visits: Visits | None = None) -> None:
        """Run one chunk; a chunk never splits bars of equal close time. ``visits`` says which rows have to be looked at."""
        row = 0
        count = len(columns)
        close_times = columns.close_time
        engine, venue = self.engine, self.venue
        while row < count:
            self.slice_time = close_times[row]
            self._catch_up(self.slice_time)
            if venue.busy_count:
                self._match(columns, row, count)
            row = engine.on_bars(columns, row, self._stop(close_times, row, count), venue.busy, venue.busy_count > 0, visits)
            if engine.state.commands:
                self.slice_time = close_times[row - 1]
                self._exchange()

    def finish(self, end: int) -> None:
        """After the last bar: let the phases up to ``end`` (nanoseconds UTC) come, so that the last session closes."""
        self.slice_time = end
        self._catch_up(end + 1)

    def _stop(self, close_times: IntColumn, row: int, count: int) -> int:
        """The row before which something else may have to come: the next scheduled event, or a command that is under way."""
        if self.venue.in_flight:
            return close_times.first_from(close_times[row] + 1, row)
        if self.position >= len(self.schedule):
            return count
        item = self.schedule[self.position]
        if item.after:
            return max(close_times.first_from(item.time + 1, row), row + 1)
        return max(close_times.first_from(item.time, row), row + 1)

    def _catch_up(self, close_time: int) -> None:
        """Deliver timers and phases due before the bars that close at ``close_time``, in order of time."""
        engine = self.engine
        while True:
            item = self.schedule[self.position] if self.position < len(self.schedule) else None
            if item is not None and (item.time > close_time or (item.time == close_time and item.after)):
                item = None
            due = engine.next_deadline() if engine.streams.deadline or engine.state.timers else 0
            if due and due <= close_time and (item is None or due <= item.time):
                self._arrive(due)
                engine.handle(ScheduledTrigger(due, "timer", due))
                self._exchange()
            elif item is not None:
                self.position += 1
                self._arrive(item.time)
                self._deliver(item)
            else:
                break
        self._arrive(close_time)

    def _arrive(self, time: int) -> None:
        """Commands on their way that reach the venue by ``time``, and those that the answers to them set off."""
        while self.venue.in_flight:
            self.venue.advance(time)
            if not self.venue.events:
                return
            self._exchange()

    def _deliver(self, item: Scheduled) -> None:
        event = item.event
        engine, venue = self.engine, self.venue
        if isinstance(event, ScheduledTrigger) and event.session is not None:
            session = event.session
            if event.trigger_type == "session_open":
                venue.open_session(session.calendar, session)
            elif event.trigger_type == "session_close":
                venue.close_session(session.calendar, session)
                self._exchange()
            elif event.trigger_type == "session_ending":
                # With bars, the last close before it is the latest moment from which an order still reaches the session's last bar.
                event = ScheduledTrigger(
                    max(engine.state.now, session.open_time),
                    "session_ending",
                    event.scheduled_time,
                    session,
                    event.day_of_week,
                    event.days_to_week_end,
                    event.day_of_month,
                    event.days_to_month_end,
                )
        elif isinstance(event, Split):
            venue.apply_split(engine.state.by_symbol[event.symbol].index, event.numerator, event.denominator)
            self._exchange()
        engine.handle(event)
        self._exchange()
        if not isinstance(event, ScheduledTrigger):
            self._note_all()

    def _match(self, columns: BarColumns, row: int, count: int) -> None:
        """Match the working orders of every instrument that has a bar in this slice, before the engine sees any of them."""
        venue = self.venue
        close_time = columns.close_time[row]
        some_irregular = len(columns.regular) > 0
        while row < count and columns.close_time[row] == close_time:
            index = columns.instrument[row]
            if venue.busy[index]:
                venue.match_bar(
                    index,
                    columns.open_time[row],
                    close_time,
                    columns.open[row],
                    columns.high[row],
                    columns.low[row],
                    columns.close[row],
                    columns.volume[row],
                    not some_irregular or columns.regular[row] != 0,
                )
                while venue.events:
                    self._exchange()
                    venue.match_again(index)
            row += 1

    def _exchange(self) -> None:
        """Carry commands out and events in until both sides are quiet."""
        engine, venue = self.engine, self.venue
        while engine.state.commands or venue.events:
            for command in engine.take_commands():
                self._send(command)
            for event in venue.take_events():
                engine.handle(event)
                if isinstance(event, OrderFill):
                    self.fills.append(event)
                    self._note(engine.state.by_symbol[event.symbol].index)

    def _send(self, command: Command) -> None:
        """Hand one command over; the venue judges stops by the last price that the engine has seen."""
        state = self.engine.state
        order = state.orders.get(command.client_order_id)
        if order is not None:
            track = state.by_symbol[order.symbol]
            self.venue.mark(track.index, track.last_raw)
        self.venue.execute(command, state.now)

    def _note(self, index: int) -> None:
        state = self.engine.state
        quantity = state.ledger.net_quantity(state.tracks[index].instrument.symbol)
        self.changes.append(Change(self.slice_time, index, quantity, state.total_cash()))

    def _note_all(self) -> None:
        for track in self.engine.state.tracks:
            self._note(track.index)
