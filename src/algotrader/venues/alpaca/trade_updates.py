"""The stream of trade updates: an update into the engine's events. Pure.

An execution counts by its own price and quantity, never by what the order has filled in all, since updates may be missed, repeated
or come late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from algotrader.core.events import (
    CancelRejected,
    Event,
    FillBusted,
    FillCorrected,
    OrderAccepted,
    OrderCancel,
    OrderExpired,
    OrderFill,
    OrderReject,
    OrderReplaced,
    ReplaceRejected,
)
from algotrader.core.instruments import Instrument
from algotrader.core.market import BadData
from algotrader.venues.alpaca.errors import refusal_code
from algotrader.venues.alpaca.heard import KINDS as KINDS
from algotrader.venues.alpaca.heard import Authorization as Authorization
from algotrader.venues.alpaca.heard import Heard as Heard
from algotrader.venues.alpaca.heard import Listening as Listening
from algotrader.venues.alpaca.heard import StreamFault as StreamFault
from algotrader.venues.alpaca.heard import Unheard as Unheard
from algotrader.venues.alpaca.heard import Update as Update
from algotrader.venues.alpaca.heard import parse as parse
from algotrader.venues.alpaca.names import REPLACED, OrderNames
from algotrader.venues.alpaca.symbols import scales_of, symbol_of
from algotrader.venues.alpaca.values import AlpacaRecordFault, cut_raw, is_missing, nearest_raw, text, text_or_empty
from algotrader.venues.alpaca.wire import HELD, side_of


def unresolved(update: Update, names: OrderNames) -> bool:
    """Whether the update is about a leg of which only its parent's record tells the name.

    Whoever follows the stream asks for that record first (``names.learn``) and accepts the leg's own name when there is none.
    """
    return names.is_open(update.order)


def nameless_successor(update: Update, names: OrderNames) -> str:
    """The venue's id of the order that took this one's place, where nobody knows its name yet; else empty.

    Whoever follows the stream asks for that order first: a person may have changed ours by hand, or we have started anew meanwhile.
    """
    successor = text_or_empty(update.order, "replaced_by") if update.kind == REPLACED else ""
    return "" if names.successor(update.order) else successor


def events_of(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames | None = None) -> list[Event]:
    """The engine's events of an update; none where nothing follows from it.

    Args:
        update: what was heard.
        traded: the session's instruments by symbol.
        now: our clock, nanoseconds UTC.
        names: our ids of the venue's orders; learns from the update.

    Raises:
        AlpacaRecordFault: it should give an event and cannot be read.
    """
    known = OrderNames() if names is None else names
    known.learn(update.order)
    make = _MAKERS.get(update.kind)
    if make is None:
        return []
    try:
        return make(update, traded, now, known)
    except BadData as error:
        raise AlpacaRecordFault(f"{update.kind}: {error}") from None


def _accepted(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    """The order works, unless it is held; one that replaced another may be the first word of that."""
    order = update.order
    if order.get("status") == HELD:
        return []
    name, before = names.name(order), text_or_empty(order, "replaces")
    if not before:
        return [OrderAccepted(now, name, text(order, "id"))]
    if update.kind == "accepted":
        # The order whose place it is to take may still be filled first.
        return []
    old = names.named(before)
    return [OrderReplaced(now, old, name, text(order, "id")) if old else OrderAccepted(now, name, text(order, "id"))]


def _filled(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    order = update.order
    price, quantity = _amounts(update, traded)
    # Without its id an execution may be booked only until the venue's records tell the real one.
    made_up = f"{text(order, 'id')}@{update.time or update.sent_time}:{order.get('filled_qty')}"[:200]
    return [
        OrderFill(
            now,
            names.name(order),
            names.booked(update.execution_id) or made_up,
            symbol_of(order),
            side_of(order),
            price,
            quantity,
            0,
            text(order, "id"),
            provisional=not update.execution_id,
        )
    ]


def _canceled(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    return [OrderCancel(now, names.name(update.order), update.reason)]


def _expired(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    return [OrderExpired(now, names.name(update.order))]


def _replaced(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    """The record is that of the old order, or of the new one; the other is known by the venue's id alone."""
    order = update.order
    if not is_missing(order.get("replaced_by")) or is_missing(order.get("replaces")):
        new = names.successor(order)
        return [OrderReplaced(now, names.name(order), new, text_or_empty(order, "replaced_by"))] if new else []
    old = names.named(text(order, "replaces"))
    return [OrderReplaced(now, old, names.name(order), text(order, "id"))] if old else []


def _rejected(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    name, code = names.name(update.order), refusal_code(update.reason)
    if text_or_empty(update.order, "replaces"):
        return [ReplaceRejected(now, name, update.reason, code)]
    return [OrderReject(now, name, update.reason, code)]


def _cancel_rejected(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    return [CancelRejected(now, names.name(update.order), update.reason)]


def _replace_rejected(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    """The engine knows a change by the id that its order was to have."""
    order = update.order
    new = names.name(order) if text_or_empty(order, "replaces") else names.successor(order)
    names.expect_no_more(text(order, "id"))
    return [ReplaceRejected(now, new, update.reason, refusal_code(update.reason))] if new else []


def _busted(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    return [FillBusted(now, names.name(update.order), _amended(update, names))]


def _corrected(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    price, quantity = _amounts(update, traded)
    booked = _amended(update, names)
    names.correct(update.execution_id, booked)
    return [FillCorrected(now, names.name(update.order), booked, price, quantity, 0)]


def _amended(update: Update, names: OrderNames) -> str:
    """The id under which the execution was booked."""
    found = update.previous_execution_id or update.execution_id
    if not found:
        raise AlpacaRecordFault(f"{update.kind}: it does not say which execution")
    return names.booked(found)


def _amounts(update: Update, traded: Mapping[str, Instrument]) -> tuple[int, int]:
    order = update.order
    price_scale, quantity_scale = scales_of(text(order, "symbol"), text_or_empty(order, "asset_class"), traded)
    quantity = update.quantity
    if isinstance(quantity, str) and quantity.startswith("-"):
        quantity = quantity[1:]
    return nearest_raw(update.price, price_scale, "price"), cut_raw(quantity, quantity_scale, "qty")


_Maker = Callable[[Update, Mapping[str, Instrument], int, OrderNames], list[Event]]

_MAKERS: Final[dict[str, _Maker]] = {
    "new": _accepted,
    "accepted": _accepted,
    "fill": _filled,
    "partial_fill": _filled,
    "canceled": _canceled,
    "expired": _expired,
    "replaced": _replaced,
    "rejected": _rejected,
    "order_cancel_rejected": _cancel_rejected,
    "order_replace_rejected": _replace_rejected,
    "trade_bust": _busted,
    "trade_correct": _corrected,
}
