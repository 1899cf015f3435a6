"""The stream of trade updates: one frame into what was heard, and an update into the engine's events. Pure.

Frames come as JSON in binary or text; there is one object in each. An execution counts by its own price and quantity, never by what
the order has filled in all, since updates may be missed, repeated or come late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

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
from algotrader.venues.alpaca.names import OrderNames
from algotrader.venues.alpaca.symbols import scales_of, symbol_of
from algotrader.venues.alpaca.values import (
    AlpacaRecordFault,
    Record,
    cut_raw,
    is_missing,
    nearest_raw,
    record_of,
    text,
    text_or_empty,
    time_or_zero,
)
from algotrader.venues.alpaca.wire import HELD, side_of

LONGEST_FRAME: Final = 1 << 20
"""Bytes of a frame that are read; one update has about two thousand."""

KINDS: Final[dict[str, str]] = {
    "new": "the exchange works the order",
    "accepted": "Alpaca has taken the order, the exchange has not seen it yet",
    "fill": "the last execution of the order",
    "partial_fill": "an execution, more may come",
    "canceled": "the order was cancelled",
    "expired": "its time in force ran out",
    "done_for_day": "no more happens to it today",
    "replaced": "another order took its place",
    "rejected": "the order was refused after it was taken",
    "pending_new": "the order is on its way to the exchange",
    "pending_cancel": "the cancel is on its way to the exchange",
    "pending_replace": "the change is on its way to the exchange",
    "stopped": "an execution is guaranteed and will follow",
    "suspended": "the order rests, but cannot be executed now",
    "calculated": "the day's settlement of the order is being worked out",
    "held": "the leg waits for its entry to be filled",
    "restated": "the venue has changed the order by itself",
    "order_cancel_rejected": "the cancel was refused",
    "order_replace_rejected": "the change was refused",
    "trade_bust": "an execution was taken back",
    "trade_correct": "an execution was changed",
}
"""What each kind of update says. One that is not here gives no event."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The answer to the keys."""

    authorized: bool
    action: str = ""


@dataclass(frozen=True, slots=True)
class Listening:
    """The streams that will be heard from now on."""

    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StreamFault:
    """The venue says that something is wrong with the connection or with what we asked."""

    message: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Unheard:
    """A frame of a kind that is not known here; ``stream`` is its name, if it has one."""

    stream: str
    frame: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """Something happened to an order. ``order`` is its record after that, ``data`` the whole message.

    ``price`` and ``quantity`` are those of this execution; the times are nanoseconds UTC, 0 when the venue does not tell.
    """

    kind: str
    order: Record
    execution_id: str = ""
    previous_execution_id: str = ""
    price: Decimal | int | float | str | None = None
    quantity: Decimal | int | float | str | None = None
    time: int = 0
    sent_time: int = 0
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether its kind is one of ``KINDS``."""
        return self.kind in KINDS


Heard = Authorization | Listening | StreamFault | Unheard | Update

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


def parse(frame: str | bytes) -> Heard:
    """Read one frame.

    Raises:
        AlpacaRecordFault: it cannot be read, and nothing of it is used.
    """
    found = record_of(_decoded(frame), "a frame")
    stream = found.get("stream")
    if stream == "trade_updates":
        return _update(record_of(found.get("data"), "a trade update"))
    data = found.get("data")
    inner: Record = data if isinstance(data, dict) else {}
    if stream == "authorization":
        return Authorization(inner.get("status") == "authorized", text_or_empty(inner, "action"))
    if stream == "listening":
        streams = inner.get("streams") or []
        if isinstance(streams, list):
            return Listening(tuple(name for name in streams if isinstance(name, str)))
        raise AlpacaRecordFault("the answer to listen has no list of streams")
    if stream == "error" or found.get("action") == "error":
        return _fault(inner or found)
    return Unheard(stream if isinstance(stream, str) else "", found)


def unresolved(update: Update, names: OrderNames) -> bool:
    """Whether the update is about a leg of which only its parent's record tells the name.

    Whoever follows the stream asks for that record first (``names.learn``) and accepts the leg's own name when there is none.
    """
    return names.is_open(update.order)


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


def _decoded(frame: str | bytes) -> object:
    if len(frame) > LONGEST_FRAME:
        raise AlpacaRecordFault(f"a frame of {len(frame)} bytes is too long")
    try:
        return _DECODER.decode(frame)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise AlpacaRecordFault(f"a frame is not JSON: {error}") from None


def _fault(data: Record) -> StreamFault:
    code = data.get("code")
    message = data.get("error_message") or data.get("error") or data.get("msg") or data.get("message")
    return StreamFault(
        message if isinstance(message, str) else "an error without a message",
        code if isinstance(code, int) and not isinstance(code, bool) else None,
    )


def _update(data: Record) -> Update:
    order = record_of(data.get("order"), "the order of a trade update")
    text(order, "id")
    return Update(
        kind=text(data, "event"),
        order=order,
        execution_id=text_or_empty(data, "execution_id"),
        previous_execution_id=text_or_empty(data, "previous_execution_id"),
        price=data.get("price"),
        quantity=data.get("qty"),
        time=time_or_zero(data, "timestamp"),
        sent_time=time_or_zero(data, "at"),
        reason=text_or_empty(data, "reason") or text_or_empty(order, "reject_reason"),
        data=data,
    )


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
            update.execution_id or made_up,
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
    return [FillBusted(now, names.name(update.order), _amended(update))]


def _corrected(update: Update, traded: Mapping[str, Instrument], now: int, names: OrderNames) -> list[Event]:
    price, quantity = _amounts(update, traded)
    return [FillCorrected(now, names.name(update.order), _amended(update), price, quantity, 0)]


def _amended(update: Update) -> str:
    """The id under which the execution was booked."""
    found = update.previous_execution_id or update.execution_id
    if not found:
        raise AlpacaRecordFault(f"{update.kind}: it does not say which execution")
    return found


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
