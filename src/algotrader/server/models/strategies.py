"""What strategies are doing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from algotrader.server.models.base import Model, example

StrategyStatus = Literal["warming_up", "watching", "signal_active", "in_position", "paused"]

BRIEF = {"name": "velez", "symbols": ["AAPL"], "enabled": True, "errors": 0}

STATE = {
    "name": "velez",
    "symbol": "AAPL",
    "symbols": ["AAPL"],
    "enabled": True,
    "status": "watching",
    "waiting_for": "a signal; the next 2-minute bar closes at 15:04:00Z",
    "indicators": {"fast": 165.2, "slow": 163.9},
    "bar_count": 212,
    "required_bars": 201,
    "interval_minutes": 2,
    "errors": 0,
}


class StrategyBrief(Model):
    """A strategy instance: on what it works, and whether it may."""

    model_config = example(**BRIEF)

    name: str = Field(description="of the strategy; the same for its instances on other symbols")
    symbols: list[str] = Field(description="on what it works")
    enabled: bool = Field(description="whether it is asked at all")
    errors: int = Field(description="how often it has failed since the start")


class StrategyState(StrategyBrief):
    """A strategy instance and what it is waiting for: the data of ``strategy_state``. Name and symbol together tell it apart."""

    model_config = example(**STATE)

    symbol: str = Field(description="the instrument; of several the first")
    status: StrategyStatus = Field(description="what it is doing")
    waiting_for: str = Field(description="what has to happen before it acts, as a sentence")
    indicators: dict[str, float | None] = Field(description="its figures after the last bar; null until there are enough bars")
    bar_count: int = Field(description="bars of its interval that it has seen")
    required_bars: int = Field(description="bars before it is asked for the first time")
    interval_minutes: int = Field(description="length of its bars; 0 for whole sessions")


class Strategies(Model):
    """All strategy instances."""

    model_config = example(items=[STATE])

    items: list[StrategyState] = Field(description="in the order of registration")
