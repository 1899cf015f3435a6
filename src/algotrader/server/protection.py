"""How well a position is protected at this moment, in a word for people."""

from __future__ import annotations

from typing import Final

from algotrader.core.orders import Order, OrderState, OrderType, TimeInForce
from algotrader.core.state import PROTECT_NONE, EngineState, Holding

WORKING: Final = "working"
DORMANT: Final = "dormant"
DAILY: Final = "daily"
SYNTHETIC: Final = "synthetic"
IN_FLIGHT: Final = "in_flight"
PARTIAL: Final = "partial"
CLOSING: Final = "closing"
UNKNOWN: Final = "unknown"
NONE: Final = "none"
MISSING: Final = "missing"


def protection_level(holding: Holding, state: EngineState) -> str:
    """``working``, ``dormant`` (session closed or instrument halted), ``daily`` (to be placed again before the next open),
    ``synthetic`` (a stop-limit), ``in_flight``, ``partial`` (less than the position), ``closing`` (an exit is under way),
    ``unknown`` (the stop's fate is), ``none`` (declared so, nobody's of ours, or flat) or ``missing``.
    """
    if holding.quantity_raw == 0 or not (holding.is_ours or holding.adopted):
        return NONE
    stop = holding.stop_order
    if stop is None or stop.is_final:
        if holding.exit_quantity_raw or _lives(holding.exit_order):
            return CLOSING
        return NONE if holding.protection == PROTECT_NONE else MISSING
    if stop.is_unknown:
        return UNKNOWN
    if stop.state not in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED):
        return IN_FLIGHT
    if stop.working_leg.quantity_raw - stop.filled_raw < abs(holding.quantity_raw):
        return PARTIAL
    return _resting(stop, holding, state)


def _lives(order: Order | None) -> bool:
    return order is not None and not order.is_final


def _resting(stop: Order, holding: Holding, state: EngineState) -> str:
    session, now = holding.track.session, state.now
    closed = session is not None and not session.open_time <= now < session.close_time
    if holding.track.halted or (closed and not state.capabilities.stops_outside_session):
        return DORMANT
    if stop.order_type is OrderType.STOP_LIMIT:
        return SYNTHETIC
    return DAILY if stop.request.time_in_force is TimeInForce.DAY and holding.instrument.calendar != "24/7" else WORKING
