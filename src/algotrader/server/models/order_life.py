"""The life of one order."""

from __future__ import annotations

from pydantic import Field

from algotrader.server.models.activity import KEPT, Activity
from algotrader.server.models.base import Exact, Model, Time, example
from algotrader.server.models.orders import ORDER, Order

EVENT = {
    "time": "2025-11-26T15:02:14Z",
    "type": "fill",
    "old_state": "accepted",
    "new_state": "filled",
    "qty_filled": "100",
    "fill_price": "165.0000",
    "detail": "v-7-1",
}


class OrderEvent(Model):
    """Something that happened to an order."""

    model_config = example(**EVENT)

    time: Time | None = Field(description="when it was recorded")
    type: str = Field(description="created, submitted, accepted, partial_fill, fill, replaced, canceled, rejected and so on")
    old_state: str | None = Field(description="state before")
    new_state: str | None = Field(description="state after")
    qty_filled: Exact | None = Field(description="quantity of an execution")
    fill_price: Exact | None = Field(description="price of an execution")
    detail: str = Field(description="what was asked for, the venue's words, or the execution's id")


class OrderLife(Model):
    """An order, all that happened to it, and what led to it."""

    model_config = example(order=ORDER, events=[EVENT], related=[KEPT])

    order: Order = Field(description="as it stands")
    events: list[OrderEvent] = Field(description="oldest first")
    related: list[Activity] = Field(
        description="the signal and what became of it, and all else that was told of this trade, oldest first"
    )
