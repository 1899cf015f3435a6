"""Settings as the page shows and changes them."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from algotrader.server.models.texts import Reasoned

Effect = Literal["next_signal", "at_once", "restart"]
Kind = Literal["number", "integer", "boolean", "text", "list", "choice"]
Entry = Annotated[str, StringConstraints(max_length=500)]
Given = bool | int | float | Entry | Annotated[list[Entry], Field(max_length=1000)] | None
Shown = bool | int | str | list[str]

_EXAMPLE: Final[dict[str, Any]] = {
    "key": "risk.max_risk_per_trade_pct",
    "title": "max risk per trade pct",
    "help": "what an entry may lose at its stop",
    "kind": "number",
    "value": "0.01",
    "default": "0.01",
    "source": "default",
    "editable": True,
    "minimum": "0.001",
    "maximum": "0.05",
    "choices": [],
    "unit": "fraction",
    "effect": "next_signal",
    "secret": False,
}


class SettingItem(BaseModel):
    """One setting: what it is, what it may be, where its value comes from and when a change acts."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    key: str = Field(description="its name")
    title: str = Field(description="the same for people")
    help: str = Field(description="what it means")
    kind: Kind = Field(description="of its values")
    value: Shown = Field(description="as it is now; numbers as exact text, secrets masked")
    default: Shown = Field(description="where nobody sets it")
    source: str = Field(description="where the value comes from: default, a profile, a file, a variable or the database")
    editable: bool = Field(description="whether it can be changed while the session runs")
    minimum: str | None = Field(description="least value; null for none")
    maximum: str | None = Field(description="largest value; null for none")
    choices: list[str] = Field(description="possible values, where they are few")
    unit: str = Field(description="fraction (0.05 is five per cent), percent, USD, seconds …; empty for none")
    effect: Effect = Field(description="when a change acts")
    secret: bool = Field(description="whether the value is never shown")


class SettingsPage(BaseModel):
    """Every setting."""

    items: list[SettingItem] = Field(description="in the order of the sections; the switches of the strategies last")


class SettingsChange(Reasoned):
    """Settings to be changed, all of them or none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"changes": {"risk.max_open_positions": 3}, "reason": "a nervous day", "operator": "Ada"}},
    )

    changes: dict[Annotated[str, StringConstraints(max_length=100)], Given] = Field(
        min_length=1, max_length=64, description="new values by key; null takes an earlier change back"
    )


class SettingApplied(BaseModel):
    """One change that was made."""

    key: str = Field(description="of the setting")
    old: str = Field(description="its value before, as text")
    new: str = Field(description="its value now, as text")
    effect: Effect = Field(description="when it acts")


class SettingsApplied(BaseModel):
    """What was changed; what had the wanted value already is left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"applied": [{"key": "risk.max_open_positions", "old": "5", "new": "3", "effect": "next_signal"}]}
        }
    )

    applied: list[SettingApplied] = Field(description="in the order of the keys that were given")
