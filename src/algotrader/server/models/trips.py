"""Round trips: positions from their opening to their end."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from algotrader.server.models.base import Exact, Model, Page, Time, example

TRIP = {
    "trade_id": "t-12",
    "correlation_id": "a1b2c3-c4",
    "symbol": "AAPL",
    "side": "long",
    "qty": "100",
    "entry_price": "165.0000",
    "exit_price": "168.0000",
    "entry_at": "2025-11-26T15:02:14Z",
    "exit_at": "2025-11-26T15:40:02Z",
    "pnl": "299.30",
    "pnl_pct": "1.8139",
    "strategy": "velez",
    "duration_seconds": 2268,
    "commission": "0.70",
}


class RoundTrip(Model):
    """A position that was opened and closed."""

    model_config = example(**TRIP)

    trade_id: str = Field(description="tells it from all others")
    correlation_id: str = Field(description="ties signal, orders and round trip")
    symbol: str = Field(description="of the instrument")
    side: Literal["long", "short"] = Field(description="direction")
    qty: Exact = Field(description="quantity")
    entry_price: Exact = Field(description="average price of its opening")
    exit_price: Exact = Field(description="average price of its closing")
    entry_at: Time | None = Field(description="first execution")
    exit_at: Time | None = Field(description="last execution")
    pnl: Exact = Field(description="profit after commission")
    pnl_pct: Exact = Field(description="profit in percent of what it cost")
    strategy: str = Field(description="whose it was")
    duration_seconds: int = Field(description="how long it was held")
    commission: Exact = Field(description="what the venue took")


class RoundTripPage(Page):
    """Round trips, the last to end first."""

    model_config = example(items=[TRIP], more=False, limit=100, offset=0)

    items: list[RoundTrip] = Field(description="the round trips")
    offset: int = Field(description="how many newer ones were left out")
