"""Committing: in real life in a thread of its own, so that the inbox never waits for a disk without letting others work."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from algotrader.core.reports import WARNING
from algotrader.live.clock import Clock
from algotrader.live.telling import Tell
from algotrader.storage.records import Batch, Store, StoreBusy, StoreFailed

FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 2.0
PATIENCE_SECONDS: Final = 30.0
"""How long a database may be busy before the session gives up on it."""


def nobody(took: int) -> None:
    """Measure nothing."""


class Writer(ABC):
    """Commits batches, one after the other.

    Args:
        store: the database.
        clock: of the session.
        tell: hears when the database is busy.
    """

    def __init__(self, store: Store, clock: Clock, tell: Tell) -> None:
        self.store: Final = store
        self._clock: Final = clock
        self._tell: Final = tell
        self.measure: Callable[[int], None] = nobody
        """Hears how long every commit took, nanoseconds of the session."""

    @abstractmethod
    async def _commit(self, batch: Batch) -> None:
        """Commit once."""

    async def commit(self, batch: Batch) -> None:
        """Commit a batch, however often a busy database has to be asked.

        Raises:
            StoreFailed: it stayed busy for half a minute, or refuses for good.
        """
        wait, waited, began = FIRST_WAIT, 0.0, self._clock.now()
        while True:
            try:
                await self._commit(batch)
            except StoreBusy as error:
                if waited >= PATIENCE_SECONDS:
                    raise StoreFailed(f"the database stayed busy for {waited:.0f} s: {error}") from error
                self._tell("database_busy", WARNING, "", f"{error}; again in {wait:g} s")
                await self._clock.sleep(wait)
                waited += wait
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                self.measure(self._clock.now() - began)
                return

    @abstractmethod
    def close(self) -> None:
        """End; the store stays open."""


class InlineWriter(Writer):
    """Commits at once, in the event loop: for virtual time, where nothing else may run meanwhile."""

    async def _commit(self, batch: Batch) -> None:
        self.store.commit(batch)

    def close(self) -> None:
        """Nothing is to be ended."""


class ThreadWriter(Writer):
    """Commits in one thread of its own."""

    def __init__(self, store: Store, clock: Clock, tell: Tell) -> None:
        super().__init__(store, clock, tell)
        self._thread: Final = ThreadPoolExecutor(1, "writer")

    async def _commit(self, batch: Batch) -> None:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        # Two turns of the event loop fewer than ``run_in_executor`` takes. A commit that has begun goes on when nobody waits for it
        # any more: it may be durable already.
        self._thread.submit(self._commit_in_thread, batch, loop, written)
        await written

    def _commit_in_thread(self, batch: Batch, loop: asyncio.AbstractEventLoop, written: asyncio.Future[None]) -> None:
        failure: BaseException | None = None
        try:
            self.store.commit(batch)
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to who waits for it
            failure = error
        with suppress(RuntimeError):  # a loop that is closed waits for nothing
            loop.call_soon_threadsafe(_settle, written, failure)

    def close(self) -> None:
        """Wait for the last commit."""
        self._thread.shutdown(wait=True)


def _settle(written: asyncio.Future[None], failure: BaseException | None) -> None:
    if written.done():
        return
    if failure is None:
        written.set_result(None)
    else:
        written.set_exception(failure)
