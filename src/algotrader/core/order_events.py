"""What venue events do: to the order, to its chain of replacements, to the holding. Nothing a venue says is dropped or raises.

No evidence is not evidence of no: an order whose fate is not known is UNKNOWN, blocks entries in its instrument, and only a
positive answer settles it. Executions are booked in ``executions``.
"""

from __future__ import annotations

from typing import Final, final

from algotrader.core import reports
from algotrader.core.commands import REFUSED_CLOSED, REFUSED_DUPLICATE, REFUSED_OPPOSING_ORDER, REFUSED_THROUGH_MARKET
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
    OrderStillWorks,
    OrderSubmitted,
    OrderTriggered,
    ReplaceRejected,
    SubmitFailed,
)
from algotrader.core.executions import Executions
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import Leg, Order, OrderRole, OrderState, OrderType, state_from_quantities
from algotrader.core.protection import MAX_ATTEMPTS, RETRY_NS, TIMER_RETRY, Protection
from algotrader.core.state import EngineState, Holding

STOP_LIMIT_WAIT_NS: Final = 5 * NS_PER_SECOND
"""How long a triggered stop-limit may stay unfilled before the position is closed at market."""

TIMER_STOP_LIMIT: Final = "stop_limit"

_LIVE: Final = (OrderState.PENDING_SUBMIT, OrderState.SUBMITTED, OrderState.UNKNOWN)


