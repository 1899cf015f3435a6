"""The engine: events in, commands and reports out. It alone decides; it does no I/O and knows no clock.

``handle`` is the meaning. ``on_bars`` is its batch form for closed bars and gives the same commands. Commands and reports gather
in buffers that the caller takes. Within one close time all venue events come first, then timers, then bars; when the last bar of
a close time is in, the slice is closed: signals are ranked and become orders, algorithms are called.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le

from algotrader.core import reports
from algotrader.core.algorithm_style import AlgorithmHooks, AlgorithmSlot
from algotrader.core.batch import VISIT_FLAT, Visits
from algotrader.core.columns import WIDTH, IntColumn
from algotrader.core.commands import Command
from algotrader.core.corporate import pay_dividend, rename, split
from algotrader.core.desk import OrderDesk
from algotrader.core.events import (
    CashMovement,
    ConnectionChanged,
    Dividend,
    Event,
    MarketData,
    OperatorCommand,
    OrderEvent,
    ScheduledTrigger,
    SliceClosed,
    Split,
    SymbolChange,
    SystemError,
    TradingStatus,
)
from algotrader.core.indicators import Indicator
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities
from algotrader.core.market import BarColumns, Session
from algotrader.core.order_events import TIMER_STOP_LIMIT, OrderEvents
from algotrader.core.protection import TIMER_PARTIAL, Protection, StopGuaranteeBreach
from algotrader.core.reports import Report
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import from_money
from algotrader.core.signal_hooks import Scanner, SignalHooks, SlotSettings
from algotrader.core.signal_style import SignalSlot
from algotrader.core.signals import Signal, rank
from algotrader.core.state import EXTERNAL, BarHistory, DayStats, EngineState, Holding, Slot, Track
from algotrader.core.streams import BASE_SESSION, Streams

__all__ = ["BASE_SESSION", "Engine"]


@final
class Engine:
    """One account's engine.

    Args:
        instruments: what may be traded; the position in the list is the registration number.
        base_seconds: length of the bars that come in; ``BASE_SESSION`` for daily bars.
        policy: limits of the account.
        capabilities: what the venue allows.
        id_prefix: start of every client order id.
        strict: raise on a breach of the stop guarantee instead of only reporting and mending it (tests).
    """

    def __init__(
        self,
        instruments: list[Instrument],
        base_seconds: int = 60,
        policy: RiskPolicy | None = None,
        capabilities: VenueCapabilities = GENERIC,
        id_prefix: str = "a",
        strict: bool = False,
    ) -> None:
        self.state: Final = EngineState(policy or RiskPolicy(), capabilities, id_prefix)
        self.state.strict = strict
        self.base_seconds: Final = base_seconds
        self.desk: Final = OrderDesk(self.state)
        self.protection: Final = Protection(self.state, self.desk)
        self.order_events: Final = OrderEvents(self.state, self.desk, self.protection)
        self.streams: Final = Streams(self.state, base_seconds)
        self.algorithms: Final[list[AlgorithmSlot]] = []
        self.closed_until: int = 0
        for instrument in instruments:
            track = Track(len(self.state.tracks), instrument)
            self.state.tracks.append(track)
            self.state.by_symbol[instrument.symbol] = track
            self.streams.of.append([])

    def add_signal_strategy(
        self,
        owner: str,
        hooks: SignalHooks,
        settings: SlotSettings,
        indicators: dict[str, Indicator],
        symbol: str,
        scanner: Scanner | None = None,
    ) -> SignalSlot:
        """Register a signal-style strategy instance on one instrument; registration order breaks ties."""
        track = self.state.by_symbol[symbol]
        for indicator in indicators.values():
            indicator.bind(track.instrument.price_scale, track.instrument.quantity_scale)
        number = len(self.state.slots)
        slot = SignalSlot(number, owner, hooks, settings, indicators, track, self.state, self.desk, self.protection)
        slot.scanner = scanner
        if scanner is not None:
            slot.admitted = False
            self.keep_days(track)
        self.state.slots.append(slot)
        stream = self.streams.stream(track, settings.interval_minutes)
        stream.signal_slots.append(slot)
        stream.regular_only = stream.regular_only and settings.regular_hours
        return slot

    def add_algorithm(
        self,
        owner: str,
        hooks: AlgorithmHooks,
        symbols: list[str],
        interval_minutes: int,
        protection: str,
        closes_at_end: bool = False,
    ) -> AlgorithmSlot:
        """Register an algorithm-style strategy over several instruments and let it initialise."""
        tracks = [self.state.by_symbol[symbol] for symbol in symbols]
        slot = AlgorithmSlot(len(self.state.slots), owner, hooks, tracks, self.state, self.desk, self.protection, protection)
        slot.closes_at_end = closes_at_end
        slot.interval_minutes = interval_minutes
        slot.base_seconds = self.base_seconds
        self.state.slots.append(slot)
        self.algorithms.append(slot)
        for track in tracks:
            stream = self.streams.stream(track, interval_minutes)
            stream.algorithm_slots.append(slot)
            self.keep_days(track)
            if track.history is None:
                track.history = BarHistory()
            slot.follow(track, track.history if stream.aggregator is None else BarHistory(), stream.aggregator is not None)
        slot.start()
        return slot

    def keep_days(self, track: Track) -> None:
        """Follow an instrument's sessions, for scanners and daily history."""
        if track.day is None:
            track.day = DayStats()

    # ------------------------------------------------------------------ events

    def handle(self, event: Event) -> None:
        """Take one event to its end: state changed, commands and reports in their buffers.

        Raises:
            StopGuaranteeBreach: in strict mode, when a position is left without its stop.
        """
        state = self.state
        if event.time > state.now:
            state.now = event.time
        if isinstance(event, OrderEvent):
            holding = self.order_events.handle(event)
            if holding is not None:
                self._settle(holding)
        elif isinstance(event, MarketData):
            self._market_data(event)
        elif isinstance(event, SliceClosed):
            self._close_slice(event.time)
        elif isinstance(event, ScheduledTrigger):
            self._trigger(event)
        else:
            self._rare(event)

    def _rare(self, event: Event) -> None:
        state = self.state
        if isinstance(event, OperatorCommand):
            self._operator(event)
        elif isinstance(event, ConnectionChanged):
            state.connected = event.connected
            state.note(reports.SYSTEM, "order stream is " + ("back" if event.connected else "down"), level=reports.WARNING)
            self.desk.pursue_all()
            self._settle_all()
        elif isinstance(event, CashMovement):
            venue = state.tracks[0].instrument.venue if state.tracks else ""
            state.ledger.move_cash(venue, event.currency, event.amount)
            state.note(reports.CASH_MOVED, f"{event.kind} {from_money(event.amount)} {event.currency}", event.symbol)
        elif isinstance(event, (Split, Dividend, SymbolChange, TradingStatus)):
            self._instrument_event(event)
        elif isinstance(event, SystemError):
            state.note(reports.SYSTEM, f"{event.error_type}: {event.message}", level=event.severity)
            if event.severity == "critical" and state.trading_state == "active":
                self._set_trading_state("halted", f"{event.error_type}: {event.message}")
        else:
            state.note(reports.SYSTEM, f"event {type(event).__name__} has no handler", level=reports.WARNING)

    def _instrument_event(self, event: Split | Dividend | SymbolChange | TradingStatus) -> None:
        state = self.state
        track = state.by_symbol.get(event.symbol)
        if track is None:
            message = f"{type(event).__name__} of an instrument that nobody follows"
            state.note(reports.SYSTEM, message, event.symbol, level=reports.WARNING)
        elif isinstance(event, Split):
            self._split(event, track)
        elif isinstance(event, Dividend):
            pay_dividend(state, event)
        elif isinstance(event, SymbolChange):
            rename(state, event)
        else:
            track.halted = event.halted
            state.note(
                reports.SYSTEM, "halted: " + event.reason if event.halted else "resumed", event.symbol, level=reports.WARNING
            )

    def _split(self, event: Split, track: Track) -> None:
        trips = len(self.state.ledger.trips)
        split(self.state, event, [stream.aggregator for stream in self.streams.of[track.index]])
        for trip in self.state.ledger.trips[trips:]:
            # A position of less than one new share was paid out whole.
            holding = self.state.holdings.get((trip.owner, track.index))
            if holding is not None and trip.owner != EXTERNAL:
                self.order_events.executions.round_trip(holding, trip)
        self._settle_all()

    def _operator(self, event: OperatorCommand) -> None:
        if event.action == "flatten":
            for holding in list(self.state.holdings.values()):
                if holding.owner != EXTERNAL and event.symbol in ("", holding.instrument.symbol):
                    for order in list(holding.plain_orders):
                        self.desk.cancel(order)
                    self.protection.request_exit(holding, f"flatten: {event.reason}", 0)
            return
        target = {"halt": "halted", "reduce": "reducing", "resume": "active"}[event.action]
        self._set_trading_state(target, f"{event.operator}: {event.reason}")

    def _set_trading_state(self, target: str, why: str) -> None:
        self.state.trading_state = target
        self.state.note(reports.TRADING_STATE, f"{target} ({why})", level=reports.WARNING)
        if target != "active":
            for holding in self.state.holdings.values():
                if holding.entry_order is not None:
                    self.desk.cancel(holding.entry_order)

    def _settle(self, holding: Holding) -> None:
        """After anything that touched an order, a fill or a position: mend protection, then prove it."""
        if holding.owner == EXTERNAL:
            return
        self.state.note_held(holding.track)
        self.protection.ensure(holding)
        fault = self.protection.breach(holding)
        if fault:
            self.state.report(reports.STOP_BREACH, reports.CRITICAL, holding, fault)
            if self.state.strict:
                raise StopGuaranteeBreach(fault)
            self.protection.request_exit(holding, "stop guarantee broken", 0)

    def _settle_all(self) -> None:
        for holding in list(self.state.holdings.values()):
            self._settle(holding)

    # ------------------------------------------------------------------ time

    def next_deadline(self) -> int:
        """When the engine wants a timer event next; 0 when it waits for nothing."""
        timer, window = self.state.next_timer(), self.streams.next_deadline() if self.streams.deadline else 0
        return min(timer, window) if timer and window else timer or window

    def _trigger(self, event: ScheduledTrigger) -> None:
        session = event.session
        if session is None:
            self._timers()
            return
        self.state.note(reports.SESSION, f"{event.trigger_type} {session.label}", session.calendar)
        if event.trigger_type == "session_open":
            self._open_session(session)
        elif event.trigger_type == "session_close":
            self.streams.end_session(session)
        for slot in self.state.slots:
            if not isinstance(slot, SignalSlot) or slot.track.instrument.calendar == session.calendar:
                slot.on_session(event)
        if event.trigger_type == "session_close":
            self._close_slice(event.time)

    def _open_session(self, session: Session) -> None:
        state = self.state
        if state.tracks and state.tracks[0].instrument.calendar == session.calendar:
            if state.breaker.tripped:
                state.note(reports.BREAKER_RESET, "new trading day")
            state.breaker.reset(state.equity())
            state.breaker_since = state.ledger.sequence
        for track in state.tracks:
            if track.instrument.calendar != session.calendar:
                continue
            track.session = session
            if track.day is not None:
                track.day.roll()
            self.streams.open_session(track, session)

    def _timers(self) -> None:
        state = self.state
        while state.timers and state.timers[0][0] <= state.now:
            timer = state.pop_timer()
            order = state.orders.get(timer[3])
            if order is None:
                continue
            holding = state.order_holding[order.client_order_id]
            if timer[2] == TIMER_PARTIAL:
                self.order_events.entry_wait_over(order, holding)
            elif timer[2] == TIMER_STOP_LIMIT and not order.is_final:
                self.protection.request_exit(holding, "triggered stop-limit did not fill", 0)
            self._settle(holding)
        if self.streams.give_up_waiting():
            self._decide()

    # ------------------------------------------------------------------ bars

    def _market_data(self, event: MarketData) -> None:
        bar = event.bar
        if bar is None:
            tick = event.tick
            if tick is not None and tick.instrument.symbol in self.state.by_symbol:
                self.state.by_symbol[tick.instrument.symbol].last_raw = tick.price_raw
            return
        track = self.state.by_symbol.get(bar.symbol)
        if track is None:
            self.state.note(reports.DATA_DROPPED, "bar of an instrument that nobody follows", bar.symbol, level=reports.WARNING)
            return
        session = track.session
        regular = session is None or session.contains(bar.open_time)
        late = bar.close_time <= self.closed_until
        signalled = self.streams.signalled
        waiting = len(signalled)
        self.streams.bar(
            track, bar.open_time, bar.close_time, bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw, bar.volume_raw, regular
        )
        if late:
            # The slice it belongs to is closed: the bar has updated indicators and stops, but starts no entry.
            for slot in signalled[waiting:]:
                slot.signal = None
            del signalled[waiting:]

    def on_bars(self, columns: BarColumns, start: int, stop: int, busy: list[bool], any_busy: bool, visits: Visits | None) -> int:
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
            self._close_slice(close_time)
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
            self._close_slice(close_time)
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
        due = self.next_deadline() if self.streams.deadline or self.state.timers else 0
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

    def _close_slice(self, close_time: int) -> None:
        """All bars up to a close time are in; what comes of them later is late."""
        if close_time > self.closed_until:
            self.closed_until = close_time
        self._decide()

    def _decide(self) -> None:
        """Decide what compares instruments: rank signals and spend the capital on the best, then call the algorithms."""
        if self.streams.signalled:
            self._rank_and_enter()
        for algorithm in self.algorithms:
            algorithm.on_slice(self.state.now)

    def _rank_and_enter(self) -> None:
        slots = self.streams.signalled
        self.streams.signalled = []
        by_number: dict[int, SignalSlot] = {}
        signals: list[Signal] = []
        for slot in slots:
            if slot.signal is not None:
                signals.append(slot.signal)
                by_number[slot.number] = slot
                slot.signal = None
        for signal in rank(signals):
            slot = by_number[signal.number]
            denial = slot.enter(signal)
            if denial is not None:
                self.state.report(reports.SIGNAL_DENIED, reports.INFO, slot.holding, f"{denial.code}: {denial.message}")

    # ------------------------------------------------------------------ what the caller takes

    def take_commands(self) -> list[Command]:
        """The commands since the last call, in the order they were decided."""
        taken = self.state.commands
        self.state.commands = []
        return taken

    def take_reports(self) -> list[Report]:
        """The reports since the last call."""
        taken = self.state.reports
        self.state.reports = []
        return taken

    def slots(self) -> list[Slot]:
        """All registered strategies, by registration number."""
        return self.state.slots


def _slice_busy(numbers: IntColumn, close_times: IntColumn, row: int, stop: int, busy: list[bool]) -> bool:
    close_time = close_times[row]
    while row < stop and close_times[row] == close_time:
        if busy[numbers[row]]:
            return True
        row += 1
    return False
