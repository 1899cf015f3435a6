"""The venue's own record of an order that works, waits for its trigger, or is held until its entry is filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.copies import made_from_fields
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce


@mypyc_attr(acyclic=True)
@final
class WorkingOrder:
    """One order at the venue. A replacement changes it in place and keeps its ``sequence``, its priority.

    Attributes:
        index: number of the instrument.
        sequence: order of arrival; older ones go first.
        arrived: when it reached the venue, nanoseconds UTC.
        sign: +1 for a buy, -1 for a sell.
        root_id: the id under which it first came; ``client_order_id`` is that of its current leg.
        stop_raw: its trigger; for a trailing stop, where the trail has it now.
        best_raw: best price that a trailing stop has seen; 0 before any.
        reduces: reduce-only at a venue that knows the flag itself.
        held: waits for its entry to fill.
        triggered: its stop price was reached.
        rested: it could have been matched before and was not, so it gives liquidity if it is a limit order.
        on_entry_bar: a stop accepted while the bar that filled its entry was being worked through.
        cut: its quantity was reduced by the venue; what the client thinks is left ends with a cancel.
        charged: commission so far, money.
    """

    def __init__(self, request: OrderRequest, index: int, sequence: int, arrived: int, venue_order_id: str) -> None:
        self.request: Final = request
        self.instrument: Final = request.instrument
        self.index: Final[int] = index
        self.sequence: Final[int] = sequence
        self.arrived: int = arrived
        self.sign: Final[int] = 1 if request.side is Side.BUY else -1
        self.order_type: Final = request.order_type
        self.time_in_force: Final = request.time_in_force
        self.root_id: Final = request.client_order_id
        self.client_order_id: str = request.client_order_id
        self.venue_order_id: str = venue_order_id
        self.quantity_raw: int = request.quantity_raw
        self.filled_raw: int = 0
        self.limit_raw: int = request.limit_raw
        self.stop_raw: int = 0 if request.order_type is OrderType.TRAILING_STOP else request.stop_raw
        self.trail_raw: int = request.trail_raw
        self.best_raw: int = 0
        self.reduces: bool = False
        self.extended_hours: Final[bool] = request.extended_hours
        self.oco_group: str = request.oco_group
        self.children: list[WorkingOrder] = []
        self.held: bool = False
        self.triggered: bool = False
        self.rested: bool = False
        self.on_entry_bar: bool = False
        self.cut: bool = False
        self.ended: bool = False
        self.charged: int = 0

    @property
    def remaining_raw(self) -> int:
        """Quantity still to be filled."""
        return self.quantity_raw - self.filled_raw

    @property
    def has_stop(self) -> bool:
        """Whether its type has a trigger, reached or not."""
        kind = self.order_type
        return kind is OrderType.STOP or kind is OrderType.TRAILING_STOP or kind is OrderType.STOP_LIMIT

    @property
    def waits_for_trigger(self) -> bool:
        """Whether its trigger is still to be reached."""
        return self.has_stop and not self.triggered

    @property
    def is_limit(self) -> bool:
        """Whether a limit bounds its price, now that any trigger is past."""
        return self.order_type is OrderType.LIMIT or self.order_type is OrderType.STOP_LIMIT

    @property
    def is_brief(self) -> bool:
        """Whether it has one chance only: at once or never, or in the opening auction."""
        tif = self.time_in_force
        return tif is TimeInForce.IOC or tif is TimeInForce.FOK or tif is TimeInForce.OPG

    def see(self, price_raw: int) -> None:
        """Move a trailing stop after a price that is better than the best so far."""
        if self.best_raw == 0 or (price_raw - self.best_raw) * self.sign < 0:
            self.best_raw = price_raw
            self.stop_raw = max(price_raw + self.sign * self.trail_raw, 1)


@final
@dataclass(frozen=True, slots=True)
class OpenOrder:
    """What the venue tells of one open order when asked, for reconciliation. Prices and quantities are scaled integers."""

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_raw: int
    filled_raw: int
    limit_raw: int
    stop_raw: int
    trail_raw: int
    arrived: int
    held: bool = False
    triggered: bool = False


def snapshot(order: WorkingOrder) -> OpenOrder:
    """Give an order as what the venue tells of it."""
    return OpenOrder(
        order.client_order_id,
        order.venue_order_id,
        order.request.symbol,
        order.request.side,
        order.order_type,
        order.time_in_force,
        order.quantity_raw,
        order.filled_raw,
        order.limit_raw,
        order.stop_raw,
        order.trail_raw,
        order.arrived,
        order.held,
        order.triggered,
    )


made_from_fields(OpenOrder)