@final
class OrderEvents:
    """Carries order events into the engine's state."""

    def __init__(self, state: EngineState, desk: OrderDesk, protection: Protection) -> None:
        self.state: Final = state
        self.desk: Final = desk
        self.protection: Final = protection
        self.executions: Final = Executions(state, desk, protection)

    def handle(self, event: OrderEvent) -> Holding | None:
        """Apply one event; gives the holding that it touched, if we know the order."""
        order = self.state.orders.get(event.client_order_id)
        if order is None:
            self.executions.external(event)
            return None
        holding = self.state.order_holding[order.client_order_id]
        was_unknown = order.is_unknown
        was_final = order.is_final
        order.changed_time = self.state.now
        self._apply(event, order, holding)
        if was_unknown != order.is_unknown:
            holding.track.unknown_orders += 1 if order.is_unknown else -1
        if order.is_final and not was_final:
            self._finish(order, holding)
        self.desk.pursue(order)
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
            self._replace_failed(event.client_order_id, event.reason, event.code, order, holding)
        elif isinstance(event, CancelRejected):
            self._cancel_rejected(event, order, holding)
        elif isinstance(event, OrderFateUnknown):
            self._unknown(event, order, holding)
        elif isinstance(event, OrderStillWorks):
            self._still_works(event, order, holding)
        elif isinstance(event, OrderTriggered):
            if order.role is OrderRole.STOP_LOSS and order.order_type is OrderType.STOP_LIMIT:
                self.state.set_timer(self.state.now + STOP_LIMIT_WAIT_NS, TIMER_STOP_LIMIT, order.client_order_id)
        elif isinstance(event, (FillBusted, FillCorrected)):
            self.executions.amend(event, order, holding)

    def _fill(self, event: OrderFill, order: Order, holding: Holding) -> None:
        if self.state.ledger.knows(event.fill_id):
            return
        leg = order.leg(event.client_order_id)
        if not order.is_final and (leg is order.pending_leg or leg.abandoned):
            # Only a leg that works can be executed, so the replacement was accepted.
            self._take_over(order, leg)
        order.attached = False
        self.executions.fill(event, order, holding)
        if order.state is OrderState.FILLED:
            self._release_children(order, holding)

    def _accepted(self, event: OrderAccepted, order: Order, holding: Holding) -> None:
        leg = order.leg(event.client_order_id)
        leg.venue_order_id = event.venue_order_id
        if order.is_final:
            if order.state in (OrderState.REJECTED, OrderState.SUBMIT_FAILED):
                self._stray(order, leg, holding)
            return
        if leg is order.pending_leg or leg.abandoned:
            self._take_over(order, leg)
        if order.attached:
            self._attached_accepted(order, holding)
        for child in self._children(order, holding):
            if child.state is OrderState.PENDING_SUBMIT:
                child.set_state(OrderState.SUBMITTED)
        if order.state in _LIVE:
            self._settle_state(order)
            self.state.report(reports.ORDER_ACCEPTED, reports.INFO, holding, event.venue_order_id, order)

    def _settle_state(self, order: Order) -> None:
        """The venue has confirmed the order; a request whose answer was lost before that counts as not carried out."""
        if order.is_unknown:
            order.cancel_leg = ""
            if order.pending_leg is not None:
                order.pending_leg.abandoned = True
                order.pending_leg.gone = True
                order.legs.insert(0, order.pending_leg)
                order.pending_leg = None
        order.set_state(OrderState.PARTIALLY_FILLED if order.filled_raw else OrderState.ACCEPTED)

    def _children(self, order: Order, holding: Holding) -> list[Order]:
        """The orders attached to an entry that have not come to life yet."""
        found: list[Order] = []
        for child in (holding.stop_order, holding.take_order):
            if child is not None and child.attached and not child.is_final and child.parent_id == order.client_order_id:
                found.append(child)
        return found

    def _attached_accepted(self, child: Order, holding: Holding) -> None:
        """An attached order protects once its entry is filled; a venue may confirm it before that."""
        parent = self.state.orders[child.parent_id]
        child.attached = parent.filled_raw == 0 and not parent.is_final
        if not child.attached and child.role is OrderRole.STOP_LOSS:
            self._told_stop(child, holding)

    def _release_children(self, order: Order, holding: Holding) -> None:
        """The entry is filled: attached orders that the venue confirmed before are at work now."""
        for child in self._children(order, holding):
            if child.acknowledged:
                child.attached = False
                if child.role is OrderRole.STOP_LOSS:
                    self._told_stop(child, holding)

    def _told_stop(self, order: Order, holding: Holding) -> None:
        message = f"stop at {order.instrument.price(order.stop_raw)} for {order.quantity}"
        self.state.report(reports.STOP_PLACED, reports.INFO, holding, message, order, order.stop_raw)

    def _still_works(self, event: OrderStillWorks, order: Order, holding: Holding) -> None:
        """Somebody has looked: the venue works what we take for ended."""
        if not order.is_final or order.recalled:
            return
        leg = order.leg(event.client_order_id)
        leg.venue_order_id = event.venue_order_id or leg.venue_order_id
        self._stray(order, leg, holding)

    def _stray(self, order: Order, leg: Leg, holding: Holding) -> None:
        """The venue works what we take for ended: something else may stand in its place already, so it is called back."""
        message = f"{leg.leg_id} works at the venue after {order.state.value}; cancelling it"
        self.state.report(reports.UNEXPECTED, reports.CRITICAL, holding, message, order)
        order.recalled = True
        self.desk.send_cancel(order, leg)

    def _take_over(self, order: Order, leg: Leg) -> None:
        """A replacement works: the legs before it are gone, the order is what the new leg says."""
        for old in order.legs:
            old.gone = True
        if leg in order.legs:
            order.legs.remove(leg)
        order.legs.append(leg)
        leg.gone = False
        leg.abandoned = False
        if order.pending_leg is leg:
            order.pending_leg = None
        order.refused_changes = 0
        order.quantity_raw = leg.quantity_raw
        order.limit_raw = leg.limit_raw
        order.stop_raw = leg.stop_raw
        order.state = state_from_quantities(order.state, order.filled_raw, order.quantity_raw)

    def _gone(self, event: OrderEvent, order: Order, holding: Holding) -> None:
        leg = order.leg(event.client_order_id)
        told_before = leg.gone
        leg.gone = True
        if order.cancel_leg == leg.leg_id:
            # That answers the cancel, though the order may live on in the leg that took this one's place: that is cancelled next.
            order.cancel_leg = ""
        if leg.abandoned or (leg is not order.legs[-1] and leg is not order.pending_leg and not order.legs[-1].gone):
            return
        if order.pending_leg is not None and order.pending_leg is not leg and not told_before:
            # The old leg ended while its replacement is in flight; the replacement's answer decides.
            return
        order.pending_leg = None
        new = OrderState.EXPIRED if isinstance(event, OrderExpired) else OrderState.CANCELED
        reason = event.reason if isinstance(event, OrderCancel) else "time in force ran out"
        if not order.reason:
            order.reason = reason
        self._final(order, holding, new, reports.ORDER_EXPIRED if new is OrderState.EXPIRED else reports.ORDER_CANCELED, reason)

    def _refused(self, event: OrderEvent, order: Order, holding: Holding) -> None:
        code = event.code if isinstance(event, OrderReject) else ""
        reason = event.reason if isinstance(event, (OrderReject, SubmitFailed)) else ""
        if event.client_order_id != order.legs[-1].leg_id:
            self._replace_failed(event.client_order_id, reason, code, order, holding)
            return
        if order.pending_leg is not None:
            order.legs[-1].gone = True
            return
        if code == REFUSED_DUPLICATE or (order.acknowledged and isinstance(event, SubmitFailed)):
            self._sent_twice(event, reason, order, holding)
            return
        order.reason = f"{code}: {reason}" if code else reason
        new = OrderState.REJECTED if isinstance(event, OrderReject) else OrderState.SUBMIT_FAILED
        self._final(order, holding, new, reports.ORDER_REJECTED, order.reason)
        if order.role is OrderRole.STOP_LOSS and code == REFUSED_THROUGH_MARKET:
            holding.stop_attempts = MAX_ATTEMPTS
        if order.role in (OrderRole.STOP_LOSS, OrderRole.EXIT) and code == REFUSED_OPPOSING_ORDER:
            self._clear_way(order)

    def _sent_twice(self, event: OrderEvent, reason: str, order: Order, holding: Holding) -> None:
        """A second sending of an order came to nothing; that says nothing against the first."""
        if order.acknowledged or order.is_final:
            self.state.report(reports.UNEXPECTED, reports.WARNING, holding, f"sent again in vain: {reason}", order)
            return
        self._unknown(
            OrderFateUnknown(event.time, event.client_order_id, f"the venue knows the id already: {reason}"), order, holding
        )

    def _clear_way(self, order: Order) -> None:
        """A protective order was refused because of our own opposite order: that one is cancelled."""
        for other in list(self.state.live_orders.values()):
            if other.symbol == order.symbol and other.side is not order.side:
                self.desk.cancel(other)

    def _final(self, order: Order, holding: Holding, new: OrderState, kind: str, reason: str) -> None:
        if order.state is new:
            return
        level = reports.WARNING if new is OrderState.REJECTED else reports.INFO
        old = order.state.value
        if not order.set_state(new):
            self.state.report(reports.UNEXPECTED, reports.WARNING, holding, f"{new.value} after {old}", order)
            return
        self.state.report(kind, level, holding, reason, order)

    def _replaced(self, event: OrderReplaced, order: Order, holding: Holding) -> None:
        leg = self._new_leg(event.new_client_order_id, order)
        if leg is None:
            return
        leg.venue_order_id = event.venue_order_id
        if order.is_final:
            if order.pending_leg is leg:
                order.pending_leg = None
            order.legs.append(leg)
            if leg.quantity_raw > order.filled_raw:
                self._stray(order, leg, holding)
            return
        order.leg(event.client_order_id).gone = True
        if order.state in _LIVE:
            order.cancel_leg = ""
            order.set_state(OrderState.PARTIALLY_FILLED if order.filled_raw else OrderState.ACCEPTED)
        self._take_over(order, leg)
        self.state.report(reports.ORDER_REPLACED, reports.INFO, holding, event.new_client_order_id, order)

    def _new_leg(self, leg_id: str, order: Order) -> Leg | None:
        """The leg that a replacement brought; None when it has taken over before, or is another order's."""
        if order.pending_leg is not None and order.pending_leg.leg_id == leg_id:
            return order.pending_leg
        for known in order.legs:
            if known.leg_id == leg_id:
                return known if known.abandoned else None
        if leg_id in self.state.orders and self.state.orders[leg_id] is not order:
            return None
        self.state.orders[leg_id] = order
        return Leg(leg_id, order.quantity_raw, order.limit_raw, order.stop_raw)

    def _replace_failed(self, leg_id: str, reason: str, code: str, order: Order, holding: Holding) -> None:
        refused = order.pending_leg
        if refused is None or leg_id != refused.leg_id:
            self.state.report(reports.UNEXPECTED, reports.WARNING, holding, f"refusal of {leg_id}: {reason}", order)
            return
        order.pending_leg = None
        if order.target == (refused.quantity_raw, refused.limit_raw, refused.stop_raw):
            order.wish_quantity = 0
        self.state.report(reports.ORDER_REJECTED, reports.WARNING, holding, f"change refused: {reason}", order)
        if order.is_final:
            return
        if order.is_unknown and order.acknowledged:
            self._settle_state(order)
        if order.legs[-1].gone:
            # Neither the old leg nor the new one works: protection starts again from the position.
            self._final(order, holding, OrderState.CANCELED, reports.ORDER_CANCELED, "replacement refused and old order gone")
        elif order.wish_quantity == 0:
            self._keep_old(refused, code, order, holding)

    def _keep_old(self, refused: Leg, code: str, order: Order, holding: Holding) -> None:
        """The order works on as it was: a stop keeps its price; one of the wrong size is asked for again, at last cancelled."""
        if order.role is OrderRole.STOP_LOSS and code == REFUSED_THROUGH_MARKET:
            holding.stop_raw = order.stop_raw
            self.protection.request_exit(holding, "stop at the market", 0)
            return
        if order.role is OrderRole.STOP_LOSS and refused.stop_raw != order.stop_raw:
            holding.stop_raw = order.stop_raw
        order.refused_changes += 1
        if refused.quantity_raw != order.quantity_raw and order.refused_changes >= MAX_ATTEMPTS:
            self.desk.cancel(order)

    def _cancel_rejected(self, event: CancelRejected, order: Order, holding: Holding) -> None:
        if order.is_final:
            order.recalled = False
            return
        order.cancel_leg = ""
        if order.cancel_attempts < MAX_CANCEL_ATTEMPTS:
            self.state.report(reports.UNEXPECTED, reports.WARNING, holding, f"cancel refused: {event.reason}", order)
        else:
            order.cancel_attempts = 0
            self._unknown(OrderFateUnknown(event.time, event.client_order_id, "cancel refused again and again"), order, holding)

    def _unknown(self, event: OrderFateUnknown, order: Order, holding: Holding) -> None:
        if order.is_final or order.is_unknown:
            return
        order.set_state(OrderState.UNKNOWN)
        self.state.report(reports.ORDER_UNKNOWN, reports.CRITICAL, holding, event.reason, order)

    def _finish(self, order: Order, holding: Holding) -> None:
        """An order has come to its end: forget it as working, and see what its end means."""
        state = self.state
        state.retire(order)
        if order in holding.plain_orders:
            holding.plain_orders.remove(order)
        if order.role is OrderRole.ENTRY:
            self._entry_ended(order, holding)
        elif order.role is OrderRole.EXIT and order.remaining_raw and holding.quantity_raw and not order.cancel_requested:
            self._exit_failed(order, holding)
        elif order.role is OrderRole.STOP_LOSS:
            self._stop_ended(order, holding)
        elif order.role is OrderRole.TAKE_PROFIT and self._had_its_time(order):
            holding.take_attempts = 0
        if holding.slot is not None:
            holding.slot.on_order_final(holding, order)

    def _stop_ended(self, order: Order, holding: Holding) -> None:
        if order.state in (OrderState.REJECTED, OrderState.SUBMIT_FAILED):
            if holding.quantity_raw:
                self.state.report(reports.STOP_GONE, reports.CRITICAL, holding, order.reason, order)
        elif self._had_its_time(order):
            holding.stop_attempts = 0

    def _had_its_time(self, order: Order) -> bool:
        """Whether an order worked as it should; a venue that ends it at once would do so again and again."""
        return order.cancel_requested or order.filled_raw > 0 or self.state.now - order.created_time >= RETRY_NS

    def entry_wait_over(self, entry: Order, holding: Holding) -> None:
        """The moment given to an entry at a venue that takes no stop beside it is over."""
        if self.state.now < holding.partial_deadline or holding.quantity_raw == 0:
            return
        holding.partial_deadline = 0
        if not entry.is_final:
            self.desk.cancel(entry)
            holding.partial_deadline = self.state.now
            return
        child = holding.stop_order
        if child is not None and child.attached and not child.is_final and child.parent_id == entry.client_order_id:
            # The venue owes us a word about the stop that came with the entry.
            child.attached = False
            if not child.is_unknown:
                holding.track.unknown_orders += 1
            self._unknown(OrderFateUnknown(self.state.now, child.client_order_id, "attached stop not confirmed"), child, holding)

    def _entry_ended(self, order: Order, holding: Holding) -> None:
        holding.partial_deadline = 0
        if order.filled_raw:
            self.executions.drop_small_rest(order, holding)
            return
        never_there = order.state in (OrderState.REJECTED, OrderState.SUBMIT_FAILED)
        for child in self._children(order, holding):
            # Nothing was filled, so what was attached never comes to life.
            if child.is_unknown:
                holding.track.unknown_orders -= 1
            child.reason = f"its entry ended {order.state.value}"
            child.set_state(OrderState.SUBMIT_FAILED if never_there else OrderState.CANCELED)
            self.state.retire(child)

    def _exit_failed(self, order: Order, holding: Holding) -> None:
        """The venue refused or ended the exit: the stop goes back, and a whole exit is tried again at the next open.

        A part is not: at the open the strategy, or the person, who wanted it may want something else.
        """
        holding.exit_quantity_raw = 0
        holding.exit_attempts += 1
        closed = order.state is OrderState.EXPIRED or order.reason.startswith(REFUSED_CLOSED)
        if holding.leaving and (closed or holding.exit_attempts >= MAX_ATTEMPTS):
            holding.exit_at_open = True
        if holding.exit_attempts >= MAX_ATTEMPTS:
            holding.waits_until = self.state.now + RETRY_NS
            holding.exit_attempts = 0
            holding.stop_attempts = 0
            self.state.set_timer(holding.waits_until, TIMER_RETRY, order.client_order_id)
        message = f"exit ended {order.state.value} with {holding.instrument.quantity(order.remaining_raw)} unsold: {order.reason}"
        self.state.report(reports.ORDER_REJECTED, reports.CRITICAL, holding, message, order)
