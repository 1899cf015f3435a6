"""What can be read over HTTP: the session as it is, and rows of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from algotrader.core.market import nanoseconds
from algotrader.core.order_states import OrderState
from algotrader.live.control import Control
from algotrader.server import status as status_of
from algotrader.server.documents import Document, order_document, row_document, trip_document
from algotrader.server.failures import Refusal
from algotrader.server.history import History, Wanted
from algotrader.storage.records import OrderRow, ReportRow, TradeRow

Row = TypeVar("Row", OrderRow, TradeRow, ReportRow)

OPEN: Final = "open"
FINAL: Final = "final"
STATES: Final = (OPEN, FINAL, *(state.value for state in OrderState))

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, description="How many of the newest are left out.")]
Level = Literal["", "info", "warning", "error", "critical"]


class Reading:
    """Answers questions. What concerns the engine is read in the session's own loop, the past in a thread.

    Args:
        control: the session.
        history: the database; None to know only what the engine remembers.
    """

    def __init__(self, control: Control, history: History | None) -> None:
        self._control: Final = control
        self._history: Final = history

    async def health(self, request: Request) -> JSONResponse:
        """Whether the session works: 200 when it does, else 503."""
        found = status_of.health(self._control, bool(request.scope["state"]["trusted"]))
        return JSONResponse(found, 200 if found["status"] == "healthy" else 503)

    async def status(self) -> Document:
        """The session at a glance."""
        return status_of.status(self._control)

    async def positions(self, symbol: str = "") -> Document:
        """Positions that are not flat, each with its stop, how well it is protected and to whom it belongs."""
        found = [p for p in status_of.open_positions(self._control.engine.state) if symbol.upper() in ("", p["symbol"])]
        return {"items": found, "total": len(found)}

    async def orders(
        self, symbol: str = "", strategy: str = "", state: str = "", limit: Limit = 100, offset: Offset = 0
    ) -> Document:
        """Orders, newest first; ``state`` is ``open``, ``final`` or a single state."""
        if state not in ("", *STATES):
            raise Refusal(422, "invalid_request", f"there is no state {state!r} of orders", f"one of {', '.join(STATES)}")
        wanted = Wanted(symbol.upper(), strategy, state, limit=limit, offset=offset)
        if self._history is None or state == OPEN:
            return self._engine_orders(wanted)
        rows, total = await asyncio.to_thread(self._history.orders, wanted)
        known = self._control.engine.state.orders
        items = [order_document(known[row.local_id]) if row.local_id in known else row_document(row) for row in rows]
        return _page(items, total, wanted)

    async def round_trips(
        self, symbol: str = "", strategy: str = "", since: datetime | None = None, limit: Limit = 100, offset: Offset = 0
    ) -> Document:
        """Round trips, the last to end first."""
        wanted = Wanted(symbol.upper(), strategy, since=_ns(since), limit=limit, offset=offset)
        if self._history is not None:
            return await _rows(self._history.round_trips, wanted)
        found = [
            trip_document(trip)
            for trip in reversed(self._control.engine.state.ledger.trips)
            if wanted.symbol in ("", trip.instrument.symbol) and strategy in ("", trip.owner) and trip.exit_time >= wanted.since
        ]
        return _page(found[offset : offset + limit], len(found), wanted)

    async def activity(
        self,
        symbol: str = "",
        kind: str = "",
        level: Level = "",
        since: datetime | None = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Document:
        """What happened, newest first."""
        wanted = Wanted(symbol.upper(), kind=kind, level=level, since=_ns(since), limit=limit, offset=offset)
        if self._history is None:
            raise Refusal(503, "no_history", "this session keeps no record of its activity", "start it with a database")
        return await _rows(self._history.activity, wanted)

    def _engine_orders(self, wanted: Wanted) -> Document:
        found = [
            order
            for order in reversed(self._control.engine.state.orders.values())
            if wanted.symbol in ("", order.symbol)
            and wanted.strategy in ("", order.owner)
            and wanted.state in ("", order.state.value, FINAL if order.is_final else OPEN)
        ]
        return _page([order_document(o) for o in found[wanted.offset : wanted.offset + wanted.limit]], len(found), wanted)


async def _rows(ask: Callable[[Wanted], tuple[Sequence[Row], int]], wanted: Wanted) -> Document:
    rows, total = await asyncio.to_thread(ask, wanted)
    return _page([row_document(row) for row in rows], total, wanted)


def _page(items: list[dict[str, Any]], total: int, wanted: Wanted) -> Document:
    return {"items": items, "total": total, "limit": wanted.limit, "offset": wanted.offset}


def _ns(moment: datetime | None) -> int:
    if moment is None:
        return 0
    if moment.tzinfo is None:
        raise Refusal(422, "invalid_request", f"{moment.isoformat()} has no time zone", "write it like 2025-11-26T14:30:00Z")
    return nanoseconds(moment)


def reading_routes(control: Control, history: History | None) -> APIRouter:
    """The calls that only read."""
    reading = Reading(control, history)
    router = APIRouter(tags=["reading"])
    router.add_api_route("/health", reading.health, response_model=None)
    router.add_api_route("/api/status", reading.status)
    router.add_api_route("/api/positions", reading.positions)
    router.add_api_route("/api/orders", reading.orders)
    router.add_api_route("/api/round-trips", reading.round_trips)
    router.add_api_route("/api/activity", reading.activity)
    return router
