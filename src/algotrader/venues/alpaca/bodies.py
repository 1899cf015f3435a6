"""Requests as Alpaca takes them: the bodies of new orders and of changes. Numbers are exact decimal texts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from algotrader.core.commands import REFUSED_UNSUPPORTED, ReplaceOrder, SubmitOrder
from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.orders import OrderRequest, OrderType
from algotrader.venues.alpaca.rules import STOCKS
from algotrader.venues.alpaca.symbols import alpaca_symbol
from algotrader.venues.protocols import Refused

_ONE: Final = Decimal(1)
_CENTS: Final = 2
_SUB_CENTS: Final = 4
_LONGEST_ID: Final = 128


def submit_body(command: SubmitOrder) -> dict[str, Any]:
    """The body of a new order.

    With both attached orders it is a bracket, with one of them it triggers the other. A limit order that carries its stop and
    belongs to a group of which one fill cancels the rest is the venue's one-cancels-other: it is its own take profit.

    Raises:
        Refused: the venue has no way to say it.
    """
    request = command.request
    body: dict[str, Any] = {
        "client_order_id": _checked_id(request.client_order_id),
        "symbol": alpaca_symbol(request.symbol),
        "side": request.side.value,
        "type": request.order_type.value,
        "time_in_force": request.time_in_force.value,
        "qty": quantity_text(request.instrument, request.quantity_raw),
    }
    if request.order_type is OrderType.TRAILING_STOP:
        body["trail_price"] = price_text(request.instrument, request.trail_raw)
    else:
        body.update(_prices(request.instrument, request.limit_raw, request.stop_raw))
    if request.extended_hours:
        body["extended_hours"] = True
    body.update(_attached(request))
    if body.get("order_class") == "oco":
        body["take_profit"] = {"limit_price": body.pop("limit_price")}
    return body


def replace_body(command: ReplaceOrder, instrument: Instrument) -> dict[str, Any]:
    """The body of a change; the quantity is the order's new total, and left away where it has a fraction and so cannot change.

    Raises:
        Refused: the venue has no way to say it.
    """
    found = {"client_order_id": _checked_id(command.new_client_order_id)}
    if not STOCKS.day_only(instrument, command.quantity_raw):
        found["qty"] = quantity_text(instrument, command.quantity_raw)
    return {**found, **_prices(instrument, command.limit_raw, command.stop_raw)}


def quantity_text(instrument: Instrument, quantity_raw: int) -> str:
    """A quantity as the venue takes it: exact, without needless zeros."""
    return plain_text(instrument.quantity(quantity_raw))


def price_text(instrument: Instrument, price_raw: int) -> str:
    """A price as the venue takes it: from one dollar on with two decimals, below with four; crypto with as many as it needs.

    Raises:
        Refused: it has more of them, which the venue would refuse as well.
    """
    price = instrument.price(price_raw)
    if instrument.asset_class is AssetClass.CRYPTO:
        return plain_text(price)
    places = _CENTS if price >= _ONE else _SUB_CENTS
    rounded = round(price, places)
    if rounded != price:
        raise Refused(f"{instrument.symbol}: {price} has more than {places} decimals", REFUSED_UNSUPPORTED)
    return f"{rounded:f}"


def plain_text(value: Decimal) -> str:
    """A decimal without exponent and without zeros at its end."""
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def _prices(instrument: Instrument, limit_raw: int, stop_raw: int) -> dict[str, str]:
    found = {"limit_price": limit_raw, "stop_price": stop_raw}
    return {name: price_text(instrument, raw) for name, raw in found.items() if raw}


def _attached(request: OrderRequest) -> dict[str, Any]:
    legs: dict[str, Any] = {}
    if request.take_profit_raw:
        legs["take_profit"] = {"limit_price": price_text(request.instrument, request.take_profit_raw)}
    if request.stop_loss_raw:
        legs["stop_loss"] = {"stop_price": price_text(request.instrument, request.stop_loss_raw)}
    if not legs:
        return {}
    if request.oco_group and request.order_type is OrderType.LIMIT and request.stop_loss_raw and not request.take_profit_raw:
        return {"order_class": "oco", **legs}
    return {"order_class": "bracket" if len(legs) == 2 else "oto", **legs}


def _checked_id(client_order_id: str) -> str:
    if not 0 < len(client_order_id) <= _LONGEST_ID:
        raise Refused(f"an id may have up to {_LONGEST_ID} characters, not {len(client_order_id)}", REFUSED_UNSUPPORTED)
    return client_order_id
