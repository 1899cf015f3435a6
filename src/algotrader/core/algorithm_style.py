"""The engine's side of an algorithm-style strategy: one slot over many instruments, called once a slice, placing its own orders.

Quantities are explicit: checked against buying power and trading controls, never resized. ``strategies.algorithm`` gives this the
form that people know from Zipline.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core import reports
from algotrader.core.desk import Draft, OrderDesk
from algotrader.core.events import ScheduledTrigger
from algotrader.core.indicators import Indicator
from algotrader.core.ledger import RoundTrip
from algotrader.core.market import Session
from algotrader.core.orders import Fill, Order, OrderRole, OrderState, OrderType, Side, TimeInForce
from algotrader.core.protection import Protection
from algotrader.core.risk import (
    DENIED_BUYING_POWER,
    DENIED_CONTROL,
    DENIED_DISCONNECTED,
    DENIED_QUANTITY,
    DENIED_UNKNOWN,
    Denial,
    EntryCheck,
    entry_denial,
)
from algotrader.core.scaled import div_half_even, from_money
from algotrader.core.signal_style import MAX_ERROR_REPORTS
from algotrader.core.state import PROTECT_NONE, BarHistory, EngineState, Holding, Slot, Track


@mypyc_attr(allow_interpreted_subclasses=True)
class AlgorithmHooks:
    """What the engine calls on an algorithm-style strategy; ``strategies.algorithm`` is the class users build on."""

    def on_start(self, port: AlgorithmSlot) -> None:
        """The engine is set up; the strategy may look around and set its controls, but not trade yet."""

    def on_phase(self, event: ScheduledTrigger) -> None:
        """A phase of the trading day."""

    def on_late_start(self, event: ScheduledTrigger, now: int) -> None:
        """The day of this ``session_open`` is under way already; what was due before ``now`` (nanoseconds UTC) has been missed."""

    def on_schedule_event(self, name: str) -> None:
        """One of the user's schedules is due."""

    def on_bars(self, now: int) -> None:
        """A slice closed in which at least one of its instruments had a bar."""

    def on_fill_event(self, order: Order, fill: Fill) -> None:
        """One of its orders was executed."""

    def on_order_end(self, order: Order) -> None:
        """One of its orders was canceled, expired or rejected."""

    def on_venue_message(self, message: str) -> None:
        """The venue said something."""

    def control_fault(self, track: Track, quantity_raw: int, price_raw: int, position_raw: int) -> str:
        """Which trading control forbids an order of this signed quantity, as a sentence; empty when none does."""
        return ""

    def snapshot_parts(self) -> dict[str, object]:
        """What setting the strategy up makes anew, by name: a snapshot refers to it instead of saving it.

        Of a part whose class has ``snapshot_fixed`` the attributes are saved, all but those that it names.
        """
        return {}


@final
class Feed:
    """The bars of one instrument as an algorithm gets them, at its own interval: the newest, those before, and its indicators."""

    def __init__(self, track: Track, history: BarHistory, own: bool) -> None:
        self.track: Final = track
        self.history: Final = history
        self.owns_history: Final = own
        self.indicators: Final[list[Indicator]] = []
        self.open_time: int = 0
        self.close_time: int = 0
        self.open_raw: int = 0
        self.high_raw: int = 0
        self.low_raw: int = 0
        self.close_raw: int = 0
        self.volume_raw: int = 0

    def rescale(self, numerator: int, denominator: int) -> None:
        """Restate everything for a split of ``numerator`` new for ``denominator`` old shares."""
        self.open_raw = div_half_even(self.open_raw * denominator, numerator)
        self.high_raw = div_half_even(self.high_raw * denominator, numerator)
        self.low_raw = div_half_even(self.low_raw * denominator, numerator)
        self.close_raw = div_half_even(self.close_raw * denominator, numerator)
        self.volume_raw = self.volume_raw * numerator // denominator
        if self.owns_history:
            self.history.rescale(numerator, denominator)
        for indicator in self.indicators:
            indicator.rescale(denominator, numerator)


