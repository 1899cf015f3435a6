"""Alpaca's records of orders, executions and positions as the engine's; the rest of what goes over the wire is named here too.

Every number may come as text. What is ours is exact, since we send nothing that the instrument cannot hold. What a person has done
beside us need not be: an average is rounded to the instrument's places, and of a quantity the part counts that it can hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from algotrader.core.instruments import Instrument
from algotrader.core.orders import OrderState, Side
from algotrader.venues.alpaca.account import AlpacaAccount as AlpacaAccount
from algotrader.venues.alpaca.account import account as account
from algotrader.venues.alpaca.assets import AlpacaAsset as AlpacaAsset
from algotrader.venues.alpaca.assets import asset as asset
from algotrader.venues.alpaca.bodies import replace_body as replace_body
from algotrader.venues.alpaca.bodies import submit_body as submit_body
from algotrader.venues.alpaca.names import REPLACED, legs_of
from algotrader.venues.alpaca.names import OrderNames as OrderNames
from algotrader.venues.alpaca.sessions import CalendarDay as CalendarDay
from algotrader.venues.alpaca.sessions import MarketClock as MarketClock
from algotrader.venues.alpaca.sessions import calendar_days as calendar_days
from algotrader.venues.alpaca.sessions import clock as clock
from algotrader.venues.alpaca.symbols import alpaca_symbol as alpaca_symbol
from algotrader.venues.alpaca.symbols import instrument_of as instrument_of
from algotrader.venues.alpaca.symbols import our_symbol as our_symbol
from algotrader.venues.alpaca.symbols import scales_of, symbol_of
from algotrader.venues.alpaca.values import AlpacaRecordFault as AlpacaRecordFault
from algotrader.venues.alpaca.values import Record as Record
from algotrader.venues.alpaca.values import cut_raw, is_missing, nearest_raw, text, text_or_empty, time_or_zero
from algotrader.venues.alpaca.values import decimal_to_raw as decimal_to_raw
from algotrader.venues.alpaca.values import time_ns as time_ns
from algotrader.venues.protocols import OrderStatus, VenueFill, VenuePosition

HELD: Final = "held"

STATES: Final[dict[str, OrderState]] = {
    "new": OrderState.ACCEPTED,
    "accepted": OrderState.ACCEPTED,
    "accepted_for_bidding": OrderState.ACCEPTED,
    "pending_new": OrderState.SUBMITTED,
    "pending_review": OrderState.SUBMITTED,
    HELD: OrderState.SUBMITTED,
    "partially_filled": OrderState.PARTIALLY_FILLED,
    "filled": OrderState.FILLED,
    "done_for_day": OrderState.ACCEPTED,
    "calculated": OrderState.ACCEPTED,
    "stopped": OrderState.ACCEPTED,
    "suspended": OrderState.ACCEPTED,
    "pending_cancel": OrderState.ACCEPTED,
    "pending_replace": OrderState.ACCEPTED,
    "canceled": OrderState.CANCELED,
    REPLACED: OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
"""The venue's words for what an order is, in ours. A leg that is held does not work yet; a new word makes the order UNKNOWN."""

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL, "buy_to_cover": Side.BUY}


def side_of(record: Record) -> Side:
    """Buy or sell.

    Raises:
        AlpacaRecordFault: the record says neither.
    """
    found = _SIDES.get(text(record, "side"))
    if found is None:
        raise AlpacaRecordFault(f"side: {text(record, 'side')!r} is neither buy nor sell")
    return found


def order_status(record: Record, traded: Mapping[str, Instrument], names: OrderNames | None = None) -> OrderStatus:
    """One order as the venue has it, without its legs.

    Args:
        record: of the REST interface or of a trade update.
        traded: the session's instruments by symbol.
        names: our ids of the venue's orders; without them legs go by the venue's names.

    Raises:
        AlpacaRecordFault: the record cannot be read.
    """
    known = OrderNames() if names is None else names
    price_scale, quantity_scale = scales_of(text(record, "symbol"), text_or_empty(record, "asset_class"), traded)
    filled = _quantity(record, "filled_qty", quantity_scale)
    asked = max(_quantity(record, "qty", quantity_scale), filled)
    return OrderStatus(
        client_order_id=known.name(record),
        venue_order_id=text(record, "id"),
        symbol=symbol_of(record),
        side=side_of(record),
        quantity_raw=asked,
        filled_raw=filled,
        average_raw=_price(record, "filled_avg_price", price_scale),
        state=_state(record, filled, asked, known),
        limit_raw=_price(record, "limit_price", price_scale),
        stop_raw=_price(record, "stop_price", price_scale),
        replaced_by=_successor(record, known),
        attached_to=known.parent(record),
        reason=_reason(record),
        submitted_time=time_or_zero(record, "submitted_at") or time_or_zero(record, "created_at"),
        updated_time=time_or_zero(record, "updated_at") or time_or_zero(record, "submitted_at"),
    )


