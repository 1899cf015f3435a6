"""One order from the signal to its end, from the rows that were written as it happened."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path

from algotrader.core import reports
from algotrader.core.market import NS_PER_MINUTE
from algotrader.live.control import Control
from algotrader.server.aside import aside
from algotrader.server.documents import iso, order_document, row_document
from algotrader.server.history import History
from algotrader.server.models.activity import Activity
from algotrader.server.models.base import REFUSALS, ErrorAnswer
from algotrader.server.models.order_life import OrderEvent, OrderLife
from algotrader.server.models.orders import Order
from algotrader.server.refusal import Refusal
from algotrader.storage import queries
from algotrader.storage.records import OrderEventRow

SIGNALS: Final = (reports.SIGNAL, reports.SIGNAL_DENIED, reports.ORDER_DENIED)

BEFORE_NS: Final = 10 * NS_PER_MINUTE
"""How long before an order its signal may have been: signals are told when a bar closes, orders made when its slice does."""

OrderId = Annotated[str, Path(max_length=300, description="our id of the order, or of one of its replacements")]


class OrderLives:
    """Tells the lives of orders.

    Args:
        control: the session.
        history: the database; None to know only orders that the engine remembers, and nothing that happened to them.
    """

    def __init__(self, control: Control, history: History | None) -> None:
        self._control: Final = control
        self._history: Final = history

    async def life(self, local_id: OrderId) -> OrderLife:
        """An order, what happened to it, the signal that it came from and what else was told of the same trade."""
        known = self._control.engine.state.orders.get(local_id)
        order = None if known is None else Order.model_validate(order_document(known))
        if self._history is None:
            if order is None:
                raise _unknown(local_id)
            return OrderLife(order=order, events=[], related=[])
        found = await aside(_read, self._history, local_id)
        order = order or found.order
        if order is None:
            raise _unknown(local_id)
        return OrderLife(order=order, events=found.events, related=found.related)


class _Found:
    """What the database has of an order."""

    def __init__(self) -> None:
        self.order: Order | None = None
        self.events: list[OrderEvent] = []
        self.related: list[Activity] = []


def _read(history: History, local_id: str) -> _Found:
    found = _Found()
    row = history.order(local_id)
    if row is None:
        return found
    found.order = Order.model_validate(row_document(row))
    found.events = [_event(each) for each in history.order_events(local_id)]
    told = {one.id: one for one in history.correlated_activity(row.correlation_id)} if row.correlation_id else {}
    entry = next(iter(history.correlated_orders(row.correlation_id)), row) if row.correlation_id else row
    around = history.activity_between(SIGNALS, row.symbol, entry.created_at - BEFORE_NS, entry.created_at, row.strategy)
    signal = max((one.id for one in around if one.report.kind == reports.SIGNAL), default=0)
    told |= {one.id: one for one in around if one.id >= signal > 0}
    found.related = [_activity(told[number]) for number in sorted(told)]
    return found


def _event(row: OrderEventRow) -> OrderEvent:
    return OrderEvent(
        time=iso(row.recorded_at),
        type=row.event_type,
        old_state=row.old_state,
        new_state=row.new_state,
        qty_filled=row.qty_filled,
        fill_price=row.fill_price or None,
        detail=row.detail,
    )


def _activity(one: queries.Activity) -> Activity:
    return Activity.model_validate({"id": one.id, **row_document(one.report)})


def _unknown(local_id: str) -> Refusal:
    return Refusal(404, "unknown_order", f"there is no order {local_id}", "/api/orders lists them")


def order_routes(control: Control, history: History | None) -> APIRouter:
    """The call about one order."""
    lives = OrderLives(control, history)
    missing = {**REFUSALS, 404: {"model": ErrorAnswer, "description": "there is no such order"}}
    router = APIRouter(prefix="/api", tags=["orders"], responses=missing)
    router.add_api_route("/orders/{local_id}", lives.life, methods=["GET"], response_model=OrderLife)
    return router
