"""What a chart of one instrument shows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from algotrader.server.models.base import Exact, Model, Time, example

BAR = {
    "time": "2025-11-26T15:02:00Z",
    "open": "164.8000",
    "high": "165.1000",
    "low": "164.7500",
    "close": "165.0500",
    "volume": "18200",
    "complete": True,
}

MARKER = {
    "time": "2025-11-26T15:02:14Z",
    "kind": "entry",
    "side": "buy",
    "price": "165.0000",
    "text": "entry buy 100 at 165.0000",
    "order_id": "a1b2c3-7",
    "correlation_id": "a1b2c3-c4",
}

WORKING = {
    "order_id": "a1b2c3-8",
    "role": "stop_loss",
    "side": "sell",
    "qty": "100",
    "stop_price": "163.2000",
    "limit_price": None,
}


class ChartBar(Model):
    """One candle."""

    model_config = example(**BAR)

    time: Time | None = Field(description="when it opened")
    open: Exact = Field(description="first price")
    high: Exact = Field(description="highest price")
    low: Exact = Field(description="lowest price")
    close: Exact = Field(description="last price")
    volume: Exact = Field(description="quantity traded")
    complete: bool = Field(description="false for the candle in the making")


class ChartLine(Model):
    """An indicator of a strategy."""

    model_config = example(name="fast", strategy="velez", points=[["2025-11-26T15:02:00Z", 164.91]])

    name: str = Field(description="as the strategy calls it")
    strategy: str = Field(description="whose it is")
    points: list[tuple[Time, float]] = Field(description="open time of a candle and the value after it")


class Marker(Model):
    """Something that happened at a moment of the chart."""

    model_config = example(**MARKER)

    time: Time | None = Field(description="when")
    kind: Literal["entry", "exit", "stop_placed", "stop_moved", "signal", "denied"] = Field(description="what")
    side: Literal["buy", "sell"] | None = Field(description="of an execution or a signal")
    price: Exact | None = Field(description="of an execution, or of the stop")
    text: str = Field(description="the same in words; for what was denied, why")
    order_id: str = Field(description="which order it was; may be empty")
    correlation_id: str = Field(description="ties signal, orders and round trip; may be empty")


class WorkingOrder(Model):
    """An order that works at the venue, as a line in the chart."""

    model_config = example(**WORKING)

    order_id: str = Field(description="our id")
    role: str = Field(description="entry, stop_loss, take_profit and so on")
    side: Literal["buy", "sell"] = Field(description="side")
    qty: Exact = Field(description="what is left of it")
    stop_price: Exact | None = Field(description="price that sets it off; null for none")
    limit_price: Exact | None = Field(description="limit; null for none")


class Chart(Model):
    """Candles of one instrument with what strategies make of them."""

    model_config = example(
        symbol="AAPL",
        interval="2m",
        bars=[BAR],
        indicators=[{"name": "fast", "strategy": "velez", "points": [["2025-11-26T15:02:00Z", 164.91]]}],
        faults=[],
        markers=[MARKER],
        working=[WORKING],
        intervals=["1m", "2m"],
        more=False,
    )

    symbol: str = Field(description="of the instrument")
    interval: str = Field(description="length of the candles")
    bars: list[ChartBar] = Field(description="oldest first")
    indicators: list[ChartLine] = Field(description="of the strategies that see candles of this length")
    faults: list[str] = Field(description="indicators that are not among them, each with the reason")
    markers: list[Marker] = Field(description="oldest first")
    working: list[WorkingOrder] = Field(description="what works at the venue now")
    intervals: list[str] = Field(description="lengths that can be asked for, those of the strategies first")
    more: bool = Field(description="whether there are older candles: ask with before set to the first one's time")
