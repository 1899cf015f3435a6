"""Texts that people write and that end up in events, rows and logs: bounded, and without what no person types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$")
]
"""One line. A zero byte would be refused by a database only when the event is stored."""

LongText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"),
]
"""Several lines."""


class Reasoned(BaseModel):
    """Who wants something and why."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = Field(description="why; kept with the change")
    operator: Text = Field(default="operator", description="who")
