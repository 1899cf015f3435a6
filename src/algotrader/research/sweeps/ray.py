"""Runs of a sweep on a Ray cluster, or on a Ray of this machine where there is no cluster.

The bars go into Ray's object store once; the workers of a machine read the same copy there. A cluster is used when the environment
variable ``RAY_ADDRESS`` names one, or when the caller is connected to one already.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from algotrader.errors import UserError
from algotrader.research.sweeps.catalogue import SharedCatalogue
from algotrader.research.sweeps.data import SharedData
from algotrader.research.sweeps.executors import Executor, check_sendable
from algotrader.research.sweeps.trial import Job, Record, Task, run_task

_IN_FLIGHT: Final = 2
"""Tasks given to a worker at a time, so that it never waits for the next one."""


class RayWorker:
    """What an actor keeps between its tasks."""

    def __init__(self, job: Job, data: SharedData) -> None:
        self._job = job
        self._catalogue = SharedCatalogue(job.path, data)

    def work(self, task: Task) -> Record:
        """Run one task."""
        return run_task(self._job, self._catalogue, task)


class RayExecutor(Executor):
    """Runs tasks in Ray actors.

    Args:
        job: what all runs have in common. A strategy in a file must be at the same path on every machine.
        data: the shared bars.
        workers: how many actors, one core each.

    Raises:
        UserError: Ray is not installed, or the job cannot be sent to other processes.
    """

    def __init__(self, job: Job, data: SharedData, workers: int) -> None:
        check_sendable(job)
        try:
            import ray
        except ImportError:
            raise UserError("Ray is not installed", "pip install 'algo-trader[ray]', or use --executor local") from None
        self._ray: Any = ray
        self._started = not ray.is_initialized()
        if self._started:
            local = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers, "include_dashboard": False}
            ray.init(log_to_driver=False, logging_level="ERROR", **local)
        actor = ray.remote(num_cpus=1)(RayWorker)
        stored = ray.put(data)
        self._actors = [actor.remote(job, stored) for _ in range(workers)]

    def run(self, tasks: Sequence[Task]) -> Iterator[Record]:
        """Give every actor a few tasks, and another one for each that it has done."""
        waiting = iter(tasks)
        running: dict[Any, Any] = {}
        for actor in self._actors:
            for task in islice(waiting, _IN_FLIGHT):
                running[actor.work.remote(task)] = actor
        while running:
            done, _ = self._ray.wait(list(running), num_returns=1)
            actor = running.pop(done[0])
            for task in islice(waiting, 1):
                running[actor.work.remote(task)] = actor
            yield self._ray.get(done[0])

    def close(self) -> None:
        """Stop the actors, and Ray itself where it was started for this sweep."""
        for actor in self._actors:
            self._ray.kill(actor)
        if self._started:
            self._ray.shutdown()
