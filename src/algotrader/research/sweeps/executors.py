"""Who runs the backtests of a sweep: this process, worker processes on this machine, or Ray on many (see ``ray``).

All of them answer in any order; the sweep puts the answers in the order of the trials.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final

from algotrader.errors import UserError, did_you_mean
from algotrader.research.sweeps.catalogue import SharedCatalogue
from algotrader.research.sweeps.data import SharedData
from algotrader.research.sweeps.trial import Job, Record, Task, run_task
from algotrader.research.sweeps.workers import fresh_workers, work

LOCAL: Final = "local"
KINDS: Final = (LOCAL, "ray")

_BATCHES: Final = 50
"""Batches that each worker gets, about."""

_LARGEST: Final = 50
"""Tasks of a batch at most: an interrupt loses what a batch has done."""


class Executor:
    """Runs tasks. Use it in a ``with`` statement; leaving it ends what it has started."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Record]:
        """Run every task and give each record as soon as it is there."""
        raise NotImplementedError

    def close(self) -> None:
        """End the workers; tasks that have not begun are dropped."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()


class SerialExecutor(Executor):
    """Runs one task after the other in this process."""

    def __init__(self, job: Job, data: SharedData) -> None:
        self._job = job
        self._catalogue = SharedCatalogue(job.path, data)

    def run(self, tasks: Sequence[Task]) -> Iterator[Record]:
        """Run the tasks in their order."""
        return (run_task(self._job, self._catalogue, task) for task in tasks)


class LocalExecutor(Executor):
    """Runs tasks in worker processes that map the shared data into their memory.

    Args:
        job: what all runs have in common.
        folder: where ``build_shared`` has put the data.
        workers: how many processes.
        pool: processes that are there already; None starts new ones.

    Raises:
        UserError: the strategy or the options cannot be sent to another process.
    """

    def __init__(self, job: Job, folder: Path, workers: int, pool: ProcessPoolExecutor | None) -> None:
        check_sendable(job)
        self._job = job
        self._folder = str(folder)
        self._workers = workers
        self._pool = pool or fresh_workers(workers)

    def run(self, tasks: Sequence[Task]) -> Iterator[Record]:
        """Spread the tasks over the workers, in batches so small that no worker waits long for another at the end.

        Raises:
            UserError: a worker died.
        """
        size = min(max(len(tasks) // (self._workers * _BATCHES), 1), _LARGEST)
        batches = [tasks[start : start + size] for start in range(0, len(tasks), size)]
        waiting = [self._pool.submit(work, self._job, self._folder, batch) for batch in batches]
        try:
            for done in as_completed(waiting):
                yield from done.result()
        except BrokenProcessPool:
            raise UserError(
                "a worker process ended before its time; the machine may be short of memory",
                "use fewer --workers; in a script, call sweep() under `if __name__ == '__main__':`",
            ) from None

    def close(self) -> None:
        """Drop what has not begun and wait for what has."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def check_sendable(job: Job) -> None:
    """Make sure that a job can travel to another process, before anything is started.

    Raises:
        UserError: it cannot; the hint says what to write instead.
    """
    for name in ("slippage", "commission"):
        if not isinstance(job.options[name], str | None):
            raise UserError(
                f"the {name} model cannot be sent to worker processes", "give it as text, such as 'bps:5', or workers=1"
            )
    try:
        pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        hint = "give the strategy as 'path/to/file.py:Name', or workers=1"
        raise UserError(f"the strategy cannot be sent to worker processes: {error}", hint) from None


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_executor(
    kind: str, job: Job, data: SharedData, folder: Path, workers: int, pool: ProcessPoolExecutor | None = None
) -> Executor:
    """Build an executor by name; one worker on this machine needs no process of its own. ``pool`` is there for the local one.

    Raises:
        UserError: no such executor, Ray is not installed, or the job cannot be sent to other processes.
    """
    if kind == "ray":
        from algotrader.research.sweeps.ray import RayExecutor

        return RayExecutor(job, data, workers)
    if workers == 1:
        return SerialExecutor(job, data)
    return LocalExecutor(job, folder, workers, pool)


def check_executor(kind: str, workers: int | None) -> int:
    """Check the name of an executor and give the number of workers; all cores where nobody said how many.

    Raises:
        UserError: no such executor, or an impossible number of workers.
    """
    if kind not in KINDS:
        raise UserError(f"{kind!r} is not an executor", f"{did_you_mean(kind, KINDS)} known: {', '.join(KINDS)}".strip())
    if workers is not None and workers < 1:
        raise UserError(f"{workers} workers are impossible", "give at least one; leave --workers out for one on each core")
    return workers or available_cores()
