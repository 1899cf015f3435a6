"""The course of a sweep: ask the search, run what is not in the journal yet, tell the search, until it has no more to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from algotrader.research.sweeps.executors import Executor
from algotrader.research.sweeps.journal import Journal
from algotrader.research.sweeps.plan import Plan
from algotrader.research.sweeps.result import ranked, score_of
from algotrader.research.sweeps.search import Search
from algotrader.research.sweeps.trial import TEST, TRAIN, WHOLE, Record, Task
from algotrader.research.sweeps.walkforward import Window

Progress = Callable[[int, int], None]
"""Receives how many runs are done, and how many there will be at most."""


class Runner:
    """Runs a plan.

    Args:
        plan: what to run.
        journal: what has been run already, and where to note the rest.
        start: starts an executor for so many tasks at most; it is not called when the journal holds everything.
        progress: called after every run.
    """

    def __init__(self, plan: Plan, journal: Journal, start: Callable[[int], Executor], progress: Progress | None) -> None:
        self._plan: Final = plan
        self._journal: Final = journal
        self._start: Final = start
        self._progress: Final = progress
        self._executor: Executor | None = None
        self._searches: Final = plan.searches()
        self._planned: Final = sum(search.planned for search in self._searches) + len(plan.windows)
        self._done = 0

    @property
    def skipped(self) -> int:
        """Combinations that the strategy does not allow."""
        return max(search.skipped for search in self._searches)

    def run(self) -> list[Record]:
        """Run everything.

        Raises:
            UserError: a worker ended before its time.
        """
        try:
            if not self._plan.windows:
                return self._search([(self._searches[0], None)])
            pairs = list(zip(self._searches, self._plan.windows, strict=True))
            trials = self._search(pairs)
            return trials + self._batch(self._tests(trials))
        finally:
            if self._executor is not None:
                self._executor.close()

    def _search(self, pairs: Sequence[tuple[Search, Window | None]]) -> list[Record]:
        """Let all searches run side by side: a batch of each at a time, so that short batches leave no core idle."""
        records: list[Record] = []
        numbers = [0] * len(pairs)
        while True:
            tasks: list[Task] = []
            owners: list[Search] = []
            for place, (search, window) in enumerate(pairs):
                for point in search.ask():
                    numbers[place] += 1
                    tasks.append(self._trial(numbers[place], point, window))
                    owners.append(search)
            if not tasks:
                return records
            batch = self._batch(tasks)
            for search, record in zip(owners, batch, strict=True):
                search.tell(record["point"], score_of(record, self._plan.metric))
            records += batch

    def _trial(self, number: int, point: int, window: Window | None) -> Task:
        parameters = self._plan.space.at(point)
        if window is None:
            return Task(0, WHOLE, number, point, parameters, None, None)
        return Task(window.number, TRAIN, number, point, parameters, window.train_start, window.train_end)

    def _tests(self, trials: Sequence[Record]) -> list[Task]:
        """For each window, the run of its best trial on through the test."""
        tasks = []
        for window in self._plan.windows:
            order = ranked([record for record in trials if record["window"] == window.number], self._plan.metric)
            if order and score_of(order[0], self._plan.metric) is not None:
                best, point = order[0]["trial"], order[0]["point"]
                parameters = self._plan.space.at(point)
                tasks.append(
                    Task(window.number, TEST, best, point, parameters, window.train_start, window.test_end, window.train_end)
                )
        return tasks

    def _batch(self, tasks: Sequence[Task]) -> list[Record]:
        """Give the records of tasks in their order; those in the journal are not run again."""
        found = self._journal.found
        missing = [task for task in tasks if task.key not in found]
        self._advance(len(tasks) - len(missing))
        if missing:
            if self._executor is None:
                self._executor = self._start(self._planned - self._done)
            for record in self._executor.run(missing):
                self._journal.append(record)
                self._advance(1)
        return [found[task.key] for task in tasks]

    def _advance(self, runs: int) -> None:
        self._done += runs
        if self._progress is not None:
            self._progress(self._done, self._planned)
