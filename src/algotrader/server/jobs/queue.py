"""Which job waits, which runs, and what becomes of each. Lives in the session's event loop, and never waits in it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from algotrader.server.aside import aside
from algotrader.server.documents import Document
from algotrader.server.jobs.folder import JobFolder
from algotrader.server.jobs.process import WorkerProcess
from algotrader.server.jobs.records import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Job
from algotrader.server.refusal import Refusal

Listener = Callable[[Document], None]

_AGAIN: Final = "start it again"
_JOIN_SECONDS: Final = 5.0


class JobQueue:
    """Runs jobs, so many at a time, each in a process of its own.

    Args:
        folder: where they are kept.
        now: nanoseconds UTC.
        running: how many run at a time.
        waiting: how many may wait.
        kept: how many of each kind are remembered after their end.
        seconds: how long one may run.
    """

    def __init__(
        self,
        folder: JobFolder,
        now: Callable[[], int],
        *,
        running: int = 1,
        waiting: int = 8,
        kept: int = 100,
        seconds: float = 3600.0,
    ) -> None:
        self._folder: Final = folder
        self._now: Final = now
        self._most_running: Final = running
        self._most_waiting: Final = waiting
        self._most_kept: Final = kept
        self._seconds: Final = seconds
        self._jobs: Final[dict[str, Job]] = {}
        self._orders: Final[dict[str, Document]] = {}
        self._workers: Final[dict[str, WorkerProcess]] = {}
        self._timers: Final[dict[str, asyncio.TimerHandle]] = {}
        self._answers: Final[dict[str, Document]] = {}
        self._listeners: Final[dict[str, Listener]] = {}
        # One thread, so that what is written later is written later.
        self._files: Final = ThreadPoolExecutor(1, "job files")
        self._loop: asyncio.AbstractEventLoop | None = None

    def add_listener(self, name: str, listener: Listener) -> None:
        """Let somebody hear of every change of a job, in the event loop; it is given ``Job.news``. A name has one listener."""
        self._listeners[name] = listener

    async def open(self) -> None:
        """Remember the jobs of earlier sessions; those that were not done then never will be. A second call does nothing."""
        if self._loop is not None:
            return
        self._loop = asyncio.get_running_loop()
        for job in await self._loop.run_in_executor(self._files, self._folder.load):
            self._jobs[job.id] = job
            if not job.has_ended:
                job.end(FAILED, self._now(), "the session ended before it was done", _AGAIN)
                self._save(job)
        for kind in {job.kind for job in self._jobs.values()}:
            self._prune(kind)

    async def close(self) -> None:
        """End what runs and let nothing wait."""
        if self._loop is None:
            return
        self._loop = None
        for job in list(self._jobs.values()):
            self._end(job, CANCELLED, "the session ended before it was done", _AGAIN)
        await aside(self._finish, dict(self._workers))

    def jobs(self, kind: str) -> list[Job]:
        """The jobs of a kind, newest first."""
        return [job for job in reversed(self._jobs.values()) if job.kind == kind]

    def job(self, job_id: str) -> Job | None:
        """One job by its id."""
        return self._jobs.get(job_id)

    def check_room(self) -> None:
        """Make sure that one more job may wait.

        Raises:
            Refusal: too many do.
        """
        if self._loop is None:
            raise Refusal(503, "shutting_down", "this session starts no more jobs", "start a session with `algo-trader start`")
        waiting = sum(job.state == QUEUED for job in self._jobs.values())
        if waiting >= self._most_waiting:
            raise Refusal(429, "queue_full", f"{waiting} jobs wait already", "wait for one to end, or cancel one")

    def submit(self, job: Job, order: Document) -> None:
        """Let a job wait for its turn.

        Raises:
            Refusal: too many wait already.
        """
        self.check_room()
        self._jobs[job.id] = job
        self._orders[job.id] = order
        self._changed(job)
        self._fill()

    def cancel(self, job: Job, message: str) -> None:
        """End a job that waits or runs, and its process."""
        self._end(job, CANCELLED, message)
        self._fill()

    def forget(self, job: Job) -> None:
        """Remove a job that has ended, with its files."""
        del self._jobs[job.id]
        self._files.submit(self._folder.remove, job.id)

    def pid(self, job: Job) -> int | None:
        """The process of a job that runs."""
        worker = self._workers.get(job.id)
        return None if worker is None else worker.pid

    def _fill(self) -> None:
        """Begin what waits, as long as there is room."""
        for job in list(self._jobs.values()):
            if len(self._workers) >= self._most_running or self._loop is None:
                return
            if job.state == QUEUED:
                self._begin(job, self._loop)

    def _begin(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        def call_back(function: Callable[..., None], *given: object) -> None:
            # The loop may be gone: then nobody is there to hear it.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(function, *given)

        prepared = replace(job)

        def prepare() -> Path:
            return self._folder.prepare(prepared)

        worker = WorkerProcess(
            self._orders.pop(job.id),
            prepare,
            lambda told: call_back(self._heard, job, told),
            lambda code: call_back(self._ended, job, code),
        )
        job.state, job.started, job.message = RUNNING, self._now(), "starting"
        self._workers[job.id] = worker
        self._timers[job.id] = loop.call_later(self._seconds, self._late, job)
        self._changed(job)
        worker.start()

    def _heard(self, job: Job, told: Document) -> None:
        if job.has_ended:
            return
        if "progress" in told:
            job.progress, job.message = float(told["progress"]), str(told.get("message", ""))[:200]
            self._tell(job)
        else:
            self._answers[job.id] = told

    def _ended(self, job: Job, code: int | str) -> None:
        """The process is gone."""
        if self._loop is None:
            return
        self._workers.pop(job.id, None)
        answer = self._answers.pop(job.id, {})
        if not job.has_ended:
            done = answer.get("done")
            if done is not None:
                job.figures, job.run, job.has_tearsheet = done["figures"], done["run"], job.kind == "backtest"
                self._end(job, DONE, "done")
            else:
                error = answer.get("error", {})
                message, hint = error.get("message") or _fate(code), error.get("hint", _AGAIN)
                self._end(job, FAILED, str(message)[:1000], str(hint)[:1000])
        self._files.submit(self._folder.tidy if job.id in self._jobs else self._folder.remove, job.id)
        self._fill()

    def _late(self, job: Job) -> None:
        self._end(job, FAILED, f"it took longer than {self._seconds:g} seconds", "choose fewer symbols or a shorter period")

    def _end(self, job: Job, state: str, message: str, hint: str = "") -> None:
        """Write down how a job ended; a process that still runs is ended too, and its place is free once it is gone."""
        if job.has_ended:
            return
        job.end(state, self._now(), message, hint)
        self._orders.pop(job.id, None)
        timer = self._timers.pop(job.id, None)
        if timer is not None:
            timer.cancel()
        worker = self._workers.get(job.id)
        if worker is not None:
            # In a thread: a process that is being started is waited for.
            self._files.submit(worker.kill)
        self._changed(job)
        self._prune(job.kind)

    def _prune(self, kind: str) -> None:
        ended = [job for job in self.jobs(kind) if job.has_ended]
        for job in ended[self._most_kept :]:
            self.forget(job)

    def _changed(self, job: Job) -> None:
        self._save(job)
        self._tell(job)

    def _save(self, job: Job) -> None:
        self._files.submit(self._write, replace(job))

    def _write(self, job: Job) -> None:
        # A disk that is full costs the memory of a job, not the session.
        with suppress(OSError):
            self._folder.save(job)

    def _tell(self, job: Job) -> None:
        for listener in list(self._listeners.values()):
            listener(job.news())

    def _finish(self, workers: Mapping[str, WorkerProcess]) -> None:
        """Wait for the ends that have been asked for."""
        for job_id, worker in workers.items():
            worker.join(_JOIN_SECONDS)
            self._folder.tidy(job_id)
        self._files.shutdown(wait=True)


def _fate(code: int | str) -> str:
    """How a process ended that said nothing."""
    if isinstance(code, str):
        return code
    if code >= 0:
        return f"the worker process ended before its time (exit code {code})"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"the worker process was killed ({name}); the machine may be short of memory"
