"""The calls for backtests and sweeps."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from algotrader.server.documents import Document
from algotrader.server.jobs.records import BACKTEST, SWEEP
from algotrader.server.jobs.service import Jobs
from algotrader.server.models.backtests import (
    BacktestJob,
    BacktestPage,
    BacktestRequest,
    Comparison,
    SweepJob,
    SweepPage,
    SweepRequest,
)
from algotrader.server.models.jobs import JobState, Removed
from algotrader.server.refusal import Refusal

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=10_000, description="How many of the newest are left out.")]
State = Annotated[JobState | None, Query(description="Only those in this state.")]
Only = Annotated[Literal["running"] | None, Query(description="Cancel it if it waits or runs, and else do nothing.")]
Id = Annotated[str, Path(pattern=r"^[a-z0-9\-]{1,40}$", description="Of a job, or run-12 for a run that the command line stored.")]
Ids = Annotated[str, Query(pattern=r"^[a-z0-9\-]{1,40}(,[a-z0-9\-]{1,40}){1,5}$", description="Two to six, separated by commas.")]

_JSON: Final = "application/json"
_SANDBOX: Final = "sandbox allow-scripts; frame-ancestors 'self'"
"""Beside the tear sheet's own policy: it may draw its charts, and reach neither the session nor its cookie."""


class Routes:
    """Answers the calls.

    Args:
        jobs: of the session; None where it has none.
    """

    def __init__(self, jobs: Jobs | None) -> None:
        self._given: Final = jobs

    @property
    def _jobs(self) -> Jobs:
        if self._given is None:
            raise Refusal(503, "no_jobs", "this session runs no backtests", "`algo-trader backtest` does")
        return self._given

    async def backtests(self, state: State = None, limit: Limit = 50, offset: Offset = 0) -> Document:
        """Backtests, newest first: those of the page, and those that the command line stored."""
        return await self._jobs.backtests(state or "", limit, offset)

    async def start_backtest(self, request: BacktestRequest) -> Document:
        """Start a backtest in a process of its own; at once, or when its turn comes."""
        return await self._jobs.start_backtest(request)

    async def compare(self, ids: Ids) -> Document:
        """Figures and equity of two to six backtests beside each other, and in what they differ."""
        wanted = ids.split(",")
        if len(set(wanted)) != len(wanted):
            raise Refusal(422, "invalid_request", "a backtest is compared with itself", "give each id once")
        return await self._jobs.compare(wanted)

    async def backtest(self, job_id: Id) -> Response:
        """A backtest with its result."""
        return Response(await self._jobs.one(BACKTEST, job_id), media_type=_JSON)

    async def remove_backtest(self, job_id: Id, only: Only = None) -> Document:
        """Cancel a backtest that waits or runs; remove one that has ended, with its files and its run in the database."""
        return await self._jobs.remove(BACKTEST, job_id, only is not None)

    async def tearsheet(self, job_id: Id, download: bool = False) -> Response:
        """The tear sheet of a backtest: one HTML page with everything in it."""
        name, text = await self._jobs.tearsheet(job_id)
        headers = {"Content-Security-Policy": _SANDBOX, "X-Content-Type-Options": "nosniff"}
        if download:
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(text, media_type="text/html; charset=utf-8", headers=headers)

    async def sweeps(self, state: State = None, limit: Limit = 50, offset: Offset = 0) -> Document:
        """Sweeps, newest first."""
        return await self._jobs.sweeps(state or "", limit, offset)

    async def start_sweep(self, request: SweepRequest) -> Document:
        """Start a sweep in a process of its own; at once, or when its turn comes."""
        return await self._jobs.start_sweep(request)

    async def sweep(self, job_id: Id) -> Response:
        """A sweep with its table and its heat map."""
        return Response(await self._jobs.one(SWEEP, job_id), media_type=_JSON)

    async def remove_sweep(self, job_id: Id, only: Only = None) -> Document:
        """Cancel a sweep that waits or runs; remove one that has ended."""
        return await self._jobs.remove(SWEEP, job_id, only is not None)


def job_routes(jobs: Jobs | None) -> APIRouter:
    """The calls for backtests and sweeps; without any they are described and refused."""
    routes = Routes(jobs)
    router = APIRouter(prefix="/api", tags=["backtests"])
    one, sweep = "/backtests/{job_id}", "/sweeps/{job_id}"
    router.add_api_route("/backtests", routes.backtests, response_model=BacktestPage)
    router.add_api_route("/backtests", routes.start_backtest, methods=["POST"], status_code=202, response_model=BacktestJob)
    router.add_api_route("/backtests/compare", routes.compare, response_model=Comparison)
    router.add_api_route(one, routes.backtest, response_model=BacktestJob)
    router.add_api_route(one, routes.remove_backtest, methods=["DELETE"], response_model=Removed)
    html: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "The tear sheet."}
    }
    router.add_api_route(f"{one}/tearsheet", routes.tearsheet, response_class=Response, responses=html)
    router.add_api_route("/sweeps", routes.sweeps, response_model=SweepPage)
    router.add_api_route("/sweeps", routes.start_sweep, methods=["POST"], status_code=202, response_model=SweepJob)
    router.add_api_route(sweep, routes.sweep, response_model=SweepJob)
    router.add_api_route(sweep, routes.remove_sweep, methods=["DELETE"], response_model=Removed)
    return router
