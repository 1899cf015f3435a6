"""What happened: the record of the database, the feed of the page, and what went wrong."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from algotrader.server.models.base import Model, Page, Time, example

Severity = Literal["info", "warning", "error", "critical"]

KEPT = {
    "id": 412,
    "time": "2025-11-26T15:02:14Z",
    "kind": "order_filled",
    "level": "info",
    "strategy": "velez",
    "symbol": "AAPL",
    "message": "buy 100 at 165.00",
    "order_id": "a1b2c3-7",
    "correlation_id": "a1b2c3-c4",
}

HAPPENING = {
    "id": "live-31",
    "timestamp": "2025-11-26T15:02:14Z",
    "kind": "order_filled",
    "event": "order_filled",
    "symbol": "AAPL",
    "message": "buy 100 at 165.00",
    "correlation_id": "a1b2c3-c4",
    "level": "info",
    "strategy": "velez",
    "order_id": "a1b2c3-7",
}

FAILURE = {
    "id": 7,
    "time": "2025-11-26T15:10:00Z",
    "level": "warning",
    "kind": "bar_stream_down",
    "subject": "",
    "message": "the bar stream of paper broke: reset by peer",
    "order_id": "",
    "correlation_id": "",
}


class Activity(Model):
    """Something that the engine told, as the database keeps it."""

    model_config = example(**KEPT)

    id: int = Field(description="rises; newer ones have larger numbers")
    time: Time | None = Field(description="when it happened")
    kind: str = Field(description="the engine's word for what happened")
    level: str = Field(description="info, warning, error or critical")
    strategy: str = Field(description="whom it concerns; may be empty")
    symbol: str = Field(description="which instrument it concerns; may be empty")
    message: str = Field(description="what happened, for people")
    order_id: str = Field(description="which order it concerns; may be empty")
    correlation_id: str = Field(description="ties signal, orders and round trip; may be empty")


class ActivityPage(Page):
    """Activity, newest first; read on with ``before`` set to the last id."""

    model_config = example(items=[KEPT], more=False, limit=100)

    items: list[Activity] = Field(description="what happened")


class Happening(Model):
    """Something that happened while the page looked on: the data of ``activity``."""

    model_config = example(**HAPPENING)

    id: str = Field(description="tells it from all others: ``live-N`` of this run, or the database's number for what was before it")
    timestamp: Time = Field(description="when it happened")
    kind: str = Field(
        description="signal, order_submitted, order_filled, order_canceled, order_rejected, stop_moved, circuit_breaker or error;"
        " for everything else the same as event"
    )
    event: str = Field(description="the engine's own, finer word, as in /api/activity")
    symbol: str = Field(description="which instrument it concerns; may be empty")
    message: str = Field(description="what happened, for people")
    correlation_id: str = Field(description="ties signal, orders and round trip; may be empty")
    level: Severity = Field(description="how serious it is")
    strategy: str = Field(description="whom it concerns; may be empty")
    order_id: str = Field(description="which order it concerns; may be empty")


class Failure(Model):
    """A warning or something worse, of the engine or of a part of the session around it."""

    model_config = example(**FAILURE)

    id: int = Field(description="counts from the start of this run")
    time: Time = Field(description="when it happened")
    level: Severity = Field(description="how serious it is")
    kind: str = Field(description="a word for programs")
    subject: str = Field(description="a symbol, a strategy or a part of the session; may be empty")
    message: str = Field(description="what went wrong, for people")
    order_id: str = Field(description="which order it concerns; may be empty")
    correlation_id: str = Field(description="ties signal, orders and round trip; may be empty")


class FailurePage(Page):
    """What went wrong since the session started, newest first."""

    model_config = example(items=[FAILURE], more=False, limit=100, forgotten=0)

    items: list[Failure] = Field(description="what went wrong")
    forgotten: int = Field(description="how many older ones are no longer kept; the log has them")
