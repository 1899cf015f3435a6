"""Long work that runs beside the session: its state, how far it is, what went wrong."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_EXPONENT: Final = re.compile(r"[0-9.][eE][+-]?[0-9]{3}")


def no_endless_number(text: str) -> str:
    """Refuse a number such as 1e999999999, which takes an hour and all memory to be written out.

    Raises:
        ValueError: there is one in the text.
    """
    if _EXPONENT.search(text.replace("_", "")):
        raise ValueError("a number as large or as small as this cannot be meant")
    return text


PlainText = Annotated[str, Field(max_length=200), AfterValidator(no_endless_number)]
Plain = Annotated[int, Field(ge=-(2**63), lt=2**63)] | bool | float | PlainText | None
"""A value of JSON that is no list."""

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JobKind = Literal["backtest", "sweep"]


class Said(BaseModel):
    """Base of what the server says."""

    model_config = ConfigDict(extra="forbid")


class JobError(Said):
    """Why a job did not come to its end."""

    message: str = Field(description="what went wrong, for people", examples=["there are no bars in this period"])
    hint: str = Field(
        description="what to do about it; may be empty", examples=["the 1m data of AAPL span 2024-01-02 to 2024-12-31"]
    )


class MarketModel(Said):
    """Where the bars come from."""

    kind: Literal["made_up", "catalogue"] = Field(description="bars of the generator, or those of the session's catalogue")
    name: str = Field(description="for people", examples=["the made-up market"])


class JobModel(Said):
    """What every job has, whatever it does."""

    id: str = Field(description="names the job in later calls", examples=["b5f0c1d2e3a"])
    kind: JobKind = Field(description="what it does")
    title: str = Field(description="for people", examples=["sma_cross on AAPL"])
    state: JobState = Field(description="where it stands")
    progress: float = Field(ge=0, le=1, description="how much is done, from 0 to 1")
    message: str = Field(description="what it is at, such as the day it has reached", examples=["2024-02-14"])
    created_at: str | None = Field(description="when it was asked for", examples=["2025-11-26T14:30:00Z"])
    started_at: str | None = Field(description="when it began; null while it waits")
    ended_at: str | None = Field(description="when it ended, however that was")
    market: MarketModel | None = Field(description="where its bars come from; null where nobody noted it")
    error: JobError | None = Field(description="why it failed or was cancelled")
    run: int | None = Field(description="number of the run in the database; null where none was kept", examples=[12])
    has_tearsheet: bool = Field(description="whether its tear sheet can be fetched")


class Removed(Said):
    """What became of a job that was to go."""

    id: str = Field(description="of the job", examples=["b5f0c1d2e3a"])
    state: JobState = Field(description="its state now; cancelled where it was waiting or running")
    removed: bool = Field(description="it had ended, and it and its files are gone")
