"""What a venue's answers mean, as events. Only what an answer proves becomes an event; the time is our clock's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.events import (
    CancelRejected,
    Event,
    OrderAccepted,
    OrderCancel,
    OrderExpired,
    OrderFill,
    OrderReject,
    OrderReplaced,
    ReplaceRejected,
    SubmitFailed,
)
from algotrader.core.orders import FINAL_STATES, OrderState
from algotrader.venues.protocols import OrderStatus, VenueFill

_LEG: Final = re.compile(r"(-r\d+)+$")
_FAMILY: Final = re.compile(r"(-sl|-tp|-r\d+)+$")


def chain_of(client_order_id: str) -> str:
    """The order that a leg belongs to: its id without the counts of replacements."""
    return _LEG.sub("", client_order_id)


def family_of(client_order_id: str) -> str:
    """The order that was sent as one request: an attached stop belongs to its entry."""
    return _FAMILY.sub("", client_order_id)


def is_over(status: OrderStatus) -> bool:
    """Whether the venue works it no more."""
    return status.state in FINAL_STATES


def subject(command: Command) -> str:
    """The leg whose fate a request decides."""
    return command.new_client_order_id if isinstance(command, ReplaceOrder) else command.client_order_id


def answer_to_submit(status: OrderStatus, now: int) -> list[Event]:
    """The events of the venue's first word on a new order. Executions come by the stream or by asking, never from here."""
    ended = ending(status, now)
    if ended and not status.filled_raw:
        return ended
    return [OrderAccepted(now, status.client_order_id, status.venue_order_id)]


def answer_to_replace(old_leg: str, new_leg: str, status: OrderStatus, now: int) -> list[Event]:
    """The events of the venue's first word on a new leg; none while it only looks at it."""
    if status.state in (OrderState.PENDING_SUBMIT, OrderState.SUBMITTED, OrderState.UNKNOWN):
        return []
    if status.state is OrderState.REJECTED:
        return [ReplaceRejected(now, new_leg, status.reason)]
    replaced = OrderReplaced(now, old_leg, new_leg, status.venue_order_id)
    return [replaced, *(ending(status, now) if not status.filled_raw else [])]


def ending(status: OrderStatus, now: int) -> list[Event]:
    """The event of an order's end; none while it works, and none for one that was filled: its executions say so."""
    if status.state is OrderState.CANCELED:
        return [OrderCancel(now, status.client_order_id, status.reason)]
    if status.state is OrderState.EXPIRED:
        return [OrderExpired(now, status.client_order_id)]
    if status.state in (OrderState.REJECTED, OrderState.SUBMIT_FAILED):
        return [OrderReject(now, status.client_order_id, status.reason)]
    return []


def refusal(command: Command, reason: str, code: str, now: int) -> Event:
    """The event of an explicit refusal."""
    if isinstance(command, ReplaceOrder):
        return ReplaceRejected(now, command.new_client_order_id, reason, code)
    if isinstance(command, CancelOrder):
        return CancelRejected(now, command.client_order_id, f"{code}: {reason}" if code else reason)
    return OrderReject(now, command.client_order_id, reason, code)


def never_sent(command: Command, reason: str, now: int) -> Event:
    """The event of a request that certainly did not reach the venue, or was certainly not taken by it."""
    if isinstance(command, SubmitOrder):
        return SubmitFailed(now, command.client_order_id, reason)
    return refusal(command, reason, "", now)


def executions(fills: Sequence[VenueFill], now: int) -> list[Event]:
    """Fills as the venue's records have them, as events."""
    return [
        OrderFill(
            now,
            fill.client_order_id,
            fill.fill_id,
            fill.symbol,
            fill.side,
            fill.price_raw,
            fill.quantity_raw,
            fill.commission,
            fill.venue_order_id,
        )
        for fill in fills
    ]
