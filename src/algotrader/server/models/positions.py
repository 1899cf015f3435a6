"""What is held."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from algotrader.server.models.base import Exact, Model, Time, example

Level = Literal["working", "dormant", "daily", "synthetic", "in_flight", "partial", "closing", "unknown", "none", "missing"]

STOP = {
    "local_id": "a1b2c3-8",
    "broker_id": "v-8",
    "state": "accepted",
    "qty": "100",
    "stop_price": "163.2000",
    "time_in_force": "gtc",
}

POSITION = {
    "symbol": "AAPL",
    "owner": "velez",
    "side": "long",
    "qty": "100",
    "avg_entry_price": "165.0000",
    "current_price": "166.1250",
    "unrealized_pnl": "112.50",
    "unrealized_pct": "0.6818",
    "market_value": "16612.50",
    "opened_at": "2025-11-26T15:02:00Z",
    "protection": "planned",
    "protection_level": "working",
    "stop_price": "163.2000",
    "take_profit_price": None,
    "stop_order": STOP,
    "adopted": None,
    "halted": False,
}


class WorkingStop(Model):
    """The order that protects a position."""

    model_config = example(**STOP)

    local_id: str = Field(description="our id of the order")
    broker_id: str = Field(description="the venue's id; empty before it is known")
    state: str = Field(description="state of the order")
    qty: Exact = Field(description="what is left to be executed")
    stop_price: Exact | None = Field(description="price that sets it off")
    time_in_force: str = Field(description="how long it works at the venue")


class Position(Model):
    """One owner's position in one instrument. Symbol and owner together tell it from all others."""

    model_config = example(**POSITION)

    symbol: str = Field(description="of the instrument")
    owner: str = Field(description="the strategy that holds it, or ``external`` for what was not opened here")
    side: Literal["long", "short", "flat"] = Field(description="direction")
    qty: Exact = Field(description="quantity, never negative")
    avg_entry_price: Exact = Field(description="average price of what is open")
    current_price: Exact = Field(description="last price; 0 before the first")
    unrealized_pnl: Exact = Field(description="profit at the last price")
    unrealized_pct: Exact = Field(description="that profit in percent of what the position cost")
    market_value: Exact = Field(description="quantity at the last price; negative for a short")
    opened_at: Time | None = Field(description="when it was opened")
    protection: str = Field(description="which stop it owes: planned, emergency or none")
    protection_level: Level = Field(description="how well it is protected at this moment")
    stop_price: Exact | None = Field(description="where its stop should be")
    take_profit_price: Exact | None = Field(description="where its take profit is; null for none")
    stop_order: WorkingStop | None = Field(description="the order that is its stop; null while there is none")
    adopted: str | None = Field(description="for what was not opened here: protect or manage; null for left alone")
    halted: bool = Field(description="whether trading in the instrument is halted")


class Positions(Model):
    """Every position that is not flat."""

    items: list[Position] = Field(description="in the order in which they came about")
