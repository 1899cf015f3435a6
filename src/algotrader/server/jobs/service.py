"""Backtests and sweeps of a session as its server offers them: what is asked for is checked, queued, kept and shown."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from algotrader.server.aside import aside
from algotrader.server.documents import Document
from algotrader.server.history import page
from algotrader.server.jobs.checks import Checker
from algotrader.server.jobs.compare import compare
from algotrader.server.jobs.folder import JobFolder, new_id
from algotrader.server.jobs.queue import JobQueue, Listener
from algotrader.server.jobs.records import BACKTEST, RUNNING, SWEEP, Job
from algotrader.server.jobs.runs import StoredRuns, run_number
from algotrader.server.models.backtests import BacktestRequest, SweepRequest
from algotrader.server.refusal import Refusal

if TYPE_CHECKING:
    from algotrader.config.schema import Config
    from algotrader.server.jobs.market import Market


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What jobs need to know of their session.

    Attributes:
        folder: where results and tear sheets are kept.
        market: where bars come from.
        database: URL of where runs are kept; empty for nowhere.
        config: settings, for what a request leaves out.
        running: jobs at a time.
        waiting: jobs that may wait.
        kept: jobs of each kind that are remembered after their end.
        seconds: how long a job may run.
    """

    folder: Path
    market: Market
    database: str = ""
    config: Config | None = None
    running: int = 1
    waiting: int = 8
    kept: int = 100
    seconds: float = 3600.0