def order_statuses(record: Record, traded: Mapping[str, Instrument], names: OrderNames | None = None) -> list[OrderStatus]:
    """An order with its nested legs, each under our id: ``<id>-sl`` and ``<id>-tp``, attached to ``<id>``."""
    known = OrderNames() if names is None else names
    known.learn(record)
    return [order_status(found, traded, known) for found in _flat(record)]


def read_orders(
    records: Iterable[Record], traded: Mapping[str, Instrument], names: OrderNames
) -> tuple[list[OrderStatus], list[AlpacaRecordFault]]:
    """Many orders with their legs; what cannot be read is told beside them and takes nothing else with it.

    Names are learned from all of them first, since an order may come before the one that replaced it.
    """
    readable: list[Record] = []
    found: list[OrderStatus] = []
    faults: list[AlpacaRecordFault] = []
    for record in records:
        try:
            names.learn(record)
            readable.append(record)
        except AlpacaRecordFault as fault:
            faults.append(fault)
    for record in readable:
        try:
            found.extend(order_status(each, traded, names) for each in _flat(record))
        except AlpacaRecordFault as fault:
            faults.append(fault)
    return found, faults


def position(record: Record, traded: Mapping[str, Instrument]) -> VenuePosition:
    """What the account holds of one thing; a short position is negative."""
    price_scale, quantity_scale = scales_of(text(record, "symbol"), text_or_empty(record, "asset_class"), traded)
    quantity = abs(_quantity(record, "qty", quantity_scale))
    side = text(record, "side")
    if side not in ("long", "short"):
        raise AlpacaRecordFault(f"side: {side!r} is neither long nor short")
    average = _price(record, "avg_entry_price", price_scale)
    return VenuePosition(symbol_of(record), quantity if side == "long" else -quantity, average)


def fill_of_activity(record: Record, traded: Mapping[str, Instrument], names: OrderNames | None = None) -> VenueFill:
    """One execution out of the account's activities, under the id that the stream of trade updates gives it."""
    price_scale, quantity_scale = scales_of(text(record, "symbol"), text_or_empty(record, "asset_class"), traded)
    order_id = text(record, "order_id")
    price = _price(record, "price", price_scale)
    quantity = _quantity(record, "qty", quantity_scale)
    if price <= 0 or quantity <= 0:
        raise AlpacaRecordFault(f"an execution of {order_id} has no price or no quantity that its instrument can hold")
    execution_id = fill_id_of_activity(text(record, "id"))
    return VenueFill(
        fill_id=execution_id if names is None else names.booked(execution_id),
        client_order_id="" if names is None else names.named(order_id),
        venue_order_id=order_id,
        symbol=symbol_of(record),
        side=side_of(record),
        price_raw=price,
        quantity_raw=quantity,
        commission=0,
        time=time_ns(record.get("transaction_time"), "transaction_time"),
    )


def fill_id_of_activity(activity_id: str) -> str:
    """The execution's id in that of its activity, which is ``<time>::<execution id>``."""
    return activity_id.rpartition("::")[2] or activity_id


def _flat(record: Record) -> list[Record]:
    below = [deeper for leg in legs_of(record) for deeper in (leg, *legs_of(leg))]
    return [record, *below]


def _state(record: Record, filled: int, asked: int, names: OrderNames) -> OrderState:
    status = text(record, "status")
    state = STATES.get(status, OrderState.UNKNOWN)
    if status == "accepted" and text_or_empty(record, "replaces") and not names.has_taken_over(record):
        # The order whose place it is to take may still be filled first; only the venue's "replaced" is certain.
        return OrderState.SUBMITTED
    if state is OrderState.ACCEPTED and filled:
        done = status == "calculated" and filled >= asked
        return OrderState.FILLED if done else OrderState.PARTIALLY_FILLED
    return state


def _successor(record: Record, names: OrderNames) -> str:
    replaced_by = text_or_empty(record, "replaced_by")
    if not replaced_by and text(record, "status") != REPLACED:
        return ""
    return names.successor(record) or replaced_by


def _reason(record: Record) -> str:
    told = text_or_empty(record, "reject_reason") or text_or_empty(record, "reason")
    return told or (REPLACED if text(record, "status") == REPLACED else "")


def _quantity(record: Record, name: str, scale: int) -> int:
    value = record.get(name)
    return 0 if is_missing(value) else cut_raw(value, scale, name)


def _price(record: Record, name: str, scale: int) -> int:
    value = record.get(name)
    return 0 if is_missing(value) else nearest_raw(value, scale, name)
