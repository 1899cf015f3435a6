"""How far the account is from its limits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from algotrader.server.models.base import Exact, Model, Time, example

BREAKER = {
    "name": "daily_loss",
    "title": "Loss of the day",
    "state": "normal",
    "level": "0.42",
    "limit": "3.00",
    "used_pct": "14.00",
    "unit": "% of the day's first equity",
    "reason": "",
    "since": None,
}

LIMIT = {
    "name": "open_positions",
    "title": "Positions and waiting entries",
    "value": "2",
    "limit": "5",
    "used_pct": "40.00",
    "unit": "positions",
}


class Breaker(Model):
    """Something that halts new entries when it trips."""

    model_config = example(**BREAKER)

    name: str = Field(description="a word for programs")
    title: str = Field(description="for people")
    state: Literal["normal", "tripped", "manually_halted"] = Field(description="what it does at the moment")
    level: Exact | None = Field(description="where the account is; null for a switch")
    limit: Exact | None = Field(description="where it trips; null for a switch")
    used_pct: Exact = Field(description="how much of the way to tripping is gone, in percent")
    unit: str = Field(description="of level and limit")
    reason: str = Field(description="why it has tripped; empty while it has not")
    since: Time | None = Field(description="since when; null while it has not tripped, or where nobody knows")


class Limit(Model):
    """A limit that entries are sized by or checked against."""

    model_config = example(**LIMIT)

    name: str = Field(description="a word for programs")
    title: str = Field(description="for people")
    value: Exact = Field(description="where the account is")
    limit: Exact = Field(description="what is allowed")
    used_pct: Exact = Field(description="the one in percent of the other")
    unit: str = Field(description="of both")


class Risk(Model):
    """Every breaker and every limit, with the distance to it."""

    model_config = example(trading_state="active", emergency_stop=False, entries_open=True, breakers=[BREAKER], limits=[LIMIT])

    trading_state: str = Field(description="active, reducing or halted")
    emergency_stop: bool = Field(description="whether the emergency stop holds, until somebody resumes")
    entries_open: bool = Field(description="whether the session lets entries pass at all")
    breakers: list[Breaker] = Field(description="what halts entries")
    limits: list[Limit] = Field(description="what bounds them")
