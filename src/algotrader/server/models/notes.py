"""Notes of people on round trips."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from algotrader.server.models.base import Model, Time, example
from algotrader.server.models.texts import LongText

NOTE = {
    "id": 3,
    "trade_id": "velez:AAPL:1:a1b2c3-c4@118",
    "note": "Entered late: the bar before was the signal.",
    "created_at": "2025-11-26T21:05:00Z",
    "updated_at": "2025-11-26T21:05:00Z",
}


class Note(Model):
    """A note on a round trip."""

    model_config = example(**NOTE)

    id: int = Field(description="tells it from all others")
    trade_id: str = Field(description="of the round trip")
    note: str = Field(description="what it says")
    created_at: Time | None = Field(description="when it was written")
    updated_at: Time | None = Field(description="when it was written last")


class Notes(Model):
    """The notes on a round trip."""

    model_config = example(items=[NOTE])

    items: list[Note] = Field(description="oldest first")


class NoteText(Model):
    """What a note is to say."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"example": {"note": str(NOTE["note"])}})

    note: LongText = Field(description="several lines are fine")
