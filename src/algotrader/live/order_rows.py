"""An order as a row, and what happened to it as rows that never change."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from algotrader.core.events import (
    LANE_ACCOUNT,
    CancelRejected,
    Event,
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
    Split,
    SubmitFailed,
)
from algotrader.core.inbox_order import Stamped
from algotrader.core.orders import FINAL_STATES, Leg, Order, OrderState
from algotrader.storage.records import OrderEventRow, OrderRow

_TOLD: Final[dict[type[Event], str]] = {
    OrderSubmitted: "submitted",
    OrderAccepted: "accepted",
    OrderReject: "rejected",
    SubmitFailed: "failed",
    OrderFateUnknown: "unknown",
    OrderCancel: "canceled",
    OrderExpired: "expired",
    OrderTriggered: "triggered",
    OrderReplaced: "replaced",
    ReplaceRejected: "replace_rejected",
    CancelRejected: "cancel_rejected",
    FillBusted: "fill_busted",
    FillCorrected: "fill_corrected",
    OrderStillWorks: "still_works",
}
"""What an event about an order is called; executions have several names."""

_REACHED: Final = {
    OrderState.PENDING_SUBMIT: "created",
    OrderState.PARTIALLY_FILLED: "partial_fill",
    OrderState.FILLED: "fill",
    OrderState.SUBMIT_FAILED: "failed",
}
"""What it is called when an order comes to a state without an event of its own; the others are called as the state."""


class Known(NamedTuple):
    """All of an order that its row shows or that an order event tells of."""

    state: OrderState
    version: int
    broker_id: str
    quantity_raw: int
    filled_raw: int
    filled_value: int
    limit_raw: int
    stop_raw: int
    planned_stop_raw: int
    submit_attempts: int
    reason: str
    cancel_attempts: int
    pending_id: str


def known(order: Order) -> Known:
    """An order as it stands."""
    return Known(
        order.state,
        order.version,
        order.venue_order_id,
        order.quantity_raw,
        order.filled_raw,
        order.filled_value,
        order.limit_raw,
        order.stop_raw,
        order.planned_stop_raw,
        order.submit_attempts,
        order.reason,
        order.cancel_attempts,
        order.pending_leg.leg_id if order.pending_leg is not None else "",
    )


def plain(value: Decimal) -> str:
    """A decimal as digits, never with an exponent."""
    return format(value, "f")


def order_row(order: Order, stamped: Stamped) -> OrderRow:
    """The row of an order. ``version`` is the number of the event that changed it last, so it only ever rises."""
    average = order.average_price
    return OrderRow(
        local_id=order.client_order_id,
        broker_id=order.venue_order_id,
        correlation_id=order.correlation_id,
        symbol=order.symbol,
        side=order.side.value,
        order_type=order.order_type.value,
        order_role=order.role.value,
        strategy=order.owner,
        qty_requested=plain(order.quantity),
        qty_filled=plain(order.filled),
        avg_fill_price=None if average is None else plain(average),
        state=order.state.value,
        version=stamped.sequence,
        parent_id=order.parent_id or None,
        submit_attempts=order.submit_attempts,
        last_error=order.reason,
        planned_stop_price=_price(order, order.planned_stop_raw) or None,
        created_at=order.created_time,
        updated_at=max(stamped.time, order.created_time),
    )


def happenings(order: Order, before: Known | None, now: Known, stamped: Stamped, named: bool) -> list[OrderEventRow]:
    """What happened to an order with an event (that ``named`` it): what was said about it, a new state, a request that left."""
    event, rows = stamped.event, []
    old = None if before is None else before.state
    if before is None:
        rows.append(_row(order, "created", None, OrderState.PENDING_SUBMIT, stamped, detail=_asked(order, order.legs[0])))
        old = OrderState.PENDING_SUBMIT
    if named and isinstance(event, OrderEvent):
        rows.append(_said(order, event, old, before, now, stamped))
    elif old is not now.state:
        kind = "reconciled" if event.lane == LANE_ACCOUNT else _REACHED.get(now.state, now.state.value)
        rows.append(_row(order, kind, old, now.state, stamped, detail=now.reason))
    elif before is not None and isinstance(event, Split) and now != before:
        rows.append(_row(order, "split", old, now.state, stamped, detail=_asked(order, order.working_leg)))
    if now.cancel_attempts > (0 if before is None else before.cancel_attempts):
        rows.append(_row(order, "cancel_requested", now.state, now.state, stamped))
    if order.pending_leg is not None and (before is None or before.pending_id != now.pending_id):
        detail = f"{now.pending_id}: {_asked(order, order.pending_leg)}"
        rows.append(_row(order, "replace_requested", now.state, now.state, stamped, detail=detail))
    return rows


def stranger_row(event: OrderEvent, stamped: Stamped) -> OrderEventRow:
    """What a venue said about an order that is not ours; scaled numbers stay in the journal, for nobody here knows the scales."""
    detail = f"not an order of ours; {event.fill_id} {event.symbol}" if isinstance(event, OrderFill) else "not an order of ours"
    kind = "external_fill" if isinstance(event, OrderFill) else _TOLD.get(type(event), type(event).__name__)
    return OrderEventRow(event.client_order_id, kind, None, None, None, None, "", detail, stamped.time, stamped.sequence)


def _said(
    order: Order, event: OrderEvent, old: OrderState | None, before: Known | None, now: Known, stamped: Stamped
) -> OrderEventRow:
    if isinstance(event, OrderFill):
        same = before is not None and before.filled_raw == now.filled_raw and before.filled_value == now.filled_value
        kind = "duplicate_fill" if same else _name_of_fill(event, old, now)
        quantity, price = plain(order.instrument.quantity(event.quantity_raw)), _price(order, event.price_raw)
        return _row(order, kind, old, now.state, stamped, quantity, price, event.fill_id)
    if isinstance(event, FillCorrected):
        quantity, price = plain(order.instrument.quantity(event.quantity_raw)), _price(order, event.price_raw)
        return _row(order, "fill_corrected", old, now.state, stamped, quantity, price, event.fill_id)
    kind = _TOLD.get(type(event), type(event).__name__)
    return _row(order, kind, old, now.state, stamped, detail=_detail(order, event))


def _name_of_fill(event: OrderFill, old: OrderState | None, now: Known) -> str:
    if event.provisional:
        return "reconciled"
    if old in FINAL_STATES:
        return "late_fill"
    return "fill" if now.state is OrderState.FILLED else "partial_fill"


def _detail(order: Order, event: OrderEvent) -> str:
    if isinstance(event, FillBusted):
        return event.fill_id
    if isinstance(event, OrderReplaced):
        return f"{event.new_client_order_id}: {_asked(order, order.working_leg)}"
    reason = getattr(event, "reason", "")
    code = getattr(event, "code", "")
    said = f"{code}: {reason}" if code else reason
    return said if event.client_order_id == order.client_order_id else f"{event.client_order_id} {said}".rstrip()


def _asked(order: Order, leg: Leg) -> str:
    """Such as ``10 stop 165.40``."""
    words = [plain(order.instrument.quantity(leg.quantity_raw))]
    if leg.stop_raw:
        words.append(f"stop {_price(order, leg.stop_raw)}")
    if leg.limit_raw:
        words.append(f"limit {_price(order, leg.limit_raw)}")
    return " ".join(words)


def _price(order: Order, price_raw: int) -> str:
    return plain(order.instrument.price(price_raw)) if price_raw else ""


def _row(
    order: Order,
    kind: str,
    old: OrderState | None,
    new: OrderState,
    stamped: Stamped,
    quantity: str | None = None,
    price: str | None = None,
    detail: str = "",
) -> OrderEventRow:
    was = None if old is None else old.value
    return OrderEventRow(
        order.client_order_id, kind, was, new.value, quantity, price, order.venue_order_id, detail, stamped.time, stamped.sequence
    )
