"""Strategies that can be run, with what each can be told: the form of the backtest page is made of it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ParameterKind = Literal["number", "integer", "boolean", "text", "choice"]


class ParameterItem(BaseModel):
    """One parameter of a strategy."""

    name: str = Field(description="its name")
    kind: ParameterKind = Field(description="of its values")
    default: str = Field(description="as text")
    minimum: str | None = Field(description="least value as exact text; null for none")
    maximum: str | None = Field(description="largest value; null for none")
    choices: list[str] = Field(description="possible values, where they are few")
    help: str = Field(description="what it means")


class StrategyType(BaseModel):
    """A strategy that can be run."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "sma_cross",
                "title": "Sma cross",
                "description": "Two averages that cross.",
                "style": "signal",
                "parameters": [
                    {"name": "fast", "kind": "integer", "default": "20", "minimum": "2", "maximum": None, "choices": [], "help": ""}
                ],
            }
        }
    )

    name: str = Field(description="by which it is started")
    title: str = Field(description="the same for people")
    description: str = Field(description="what it does, in a line")
    style: Literal["signal", "algorithm"] = Field(description="which kind of class it is")
    parameters: list[ParameterItem] = Field(description="what it can be told")


class StrategyTypes(BaseModel):
    """Every strategy that is built in or installed."""

    items: list[StrategyType] = Field(description="by name")
