"""The paper venue's records: every order with its history, every fill, and the average prices of positions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from algotrader.core.events import (
    Event,
    OrderAccepted,
    OrderCancel,
    OrderEvent,
    OrderExpired,
    OrderFill,
    OrderReject,
    OrderReplaced,
    OrderTriggered,
)
from algotrader.core.orders import FINAL_STATES, OrderRequest, OrderState, OrderType, Side, TimeInForce, opposite
from algotrader.core.scaled import div_half_even
from algotrader.venues.protocols import OrderStatus, VenueFill


@dataclass(slots=True)
class OrderRecord:
    """One leg of an order as the venue keeps it. A leg that replaced another goes on counting what that one had filled.

    ``history`` has every change: the moment (nanoseconds UTC) and what happened in a word.
    """

    request: OrderRequest
    client_order_id: str
    quantity_raw: int
    limit_raw: int
    stop_raw: int
    submitted: int
    updated: int
    venue_order_id: str = ""
    state: OrderState = OrderState.SUBMITTED
    filled_raw: int = 0
    filled_value: int = 0
    replaced_by: str = ""
    attached_to: str = ""
    reason: str = ""
    history: list[tuple[int, str]] = field(default_factory=list)

    def note(self, time: int, what: str) -> None:
        """Add to the history."""
        self.updated = time
        self.history.append((time, what))

    def status(self) -> OrderStatus:
        """What the venue says when asked."""
        return OrderStatus(
            self.client_order_id,
            self.venue_order_id,
            self.request.symbol,
            self.request.side,
            self.quantity_raw,
            self.filled_raw,
            div_half_even(self.filled_value, self.filled_raw) if self.filled_raw else 0,
            self.state,
            self.limit_raw,
            self.stop_raw,
            self.replaced_by,
            self.attached_to,
            self.reason,
            self.submitted,
            self.updated,
        )


@dataclass(slots=True)
class Holding:
    """A position with what it cost: signed quantity, and price times quantity of what is still held (both scaled)."""

    quantity_raw: int = 0
    value: int = 0

    @property
    def average_raw(self) -> int:
        """Average entry price; 0 when flat."""
        return div_half_even(self.value, self.quantity_raw) if self.quantity_raw > 0 else -self._short_average()

    def _short_average(self) -> int:
        return -div_half_even(-self.value, -self.quantity_raw) if self.quantity_raw else 0

    def book(self, signed_raw: int, price_raw: int) -> None:
        """Book an execution: what reduces leaves the average as it is, what turns the position starts anew."""
        held = self.quantity_raw
        self.quantity_raw += signed_raw
        if held * signed_raw >= 0:
            self.value += signed_raw * price_raw
        elif held * self.quantity_raw > 0:
            kept, before = abs(self.quantity_raw), abs(held)
            self.value = div_half_even(self.value * kept, before)
        else:
            self.value = self.quantity_raw * price_raw


class Records:
    """What the venue has ever been asked and has done. Ids are kept for ever, also of orders that were refused."""

    def __init__(self) -> None:
        self.orders: Final[dict[str, OrderRecord]] = {}
        self.open: Final[dict[str, OrderRecord]] = {}
        self.fills: Final[list[VenueFill]] = []
        self.holdings: Final[dict[str, Holding]] = {}

    def add(self, request: OrderRequest, time: int) -> OrderRecord:
        """A new order has come in, and with it what is attached to it."""
        record = self._begin(request, time)
        for suffix, kind, limit, stop in (
            ("-sl", OrderType.STOP, 0, request.stop_loss_raw),
            ("-tp", OrderType.LIMIT, request.take_profit_raw, 0),
        ):
            if limit or stop:
                child = OrderRequest(
                    request.client_order_id + suffix,
                    request.instrument,
                    opposite(request.side),
                    kind,
                    request.quantity_raw,
                    TimeInForce.GTC,
                    limit,
                    stop,
                    reduce_only=True,
                )
                attached = self._begin(child, time)
                attached.state, attached.attached_to = OrderState.ACCEPTED, request.client_order_id
                attached.note(time, "held")
        return record

    def _begin(self, request: OrderRequest, time: int) -> OrderRecord:
        name = request.client_order_id
        record = OrderRecord(request, name, request.quantity_raw, request.limit_raw, request.stop_raw, time, time)
        record.note(time, "submitted")
        self.orders[name] = self.open[name] = record
        return record

    def apply(self, event: Event, time: int) -> None:
        """Take over what the simulated venue said."""
        record = self.orders.get(event.client_order_id) if isinstance(event, OrderEvent) else None
        if record is None:
            return
        if isinstance(event, OrderFill):
            self._fill(record, event, time)
        elif isinstance(event, OrderAccepted):
            record.venue_order_id = event.venue_order_id
            if record.state is OrderState.SUBMITTED:
                record.state = OrderState.ACCEPTED
            record.note(time, "accepted")
        elif isinstance(event, OrderReplaced):
            self._replace(record, event, time)
        elif isinstance(event, OrderTriggered):
            record.note(time, "triggered")
        elif isinstance(event, OrderReject):
            self._end(record, OrderState.REJECTED, time, event.reason)
            for child in [child for child in self.open.values() if child.attached_to == record.client_order_id]:
                self._end(child, OrderState.REJECTED, time, event.reason)
        elif isinstance(event, OrderCancel):
            self._end(record, OrderState.CANCELED, time, event.reason)
        elif isinstance(event, OrderExpired):
            self._end(record, OrderState.EXPIRED, time, "")

    def _fill(self, record: OrderRecord, event: OrderFill, time: int) -> None:
        record.filled_raw += event.quantity_raw
        record.filled_value += event.quantity_raw * event.price_raw
        record.state = OrderState.PARTIALLY_FILLED
        record.note(time, f"filled {event.quantity_raw} at {event.price_raw}")
        if record.filled_raw >= record.quantity_raw:
            self._end(record, OrderState.FILLED, time, "")
        signed = event.quantity_raw if event.side is Side.BUY else -event.quantity_raw
        self.holdings.setdefault(event.symbol, Holding()).book(signed, event.price_raw)
        self.fills.append(
            VenueFill(
                event.fill_id,
                event.client_order_id,
                event.venue_order_id,
                event.symbol,
                event.side,
                event.price_raw,
                event.quantity_raw,
                event.commission,
                time,
            )
        )

    def _replace(self, old: OrderRecord, event: OrderReplaced, time: int) -> None:
        """The new leg takes over; its quantity and prices are set by the caller, who has the request."""
        leg = OrderRecord(old.request, event.new_client_order_id, old.quantity_raw, old.limit_raw, old.stop_raw, time, time)
        leg.venue_order_id, leg.attached_to = event.venue_order_id, old.attached_to
        leg.filled_raw, leg.filled_value = old.filled_raw, old.filled_value
        leg.state = OrderState.PARTIALLY_FILLED if leg.filled_raw else OrderState.ACCEPTED
        leg.note(time, f"replaces {old.client_order_id}")
        old.replaced_by = leg.client_order_id
        self._end(old, OrderState.CANCELED, time, "replaced")
        self.orders[leg.client_order_id] = self.open[leg.client_order_id] = leg

    def _end(self, record: OrderRecord, state: OrderState, time: int, reason: str) -> None:
        if record.state not in FINAL_STATES:
            record.state = state
        record.reason = reason or record.reason
        record.note(time, record.state.value)
        self.open.pop(record.client_order_id, None)
