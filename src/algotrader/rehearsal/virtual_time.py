"""An event loop whose time jumps: when nothing is ready it goes straight to the next timer. A day of waiting takes a moment,
and the same program always runs in the same order.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")


class Stuck(RuntimeError):
    """Everything waits for something that never comes."""


class _JumpingSelector(selectors.BaseSelector):
    """Asks the real selector without waiting; where asyncio would wait, virtual time passes instead."""

    def __init__(self) -> None:
        self._real: Final = selectors.DefaultSelector()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready:
            return ready
        if timeout is None:
            raise Stuck("nothing is ready and no timer is set: every task waits for another one")
        if timeout > 0:
            self.time += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Any:
        return self._real.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop of virtual time. No threads may be used in it, and no sockets but those within the process."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.time


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end under virtual time.

    Raises:
        Stuck: everything waits for ever.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
