"""What the stream of trade updates says: one frame into what was heard. Pure.

Frames come as JSON in binary or text; there is one object in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from algotrader.venues.alpaca.values import AlpacaRecordFault, Record, record_of, text, text_or_empty, time_or_zero

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

EXECUTIONS: Final = ("fill", "partial_fill", "trade_bust", "trade_correct")


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

    @property
    def is_execution(self) -> bool:
        """Whether it is about money: one that cannot be read has to be found in the venue's records instead."""
        return self.kind in EXECUTIONS


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
