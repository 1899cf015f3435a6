"""All that goes out of the engine. An order can only leave as an ``ApprovedOrder``, and only risk control makes those."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.orders import OrderRequest
from algotrader.core.records import Record

REFUSED_INSUFFICIENT_QUANTITY: Final = "insufficient_quantity"
REFUSED_OPPOSING_ORDER: Final = "opposing_order"
REFUSED_THROUGH_MARKET: Final = "through_market"
REFUSED_BUYING_POWER: Final = "buying_power"
REFUSED_UNSUPPORTED: Final = "unsupported"
REFUSED_SHORT: Final = "short_not_allowed"
REFUSED_REDUCE_ONLY: Final = "reduce_only"
REFUSED_DUPLICATE: Final = "duplicate_id"
REFUSED_HALTED: Final = "halted"
REFUSED_CLOSED: Final = "market_closed"
REFUSED_NOT_FOUND: Final = "not_found"
REFUSED_TOO_LATE: Final = "too_late"

REFUSALS: Final = (
    REFUSED_INSUFFICIENT_QUANTITY,
    REFUSED_OPPOSING_ORDER,
    REFUSED_THROUGH_MARKET,
    REFUSED_BUYING_POWER,
    REFUSED_UNSUPPORTED,
    REFUSED_SHORT,
    REFUSED_REDUCE_ONLY,
    REFUSED_DUPLICATE,
    REFUSED_HALTED,
    REFUSED_CLOSED,
    REFUSED_NOT_FOUND,
    REFUSED_TOO_LATE,
)
"""Why a venue refuses, in our words; adapters translate their venue's codes into these."""


class NotApproved(ValueError):
    """Somebody tried to make an approved order without passing risk control."""


@final
class RiskSeal:
    """The mark of risk control. One exists, inside ``risk.py``; without it no approved order can be made."""

    def __init__(self, issuer: str) -> None:
        self.issuer: Final = issuer


@mypyc_attr(acyclic=True)
@final
class ApprovedOrder:
    """An order request that risk control has let pass; the only kind of order that a venue adapter accepts."""

    def __init__(self, request: OrderRequest, seal: RiskSeal) -> None:
        if not isinstance(seal, RiskSeal) or seal.issuer != "algotrader.core.risk":
            raise NotApproved("only risk control approves orders")
        self.request: Final = request
        self.seal: Final = seal


@mypyc_attr(acyclic=True)
class Command(Record):
    """Base of all commands."""

    client_order_id: str

    @property
    def name(self) -> str:
        """The kind of command."""
        return type(self).__name__


@mypyc_attr(acyclic=True)
@final
class SubmitOrder(Command):
    """Send a new order."""

    def __init__(self, client_order_id: str, order: ApprovedOrder) -> None:
        self.client_order_id = client_order_id
        self.order: Final = order

    @property
    def request(self) -> OrderRequest:
        """What to send."""
        return self.order.request


@final
class CancelOrder(Command):
    """Ask the venue to cancel the leg ``client_order_id``; only an event confirms it."""

    def __init__(self, client_order_id: str, symbol: str, venue_order_id: str = "") -> None:
        self.client_order_id = client_order_id
        self.symbol: Final = symbol
        self.venue_order_id: Final = venue_order_id


@final
class ReplaceOrder(Command):
    """Ask the venue to put ``new_client_order_id`` in the place of the leg ``client_order_id``.

    ``quantity_raw`` is the order's new total quantity, what is filled already included.
    """

    def __init__(
        self,
        client_order_id: str,
        symbol: str,
        new_client_order_id: str,
        quantity_raw: int,
        limit_raw: int = 0,
        stop_raw: int = 0,
        venue_order_id: str = "",
    ) -> None:
        self.client_order_id = client_order_id
        self.symbol: Final = symbol
        self.new_client_order_id: Final = new_client_order_id
        self.quantity_raw: Final = quantity_raw
        self.limit_raw: Final = limit_raw
        self.stop_raw: Final = stop_raw
        self.venue_order_id: Final = venue_order_id


@final
class RequestBars(Command):
    """Ask the data feed for the bars of a window in which none arrived (``client_order_id`` is empty)."""

    def __init__(self, client_order_id: str, symbol: str, open_time: int, close_time: int) -> None:
        self.client_order_id = client_order_id
        self.symbol: Final = symbol
        self.open_time: Final = open_time
        self.close_time: Final = close_time
