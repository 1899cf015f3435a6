"""What the page reads live: the dashboard, strategies, components, errors, and the figures for Prometheus."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from algotrader.server.documents import Document
from algotrader.server.guard import Guard
from algotrader.server.login import Logins
from algotrader.server.metrics import CONTENT_TYPE, Metrics
from algotrader.server.models.account import DayEquity
from algotrader.server.models.activity import FailurePage
from algotrader.server.models.base import REFUSALS
from algotrader.server.models.connection import Components
from algotrader.server.models.strategies import Strategies
from algotrader.server.models.stream import Dashboard
from algotrader.server.watching import Watching

Level = Annotated[Literal["warning", "error", "critical"], Query(description="The least that is shown.")]
Text = Annotated[str, Query(max_length=200, description="Somewhere in kind, subject, message or ids; case does not matter.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


class LiveReading:
    """Answers from what watches the session. All are coroutines, for they read the engine in the session's own loop.

    Args:
        watching: what watches it.
    """

    def __init__(self, watching: Watching) -> None:
        self._watching: Final = watching

    async def dashboard(self) -> Document:
        """The first screen in one answer; the WebSocket goes on from its ``sequence``."""
        return self._watching.hub.dashboard()

    async def equity(self) -> Document:
        """How equity went since the trading day began."""
        return self._watching.day_curve.document()

    async def strategies(self) -> Document:
        """What every strategy is doing and waiting for."""
        return {"items": self._watching.picture.strategies()}

    async def components(self) -> Document:
        """How the parts of the session are, looked at every ten seconds."""
        return self._watching.monitor.document(asyncio.get_running_loop().time())

    async def errors(self, level: Level = "warning", text: Text = "", limit: Limit = 100) -> Document:
        """What went wrong since the session started, newest first."""
        return self._watching.errors.find(level, text, limit)

    async def metrics(self) -> Response:
        """Every figure of the session, in Prometheus's text format."""
        return Response(self._watching.metrics.text(), media_type=CONTENT_TYPE)


def metrics_app(metrics: Metrics, logins: Logins, host: str, instance: str) -> ASGIApp:
    """The figures for Prometheus and nothing else, for a port of their own; guarded like everything."""

    async def text(request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return Guard(Starlette(routes=[Route("/metrics", text)]), logins, host, instance)


def watch_routes(watching: Watching) -> APIRouter:
    """The calls that read what is live."""
    reading = LiveReading(watching)
    router = APIRouter(tags=["live"], responses=REFUSALS)
    router.add_api_route("/api/dashboard", reading.dashboard, response_model=Dashboard)
    router.add_api_route("/api/equity", reading.equity, response_model=DayEquity)
    router.add_api_route("/api/strategies", reading.strategies, response_model=Strategies)
    router.add_api_route("/api/errors", reading.errors, response_model=FailurePage)
    router.add_api_route("/health/components", reading.components, response_model=Components)
    router.add_api_route("/metrics", reading.metrics, response_class=PlainTextResponse)
    return router
