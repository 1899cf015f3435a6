"""What all answers share: exact numbers and times as text, and the form in which the server says no."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Exact = Annotated[str, WithJsonSchema({"type": "string", "format": "decimal"})]
"""A number as exact decimal text, such as ``-12.50``: never with an exponent, never rounded by a float."""

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""ISO 8601, UTC, such as ``2025-11-26T14:33:00Z``."""


class Model(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True)


def example(**values: Any) -> ConfigDict:
    """The configuration of a model with an example for the documentation."""
    return ConfigDict(frozen=True, json_schema_extra={"example": values})


class Page(Model):
    """What all pages of a list share."""

    more: bool = Field(description="whether there is more after these")
    limit: int = Field(description="how many were asked for at most")


class Fault(Model):
    """Why something was refused."""

    code: str = Field(description="a word for programs")
    message: str = Field(description="what is wrong, for people")
    hint: str = Field(description="what to do about it; may be empty")


class ErrorAnswer(Model):
    """Every refusal has this form."""

    model_config = example(
        error={"code": "unknown_symbol", "message": "AAPP is not followed by this session", "hint": "did you mean AAPL?"}
    )

    error: Fault = Field(description="what is wrong and what to do")


REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorAnswer, "description": text}
    for code, text in {
        401: "the token is missing or wrong",
        403: "another host or origin",
        422: "the request is not valid",
    }.items()
}
"""For ``responses=`` of routers: the refusals that any call may meet."""