@final
class AlgorithmSlot(Slot):
    """An algorithm-style strategy in the engine, and all that it may do there."""

    def __init__(
        self,
        number: int,
        owner: str,
        hooks: AlgorithmHooks,
        tracks: list[Track],
        state: EngineState,
        desk: OrderDesk,
        protection: Protection,
        protection_kind: str,
    ) -> None:
        super().__init__(number, owner)
        self.hooks: Final = hooks
        self.tracks: Final = tracks
        self.state: Final = state
        self.desk: Final = desk
        self.protection: Final = protection
        self.protection_kind: Final = protection_kind
        self.zipline_targets: bool = False
        self.interval_minutes: int = 1
        self.base_seconds: int = 60
        self.time_in_force: TimeInForce | None = None
        self.orders_placed: int = 0
        self.slice_time: int = 0
        self.fresh: bool = False
        self.started: bool = False
        self.denial: Denial | None = None
        self.missed_opens: list[ScheduledTrigger] = []
        self.holdings: Final[list[Holding]] = [state.holding(self, owner, track, protection_kind) for track in tracks]
        self._by_index: dict[int, Holding] = {holding.track.index: holding for holding in self.holdings}
        self.feeds: Final[list[Feed]] = []
        self._feed_by_index: dict[int, Feed] = {}

    def follow(self, track: Track, history: BarHistory, own: bool) -> None:
        """Keep the bars of an instrument; ``history`` is its own where its interval is not that of the base bars."""
        feed = Feed(track, history, own)
        self.feeds.append(feed)
        self._feed_by_index[track.index] = feed

    def feed_of(self, track: Track) -> Feed:
        """The bars of one of its instruments."""
        return self._feed_by_index[track.index]

    def add_indicator(self, track: Track, indicator: Indicator) -> None:
        """Let an indicator follow an instrument's bars at the strategy's interval.

        Raises:
            ValueError: it has seen bars already.
        """
        indicator.bind(track.instrument.price_scale, track.instrument.quantity_scale)
        self._feed_by_index[track.index].indicators.append(indicator)

    def on_bar(self, index: int, open_time: int, close_time: int, o: int, h: int, low: int, c: int, v: int) -> None:
        """One closed bar at the strategy's interval; the strategy is called when the slice closes."""
        feed = self._feed_by_index[index]
        feed.open_time = open_time
        feed.close_time = close_time
        feed.open_raw = o
        feed.high_raw = h
        feed.low_raw = low
        feed.close_raw = c
        feed.volume_raw = v
        if feed.owns_history:
            feed.history.add(open_time, o, h, low, c, v)
        for indicator in feed.indicators:
            indicator.update_bar(o, h, low, c, v)
        self.fresh = True
        if close_time > self.slice_time:
            self.slice_time = close_time

    def holding_of(self, track: Track) -> Holding:
        """The holding of one of its instruments."""
        return self._by_index[track.index]

    def start(self) -> None:
        """Let the strategy initialise; its mistake here is the caller's to report."""
        self.hooks.on_start(self)
        self.started = True

    def on_slice(self, now: int) -> None:
        """Call the strategy when one of its instruments had a bar in this slice."""
        if not self.fresh or not self.enabled:
            return
        self.fresh = False
        try:
            self.hooks.on_bars(now)
        except Exception as error:
            self._failed("handle_data", error)

    def on_session(self, event: ScheduledTrigger) -> None:
        """Pass the phase on, and close at the end of the session if it asked for that."""
        phase, session = event.trigger_type, event.session
        if session is None:
            return
        if phase == "session_open":
            self._reset_session(session)
        for holding in self.holdings:
            if holding.instrument.calendar != session.calendar:
                continue
            if phase == "session_open":
                self.protection.after_open(holding)
            elif phase == "session_ending" and self.closes_at_end:
                self.close(holding, "end of day")
            elif phase == "session_close" and self.closes_at_end:
                self.protection.after_close(holding)
        if not self.enabled:
            return
        try:
            self.hooks.on_phase(event)
        except Exception as error:
            self._failed(phase, error)

    def _reset_session(self, session: Session) -> None:
        for feed in self.feeds:
            if feed.track.instrument.calendar == session.calendar:
                for indicator in feed.indicators:
                    indicator.reset_session()

    def on_warm_session(self, event: ScheduledTrigger) -> None:
        """Indicators anchored to the session follow it; the strategy hears of it later if it is still the same day then."""
        session = event.session
        if session is None:
            return
        if event.trigger_type == "session_open":
            self._reset_session(session)
            self.missed_opens.append(event)
        elif event.trigger_type == "session_close":
            self.missed_opens = [m for m in self.missed_opens if m.session is None or m.session.calendar != session.calendar]

    def on_warm_end(self) -> None:
        """Bars of the past are no reason to call the strategy; a day that is under way it has to know of."""
        self.fresh = False
        missed, self.missed_opens = self.missed_opens, []
        for event in missed:
            session = event.session
            if session is None or session.close_time <= self.state.now or not self.enabled:
                continue
            try:
                self.hooks.on_late_start(event, self.state.now)
            except Exception as error:
                self._failed("session_open", error)

    def on_schedule(self, name: str) -> None:
        """Pass it on."""
        if not self.enabled:
            return
        try:
            self.hooks.on_schedule_event(name)
        except Exception as error:
            self._failed(f"the schedule {name}", error)

    def close(self, holding: Holding, reason: str) -> None:
        """Cancel the working orders of a holding and sell it."""
        for order in list(holding.plain_orders):
            self.desk.cancel(order)
        self.protection.request_exit(holding, reason, 0)

    def working_raw(self, holding: Holding) -> int:
        """Signed quantity of its orders that work, are in flight or unknown."""
        total = 0
        for order in holding.plain_orders:
            total += order.sign * order.remaining_raw
        return total

    def order(
        self,
        track: Track,
        quantity_raw: int,
        order_type: OrderType,
        limit_raw: int,
        stop_raw: int,
        trail_raw: int,
        time_in_force: TimeInForce | None,
        extended_hours: bool = False,
    ) -> Order | None:
        """Place an order for a signed quantity; None when it was denied (``denial`` says why)."""
        holding = self.holding_of(track)
        self.denial = self._judge(holding, quantity_raw, limit_raw or stop_raw or track.last_raw)
        if self.denial is not None:
            denial = self.denial
            self.state.report(reports.ORDER_DENIED, reports.WARNING, holding, f"{denial.code}: {denial.message}")
            return None
        closing = quantity_raw * holding.quantity_raw < 0 and abs(quantity_raw) <= abs(holding.quantity_raw)
        if closing and holding.stop_raw and self.protection.stop_gives_way and order_type is OrderType.MARKET:
            # The resting stop has the holding: it makes room first, the exit follows.
            self.protection.request_exit(holding, "strategy order", abs(quantity_raw))
            return holding.exit_order
        draft = Draft(Side.BUY if quantity_raw > 0 else Side.SELL, order_type, abs(quantity_raw), OrderRole.PLAIN)
        draft.limit_raw = limit_raw
        draft.stop_raw = stop_raw
        draft.trail_raw = trail_raw
        draft.time_in_force = self.time_in_force if time_in_force is None else time_in_force
        draft.extended_hours = extended_hours
        order = self.desk.submit(holding, draft, holding.correlation_id if closing else self.state.next_correlation())
        holding.plain_orders.append(order)
        self.orders_placed += 1
        return order

    def _judge(self, holding: Holding, quantity_raw: int, price_raw: int) -> Denial | None:
        track = holding.track
        if quantity_raw == 0:
            return Denial(DENIED_QUANTITY, f"the quantity is 0 after rounding to what {track.instrument.symbol} trades in")
        if price_raw == 0:
            return Denial(DENIED_QUANTITY, f"{track.instrument.symbol} has no price yet")
        if not self.state.connected:  # Nobody would hear of the fills, so even a reducing order would leave us in the dark.
            return Denial(DENIED_DISCONNECTED, f"the order stream of {track.instrument.venue} is down")
        expected = holding.quantity_raw + self.working_raw(holding)
        if abs(expected + quantity_raw) < abs(expected) and expected * (expected + quantity_raw) >= 0:
            return None
        control = self.hooks.control_fault(track, quantity_raw, price_raw, expected)
        if control:
            return Denial(DENIED_CONTROL, control)
        denial = entry_denial(self._check(holding, quantity_raw, expected), self.state.policy)
        return denial or self._affordable(holding, quantity_raw, price_raw, expected)

    def _check(self, holding: Holding, quantity_raw: int, expected: int) -> EntryCheck:
        state, track = self.state, holding.track
        check = EntryCheck(track.instrument, 1 if quantity_raw > 0 else -1)
        check.trading_state = state.trading_state if state.gate_open else "halted"
        check.breaker_reason = state.breaker.reason if state.policy.breaker_for_all else ""
        check.connected = state.connected
        check.unknown_orders = track.unknown_orders
        check.external = track.external
        check.halted = track.halted
        check.others_sign = state.others_sign(holding)
        check.count_limited = False
        check.opens_short = expected + quantity_raw < 0
        check.short_allowed = state.capabilities.short_selling
        return check

    def _affordable(self, holding: Holding, quantity_raw: int, price_raw: int, expected: int) -> Denial | None:
        opening = (
            max(abs(expected + quantity_raw) - abs(expected), 0) if expected * quantity_raw >= 0 else abs(expected + quantity_raw)
        )
        freed = 0 if expected * quantity_raw >= 0 else abs(expected)
        instrument = holding.instrument
        cost = instrument.notional(price_raw, opening)
        power = self.state.buying_power() + instrument.notional(holding.track.last_raw, freed)
        if cost <= power:
            return None
        need = f"{instrument.quantity(opening)} at {instrument.price(price_raw)} need {from_money(cost)}"
        return Denial(DENIED_BUYING_POWER, f"{need}; buying power is {from_money(power)}")

    def order_target(self, track: Track, target_raw: int, order_type: OrderType, limit_raw: int, stop_raw: int) -> Order | None:
        """Order what is missing to hold ``target_raw`` (signed), what works already included; opposite orders go first."""
        holding = self.holding_of(track)
        self.denial = None
        if self.zipline_targets:
            return self._difference(holding, target_raw - holding.quantity_raw, order_type, limit_raw, stop_raw)
        if any(order.state is OrderState.UNKNOWN for order in holding.plain_orders):
            self.denial = Denial(
                DENIED_UNKNOWN, f"an order in {track.instrument.symbol} has an unknown fate; nothing is sent until it is settled"
            )
            self.state.report(reports.ORDER_DENIED, reports.WARNING, holding, self.denial.message)
            return None
        missing = target_raw - holding.quantity_raw - self.working_raw(holding)
        if holding.exit_order is not None and not holding.exit_order.is_final:
            missing -= holding.exit_order.sign * holding.exit_order.remaining_raw
        against = [order for order in holding.plain_orders if order.sign * missing < 0]
        if against:
            for order in against:
                self.desk.cancel(order)
            holding.target_set = True
            holding.target_raw = target_raw
            holding.target_type = order_type
            holding.target_limit_raw = limit_raw
            holding.target_stop_raw = stop_raw
            return None
        holding.target_set = False
        return self._difference(holding, missing, order_type, limit_raw, stop_raw)

    def _difference(self, holding: Holding, missing: int, order_type: OrderType, limit_raw: int, stop_raw: int) -> Order | None:
        if missing == 0:
            return None
        return self.order(holding.track, missing, order_type, limit_raw, stop_raw, 0, None)

    def on_fill(self, holding: Holding, order: Order, fill: Fill) -> None:
        """Tell the strategy."""
        self._call(order, fill)

    def on_order_final(self, holding: Holding, order: Order) -> None:
        """Tell the strategy about an end without a full fill, and go on with a target that waited for a cancel."""
        if order.remaining_raw:
            self._call(order, None)
        if holding.target_set and not any(o.cancel_requested for o in holding.plain_orders):
            holding.target_set = False
            self._resume_target(holding)

    def _resume_target(self, holding: Holding) -> None:
        """The opposite orders are gone: go on to the target. A control that fails here is the strategy's mistake, told as such."""
        try:
            self.order_target(
                holding.track, holding.target_raw, holding.target_type, holding.target_limit_raw, holding.target_stop_raw
            )
        except Exception as error:
            self._failed("order_target", error)

    def _call(self, order: Order, fill: Fill | None) -> None:
        try:
            if fill is None:
                self.hooks.on_order_end(order)
            else:
                self.hooks.on_fill_event(order, fill)
        except Exception as error:
            self._failed("order callback", error)

    def on_message(self, message: str) -> None:
        """Pass a message on."""
        try:
            self.hooks.on_venue_message(message)
        except Exception as error:
            self._failed("on_broker_message", error)

    def on_split(self, symbol: str, numerator: int, denominator: int) -> None:
        """Restate its bars and indicators in the new shares."""
        for feed in self.feeds:
            if feed.track.instrument.symbol == symbol:
                feed.rescale(numerator, denominator)

    def on_round_trip(self, holding: Holding, trip: RoundTrip) -> None:
        """Nothing: the strategy hears of fills."""

    def cancel(self, order: Order) -> None:
        """Ask for an order's end."""
        self.desk.cancel(order)

    def set_stop(self, track: Track, stop_raw: int) -> None:
        """Give a position a protective stop, or tighten the one it has."""
        holding = self.holding_of(track)
        self.protection.move_stop(holding, stop_raw)

    @property
    def unprotected(self) -> bool:
        """Whether the strategy declared that its positions carry no stop."""
        return self.protection_kind == PROTECT_NONE

    def _failed(self, where: str, error: Exception) -> None:
        """A strategy's own mistake: told with its symbols, time and trace; everything else goes on."""
        self.errors += 1
        if self.errors <= MAX_ERROR_REPORTS:
            symbols = ",".join([track.instrument.symbol for track in self.tracks])
            self.state.failed(self.owner, symbols, f"in {where}", error)
