"""What a reader may see of the engine's state: frozen records with exact decimals and aware times, made on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, final

from algotrader.core.copies import made_from_fields
from algotrader.core.events import OrderFill
from algotrader.core.market import utc
from algotrader.core.order_states import OrderState
from algotrader.core.orders import Order
from algotrader.core.scaled import from_money
from algotrader.core.state import EngineState, Holding

STATUS: Final[dict[OrderState, str]] = {
    OrderState.PENDING_SUBMIT: "pending_new",
    OrderState.SUBMITTED: "new",
    OrderState.ACCEPTED: "accepted",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
    OrderState.SUBMIT_FAILED: "rejected",
    OrderState.UNKNOWN: "unknown",
}
"""The words that venues use for our states; ``pending_cancel`` and ``replaced`` depend on what is under way."""


@final
@dataclass(frozen=True, slots=True)
class AccountInfo:
    """The account in its currency. ``margin_used`` is what positions tie up; ``is_paper`` is False only for real money."""

    equity: Decimal
    buying_power: Decimal
    cash: Decimal
    margin_used: Decimal
    is_paper: bool


@final
@dataclass(frozen=True, slots=True)
class PositionInfo:
    """One strategy's position in one instrument; ``quantity`` is positive, ``side`` is long, short or flat."""

    symbol: str
    strategy: str
    quantity: Decimal
    average_entry_price: Decimal
    current_price: Decimal
    unrealized_pnl: Decimal
    side: str
    stop_price: Decimal | None


@final
@dataclass(frozen=True, slots=True)
class OrderStatus:
    """An order as a venue would tell it. ``submitted_at`` is when it was made; ``average_fill_price`` is None before a fill."""

    client_order_id: str
    broker_order_id: str
    status: str
    filled_quantity: Decimal
    average_fill_price: Decimal | None
    submitted_at: datetime
    updated_at: datetime


@final
@dataclass(frozen=True, slots=True)
class TradeUpdate:
    """One execution as a stream of order updates tells it: totals of the order after it."""

    broker_order_id: str
    event: str
    symbol: str
    filled_quantity: Decimal
    average_fill_price: Decimal | None
    timestamp: datetime


def account_info(state: EngineState, is_paper: bool = True) -> AccountInfo:
    """The account at the last prices."""
    return AccountInfo(
        from_money(state.equity()),
        from_money(state.buying_power()),
        from_money(state.total_cash()),
        from_money(state.gross_exposure()),
        is_paper,
    )


def position_info(holding: Holding) -> PositionInfo:
    """A position at the last price."""
    position, instrument, last = holding.position, holding.instrument, holding.track.last_raw
    return PositionInfo(
        instrument.symbol,
        holding.owner,
        abs(position.quantity),
        position.average_entry_price,
        instrument.price(last),
        from_money(position.unrealized(last)),
        position.side,
        instrument.price(holding.stop_raw) if holding.stop_raw else None,
    )


def order_status(order: Order, now: int) -> OrderStatus:
    """An order at engine time ``now`` (nanoseconds UTC)."""
    status = STATUS[order.state]
    if not order.is_final and order.cancel_requested:
        status = "pending_cancel"
    last = max([fill.time for fill in order.fills.values()], default=order.created_time)
    return OrderStatus(
        order.client_order_id,
        order.venue_order_id,
        status,
        order.filled,
        order.average_price,
        utc(order.created_time),
        utc(now if order.is_final else max(last, order.created_time)),
    )


def replaced_legs(order: Order, now: int) -> list[OrderStatus]:
    """The venue orders that a replacement has put aside, each with the status ``replaced``."""
    current = order.working_leg
    return [
        OrderStatus(
            leg.leg_id, leg.venue_order_id, "replaced", order.filled, order.average_price, utc(order.created_time), utc(now)
        )
        for leg in order.legs
        if leg is not current
    ]


def trade_update(order: Order, fill: OrderFill) -> TradeUpdate:
    """An execution, after it was booked on its order."""
    event = "fill" if order.remaining_raw == 0 else "partial_fill"
    return TradeUpdate(order.venue_order_id, event, order.symbol, order.filled, order.average_price, utc(fill.time))


made_from_fields(AccountInfo, PositionInfo, OrderStatus, TradeUpdate)
