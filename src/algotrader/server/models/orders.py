"""Orders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from algotrader.server.models.base import Exact, Model, Page, Time, example

ORDER = {
    "local_id": "a1b2c3-7",
    "broker_id": "v-7",
    "correlation_id": "a1b2c3-c4",
    "symbol": "AAPL",
    "side": "buy",
    "order_type": "stop",
    "order_role": "entry",
    "strategy": "velez",
    "qty_requested": "100",
    "qty_filled": "100",
    "avg_fill_price": "165.0000",
    "state": "filled",
    "version": 4,
    "parent_id": None,
    "submit_attempts": 1,
    "last_error": "",
    "planned_stop_price": "163.2000",
    "created_at": "2025-11-26T15:02:00Z",
    "updated_at": "2025-11-26T15:02:14Z",
    "limit_price": None,
    "stop_price": "165.0000",
    "time_in_force": "day",
}


class Order(Model):
    """An order as it stands."""

    model_config = example(**ORDER)

    local_id: str = Field(description="our id")
    broker_id: str = Field(description="the venue's id; empty before it is known")
    correlation_id: str = Field(description="ties signal, orders and round trip")
    symbol: str = Field(description="of the instrument")
    side: Literal["buy", "sell"] = Field(description="side")
    order_type: str = Field(description="market, limit, stop, stop_limit and so on")
    order_role: str = Field(description="what it is for: entry, stop_loss, take_profit, exit_market or plain")
    strategy: str = Field(description="whose it is")
    qty_requested: Exact = Field(description="what was ordered")
    qty_filled: Exact = Field(description="what was executed")
    avg_fill_price: Exact | None = Field(description="average price of the executions; null before the first")
    state: str = Field(description="state; an unknown one blocks entries in the instrument until it is settled")
    version: int = Field(description="rises with every change of state")
    parent_id: str | None = Field(description="the order that this one belongs to")
    submit_attempts: int = Field(description="how often it was sent")
    last_error: str = Field(description="what went wrong last; empty for nothing")
    planned_stop_price: Exact | None = Field(description="where the stop of the position is to be")
    created_at: Time | None = Field(description="when it was made")
    updated_at: Time | None = Field(description="when it changed last")
    limit_price: Exact | None = Field(None, description="limit; null for none, or where only its row is kept")
    stop_price: Exact | None = Field(None, description="price that sets it off; null for none, or where only its row is kept")
    time_in_force: str | None = Field(None, description="how long it works; null where only its row is kept")


class OrderPage(Page):
    """Orders, newest first."""

    model_config = example(items=[ORDER], more=False, limit=100, offset=0)

    items: list[Order] = Field(description="the orders")
    offset: int = Field(description="how many newer ones were left out")
