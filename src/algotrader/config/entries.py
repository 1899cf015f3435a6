"""What there may be several of: strategies and schedules."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from algotrader.config.forms import Entries, Symbols
from algotrader.config.sections import Section


class StrategyEntry(Section):
    """One strategy to run: its class, on which symbols, with which parameters."""

    strategy: str = Field(
        min_length=1, validation_alias=AliasChoices("strategy", "class", "name"), description="a name, or path/to/file.py:Class"
    )
    symbols: Symbols = Field(default=(), description="symbols; none for the whole watchlist")
    parameters: dict[str, Any] = Field(
        default={}, validation_alias=AliasChoices("parameters", "params"), description="its parameters"
    )
    enabled: bool = Field(default=True, description="false leaves it out")
    interval: str = Field(default="", description="length of its bars, such as 5m; empty for the strategy's own")
    scanner: str = Field(default="", description="which symbols may be traded each day: gap_up:2 or volume:1.5:5")

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"strategy": value} if isinstance(value, str) else value


class TriggerEntry(Section):
    """Something that a strategy is woken for by the clock."""

    name: str = Field(min_length=1, description="its name; strategies hear it")
    trigger: Literal["market_open", "market_close", "pre_market", "after_market", "interval", "cron", "date"] = Field(
        validation_alias=AliasChoices("trigger", "type"), description="what sets it off"
    )
    offset_minutes: int = Field(default=0, ge=-1440, le=1440, description="minutes after (or before) the moment of the market")
    every_seconds: int = Field(default=0, ge=0, le=86_400, description="for interval: seconds between two")
    cron: str = Field(default="", description="for cron: minute hour day month weekday")
    at: str = Field(default="", description="for date: the moment, ISO 8601 with its offset")
    enabled: bool = Field(default=True, description="false leaves it out")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {"interval": "every_seconds", "cron": "cron", "date": "at"}.get(self.trigger)
        if needed and not getattr(self, needed):
            raise ValueError(f"trigger {self.name!r} of kind {self.trigger} needs {needed}")
        return self


class SchedulerSection(Section):
    """The trading day, and what happens at which moment of it."""

    calendar: str = Field(default="NYSE", min_length=1, description="whose sessions: NYSE, another exchange's code, or 24/7")
    misfire_grace_seconds: int = Field(default=60, ge=0, le=86_400, description="how late a schedule may still be carried out")
    triggers: Annotated[tuple[TriggerEntry, ...], Entries] = Field(default=(), description="further schedules")


Strategies = Annotated[tuple[StrategyEntry, ...], Entries]
