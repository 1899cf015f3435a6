"""An event loop whose time jumps: when nothing is ready it goes straight to the next timer. A day of waiting takes a moment,
and the same program always runs in the same order.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Stuck(RuntimeError):
    """Everything waits for something that never comes."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop of virtual time. No threads may be used in it, and no sockets but those within the process.

    Timers of equal time run in the order in which they were set. The loop's own round is replaced: it asks the system for nothing
    while there are no sockets, and its timers are kept as tuples, which are compared much faster than handles.
    """

    _ready: deque[asyncio.Handle]
    _selector: selectors.BaseSelector

    def __init__(self) -> None:
        self._virtual = 0.0
        self._timers: Final[list[tuple[float, int, asyncio.TimerHandle]]] = []
        self._numbers = 0
        super().__init__()
        # One is the loop's own, with which threads and signals wake it.
        self._own_sockets: Final = len(self._selector.get_map() or ())

    def time(self) -> float:
        return self._virtual

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._numbers += 1
        heappush(self._timers, (when, self._numbers, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def _run_once(self) -> None:
        """Run what is ready; when nothing is, let time pass until the next timer."""
        ready, timers = self._ready, self._timers
        if len(self._selector.get_map() or ()) > self._own_sockets:
            self._process_events(self._selector.select(0))  # type: ignore[attr-defined]
        if not ready:
            while timers and timers[0][2].cancelled():
                heappop(timers)
            if not timers:
                raise Stuck("nothing is ready and no timer is set: every task waits for another one")
            self._virtual = max(self._virtual, timers[0][0])
        while timers and timers[0][0] <= self._virtual:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end under virtual time.

    Raises:
        Stuck: everything waits for ever.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
