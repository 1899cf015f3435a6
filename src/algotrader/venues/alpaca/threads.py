"""A few threads for a library that blocks. They are given up, not waited for, when they hang."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

_Work = tuple["Future[Any]", Callable[[], Any]]


class Threads:
    """Runs work beside the event loop.

    The standard library's pool joins its threads when the process ends; a request that hangs would hold the process up.

    Args:
        count: how many threads at most.
        name: of the threads.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count: Final = count
        self._name: Final = name
        self._work: Final[SimpleQueue[_Work | None]] = SimpleQueue()
        self._threads: Final[list[threading.Thread]] = []
        self._counting: Final = threading.Lock()
        self._open = 0
        """Work that is not done yet; a thread that hangs in what nobody waits for any more counts as busy."""
        self._closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """Do something in a thread; what has not begun when the waiting is given up is never done.

        Raises:
            RuntimeError: after ``close``.
        """
        if self._closed:
            raise RuntimeError("these threads are closed")
        future: Future[T] = Future()
        with self._counting:
            self._open += 1
            if self._open > len(self._threads) and len(self._threads) < self._count:
                self._start()
        self._work.put((future, work))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the threads end; those at work end after it."""
        self._closed = True
        for _ in self._threads:
            self._work.put(None)

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name=f"{self._name} {len(self._threads) + 1}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        while (entry := self._work.get()) is not None:
            future, work = entry
            if future.set_running_or_notify_cancel():
                _do(future, work)
            # A thread that waits for work must not keep the last answer alive.
            del entry, future, work
            with self._counting:
                self._open -= 1


def _do(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - whatever it is belongs to who waits for it
        future.set_exception(error)
    else:
        future.set_result(result)
