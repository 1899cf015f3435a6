"""Events of orders with another time on them: whoever hears of something stamps it with the own clock."""

from __future__ import annotations

from algotrader.core.events import (
    ConnectionChanged,
    Event,
    OrderAccepted,
    OrderCancel,
    OrderExpired,
    OrderFill,
    OrderReplaced,
    OrderTriggered,
)


def stamped(event: Event, time: int) -> Event:
    """An event of the order stream as told at a time; others are given back as they are."""
    if isinstance(event, OrderFill):
        return OrderFill(
            time,
            event.client_order_id,
            event.fill_id,
            event.symbol,
            event.side,
            event.price_raw,
            event.quantity_raw,
            event.commission,
            event.venue_order_id,
            event.provisional,
        )
    if isinstance(event, ConnectionChanged):
        return ConnectionChanged(time, event.venue, event.connected)
    if isinstance(event, OrderAccepted):
        return OrderAccepted(time, event.client_order_id, event.venue_order_id)
    if isinstance(event, OrderCancel):
        return OrderCancel(time, event.client_order_id, event.reason)
    if isinstance(event, OrderExpired):
        return OrderExpired(time, event.client_order_id)
    if isinstance(event, OrderTriggered):
        return OrderTriggered(time, event.client_order_id)
    if isinstance(event, OrderReplaced):
        return OrderReplaced(time, event.client_order_id, event.new_client_order_id, event.venue_order_id)
    return event
