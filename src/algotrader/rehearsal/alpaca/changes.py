"""Bodies of requests for a replacement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from algotrader.core.instruments import AssetClass
from algotrader.core.orders import OrderType, TimeInForce
from algotrader.core.scaled import power_of_ten
from algotrader.rehearsal.alpaca.answers import forbidden, invalid, unprocessable
from algotrader.rehearsal.alpaca.intake import MAX_CLIENT_ID, check_terms, price_of, quantity_of, set_trail
from algotrader.rehearsal.alpaca.orders import AlpacaOrder
from algotrader.rehearsal.alpaca.texts import read_number


def replacement(
    old: AlpacaOrder, body: dict[str, Any], new_id: Callable[[], str], now: int, last_raw: int, *, keeps_fills: bool
) -> AlpacaOrder:
    """The order that a request wants in the place of another.

    Raises:
        ApiError: it cannot be had.
    """
    new = AlpacaOrder(new_id(), "", old.instrument, old.side, old.order_type, old.quantity_raw, old.time_in_force, now)
    new.order_class, new.extended_hours = old.order_class, old.extended_hours
    new.limit_raw, new.stop_raw, new.trail_raw, new.trail_percent = old.limit_raw, old.stop_raw, old.trail_raw, old.trail_percent
    new.replaces, new.parent = old.id, old.parent
    if keeps_fills:
        new.filled_raw, new.filled_value = old.filled_raw, old.filled_value
    name = body.get("client_order_id") or new_id()
    if not isinstance(name, str) or len(name) > MAX_CLIENT_ID:
        raise invalid(f"client_order_id must be no more than {MAX_CLIENT_ID} characters")
    new.client_order_id = name
    _change(old, new, body, last_raw)
    check_terms(new)
    return new


def _change(old: AlpacaOrder, new: AlpacaOrder, body: dict[str, Any], last_raw: int) -> None:
    kind = old.order_type
    try:
        quantity, trail = read_number(body.get("qty")), read_number(body.get("trail"))
    except ValueError:
        raise invalid("qty and trail must be numbers") from None
    if old.notional:
        raise unprocessable("notional orders cannot be replaced")
    if quantity is not None:
        if old.instrument.asset_class is AssetClass.EQUITY and old.quantity_raw % power_of_ten(old.instrument.quantity_scale):
            raise unprocessable("qty of fractional orders cannot be replaced")
        new.quantity_raw = quantity_of(old.instrument, quantity)
    if limit := price_of(old.instrument, body, "limit_price"):
        if kind not in (OrderType.LIMIT, OrderType.STOP_LIMIT):
            raise unprocessable(f"{kind.value} orders must not have limit_price")
        new.limit_raw = limit
    if stop := price_of(old.instrument, body, "stop_price"):
        if kind not in (OrderType.STOP, OrderType.STOP_LIMIT):
            raise unprocessable(f"{kind.value} orders must not have stop_price")
        new.stop_raw = stop
    if trail is not None:
        if kind is not OrderType.TRAILING_STOP:
            raise unprocessable(f"{kind.value} orders must not have trail")
        set_trail(new, trail, last_raw, is_percent=old.trail_percent is not None)
    if wanted := body.get("time_in_force"):
        try:
            new.time_in_force = TimeInForce(wanted)
        except ValueError:
            raise invalid("invalid time_in_force") from None
    if _terms(old) == _terms(new):
        raise forbidden("order parameters are not changed")


def _terms(order: AlpacaOrder) -> tuple[object, ...]:
    return order.quantity_raw, order.limit_raw, order.stop_raw, order.trail_raw, order.time_in_force
