"""What people read of the engine, as plain values for JSON: money, prices and quantities as exact text, times as ISO 8601, UTC."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final

from algotrader.core.market import utc
from algotrader.core.orders import Order
from algotrader.core.positions import RoundTrip
from algotrader.core.scaled import from_money
from algotrader.core.state import EngineState, Holding
from algotrader.server.protection import protection_level
from algotrader.storage.records import CashRow, OrderRow, ReportRow, TradeRow

Document = dict[str, Any]

_TIMES: Final = ("created_at", "updated_at", "entry_at", "exit_at", "time")


def iso(time_ns: int) -> str | None:
    """A time; None for 0, which stands for never."""
    return utc(time_ns).isoformat().replace("+00:00", "Z") if time_ns else None


def exact(value: Decimal) -> str:
    """A decimal in full, never with an exponent."""
    return format(value, "f")


def money(raw: int) -> str:
    """Money of the engine as exact text."""
    return exact(from_money(raw))


def position_document(holding: Holding, state: EngineState) -> Document:
    """A position with the stop that protects it."""
    position, instrument, last = holding.position, holding.instrument, holding.track.last_raw
    stop = holding.stop_order if holding.stop_order is not None and not holding.stop_order.is_final else None
    return {
        "symbol": instrument.symbol,
        "owner": holding.owner,
        "side": position.side,
        "qty": exact(abs(position.quantity)),
        "avg_entry_price": exact(position.average_entry_price),
        "current_price": exact(instrument.price(last)),
        "unrealized_pnl": money(position.unrealized(last)),
        "unrealized_pct": percent(position.unrealized(last), abs(position.cost)),
        "market_value": money(position.market_value(last)),
        "opened_at": iso(position.opened_time),
        "protection": holding.protection,
        "protection_level": protection_level(holding, state),
        "stop_price": exact(instrument.price(holding.stop_raw)) if holding.stop_raw else None,
        "take_profit_price": exact(instrument.price(holding.take_raw)) if holding.take_raw else None,
        "stop_order": None if stop is None else _working(stop),
        "adopted": holding.adopted or None,
        "halted": holding.track.halted,
    }


def _working(order: Order) -> Document:
    leg = order.working_leg
    return {
        "local_id": order.client_order_id,
        "broker_id": leg.venue_order_id,
        "state": order.state.value,
        "qty": exact(order.instrument.quantity(max(leg.quantity_raw - order.filled_raw, 0))),
        "stop_price": exact(order.instrument.price(leg.stop_raw)) if leg.stop_raw else None,
        "time_in_force": order.request.time_in_force.value,
    }


def order_document(order: Order) -> Document:
    """An order of the engine, under the names of the order table and with its prices."""
    instrument, average = order.instrument, order.average_price
    last = max([fill.time for fill in order.fills.values()], default=order.created_time)
    return {
        "local_id": order.client_order_id,
        "broker_id": order.venue_order_id,
        "correlation_id": order.correlation_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "order_role": order.role.value,
        "strategy": order.owner,
        "qty_requested": exact(order.quantity),
        "qty_filled": exact(order.filled),
        "avg_fill_price": None if average is None else exact(average),
        "state": order.state.value,
        "version": order.version,
        "parent_id": order.parent_id or None,
        "submit_attempts": order.submit_attempts,
        "last_error": order.reason,
        "planned_stop_price": exact(instrument.price(order.planned_stop_raw)) if order.planned_stop_raw else None,
        "created_at": iso(order.created_time),
        "updated_at": iso(max(last, order.created_time)),
        "limit_price": exact(instrument.price(order.limit_raw)) if order.limit_raw else None,
        "stop_price": exact(instrument.price(order.stop_raw)) if order.stop_raw else None,
        "time_in_force": order.request.time_in_force.value,
    }


def trip_document(trip: RoundTrip) -> Document:
    """A round trip of the engine, under the names of the trade table."""
    return {
        "trade_id": trip.trip_id,
        "correlation_id": trip.correlation_id,
        "symbol": trip.instrument.symbol,
        "side": trip.side,
        "qty": exact(trip.quantity),
        "entry_price": exact(trip.entry_price),
        "exit_price": exact(trip.exit_price),
        "entry_at": iso(trip.entry_time),
        "exit_at": iso(trip.exit_time),
        "pnl": exact(trip.pnl),
        "pnl_pct": percent(trip.profit, trip.entry_value),
        "strategy": trip.owner,
        "duration_seconds": trip.duration_ns // 1_000_000_000,
        "commission": money(trip.commission),
    }


def percent(part: int, whole: int) -> str:
    """A share in percent, to four places; 0 of nothing."""
    return exact((Decimal(part) * 100 / Decimal(whole)).quantize(Decimal("0.0001"))) if whole else "0"


def row_document(row: OrderRow | TradeRow | ReportRow | CashRow) -> Document:
    """A row of the database, with its times as text."""
    found = asdict(row)
    return {name: iso(value) if name in _TIMES else value for name, value in found.items()}
