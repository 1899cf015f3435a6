"""What all events have in common: their time and the lane in which they wait."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from algotrader.core.market import BadData
from algotrader.core.records import Record

LANE_SYSTEM: Final = 0
LANE_ORDERS: Final = 1
LANE_ACCOUNT: Final = 2
LANE_TIMERS: Final = 3
LANE_MARKET: Final = 4


def need(condition: bool, message: str) -> None:
    """Refuse to make an event that cannot be."""
    if not condition:
        raise BadData(message)


@mypyc_attr(acyclic=True)
class Event(Record):
    """Base of all events. ``time`` is when it happened, by the clock of whoever says so."""

    time: int

    @property
    def lane(self) -> int:
        """Which lane of the inbox it belongs to."""
        return LANE_MARKET


@mypyc_attr(acyclic=True)
class OrderEvent(Event):
    """Base of what a venue, or the executor in front of it, says about an order. The id may be that of a replacement leg."""

    client_order_id: str

    @property
    def lane(self) -> int:
        return LANE_ORDERS
