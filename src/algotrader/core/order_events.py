"""What venue events do: to the order, to the ledger, to the holding. Nothing a venue says is dropped or raises.

A fill is always booked, whatever was believed about its order. No evidence is not evidence of no: an order whose fate is not
known is UNKNOWN, blocks entries in its instrument, and only a positive answer settles it.
"""

from __future__ import annotations

from typing import Final, final

from algotrader.core import reports
from algotrader.core.commands import REFUSED_CLOSED, REFUSED_OPPOSING_ORDER, REFUSED_THROUGH_MARKET
from algotrader.core.desk import MAX_CANCEL_ATTEMPTS, OrderDesk
from algotrader.core.events import (
    CancelRejected,
    FillBusted,
    FillCorrected,
    OrderAccepted,
    OrderCancel,
    OrderEvent,
    OrderExpired,
    OrderFateUnknown,
    OrderFill,
    OrderReject,
    OrderReplaced,
    OrderSubmitted,
    OrderTriggered,
    ReplaceRejected,
    SubmitFailed,
)
from algotrader.core.instruments import AssetClass
from algotrader.core.ledger import Booking, Position
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import Fill, Leg, Order, OrderRole, OrderState, OrderType, Side, state_from_quantities
from algotrader.core.protection import MAX_ATTEMPTS, RETRY_NS, TIMER_RETRY, Protection
from algotrader.core.scaled import from_money
from algotrader.core.state import EXTERNAL, EngineState, Holding

STOP_LIMIT_WAIT_NS: Final = 5 * NS_PER_SECOND
"""How long a triggered stop-limit may stay unfilled before the position is closed at market."""

TIMER_STOP_LIMIT: Final = "stop_limit"

MIN_KEPT_SHARES: Final = 5
"""A cancelled entry that filled fewer shares than this is closed again; more are kept with their stop."""

_LIVE: Final = (OrderState.PENDING_SUBMIT, OrderState.SUBMITTED, OrderState.UNKNOWN)


