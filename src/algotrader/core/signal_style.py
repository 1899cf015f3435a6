"""The engine's side of a signal-style strategy: when to ask it what, and what its answers become.

One slot is one strategy instance on one instrument. On every closed bar of its interval the indicators are updated; then, with
a position, the strategy is asked for its stop and its exit; with a pending entry, whether to cancel it; otherwise for a signal.
Signals are collected and ranked when the slice closes.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, final

from algotrader.core import boundary, reports
from algotrader.core.batch import BatchPlan
from algotrader.core.desk import Draft, OrderDesk
from algotrader.core.events import ScheduledTrigger
from algotrader.core.indicators import Indicator
from algotrader.core.ledger import RoundTrip
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.core.orders import Fill, Order, OrderRole, OrderType, Side
from algotrader.core.protection import Protection
from algotrader.core.risk import (
    DENIED_BUYING_POWER,
    DENIED_HAS_POSITION,
    DENIED_SIGNAL,
    DENIED_SIZE,
    Denial,
    EntryCheck,
    Sizing,
    entry_denial,
    size_by_risk,
)
from algotrader.core.scaled import from_money
from algotrader.core.signal_hooks import IndicatorSet, Scanner, SignalHooks, SlotSettings
from algotrader.core.signals import DEFAULT_CONFIDENCE, Signal, SignalKind, SignalWords, signal_fault
from algotrader.core.state import EngineState, Holding, Slot, Track

Question = Callable[[Bar, Any], object]
"""One of the methods of ``SignalHooks`` that are asked on a bar."""

MAX_ERROR_REPORTS: Final = 20
"""A strategy that fails on every bar is reported in full this often; after that its failures are only counted."""


@final
class SignalSlot(Slot):
    """A signal-style strategy on one instrument."""

    def __init__(
        self,
        number: int,
        owner: str,
        hooks: SignalHooks,
        settings: SlotSettings,
        named: dict[str, Indicator],
        track: Track,
        state: EngineState,
        desk: OrderDesk,
        protection: Protection,
    ) -> None:
        super().__init__(number, owner)
        self.hooks: Final = hooks
        self.settings: Final = settings
        self.track: Final = track
        self.state: Final = state
        self.desk: Final = desk
        self.protection: Final = protection
        self.indicators: Final[list[Indicator]] = list(named.values())
        self.indicator_set: Final = IndicatorSet(named)
        self.holding: Final = state.holding(self, owner, track, settings.protection)
        self.regular_hours = settings.regular_hours
        self.closes_at_end = settings.closes_at_end
        self.risk_sized = settings.risk_sized
        self.scanner: Scanner | None = None
        self.admitted: bool = True
        self.closing: bool = False
        self.bars: int = 0
        self.warm: bool = False
        self.pending_bars: int = 0
        self.position_bars: int = 0
        self.cooldown_until: int = 0
        self.signal: Signal | None = None
        self.want_stop: int = 0
        self.want_exit: bool = False
        self.want_cancel: bool = False
        self.plan: BatchPlan | None = None
        self.incremental: list[Indicator] = self.indicators
        unanswered = settings.unanswered
        self._long: Final = settings.allow_long and "should_long" not in unanswered
        self._short: Final = settings.allow_short and "should_short" not in unanswered
        self._prices_entry: Final = "entry_price" not in unanswered
        self._plans_stop: Final = "stop_loss_price" not in unanswered
        self._plans_take: Final = "take_profit_price" not in unanswered
        self._rates: Final = "confidence" not in unanswered
        self._sizes: Final = "quantity" not in unanswered
        self._moves_stop: Final = "should_update_stop" not in unanswered
        self._exits: Final = "should_exit" not in unanswered
        # Looked up once rather than on every bar.
        self._ask_long: Final[Question] = hooks.should_long
        self._ask_short: Final[Question] = hooks.should_short
        self._ask_stop: Final[Question] = hooks.should_update_stop
        self._ask_exit: Final[Question] = hooks.should_exit
        self._hears_of_end: Final = "on_position_closed" not in unanswered
        self._asked_quantity: object = None
        self._quantity_raw: int = 0

    def on_bar(self, open_time: int, close_time: int, o: int, h: int, low: int, c: int, v: int) -> None:
        """One closed bar of the strategy's interval."""
        self.bars += 1
        plan = self.plan
        updated = self._update(self.incremental, o, h, low, c, v)
        if self.closing or not self.enabled or self.state.warming:
            return
        holding = self.holding
        flat = holding.position.quantity_raw == 0 and not holding.has_live_entry
        if plan is not None:
            if (flat or self._idle()) and not plan.matters(self.bars, flat):
                self.position_bars += 1
                return
            plan.load(self.bars)
        if flat and not (updated and self._may_enter(open_time, close_time)):
            return
        bar = Bar(self.track.instrument, open_time, close_time, o, h, low, c, v)
        self.want_stop = 0
        self.want_exit = False
        self.want_cancel = False
        if updated:
            try:
                self._ask(bar, flat)
            except boundary.StrategyFault as fault:
                self._fault(f"at {bar!r}", fault)
            except Exception as error:
                self._failed(f"at {bar!r}", error)
        if not flat:
            self._act(bar)

    def _update(self, indicators: list[Indicator], o: int, h: int, low: int, c: int, v: int) -> bool:
        """Give the bar to the indicators; False when one of a user's own failed, which then has not seen the bar."""
        done = True
        for indicator in indicators:
            try:
                indicator.update_bar(o, h, low, c, v)
            except Exception as error:
                done = False
                self._failed(f"in the indicator {type(indicator).__name__}", error)
        return done

    def pass_bars(self, count: int) -> None:
        """Closed bars that cannot matter: only their number is noted."""
        self.bars += count
        self.position_bars += count

    def use_plan(self, plan: BatchPlan) -> None:
        """Take the figures computed beforehand for the coming bars."""
        self.plan = plan
        self.incremental = [indicator for indicator in self.indicators if not plan.serves(indicator)]

    def _idle(self) -> bool:
        """A position is open, no order works on it, and no limit of the engine's own counts its bars."""
        settings = self.settings
        return self.track.live_orders == 0 and settings.time_stop_bars == 0 and not self.holding.synthetic_take

    def _ask(self, bar: Bar, flat: bool) -> None:
        """Put the questions that fit the situation; nothing is done yet, so a mistake in one answer spoils only what follows it."""
        if flat:
            kind = self._direction(bar)
            if kind is not None:
                self.signal = self._signal(bar, kind)
            return
        holding = self.holding
        entry = holding.entry_order
        if entry is not None and not entry.is_final and entry.created_time < bar.close_time:
            self.pending_bars += 1
            self.want_cancel = boundary.truth(self.hooks.should_cancel_pending(bar, self.pending_bars), "should_cancel_pending")
        if holding.position.quantity_raw and not holding.exit_quantity_raw:
            if self._moves_stop:
                answer = self._ask_stop(bar, self.indicator_set)
                if answer is not None:
                    short = holding.position.quantity_raw < 0
                    self.want_stop = boundary.price(answer, self.track.instrument, "should_update_stop", short)
            if self._exits:
                leave = self._ask_exit(bar, self.indicator_set)
                self.want_exit = leave is not False and boundary.truth(leave, "should_exit")

    def _act(self, bar: Bar) -> None:
        """Carry out what was answered: cancel, stop, exit, then the engine's own limits."""
        holding = self.holding
        entry = holding.entry_order
        if self.want_cancel and entry is not None:
            self.desk.cancel(entry)
        if holding.position.quantity_raw == 0:
            return
        self.position_bars += 1
        if self.want_stop:
            self.protection.move_stop(holding, self.want_stop)
        if self.want_exit:
            self.protection.request_exit(holding, "strategy exit", 0)
        self._limits(bar)

    def _may_enter(self, open_time: int, close_time: int) -> bool:
        """Flat and idle: whether a signal is looked for at all."""
        if not self.warm and not self._is_warm():
            return False
        if self.bars < self.cooldown_until or (self.settings.entry_windows and not self._in_window(close_time)):
            return False
        return self.scanner is None or self._scan()

    def _is_warm(self) -> bool:
        if self.bars < self.settings.required_history:
            return False
        for indicator in self.indicators:
            if not indicator.warm:
                return False
        self.warm = True
        return True

    def _direction(self, bar: Bar) -> SignalKind | None:
        if self._long:
            answer = self._ask_long(bar, self.indicator_set)
            if answer is not False and boundary.truth(answer, "should_long"):
                return SignalKind.BUY
        if self._short:
            answer = self._ask_short(bar, self.indicator_set)
            if answer is not False and boundary.truth(answer, "should_short"):
                return SignalKind.SELL
        return None

    def _signal(self, bar: Bar, kind: SignalKind) -> Signal:
        hooks, ind, instrument = self.hooks, self.indicator_set, self.track.instrument
        long = kind is SignalKind.BUY
        hooks.direction = "long" if long else "short"
        entry, stop, take = 0, 0, 0
        if self._prices_entry:
            entry = boundary.price(hooks.entry_price(bar, ind), instrument, "entry_price", long)
        if self._plans_stop:
            # A stop is rounded away from the entry, so that rounding never makes it tighter than the strategy meant.
            stop = boundary.price(hooks.stop_loss_price(bar, ind), instrument, "stop_loss_price", not long)
        if self._plans_take:
            take = boundary.price(hooks.take_profit_price(bar, ind), instrument, "take_profit_price", not long)
        if take == 0 and self.settings.take_profit_ppm:
            take = self._take_by_percent(entry or bar.close_raw, long)
        confidence = boundary.fraction(hooks.confidence(bar, ind), "confidence") if self._rates else DEFAULT_CONFIDENCE
        quantity = self._quantity(hooks.quantity(bar, ind)) if self._sizes else 0
        signal = Signal(self.owner, self.number, instrument, kind, self.state.now, confidence, entry, stop, take, quantity)
        self.state.report_words(reports.SIGNAL, self.holding, SignalWords(signal), None)
        return signal

    def _quantity(self, asked: object) -> int:
        """The answer to ``quantity``, scaled. The same ``Decimal`` is mostly given again, and that one cannot have changed."""
        if asked is None:
            return 0
        if asked is not self._asked_quantity:
            self._quantity_raw = boundary.quantity(asked, self.track.instrument, "quantity")
            self._asked_quantity = asked if isinstance(asked, Decimal) else None
        return self._quantity_raw

    def _take_by_percent(self, entry: int, long: bool) -> int:
        distance = entry * self.settings.take_profit_ppm // 1_000_000
        instrument = self.track.instrument
        return instrument.round_price_down(entry + distance) if long else instrument.round_price_up(entry - distance)

    def _in_window(self, close_time: int) -> bool:
        session = self.track.session
        if session is None:
            return False
        minutes = (close_time - session.open_time) // NS_PER_MINUTE
        return any(start <= minutes <= end for start, end in self.settings.entry_windows)

    def _scan(self) -> bool:
        day = self.track.day
        if not self.admitted and self.scanner is not None and day is not None:
            try:
                self.admitted = boundary.truth(self.scanner.admits(self.track.instrument.symbol, day), "admits")
            except boundary.StrategyFault as fault:
                self._fault("in the scanner", fault)
            except Exception as error:
                self._failed("in the scanner", error)
        return self.admitted

    def _limits(self, bar: Bar) -> None:
        """The time stop, and a take profit that the venue cannot hold beside the stop."""
        holding = self.holding
        if self.settings.time_stop_bars and self.position_bars >= self.settings.time_stop_bars:
            self.protection.request_exit(holding, "time stop", 0)
        if holding.synthetic_take and holding.take_raw:
            long = holding.position.quantity_raw > 0
            if bar.close_raw >= holding.take_raw if long else bar.close_raw <= holding.take_raw:
                self.protection.request_exit(holding, "take profit", 0)

    def enter(self, signal: Signal) -> Denial | None:
        """Turn a signal into an order, or say why not. Called when the slice closes, in rank order."""
        denial = self._judge(signal)
        if denial is not None:
            return denial
        entry = signal.entry_raw or self.track.last_raw
        sized = self._size(signal, entry)
        if sized.quantity_raw == 0:
            return Denial(DENIED_SIZE if self.risk_sized else DENIED_BUYING_POWER, sized.reason)
        self._submit(signal, sized.quantity_raw)
        return None

    def _judge(self, signal: Signal) -> Denial | None:
        fault = signal_fault(signal, self.track.last_raw, self.state.now)
        if fault:
            return Denial(DENIED_SIGNAL, fault)
        if self.holding.occupied:
            # An older entry may have filled late, between the bar that gave the signal and the end of its slice.
            return Denial(DENIED_HAS_POSITION, "there is a position or a pending entry already")
        if self.settings.protection == "planned" and signal.stop_raw == 0:
            return Denial(DENIED_SIGNAL, "the strategy plans its stops but gave none; answer stop_loss_price or declare protection")
        state, track = self.state, self.track
        check = EntryCheck(track.instrument, 1 if signal.side is Side.BUY else -1)
        check.trading_state = state.trading_state if state.gate_open else "halted"
        check.breaker_reason = state.breaker.reason if self.risk_sized or state.policy.breaker_for_all else ""
        check.connected = state.connected
        check.unknown_orders = track.unknown_orders
        check.external = track.external
        check.halted = track.halted
        check.others_sign = state.others_sign(self.holding)
        check.count_limited = self.risk_sized
        check.open_positions = state.open_positions()
        check.opens_short = signal.side is Side.SELL
        check.short_allowed = state.capabilities.short_selling
        return entry_denial(check, state.policy)

    def _size(self, signal: Signal, entry: int) -> Sizing:
        state, instrument = self.state, self.track.instrument
        power = state.buying_power()
        if self.risk_sized and not signal.quantity_raw:
            return size_by_risk(state.equity(), power, instrument, entry, signal.stop_raw, state.policy)
        wanted = signal.quantity_raw
        if wanted <= 0:
            return Sizing(0, "the strategy asked for a quantity of 0 after rounding to what the venue trades")
        cost = instrument.notional(entry, wanted)
        if cost > power:
            need = f"{instrument.quantity(wanted)} at {instrument.price(entry)} need {from_money(cost)}"
            return Sizing(0, f"{need}; buying power is {from_money(power)}")
        return Sizing(wanted, "explicit quantity", 0, 0, cost)

    def _submit(self, signal: Signal, quantity: int) -> None:
        holding, capabilities = self.holding, self.state.capabilities
        draft = Draft(signal.side, self._order_type(signal), quantity, OrderRole.ENTRY)
        if draft.order_type is OrderType.STOP:
            draft.stop_raw = signal.entry_raw
        elif draft.order_type is OrderType.LIMIT:
            draft.limit_raw = signal.entry_raw
        draft.planned_stop_raw = signal.stop_raw
        draft.planned_take_raw = signal.take_profit_raw
        simple = capabilities.simple_only(self.track.instrument, quantity)
        if capabilities.refuses_opposing and capabilities.attached_stops and signal.stop_raw and not simple:
            draft.attached_stop_raw = signal.stop_raw
            draft.attached_take_raw = signal.take_profit_raw if capabilities.oco else 0
        self.pending_bars = 0
        holding.partial_deadline = 0
        holding.entry_order = self.desk.submit(holding, draft, self.state.next_correlation())

    def _order_type(self, signal: Signal) -> OrderType:
        """At market without a price; beyond the market a stop order, on the near side of it a limit order."""
        if signal.entry_raw == 0:
            return OrderType.MARKET
        last = self.track.last_raw
        beyond = signal.entry_raw >= last if signal.side is Side.BUY else signal.entry_raw <= last
        return OrderType.STOP if beyond else OrderType.LIMIT

    def on_session(self, event: ScheduledTrigger) -> None:
        """End-of-day close, and what is left to do at the next open."""
        holding, phase = self.holding, event.trigger_type
        if phase == "session_open":
            self.closing = False
            self.admitted = self.scanner is None
            self.protection.after_open(holding)
        elif phase == "session_ending" and self.closes_at_end:
            self.closing = True
            self.protection.request_exit(holding, "end of day", 0)
        elif phase == "session_close" and self.closes_at_end:
            self.protection.after_close(holding)

    def on_warm_session(self, event: ScheduledTrigger) -> None:
        """A new day starts with what the last one left behind cleared."""
        if event.trigger_type == "session_open":
            self.closing = False
            self.admitted = self.scanner is None

    def on_fill(self, holding: Holding, order: Order, fill: Fill) -> None:
        """The first fill of an entry starts the count of bars in the position."""
        if order.role is OrderRole.ENTRY and order.filled_raw == fill.quantity_raw:
            self.position_bars = 0

    def on_round_trip(self, holding: Holding, trip: RoundTrip) -> None:
        """Flat again: the strategy forgets its pattern, and a cooldown starts if one is set."""
        self.cooldown_until = self.bars + 1 + self.settings.cooldown_bars
        self.position_bars = 0
        if not self._hears_of_end:
            return
        try:
            self.hooks.on_position_closed()
        except Exception as error:
            self._failed("after its position closed", error)

    def on_split(self, symbol: str, numerator: int, denominator: int) -> None:
        """Restate the indicators in the new shares."""
        if symbol != self.track.instrument.symbol:
            return
        for indicator in self.indicators:
            try:
                indicator.rescale(denominator, numerator)
            except Exception as error:
                self._failed(f"in the indicator {type(indicator).__name__}, at a split", error)

    def _fault(self, where: str, fault: boundary.StrategyFault) -> None:
        self.errors += 1
        if self.errors <= MAX_ERROR_REPORTS:
            self.state.report(reports.STRATEGY_VALUE, reports.ERROR, self.holding, f"{where}: {fault}")

    def _failed(self, where: str, error: Exception) -> None:
        """A strategy's own mistake: told with symbol, place and trace; this bar is skipped and everything else goes on."""
        self.errors += 1
        if self.errors <= MAX_ERROR_REPORTS:
            self.state.failed(self.owner, self.track.instrument.symbol, where, error)
