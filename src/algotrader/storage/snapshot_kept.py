"""What a snapshot need not write again: orders that have ended, round trips and bookings, as they were written the last time.

They are most of what an engine remembers, and hardly ever change. Each is written once, by itself, with numbers of its own for what
is met in it; the snapshots after that take over the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import attrgetter
from typing import Any, Final

from algotrader.core.ledger import Booking, RoundTrip
from algotrader.core.orders import Order

_FORGET_BEYOND: Final = 1_000
"""So many more than one snapshot had are remembered before those that are gone are forgotten."""

_of_order: Final = attrgetter(
    *("state", "version", "changed_time", "quantity_raw", "limit_raw", "stop_raw", "filled_raw", "filled_value", "commission"),
    *("first_fill_time", "acknowledged", "cancel_requested", "cancel_sent", "cancel_attempts", "refused_changes", "attached"),
    *("recalled", "reason", "submit_attempts", "wish_quantity", "wish_limit", "wish_stop", "replacements", "parent_id"),
    *("planned_stop_raw", "planned_take_raw"),
)
_of_leg: Final = attrgetter("leg_id", "venue_order_id", "quantity_raw", "limit_raw", "stop_raw", "gone", "abandoned")
_of_booking: Final = attrgetter("price_raw", "quantity_raw", "commission", "sequence")


class Kept:
    """What was written for the objects of one engine, from snapshot to snapshot."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[object, int, bytes]] = {}

    def known(self, value: object, mark: int) -> bytes | None:
        """What was written of an object, unless it has changed since."""
        found = self._written.get(id(value))
        return found[2] if found is not None and found[0] is value and found[1] == mark else None

    def keep(self, value: object, mark: int, written: bytes) -> None:
        """Remember what was written. The object is kept too, so that no other one gets its id."""
        self._written[id(value)] = (value, mark, written)

    def forget(self, met: Collection[int]) -> None:
        """Give up what the last snapshot did not meet any more, once it is much."""
        if len(self._written) > len(met) + _FORGET_BEYOND:
            self._written = {number: entry for number, entry in self._written.items() if number in met}


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
