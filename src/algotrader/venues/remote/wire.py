"""What goes over the wire: orders, events and bars as JSON objects and back. Big integers stay integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final

from algotrader.core.commands import ReplaceOrder
from algotrader.core.events import Event, OrderAccepted, OrderCancel, OrderExpired, OrderFill, OrderReplaced, OrderTriggered
from algotrader.core.instruments import AssetClass, Instrument, VenueCapabilities
from algotrader.core.market import Bar, Quote
from algotrader.core.orders import OrderRequest, OrderState, OrderType, Side, TimeInForce
from algotrader.core.records import Record
from algotrader.venues.protocols import (
    AccountInfo,
    NotAllowed,
    OrderStatus,
    Refused,
    Throttled,
    Unanswered,
    VenueError,
    VenueFill,
    VenuePosition,
)

Json = dict[str, Any]

_EVENTS: Final[dict[str, Callable[..., Event]]] = {
    "OrderAccepted": OrderAccepted,
    "OrderFill": OrderFill,
    "OrderCancel": OrderCancel,
    "OrderExpired": OrderExpired,
    "OrderTriggered": OrderTriggered,
    "OrderReplaced": OrderReplaced,
}


def plain(value: Any) -> Any:
    """A record as what JSON knows; instruments become their symbols."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Instrument):
        return value.symbol
    if isinstance(value, Bar):
        prices = [value.open_raw, value.high_raw, value.low_raw, value.close_raw, value.volume_raw]
        return {"bar": [value.symbol, value.open_time, value.close_time, *prices]}
    if isinstance(value, Quote):
        return {"quote": _object(value)}
    if is_dataclass(value) or isinstance(value, Record):
        return _object(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _object(value: Any) -> Json:
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return {name: plain(item) for name, item in value.values().items()}


def event_object(event: Event) -> Json:
    """An event with the name of its kind."""
    return {"kind": type(event).__name__, **_object(event)}


def read_event(found: Json, time: int) -> Event:
    """An event of the order stream, stamped with a time of the reader."""
    values = {name: value for name, value in found.items() if name != "kind"}
    if "side" in values:
        values["side"] = Side(values["side"])
    return _EVENTS[found["kind"]](**{**values, "time": time})


def read_status(found: Json) -> OrderStatus:
    """The status of an order."""
    return OrderStatus(**{**found, "side": Side(found["side"]), "state": OrderState(found["state"])})


def read_fill(found: Json) -> VenueFill:
    """A fill of the venue's records."""
    return VenueFill(**{**found, "side": Side(found["side"])})


def read_position(found: Json) -> VenuePosition:
    """A position."""
    return VenuePosition(**found)


def read_account(found: Json) -> AccountInfo:
    """The account."""
    return AccountInfo(**found)


def read_request(found: Json, instruments: Mapping[str, Instrument]) -> OrderRequest:
    """An order request.

    Raises:
        Refused: it cannot be an order.
    """
    try:
        return OrderRequest(
            **{
                **found,
                "instrument": instruments[found["instrument"]],
                "side": Side(found["side"]),
                "order_type": OrderType(found["order_type"]),
                "time_in_force": TimeInForce(found["time_in_force"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"not an order that can be taken here: {error}", "unsupported") from None


def read_replace(found: Json) -> ReplaceOrder:
    """A wish for a change."""
    return ReplaceOrder(**found)


def read_market(found: Json, instruments: Mapping[str, Instrument]) -> Bar | Quote:
    """A bar or a quote."""
    if "bar" in found:
        symbol, *numbers = found["bar"]
        return Bar(instruments[symbol], *numbers)
    return Quote(**{**found["quote"], "instrument": instruments[found["quote"]["instrument"]]})


def instrument_object(instrument: Instrument) -> Json:
    """An instrument with its whole definition."""
    return {field.name: plain(getattr(instrument, field.name)) for field in fields(instrument) if field.init}


def read_instrument(found: Json) -> Instrument:
    """An instrument's definition."""
    return Instrument(**{**found, "asset_class": AssetClass(found["asset_class"])})


def read_capabilities(found: Json) -> VenueCapabilities:
    """What the venue allows."""
    values: Json = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return VenueCapabilities(**values)


def error_object(error: VenueError) -> Json:
    """An error as it is told to the client."""
    found: Json = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, Refused):
        found["code"] = error.code
    if isinstance(error, Throttled):
        found["retry_after"] = error.retry_after
    return found


def read_error(found: Json) -> VenueError:
    """The error that the venue told of; what is not known here leaves the request's fate open."""
    kind, message = found.get("kind"), str(found.get("message", ""))
    if kind == "Refused":
        return Refused(message, found.get("code", ""))
    if kind == "Throttled":
        return Throttled(message, found.get("retry_after"))
    if kind == "NotAllowed":
        return NotAllowed(message)
    return Unanswered(message)
