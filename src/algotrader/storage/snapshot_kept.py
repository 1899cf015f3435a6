"""What a snapshot need not write again: orders that have ended, round trips and bookings, as they were written the last time.

They are most of what an engine remembers, and hardly ever change. Each is written by itself, with numbers of its own for what is
met in it. Some dozens together are pressed into a chunk, which later snapshots take over for as long as none of them changes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from algotrader.core.ledger import Booking, RoundTrip
from algotrader.core.orders import Order

CHUNK: Final = 64
"""So many objects are pressed together."""

_LIST: Final = b"\xdd"
"""How a long list begins in MessagePack."""

_of_order: Final = attrgetter(
    *("state", "version", "changed_time", "quantity_raw", "limit_raw", "stop_raw", "filled_raw", "filled_value", "commission"),
    *("first_fill_time", "acknowledged", "cancel_requested", "cancel_leg", "cancel_attempts", "refused_changes", "attached"),
    *("recalled", "reason", "submit_attempts", "wish_quantity", "wish_limit", "wish_stop", "replacements", "parent_id"),
    *("planned_stop_raw", "planned_take_raw"),
)
_of_leg: Final = attrgetter("leg_id", "venue_order_id", "quantity_raw", "limit_raw", "stop_raw", "gone", "abandoned")
_of_booking: Final = attrgetter("price_raw", "quantity_raw", "commission", "sequence")


class Chunk:
    """Some objects as they were written.

    Args:
        members: the objects, kept so that no others get their ids.
        mark: of all of them, see ``MARKS``.
        written: each by itself, packed.
    """

    def __init__(self, members: tuple[object, ...], mark: int, written: Sequence[bytes]) -> None:
        self.members: Final = members
        self.mark: Final = mark
        self.pressed: Final = zlib.compress(_LIST + len(written).to_bytes(4, "big") + b"".join(written))


class Kept:
    """What was written for the objects of one engine, from snapshot to snapshot."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []


def unpressed(content: dict[str, Any]) -> list[Any]:
    """What a snapshot holds of objects that were written by themselves, in the order of their places."""
    found: list[Any] = []
    for pressed in content.get("chunks", ()):
        found += msgspec.msgpack.decode(zlib.decompress(pressed))
    found += content.get("kept", ())
    return found


def _mark_of_order(order: Order) -> int | None:
    if not order.is_final or order.pending_leg is not None:
        return None
    return hash((_of_order(order), *map(_of_leg, order.legs), *map(id, order.fills.values())))


MARKS: Final[dict[type[Any], Callable[[Any], int | None]]] = {
    Order: _mark_of_order,
    RoundTrip: lambda trip: 0,
    Booking: lambda booking: hash(_of_booking(booking)),
}
"""A number for what can change of an object, which differs after a change; None for what is still being changed all the time."""


def consists_of(value: Any) -> list[Any]:
    """An object and one of each other kind that is written within it."""
    if isinstance(value, Order):
        return [value, value.request, *value.legs[:1], *list(value.fills.values())[:1]]
    return [value]
