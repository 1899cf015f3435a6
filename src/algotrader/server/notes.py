"""Notes on round trips over HTTP: they are kept in the database, so they outlive the session."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path

from algotrader.live.control import Control
from algotrader.server.aside import aside
from algotrader.server.documents import iso
from algotrader.server.history import History
from algotrader.server.models.base import REFUSALS, ErrorAnswer
from algotrader.server.models.notes import Note, Notes, NoteText
from algotrader.server.refusal import Refusal
from algotrader.storage import queries
from algotrader.storage.records import StoreFailed

TradeId = Annotated[str, Path(max_length=300, description="of a round trip, as /api/round-trips has it")]
NoteId = Annotated[int, Path(ge=1, lt=2**63, description="of a note")]


class NoteBook:
    """Reads and writes notes.

    Args:
        control: the session, for its time.
        history: the database; None where there is none.
    """

    def __init__(self, control: Control, history: History | None) -> None:
        self._control: Final = control
        self._history: Final = history

    async def notes(self, trade_id: TradeId) -> Notes:
        """The notes on a round trip, oldest first; none where there is no such round trip."""
        found = await aside(self._open().notes, trade_id)
        return Notes(items=[_note(one) for one in found])

    async def write(self, trade_id: TradeId, text: NoteText) -> Note:
        """Write a note on a round trip."""
        now = self._control.clock.now()
        try:
            return _note(await aside(self._open().add_note, trade_id, text.note, now))
        except StoreFailed as error:
            raise _missing(error, "unknown_trade", "/api/round-trips lists them; one is there once it has ended") from None

    async def edit(self, note_id: NoteId, text: NoteText) -> Note:
        """Write a note anew."""
        now = self._control.clock.now()
        try:
            return _note(await aside(self._open().edit_note, note_id, text.note, now))
        except StoreFailed as error:
            raise _missing(error, "unknown_note", "it may have been deleted") from None

    async def delete(self, note_id: NoteId) -> None:
        """Throw a note away."""
        try:
            await aside(self._open().delete_note, note_id)
        except StoreFailed as error:
            raise _missing(error, "unknown_note", "it may have been deleted already") from None

    def _open(self) -> History:
        if self._history is None:
            raise Refusal(503, "no_history", "this session keeps no notes", "start it with a database")
        return self._history


def _missing(error: StoreFailed, code: str, hint: str) -> Exception:
    """The answer for what is not there; whatever else the database says stays what it is."""
    return Refusal(404, code, str(error), hint) if str(error).startswith("there is no ") else error


def _note(found: queries.Note) -> Note:
    return Note(
        id=found.id,
        trade_id=found.trade_id,
        note=found.note,
        created_at=iso(found.created_at),
        updated_at=iso(found.updated_at),
    )


def note_routes(control: Control, history: History | None) -> APIRouter:
    """The calls about notes."""
    book = NoteBook(control, history)
    missing = {**REFUSALS, 404: {"model": ErrorAnswer, "description": "there is no such round trip or note"}}
    router = APIRouter(prefix="/api", tags=["notes"], responses=missing)
    # The id of a round trip in crypto has a slash in it.
    router.add_api_route("/round-trips/{trade_id:path}/notes", book.notes, methods=["GET"], response_model=Notes)
    router.add_api_route("/round-trips/{trade_id:path}/notes", book.write, methods=["POST"], status_code=201, response_model=Note)
    router.add_api_route("/notes/{note_id}", book.edit, methods=["PUT"], response_model=Note)
    router.add_api_route("/notes/{note_id}", book.delete, methods=["DELETE"], status_code=204)
    return router
