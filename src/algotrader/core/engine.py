"""The engine: events in, commands and reports out. It alone decides; it does no I/O and knows no clock.

``handle`` is the meaning. ``on_bars`` is its batch form for closed bars and gives the same commands. Commands and reports gather
in buffers that the caller takes. Within one close time all venue events come first, then timers, then bars; when the last bar of
a close time is in, the slice is closed: signals are ranked and become orders, algorithms are called.
"""

from __future__ import annotations

from typing import Final, final

from algotrader.core import reports
from algotrader.core.account import AccountEvents
from algotrader.core.algorithm_style import AlgorithmHooks, AlgorithmSlot
from algotrader.core.batch import Visits
from algotrader.core.commands import Command
from algotrader.core.corporate import pay_dividend, rename, split
from algotrader.core.desk import OrderDesk
from algotrader.core.events import (
    CloseExternal,
    ConnectionChanged,
    Dividend,
    EntryGate,
    Event,
    ExternalPosition,
    MarketData,
    OperatorCommand,
    OrderEvent,
    PositionGone,
    RiskChanged,
    ScheduledTrigger,
    SliceClosed,
    Split,
    SymbolChange,
    SystemError,
    TradingStatus,
    Warmup,
)
from algotrader.core.indicators import Indicator
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities
from algotrader.core.market import BarColumns, Session
from algotrader.core.operator import Operator
from algotrader.core.order_events import TIMER_STOP_LIMIT, OrderEvents
from algotrader.core.protection import TIMER_ADOPTED, TIMER_PARTIAL, Protection, StopGuaranteeBreach
from algotrader.core.reports import Report
from algotrader.core.risk import RiskPolicy
from algotrader.core.row_walk import RowWalk
from algotrader.core.signal_hooks import Scanner, SignalHooks, SlotSettings
from algotrader.core.signal_style import SignalSlot
from algotrader.core.slices import Slices
from algotrader.core.state import CORRECTED, EXTERNAL, BarHistory, DayStats, EngineState, Holding, Slot, Track
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
        self.account: Final = AccountEvents(self.state, self.protection, self.order_events.executions)
        self.operator: Final = Operator(self.state, self.desk, self.protection, self.order_events.executions)
        self.streams: Final = Streams(self.state, base_seconds)
        self.slices: Final = Slices(self.state, self.streams)
        self._rows: Final = RowWalk(self.state, self.streams, self.slices)
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
        self.slices.algorithms.append(slot)
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
            else:
                # What somebody else does may leave less to sell for ours.
                self._settle_all()
        elif isinstance(event, MarketData):
            self._market_data(event)
        elif isinstance(event, SliceClosed):
            self.slices.close(event.close_time or event.time)
        elif isinstance(event, ScheduledTrigger):
            self._trigger(event)
        else:
            self._rare(event)

    def _rare(self, event: Event) -> None:
        state = self.state
        if isinstance(event, OperatorCommand):
            self.operator.handle(event)
            self._settle_all()
        elif isinstance(event, RiskChanged):
            self.operator.change_risk(event)
        elif isinstance(event, EntryGate):
            self.operator.set_gate(event)
        elif isinstance(event, SystemError):
            self.operator.fail(event)
        elif isinstance(event, Warmup):
            self._warm_up(event.on)
        elif isinstance(event, ConnectionChanged):
            state.connected = event.connected
            state.note(reports.SYSTEM, "order stream is " + ("back" if event.connected else "down"), level=reports.WARNING)
            self.desk.pursue_all()
            self._settle_all()
        elif isinstance(event, (Split, Dividend, SymbolChange, TradingStatus)):
            self._instrument_event(event)
        elif self.account.handle(event):
            if isinstance(event, (CloseExternal, ExternalPosition, PositionGone)):
                self._settle_all()
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
            track.halt_reason = event.reason if event.halted else ""
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

    def _settle(self, holding: Holding) -> None:
        """After anything that touched an order, a fill or a position: mend protection, then prove it."""
        track = holding.track
        if track.external or track.shortfall:
            self._share_shortfall(holding)
        if not holding.is_ours:
            if not holding.adopted:
                return
            if holding.adopted == CORRECTED and holding.quantity_raw == 0:
                # It was there to be closed; nothing blocks entries any more.
                holding.adopted = ""
                track.external = False
            if track.last_raw == 0 and holding not in self.state.unpriced:
                self.state.unpriced.append(holding)
        self.state.note_held(track)
        self.protection.ensure(holding)
        fault = self.protection.breach(holding)
        if fault:
            self.state.report(reports.STOP_BREACH, reports.CRITICAL, holding, fault)
            if self.state.strict:
                raise StopGuaranteeBreach(fault)
            self.protection.request_exit(holding, "stop guarantee broken", 0)

    def _share_shortfall(self, holding: Holding) -> None:
        """What the venue lacks may have changed with this holding; then the others there owe more or less than before."""
        track = holding.track
        before = track.shortfall
        self.state.note_shortfall(track)
        if track.shortfall != before:
            for other in list(self.state.holdings.values()):
                if other.track is track and other is not holding:
                    self._settle(other)

    def _settle_all(self) -> None:
        for holding in list(self.state.holdings.values()):
            self._settle(holding)

    # ------------------------------------------------------------------ time

    def next_deadline(self) -> int:
        """When the engine wants a timer event next; 0 when it waits for nothing."""
        return self.slices.next_deadline()

    def _warm_up(self, on: bool) -> None:
        """Catch up on the past without acting on it, or start to act again."""
        self.state.warming = on
        self.state.note(reports.WARMUP, "begins" if on else "is over")
        if on:
            return
        self.streams.signalled = []
        opened, self.state.warm_opens = self.state.warm_opens, []
        for session in opened:
            if session.close_time > self.state.now:
                self._begin_day(session)
                self._open_left_over(session)
        for slot in self.state.slots:
            slot.on_warm_end()
        self._tell_left_over()
        self._price_known()
        self._settle_all()

    def _trigger(self, event: ScheduledTrigger) -> None:
        session = event.session
        if session is None:
            if event.trigger_type == "schedule":
                for slot in self.state.slots:
                    slot.on_schedule(event.name)
            else:
                self._timers()
            return
        if self.state.warming:
            self._warm_phase(event, session)
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
            self.slices.close(event.time)
        elif event.trigger_type == "session_open":
            self._open_managed(session)

    def _warm_phase(self, event: ScheduledTrigger, session: Session) -> None:
        """A phase of a past trading day: bars and figures follow it, and nothing else."""
        if event.trigger_type == "session_open":
            self._follow_session(session)
            self.state.warm_opens.append(session)
        elif event.trigger_type == "session_close":
            self.streams.end_session(session)
            self._leave_over(session)
            self.state.warm_opens = [opened for opened in self.state.warm_opens if opened.calendar != session.calendar]
        for slot in self.state.slots:
            if not isinstance(slot, SignalSlot) or slot.track.instrument.calendar == session.calendar:
                slot.on_warm_session(event)

    def _open_left_over(self, session: Session) -> None:
        """The day that we have caught up with is under way: what the last one left over is sold now."""
        for holding in self.state.holdings.values():
            if holding.managed and holding.instrument.calendar == session.calendar:
                self.protection.after_open(holding)

    def _leave_over(self, session: Session) -> None:
        """A session closed while we were away: what should have been closed with it waits for the next open."""
        for holding in self.state.holdings.values():
            closes = holding.slot is not None and holding.slot.closes_at_end
            if closes and holding.quantity_raw and holding.instrument.calendar == session.calendar:
                holding.exit_at_open = True

    def _tell_left_over(self) -> None:
        """Nobody was told of what closed sessions have left over."""
        for holding in self.state.holdings.values():
            session = holding.track.session
            if holding.exit_at_open and holding.is_ours and (session is None or session.close_time <= self.state.now):
                self.protection.after_close(holding)

    def _open_managed(self, session: Session) -> None:
        """What a strategy has left behind, or a person has told us to handle like ours: nobody there would hear of the open."""
        for holding in self.state.holdings.values():
            if holding.slot is None and holding.managed and holding.instrument.calendar == session.calendar:
                self.protection.after_open(holding)

    def _open_session(self, session: Session) -> None:
        self._begin_day(session)
        self._follow_session(session)

    def _begin_day(self, session: Session) -> None:
        """The daily breaker starts anew with the first instrument's calendar."""
        state = self.state
        if state.tracks and state.tracks[0].instrument.calendar == session.calendar:
            if state.breaker.tripped:
                state.note(reports.BREAKER_RESET, "new trading day")
            state.breaker.reset(state.equity())
            state.breaker_since = state.ledger.sequence
            state.breaker_before = []

    def _follow_session(self, session: Session) -> None:
        for track in self.state.tracks:
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
            if timer[2] == TIMER_ADOPTED:
                self._settle_external(timer[3])
                continue
            order = state.orders.get(timer[3])
            if order is None:
                continue
            holding = state.order_holding[order.client_order_id]
            if timer[2] == TIMER_PARTIAL:
                self.order_events.entry_wait_over(order, holding)
            elif timer[2] == TIMER_STOP_LIMIT and not order.is_final:
                self.protection.request_exit(holding, "triggered stop-limit did not fill", 0)
            self._settle(holding)
        if not state.warming and self.streams.give_up_waiting():
            self.slices.decide()

    def _settle_external(self, symbol: str) -> None:
        track = self.state.by_symbol.get(symbol)
        holding = None if track is None else self.state.holdings.get((EXTERNAL, track.index))
        if holding is not None:
            self._settle(holding)

    def _price_known(self) -> None:
        """What was adopted before it had a price can have its stop now."""
        waiting = self.state.unpriced
        self.state.unpriced = []
        for holding in waiting:
            self._settle(holding)

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
        late = bar.close_time <= self.slices.closed_until
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
        if self.state.unpriced and not self.state.warming:
            self._price_known()

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
        return self._rows.walk(columns, start, stop, busy, any_busy, visits)

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