@final
class OrderEvents:
    """Carries order events into the engine's state."""

    def __init__(self, state: EngineState, desk: OrderDesk, protection: Protection) -> None:
        self.state: Final = state
        self.desk: Final = desk
        self.protection: Final = protection

    def handle(self, event: OrderEvent) -> Holding | None:
        """Apply one event; gives the holding that it touched, if we know the order."""
        order = self.state.orders.get(event.client_order_id)
        if order is None:
            self._unknown_order(event)
            return None
        holding = self.state.order_holding[order.client_order_id]
        was_unknown = order.is_unknown
        was_final = order.is_final
        self._apply(event, order, holding)
        if was_unknown != order.is_unknown:
            holding.track.unknown_orders += 1 if order.is_unknown else -1
        if order.is_final and not was_final:
            self._finish(order, holding)
        return holding

    def _apply(self, event: OrderEvent, order: Order, holding: Holding) -> None:
        if isinstance(event, OrderFill):
            self._fill(event, order, holding)
        elif isinstance(event, OrderAccepted):
            self._accepted(event, order, holding)
        elif isinstance(event, OrderSubmitted):
            if order.state is OrderState.PENDING_SUBMIT:
                order.set_state(OrderState.SUBMITTED)
        elif isinstance(event, (OrderCancel, OrderExpired)):
            self._gone(event, order, holding)
        elif isinstance(event, (OrderReject, SubmitFailed)):
            self._refused(event, order, holding)
        elif isinstance(event, OrderReplaced):
            self._replaced(event, order, holding)
        elif isinstance(event, ReplaceRejected):
            self._replace_rejected(event, order, holding)
        elif isinstance(event, CancelRejected):
            self._cancel_rejected(event, order, holding)
        elif isinstance(event, OrderFateUnknown):
            self._unknown(event, order, holding)
        elif isinstance(event, OrderTriggered):
            if order.role is OrderRole.STOP_LOSS and order.order_type is OrderType.STOP_LIMIT:
                self.state.set_timer(self.state.now + STOP_LIMIT_WAIT_NS, TIMER_STOP_LIMIT, order.client_order_id)
        elif isinstance(event, FillBusted):
            self._amend(event.fill_id, 0, 0, 0, order, holding, "busted")
        elif isinstance(event, FillCorrected):
            self._amend(event.fill_id, event.price_raw, event.quantity_raw, event.commission, order, holding, "corrected")

    def _unknown_order(self, event: OrderEvent) -> None:
        """Something about an order that is not ours: executions are booked to the owner ``external``."""
        if not isinstance(event, OrderFill):
            self.state.note(reports.UNKNOWN_ORDER, f"{type(event).__name__} for {event.client_order_id}", level=reports.WARNING)
            return
        track = self.state.by_symbol.get(event.symbol)
        if track is None or event.fill_id in self.state.ledger.booked:
            self.state.note(reports.UNKNOWN_ORDER, f"fill {event.fill_id} of {event.symbol} ignored", level=reports.WARNING)
            return
        holding = self.state.holding(None, EXTERNAL, track, "none")
        track.external = True
        booking = _booking(event, event.side, "", 0, "external")
        self.state.ledger.book(EXTERNAL, track.instrument, event.side, booking)
        message = f"fill {event.fill_id} for an order we do not know: booked to external, entries in {event.symbol} blocked"
        self.state.report(reports.UNKNOWN_ORDER, reports.CRITICAL, holding, message)

    def _accepted(self, event: OrderAccepted, order: Order, holding: Holding) -> None:
        leg = _leg(order, event.client_order_id)
        leg.venue_order_id = event.venue_order_id
        if order.pending_leg is leg:
            self._take_over(order, leg)
        if order.attached and order.role is OrderRole.STOP_LOSS:
            message = f"stop at {order.instrument.price(order.stop_raw)} for {order.quantity}"
            self.state.report(reports.STOP_PLACED, reports.INFO, holding, message, order, order.stop_raw)
        order.attached = False
        for child in (holding.stop_order, holding.take_order):
            if child is not None and child.attached and child.parent_id == order.client_order_id:
                child.set_state(OrderState.SUBMITTED)
        if order.state in _LIVE:
            order.set_state(OrderState.PARTIALLY_FILLED if order.filled_raw else OrderState.ACCEPTED)
            self.state.report(reports.ORDER_ACCEPTED, reports.INFO, holding, event.venue_order_id, order)

    def _take_over(self, order: Order, leg: Leg) -> None:
        """A replacement works: the legs before it are gone, the order is what the new leg says."""
        for old in order.legs:
            old.gone = True
        order.legs.append(leg)
        order.pending_leg = None
        order.quantity_raw = leg.quantity_raw
        order.limit_raw = leg.limit_raw
        order.stop_raw = leg.stop_raw
        order.state = state_from_quantities(order.state, order.filled_raw, order.quantity_raw)
        if not order.is_final:
            self.desk.send_wish(order)

    def _fill(self, event: OrderFill, order: Order, holding: Holding) -> None:
        state = self.state
        if event.fill_id in order.fills or event.fill_id in state.ledger.booked:
            return
        late = order.is_final
        if not event.provisional:
            self._drop_provisional(event, order)
        if order.attached:
            order.attached = False
        fill = Fill(
            event.fill_id,
            order.client_order_id,
            order.side,
            event.price_raw,
            event.quantity_raw,
            event.commission,
            event.time,
            event.provisional,
        )
        order.add_fill(fill)
        holding.track.last_raw = event.price_raw
        before = holding.quantity_raw
        if before == 0:
            holding.correlation_id = order.correlation_id
        planned = order.planned_stop_raw
        reason = holding.exit_reason if order.role is OrderRole.EXIT else order.role.value
        trips = state.ledger.book(
            holding.owner, holding.instrument, order.side, _booking(event, order.side, order.correlation_id, planned, reason)
        )
        if late:
            state.report(reports.LATE_FILL, reports.WARNING, holding, f"fill {event.fill_id} after {order.state.value}", order)
        price = holding.instrument.price(event.price_raw)
        message = f"{order.side.value} {holding.instrument.quantity(event.quantity_raw)} at {price}"
        state.report(reports.ORDER_FILLED, reports.INFO, holding, message, order)
        self._take_plan(order, holding, before)
        if holding.slot is not None:
            holding.slot.on_fill(holding, order, fill)
        for trip in trips:
            self._round_trip(holding, trip.profit, trip.reason)
            if holding.slot is not None:
                holding.slot.on_round_trip(holding, trip)

    def _take_plan(self, order: Order, holding: Holding, before: int) -> None:
        """An entry brings its planned stop along; a closing order that turned the position over opened what nobody wanted."""
        now = holding.quantity_raw
        if order.role is OrderRole.ENTRY and now * order.sign > 0:
            if holding.stop_raw == 0:
                holding.stop_raw = order.planned_stop_raw
            if holding.take_raw == 0:
                holding.take_raw = order.planned_take_raw
                holding.oco_serial += 1
            if holding.entry_order is None or holding.entry_order.is_final:
                holding.entry_order = order
        closing = order.role in (OrderRole.STOP_LOSS, OrderRole.TAKE_PROFIT, OrderRole.EXIT)
        if closing and now * order.sign > 0:
            holding.stop_raw = 0
            holding.exit_quantity_raw = 0
            self.protection.request_exit(holding, "a closing order filled more than was held", 0)
        elif order.role is OrderRole.PLAIN and before * now < 0:
            # The position changed sides: what protected the old one would be on the wrong side of the new one.
            holding.stop_raw = 0
            holding.take_raw = 0
            for protective in (holding.stop_order, holding.take_order):
                if protective is not None:
                    self.desk.cancel(protective)
        elif order.role is OrderRole.EXIT and before:
            holding.exit_quantity_raw = max(holding.exit_quantity_raw - abs(before - now), 0)

    def _drop_provisional(self, event: OrderFill, order: Order) -> None:
        """The real execution has come: what was inferred in its place is taken out."""
        for fill in list(order.fills.values()):
            if fill.provisional and fill.quantity_raw == event.quantity_raw:
                order.remove_fill(fill.fill_id)
                self.state.ledger.bust(fill.fill_id)
                return

    def _round_trip(self, holding: Holding, profit: int, reason: str) -> None:
        state = self.state
        message = f"{reason}: {from_money(profit)}"
        state.report(reports.TRADE_CLOSED, reports.INFO, holding, message)
        if state.breaker.record(profit):
            state.report(reports.BREAKER_TRIPPED, reports.WARNING, holding, state.breaker.reason)
            for order in list(state.live_orders.values()):
                if order.role is OrderRole.ENTRY:
                    self.desk.cancel(order)

    def _gone(self, event: OrderEvent, order: Order, holding: Holding) -> None:
        leg = _leg(order, event.client_order_id)
        leg.gone = True
        if order.pending_leg is not None and order.pending_leg is not leg:
            # The old leg ended while its replacement is in flight; the replacement's answer decides.
            return
        if leg is not order.legs[-1] and order.pending_leg is None and not order.legs[-1].gone:
            return
        order.pending_leg = None
        new = OrderState.EXPIRED if isinstance(event, OrderExpired) else OrderState.CANCELED
        reason = event.reason if isinstance(event, OrderCancel) else "time in force ran out"
        if not order.reason:
            order.reason = reason
        self._final(order, holding, new, reports.ORDER_EXPIRED if new is OrderState.EXPIRED else reports.ORDER_CANCELED, reason)

    def _refused(self, event: OrderEvent, order: Order, holding: Holding) -> None:
        if order.pending_leg is not None and event.client_order_id == order.pending_leg.leg_id:
            self._replace_failed(order, holding, event.reason if isinstance(event, (OrderReject, SubmitFailed)) else "", "")
            return
        code = event.code if isinstance(event, OrderReject) else ""
        reason = event.reason if isinstance(event, (OrderReject, SubmitFailed)) else ""
        order.reason = f"{code}: {reason}" if code else reason
        new = OrderState.REJECTED if isinstance(event, OrderReject) else OrderState.SUBMIT_FAILED
        self._final(order, holding, new, reports.ORDER_REJECTED, order.reason)
        if order.role is OrderRole.STOP_LOSS and code == REFUSED_THROUGH_MARKET:
            holding.stop_attempts = MAX_ATTEMPTS
        if order.role in (OrderRole.STOP_LOSS, OrderRole.EXIT) and code == REFUSED_OPPOSING_ORDER:
            self._clear_way(order, holding)

    def _clear_way(self, order: Order, holding: Holding) -> None:
        """A protective order was refused because of our own opposite order: that one is cancelled."""
        for other in list(self.state.live_orders.values()):
            if other.symbol == order.symbol and other.side is not order.side:
                self.desk.cancel(other)

    def _final(self, order: Order, holding: Holding, new: OrderState, kind: str, reason: str) -> None:
        level = reports.WARNING if new is OrderState.REJECTED else reports.INFO
        if not order.set_state(new):
            self.state.report(reports.UNEXPECTED, reports.WARNING, holding, f"{new.value} after {order.state.value}", order)
            return
        self.state.report(kind, level, holding, reason, order)

    def _replaced(self, event: OrderReplaced, order: Order, holding: Holding) -> None:
        _leg(order, event.client_order_id).gone = True
        leg = order.pending_leg
        if leg is None or leg.leg_id != event.new_client_order_id:
            known = [old for old in order.legs if old.leg_id == event.new_client_order_id]
            if known:
                return
            leg = Leg(event.new_client_order_id, order.quantity_raw, order.limit_raw, order.stop_raw)
            self.state.orders[leg.leg_id] = order
        leg.venue_order_id = event.venue_order_id
        if order.state in _LIVE:
            order.set_state(OrderState.PARTIALLY_FILLED if order.filled_raw else OrderState.ACCEPTED)
        self._take_over(order, leg)
        self.state.report(reports.ORDER_REPLACED, reports.INFO, holding, event.new_client_order_id, order)

    def _replace_rejected(self, event: ReplaceRejected, order: Order, holding: Holding) -> None:
        self._replace_failed(order, holding, event.reason, event.code)

    def _replace_failed(self, order: Order, holding: Holding, reason: str, code: str) -> None:
        order.pending_leg = None
        self.state.report(reports.ORDER_REJECTED, reports.WARNING, holding, f"change refused: {reason}", order)
        if order.is_final:
            return
        if order.legs[-1].gone:
            # Neither the old leg nor the new one works: protection starts again from the position.
            self._final(order, holding, OrderState.CANCELED, reports.ORDER_CANCELED, "replacement refused and old order gone")
        elif code == REFUSED_THROUGH_MARKET:
            holding.stop_raw = order.stop_raw
            self.protection.request_exit(holding, "stop at the market", 0)
        elif order.role is OrderRole.STOP_LOSS and order.remaining_raw >= abs(holding.quantity_raw):
            # The old stop still covers the position: it stays as it is.
            holding.stop_raw = order.stop_raw
        else:
            self.desk.cancel(order)

    def _cancel_rejected(self, event: CancelRejected, order: Order, holding: Holding) -> None:
        if order.is_final:
            return
        order.submit_attempts += 1
        if order.submit_attempts <= MAX_CANCEL_ATTEMPTS:
            order.cancel_requested = False
            self.state.report(reports.UNEXPECTED, reports.WARNING, holding, f"cancel refused: {event.reason}", order)
        else:
            self._unknown(OrderFateUnknown(event.time, event.client_order_id, "cancel refused again and again"), order, holding)

    def _unknown(self, event: OrderFateUnknown, order: Order, holding: Holding) -> None:
        if order.is_final:
            return
        order.set_state(OrderState.UNKNOWN)
        self.state.report(reports.ORDER_UNKNOWN, reports.CRITICAL, holding, event.reason, order)

    def _amend(
        self, fill_id: str, price_raw: int, quantity_raw: int, commission: int, order: Order, holding: Holding, word: str
    ) -> None:
        """Reverse an execution, and book it anew when it was corrected."""
        if fill_id not in order.fills:
            self.state.report(reports.UNEXPECTED, reports.WARNING, holding, f"{word} fill {fill_id} is not known", order)
            return
        before = _realized(holding.position)
        old = order.remove_fill(fill_id)
        if quantity_raw:
            fill = Fill(fill_id, order.client_order_id, old.side, price_raw, quantity_raw, commission, old.time)
            order.add_fill(fill)
        self.state.ledger.correct(fill_id, price_raw, quantity_raw, commission)
        self.state.breaker.realized += _realized(holding.position) - before
        if holding.quantity_raw and holding.stop_raw == 0:
            holding.stop_raw = order.planned_stop_raw
        self.state.report(reports.FILL_BUSTED, reports.WARNING, holding, f"fill {fill_id} {word}", order)

    def _finish(self, order: Order, holding: Holding) -> None:
        """An order has come to its end: forget it as working, and see what its end means."""
        state = self.state
        state.live_orders.pop(order.client_order_id, None)
        if order in holding.plain_orders:
            holding.plain_orders.remove(order)
        if order.role is OrderRole.ENTRY:
            self._entry_ended(order, holding)
        elif order.role is OrderRole.EXIT and order.remaining_raw and holding.quantity_raw:
            self._exit_failed(order, holding)
        elif (
            order.role is OrderRole.STOP_LOSS
            and holding.quantity_raw
            and order.state in (OrderState.REJECTED, OrderState.SUBMIT_FAILED)
        ):
            state.report(reports.STOP_GONE, reports.CRITICAL, holding, order.reason, order)
        elif order.role is OrderRole.STOP_LOSS and order.state is not OrderState.REJECTED:
            holding.stop_attempts = 0
        if holding.slot is not None:
            holding.slot.on_order_final(holding, order)

    def entry_wait_over(self, entry: Order, holding: Holding) -> None:
        """The moment given to an entry at a venue that takes no stop beside it is over."""
        if holding.entry_order is not entry:
            return
        holding.partial_deadline = 0
        if entry.filled_raw and not entry.is_final:
            self.desk.cancel(entry)
            holding.partial_deadline = self.state.now
            return
        child = holding.stop_order
        if child is not None and child.attached and not child.is_final and child.parent_id == entry.client_order_id:
            # The venue owes us a word about the stop that came with the entry.
            child.attached = False
            holding.track.unknown_orders += 1
            self._unknown(OrderFateUnknown(self.state.now, child.client_order_id, "attached stop not confirmed"), child, holding)

    def _entry_ended(self, order: Order, holding: Holding) -> None:
        holding.partial_deadline = 0
        if order.filled_raw == 0:
            for child in (holding.stop_order, holding.take_order):
                if (
                    child is not None
                    and child.attached
                    and child.parent_id == order.client_order_id
                    and order.state is OrderState.REJECTED
                ):
                    child.reason = "its entry was rejected"
                    child.set_state(OrderState.SUBMIT_FAILED)
                    self.state.live_orders.pop(child.client_order_id, None)
            return
        unit: int = 10**holding.instrument.quantity_scale
        few = holding.instrument.asset_class is AssetClass.EQUITY and order.filled_raw < MIN_KEPT_SHARES * unit
        if order.remaining_raw and few and holding.quantity_raw:
            self.protection.request_exit(holding, "entry filled too little to keep", 0)

    def _exit_failed(self, order: Order, holding: Holding) -> None:
        """The venue refused or ended the exit: the stop goes back, and the exit is tried again at the next open."""
        holding.exit_quantity_raw = 0
        closed = order.state is OrderState.EXPIRED or order.reason.startswith(REFUSED_CLOSED)
        if closed or holding.exit_attempts >= MAX_ATTEMPTS:
            holding.exit_at_open = True
        if holding.exit_attempts >= MAX_ATTEMPTS:
            holding.waits_until = self.state.now + RETRY_NS
            holding.exit_attempts = 0
            holding.stop_attempts = 0
            self.state.set_timer(holding.waits_until, TIMER_RETRY, order.client_order_id)
        message = f"exit ended {order.state.value} with {holding.instrument.quantity(order.remaining_raw)} unsold: {order.reason}"
        self.state.report(reports.ORDER_REJECTED, reports.CRITICAL, holding, message, order)


def _booking(event: OrderFill, side: Side, correlation_id: str, planned_stop_raw: int, reason: str) -> Booking:
    sign = 1 if side is Side.BUY else -1
    return Booking(
        event.fill_id,
        event.client_order_id,
        correlation_id,
        sign,
        event.price_raw,
        event.quantity_raw,
        event.commission,
        event.time,
        planned_stop_raw,
        reason,
    )


def _realized(position: Position) -> int:
    """Profit of the position's round trips, after commission, money."""
    total = 0
    for trip in position.trips:
        total += trip.profit
    return total


def _leg(order: Order, leg_id: str) -> Leg:
    """The venue order that an id names; the newest one when the id is the order's own and unknown as a leg."""
    if order.pending_leg is not None and order.pending_leg.leg_id == leg_id:
        return order.pending_leg
    for leg in order.legs:
        if leg.leg_id == leg_id:
            return leg
    return order.legs[-1]
