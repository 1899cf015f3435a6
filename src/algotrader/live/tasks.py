"""Tasks that outlive whoever started them: they are kept, seldom cancelled, and awaited at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from algotrader.core.events import Event, SystemError
from algotrader.live.clock import Clock

TASK_FAULT: Final = "task_fault"


class KeptTasks:
    """Running tasks in the order in which they were started.

    Args:
        clock: of the session.
        put: takes a system error when a task fails; that would be a mistake of ours.
    """

    def __init__(self, clock: Clock, put: Callable[[Event], None]) -> None:
        self._clock: Final = clock
        self._put: Final = put
        self._running: Final[dict[asyncio.Task[None], None]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something; cancelling the caller does not touch it."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running[task] = None
        task.add_done_callback(self._ended)
        return task

    async def wait(self, seconds: float) -> list[str]:
        """Wait until all have ended, at most so many seconds of the session; gives the names of those that have not."""
        if self._running:
            # asyncio.wait leaves the tasks alone when it is cancelled itself.
            await asyncio.wait(list(self._running), timeout=self._clock.seconds(seconds))
        return [task.get_name() for task in self._running]

    async def cancel(self) -> None:
        """Cancel those that still run, and wait for them."""
        left = list(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            message = f"{task.get_name()}: {type(error).__name__}: {error}"
            self._put(SystemError(self._clock.now(), TASK_FAULT, message, "critical"))
