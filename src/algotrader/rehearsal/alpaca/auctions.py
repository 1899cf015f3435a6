"""When orders for an auction are taken: not in the minutes before it, and not until the evening after."""

from __future__ import annotations

from datetime import datetime, time
from typing import Final

from algotrader.core.orders import TimeInForce
from algotrader.rehearsal.alpaca.answers import unprocessable
from algotrader.rehearsal.alpaca.orders import AlpacaOrder
from algotrader.rehearsal.alpaca.texts import NEW_YORK

_EVENING: Final = time(19, 0)
_LAST: Final = {TimeInForce.OPG: time(9, 28), TimeInForce.CLS: time(15, 50)}


def check_auction(order: AlpacaOrder) -> None:
    """Check whether an order for an auction comes in time for it.

    Raises:
        ApiError: it is too late for today's, and too early for tomorrow's.
    """
    last = _LAST.get(order.time_in_force)
    if last is None:
        return
    now = datetime.fromtimestamp(order.created / 1_000_000_000, NEW_YORK)
    if now.weekday() < 5 and last < now.time() < _EVENING:
        name = order.time_in_force.value
        raise unprocessable(f"{name} orders submitted after {last:%H:%M} and before {_EVENING:%H:%M} ET are rejected")
