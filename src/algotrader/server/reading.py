"""What can be read over HTTP: the session as it is, and rows of the past."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from algotrader.live.control import Control
from algotrader.server import status as status_of
from algotrader.server.aside import aside
from algotrader.server.documents import Document, order_document, trip_document
from algotrader.server.history import History, page
from algotrader.server.models.activity import ActivityPage
from algotrader.server.models.base import REFUSALS
from algotrader.server.models.connection import Health, Status
from algotrader.server.models.orders import OrderPage
from algotrader.server.models.positions import Positions
from algotrader.server.models.trips import RoundTripPage
from algotrader.server.questions import OPEN, check_state, read_since, states_of
from algotrader.server.refusal import Refusal

CorrelationId = Annotated[str, Query(max_length=128, description="Only orders of one trade, as its round trip names it.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="How many of the newest are left out.")]
Before = Annotated[int | None, Query(ge=0, lt=2**63, description="The id of an activity, to read on from there.")]


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
        return {"items": found}

    async def orders(
        self,
        symbol: str = "",
        strategy: str = "",
        state: str = "",
        correlation_id: CorrelationId = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Document:
        """Orders, newest first; ``state`` is ``open``, ``final`` or a single state."""
        check_state(state)
        if self._history is None or state == OPEN:
            return self._engine_orders(symbol.upper(), strategy, states_of(state), correlation_id, limit, offset)
        found = await aside(self._history.orders, symbol.upper(), strategy, state, correlation_id, limit, offset)
        known = self._control.engine.state.orders
        found["items"] = [order_document(known[row["local_id"]]) if row["local_id"] in known else row for row in found["items"]]
        return found

    async def round_trips(
        self, symbol: str = "", strategy: str = "", since: str = "", limit: Limit = 100, offset: Offset = 0
    ) -> Document:
        """Round trips, the last to end first; ``since`` is a time or a day."""
        start, symbol = read_since(since), symbol.upper()
        if self._history is not None:
            return await aside(self._history.round_trips, symbol, strategy, start, limit, offset)
        found = [
            trip_document(trip)
            for trip in reversed(self._control.engine.state.ledger.trips)
            if symbol in ("", trip.instrument.symbol) and strategy in ("", trip.owner) and trip.exit_time >= start
        ]
        return page(found[offset : offset + limit + 1], limit, offset=offset)

    async def activity(self, symbol: str = "", kind: str = "", before: Before = None, limit: Limit = 100) -> Document:
        """What happened, newest first; ``before`` is the id of an activity, to read on from there."""
        if self._history is None:
            raise Refusal(503, "no_history", "this session keeps no record of its activity", "start it with a database")
        return await aside(self._history.activity, symbol.upper(), kind, before, limit)

    def _engine_orders(
        self, symbol: str, strategy: str, states: tuple[str, ...], correlation_id: str, limit: int, offset: int
    ) -> Document:
        # A replaced order is known by the name of each of its legs.
        found = [
            order
            for name, order in reversed(self._control.engine.state.orders.items())
            if name == order.client_order_id
            and symbol in ("", order.symbol)
            and strategy in ("", order.owner)
            and correlation_id in ("", order.correlation_id)
            and (not states or order.state.value in states)
        ]
        return page([order_document(order) for order in found[offset : offset + limit + 1]], limit, offset=offset)


def reading_routes(control: Control, history: History | None) -> APIRouter:
    """The calls that only read."""
    reading = Reading(control, history)
    router = APIRouter(tags=["reading"], responses=REFUSALS)
    unwell: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "something is wrong"}}
    router.add_api_route("/health", reading.health, response_class=JSONResponse, response_model=Health, responses=unwell)
    router.add_api_route("/api/status", reading.status, response_model=Status)
    router.add_api_route("/api/positions", reading.positions, response_model=Positions)
    router.add_api_route("/api/orders", reading.orders, response_model=OrderPage)
    router.add_api_route("/api/round-trips", reading.round_trips, response_model=RoundTripPage)
    router.add_api_route("/api/activity", reading.activity, response_model=ActivityPage)
    return router
