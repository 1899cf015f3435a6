"""Every table as CSV, made so that no spreadsheet takes a text of somebody else's for a formula."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from algotrader.live.control import Control
from algotrader.server import status as status_of
from algotrader.server.aside import aside
from algotrader.server.documents import Document
from algotrader.server.history import History
from algotrader.server.models.base import REFUSALS
from algotrader.server.refusal import Refusal
from algotrader.server.risk import breakers, limits

MOST: Final = 50_000
PAGE: Final = 1_000
TYPE: Final = "text/csv; charset=utf-8"

_NUMBER: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")

Table = Literal["orders", "round-trips", "activity", "positions", "cash", "strategies", "breakers", "limits"]


def cell(value: Any) -> str:
    """A value as a cell: numbers as they are, texts that a spreadsheet could calculate with an apostrophe before them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ";".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "'" + text if text.startswith(_DANGEROUS) and _NUMBER.fullmatch(text) is None else text


def to_csv(rows: Iterable[Document], columns: Sequence[str] = ()) -> str:
    """Rows as CSV (RFC 4180), with the names of the columns first; what is nested is left out."""
    found = list(rows)
    names = list(columns) or [name for name, value in (found[0] if found else {}).items() if not isinstance(value, dict)]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(names)
    writer.writerows([cell(row.get(name)) for name in names] for row in found)
    return written.getvalue()


class Exports:
    """Makes the files.

    Args:
        control: the session.
        history: the database; None for what the engine remembers.
    """

    def __init__(self, control: Control, history: History | None) -> None:
        self._control: Final = control
        self._history: Final = history
        self._one_at_a_time: Final = asyncio.Lock()

    async def export(
        self,
        table: Annotated[Table, Path(description="which table")],
        limit: Annotated[int, Query(ge=1, le=MOST, description="How many rows at most, the newest first.")] = 10_000,
    ) -> Response:
        """A table as a CSV file, newest first."""
        state = self._control.engine.state
        now: dict[str, Callable[[], list[Document]]] = {
            "positions": lambda: status_of.open_positions(state),
            "strategies": lambda: [status_of.strategy(slot) for slot in state.slots],
            "breakers": lambda: [one.model_dump() for one in breakers(state)],
            "limits": lambda: [one.model_dump() for one in limits(state)],
        }
        if table in now:
            text = to_csv(now[table]()[:limit])
        else:
            async with self._one_at_a_time:
                text = await aside(self._past, table, limit)
        return Response(text, media_type=TYPE, headers={"content-disposition": f'attachment; filename="{table}.csv"'})

    def _past(self, table: str, limit: int) -> str:
        if self._history is None:
            raise Refusal(503, "no_history", "this session keeps no record of the past", "start it with a database")
        return to_csv(_rows(self._history, table, limit))


def _rows(history: History, table: str, limit: int) -> list[Document]:
    if table == "cash":
        return history.cash(limit)
    found: list[Document] = []
    more = True
    while more and len(found) < limit:
        size = min(PAGE, limit - len(found))
        page = _page(history, table, size, found)
        found += page["items"]
        more = page["more"]
    return found


def _page(history: History, table: str, size: int, so_far: list[Document]) -> Document:
    if table == "activity":
        return history.activity(before=so_far[-1]["id"] if so_far else None, limit=size)
    ask = history.orders if table == "orders" else history.round_trips
    return ask(limit=size, offset=len(so_far))


def export_routes(control: Control, history: History | None) -> APIRouter:
    """The calls that give files."""
    router = APIRouter(prefix="/api", tags=["export"], responses=REFUSALS)
    router.add_api_route(
        "/export/{table}.csv",
        Exports(control, history).export,
        methods=["GET"],
        response_class=Response,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "the file"}},
    )
    return router