class Jobs:
    """The backtests and sweeps of one session. Everything is called in its event loop; what takes time is done elsewhere.

    Args:
        settings: of the jobs.
        now: nanoseconds UTC.
    """

    def __init__(self, settings: JobSettings, now: Callable[[], int] = time.time_ns) -> None:
        self._settings: Final = settings
        self._now: Final = now
        self._folder: Final = JobFolder(settings.folder)
        self._checker: Final = Checker(settings.market, settings.config, settings.database)
        self._runs: Final = StoredRuns(settings.database)
        self.queue: Final = JobQueue(
            self._folder, now, running=settings.running, waiting=settings.waiting, kept=settings.kept, seconds=settings.seconds
        )

    def add_listener(self, name: str, listener: Listener) -> None:
        """Let somebody hear of every change of a job, in the event loop; it is given ``Job.news``. A name has one listener."""
        self.queue.add_listener(name, listener)

    async def open(self) -> None:
        """Remember what earlier sessions left; a second call does nothing.

        Raises:
            StoreBusy, StoreFailed: the database cannot be read.
        """
        await aside(self._runs.open)
        await self.queue.open()

    async def close(self) -> None:
        """End every process."""
        await self.queue.close()
        await aside(self._runs.close)

    async def start_backtest(self, request: BacktestRequest) -> Document:
        """Let a backtest wait for its turn.

        Raises:
            Refusal: it is impossible, or too many wait.
        """
        self.queue.check_room()
        return self._submit(await aside(self._checker.backtest, request))

    async def start_sweep(self, request: SweepRequest) -> Document:
        """Let a sweep wait for its turn.

        Raises:
            Refusal: it is impossible, or too many wait.
        """
        self.queue.check_room()
        return self._submit(await aside(self._checker.sweep, request))

    def _submit(self, order: Document) -> Document:
        asked, kind = order["request"], order["kind"]
        symbols = ", ".join(asked["symbols"][:3]) + (" …" if len(asked["symbols"]) > 3 else "")
        title = f"{asked['strategy']} on {symbols}"
        job = Job(new_id(kind), kind, title, asked, self._settings.market.document(), self._now())
        self.queue.submit(job, {**order, "id": job.id})
        return job.document()

    async def backtests(self, state: str, limit: int, offset: int) -> Document:
        """A page of backtests, newest first, those that the command line stored among them."""
        jobs, wanted = self.queue.jobs(BACKTEST), offset + limit + 1
        found = [job.document() for job in jobs if state in ("", job.state)]
        if state in ("", "done"):
            known = {job.run for job in jobs if job.run is not None}
            # What was stored since may be of a job that has not said so yet.
            before = min((job.started for job in jobs if job.state == RUNNING), default=None)
            found += await aside(self._runs.newest, wanted, known, before)
        found.sort(key=lambda one: datetime.fromisoformat(one["created_at"]), reverse=True)
        return page(found[offset:wanted], limit, offset=offset)

    async def sweeps(self, state: str, limit: int, offset: int) -> Document:
        """A page of sweeps, newest first."""
        found = [job.document() for job in self.queue.jobs(SWEEP) if state in ("", job.state)]
        return page(found[offset : offset + limit + 1], limit, offset=offset)

    async def one(self, kind: str, job_id: str) -> bytes:
        """A job with its result, as JSON; the result is not read, only passed on.

        Raises:
            Refusal: there is none.
        """
        job = self.queue.job(job_id)
        if job is None or job.kind != kind:
            return json.dumps(await self._stored(kind, job_id)).encode()
        head = json.dumps(job.document()).encode()
        result = await aside(self._folder.result, job.id) if job.state == "done" else None
        return head[:-1] + b', "result": ' + (result or b"null") + b"}"

    async def _stored(self, kind: str, job_id: str) -> Document:
        number = run_number(job_id) if kind == BACKTEST else None
        found = None if number is None else await aside(self._runs.one, number)
        if found is None:
            raise Refusal(404, f"unknown_{kind}", f"there is no {kind} {job_id}", f"GET /api/{kind}s lists what there is")
        return found

    async def remove(self, kind: str, job_id: str, only_running: bool = False) -> Document:
        """Cancel a job that waits or runs; remove one that has ended, from the database too, unless only to cancel was wanted.

        Raises:
            Refusal: there is none, or it has ended and was only to be cancelled.
        """
        job = self.queue.job(job_id)
        if only_running and (job is None or job.kind != kind or job.has_ended):
            raise Refusal(
                409, "has_ended", f"{kind} {job_id} does not run any more", "its result is kept; remove it if that is meant"
            )
        if job is not None and job.kind == kind:
            if not job.has_ended:
                self.queue.cancel(job, "it was cancelled")
                return {"id": job.id, "state": job.state, "removed": False}
            self.queue.forget(job)
            if job.run is not None:
                await aside(self._runs.remove, job.run)
            return {"id": job.id, "state": job.state, "removed": True}
        number = run_number(job_id) if kind == BACKTEST else None
        if number is None or not await aside(self._runs.remove, number):
            raise Refusal(404, f"unknown_{kind}", f"there is no {kind} {job_id}", f"GET /api/{kind}s lists what there is")
        return {"id": job_id, "state": "done", "removed": True}

    async def tearsheet(self, job_id: str) -> tuple[str, bytes]:
        """A tear sheet with a name for its file.

        Raises:
            Refusal: there is none.
        """
        job = self.queue.job(job_id)
        found = None
        if job is not None and job.has_tearsheet:
            found = await aside(self._folder.tearsheet, job.id)
        if job is None or found is None:
            raise Refusal(404, "no_tearsheet", f"there is no tear sheet of {job_id}", "it is there once a backtest is done")
        return f"{job.request['strategy']}-{job.id}.html", found

    async def compare(self, ids: Sequence[str]) -> Document:
        """Backtests beside each other.

        Raises:
            Refusal: one is not there, or has no result.
        """
        texts = [await self.one(BACKTEST, job_id) for job_id in ids]
        return await aside(_compared, texts)


def _compared(texts: Sequence[bytes]) -> Document:
    runs = [json.loads(text) for text in texts]
    for run in runs:
        if run["result"] is None:
            raise Refusal(
                409, "no_result", f"backtest {run['id']} has no result: it is {run['state']}", "compare those that are done"
            )
    return compare(runs)
