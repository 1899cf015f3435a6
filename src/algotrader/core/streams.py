"""From base bars to the bars that strategies asked for, and to the strategies: one stream an interval and instrument."""

from __future__ import annotations

from typing import Final, final

from algotrader.core import reports
from algotrader.core.algorithm_style import AlgorithmSlot
from algotrader.core.bars import WHOLE_SESSION, BarAggregator
from algotrader.core.batch import Visits
from algotrader.core.market import BarColumns, Session
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import EngineState, Track

BASE_SESSION: Final = 0
"""As ``base_seconds`` of an engine: the bars that come in are whole sessions (daily bars)."""


@final
class Stream:
    """Bars of one interval of one instrument, and who wants them."""

    def __init__(self, track: Track, minutes: int, aggregator: BarAggregator | None) -> None:
        self.track: Final = track
        self.minutes: Final = minutes
        self.aggregator: Final = aggregator
        self.signal_slots: Final[list[SignalSlot]] = []
        self.algorithm_slots: Final[list[AlgorithmSlot]] = []
        self.regular_only: bool = True
        self.incomplete: int = 0


@final
class Streams:
    """All streams of an engine, by registration number of the instrument.

    ``signalled`` gathers the slots that have a signal for the slice at hand; ``deadline`` is a time before which no window has to
    be given up (0: none waits).
    """

    def __init__(self, state: EngineState, base_seconds: int) -> None:
        self.state: Final = state
        self.base_seconds: Final = base_seconds
        self.of: Final[list[list[Stream]]] = []
        self.signalled: list[SignalSlot] = []
        self.deadline: int = 0

    def stream(self, track: Track, minutes: int) -> Stream:
        """The stream of an instrument at an interval (0: whole sessions), made when there was none.

        Raises:
            ValueError: such bars cannot be made out of the base bars.
        """
        for stream in self.of[track.index]:
            if stream.minutes == minutes:
                return stream
        aggregator: BarAggregator | None = None
        if self.base_seconds != BASE_SESSION and minutes * 60 != self.base_seconds:
            aggregator = BarAggregator(track.instrument, minutes, self.base_seconds)
        elif self.base_seconds == BASE_SESSION and minutes != WHOLE_SESSION:
            raise ValueError(f"bars of {minutes} minutes cannot be made out of daily bars")
        stream = Stream(track, minutes, aggregator)
        self.of[track.index].append(stream)
        return stream

    def next_deadline(self) -> int:
        """When the first waiting window has to be given up; 0 when none waits."""
        earliest = 0
        for streams in self.of:
            for stream in streams:
                if stream.aggregator is not None and stream.aggregator.deadline:
                    due = stream.aggregator.deadline
                    if earliest == 0 or due < earliest:
                        earliest = due
        self.deadline = earliest
        return earliest

    def incomplete(self) -> int:
        """How many bars lacked some of their base bars so far."""
        return sum([stream.incomplete for streams in self.of for stream in streams])

    def open_session(self, track: Track, session: Session) -> None:
        """A session begins for an instrument: windows are counted from its open, session-anchored indicators start anew."""
        for stream in self.of[track.index]:
            if stream.aggregator is not None:
                self._deliver_ready(stream, stream.aggregator.open_session(session))
            for slot in stream.signal_slots:
                for indicator in slot.incremental:
                    indicator.reset_session()

    def end_session(self, session: Session) -> None:
        """A session ends: windows that still wait are complete with what they have."""
        for track in self.state.tracks:
            if track.instrument.calendar == session.calendar:
                for stream in self.of[track.index]:
                    if stream.aggregator is not None:
                        self._deliver_ready(stream, stream.aggregator.close_session())

    def give_up_waiting(self) -> int:
        """Complete the windows whose deadline has come; gives how many bars that made."""
        delivered = 0
        for streams in self.of:
            for stream in streams:
                if stream.aggregator is not None:
                    count = stream.aggregator.on_timer(self.state.now)
                    self._deliver_ready(stream, count)
                    delivered += count
        return delivered

    def pass_by(self, columns: BarColumns, visits: Visits, track: Track, row: int) -> None:
        """Bars of an idle instrument before ``row`` that could not matter: only the last price and their number are noted."""
        count = visits.unseen(track.index, row)
        if count == 0:
            return
        last = visits.last_seen(track.index)
        track.last_open_time = columns.open_time[last]
        track.last_time = columns.close_time[last]
        track.last_raw = columns.close[last]
        track.bars_seen += count
        for stream in self.of[track.index]:
            for slot in stream.signal_slots:
                slot.pass_bars(count)

    def pass_all_by(self, columns: BarColumns, visits: Visits, row: int) -> None:
        """The same for every instrument: from here on their last prices are those before ``row``."""
        for track in self.state.tracks:
            self.pass_by(columns, visits, track, row)

    def bar(self, track: Track, open_time: int, close_time: int, o: int, h: int, low: int, c: int, v: int, regular: bool) -> None:
        """One closed base bar: remember the price, build the larger bars, update indicators, ask the strategies."""
        if open_time <= track.last_open_time:
            track.dropped_bars += 1
            self.state.note(
                reports.DATA_DROPPED, "bar is not newer than the last one", track.instrument.symbol, level=reports.WARNING
            )
            return
        track.last_open_time = open_time
        track.last_raw = c
        track.last_time = close_time
        track.bars_seen += 1
        if regular and track.history is not None:
            track.history.add(open_time, o, h, low, c, v)
        if regular and track.day is not None:
            track.day.add(open_time, o, h, low, c, v)
        for stream in self.of[track.index]:
            if not regular and stream.regular_only:
                continue
            aggregator = stream.aggregator
            if aggregator is None:
                self._deliver(stream, open_time, close_time, o, h, low, c, v)
            else:
                count = aggregator.push(open_time, close_time, o, h, low, c, v)
                if count:
                    self._deliver_ready(stream, count)
                due = aggregator.deadline
                if due and (self.deadline == 0 or due < self.deadline):
                    self.deadline = due

    def _deliver_ready(self, stream: Stream, count: int) -> None:
        aggregator = stream.aggregator
        if aggregator is None:
            return
        for place in range(count):
            window = aggregator.ready[place]
            if window.parts < window.expected:
                stream.incomplete += 1
            self._deliver(
                stream,
                window.open_time,
                window.close_time,
                window.open_raw,
                window.high_raw,
                window.low_raw,
                window.close_raw,
                window.volume_raw,
            )

    def _deliver(self, stream: Stream, open_time: int, close_time: int, o: int, h: int, low: int, c: int, v: int) -> None:
        for slot in stream.signal_slots:
            slot.on_bar(open_time, close_time, o, h, low, c, v)
            if slot.signal is not None:
                self.signalled.append(slot)
        for algorithm in stream.algorithm_slots:
            algorithm.on_bar(stream.track.index, open_time, close_time, o, h, low, c, v)
