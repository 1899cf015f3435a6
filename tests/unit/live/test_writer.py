"""Commits in a thread of their own: others work meanwhile, a busy database is asked again, and what has begun is finished."""

from __future__ import annotations

import asyncio
import threading
from typing import cast

import pytest

from algotrader.live.clock import LoopClock, SystemClock
from algotrader.live.writer import PATIENCE_SECONDS, InlineWriter, ThreadWriter, Writer
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.storage.records import Batch, Store, StoreBusy, StoreFailed


class SlowStore:
    """Commits once it may; is busy so many times before."""

    def __init__(self, busy: int = 0) -> None:
        self.may = threading.Event()
        self.began = threading.Event()
        self.busy = busy
        self.threads: list[str] = []

    def commit(self, batch: Batch) -> None:
        self.began.set()
        if self.busy:
            self.busy -= 1
            raise StoreBusy("somebody writes")
        assert self.may.wait(30), "nobody let it"
        self.threads.append(threading.current_thread().name)


def _writer(kind: type[Writer], store: SlowStore, clock: SystemClock | LoopClock, told: list[str]) -> Writer:
    return kind(cast(Store, store), clock, lambda what, level, subject, message: told.append(what))


@pytest.mark.covers("B18", "A172")
def test_the_loop_goes_on_while_a_commit_takes_its_time() -> None:
    async def main() -> None:
        store = SlowStore()
        writer = _writer(ThreadWriter, store, SystemClock(), [])
        commit = asyncio.create_task(writer.commit(Batch()))
        while not store.began.is_set():
            await asyncio.sleep(0)
        # The commit has begun and cannot end before this loop lets it: had it been in the loop's own thread, nobody could.
        assert not commit.done()
        store.may.set()
        await commit
        writer.close()
        assert store.threads
        assert store.threads[0] != threading.current_thread().name

    asyncio.run(main())


def test_a_commit_that_has_begun_is_finished_although_the_session_ends() -> None:
    async def main() -> None:
        store = SlowStore()
        writer = _writer(ThreadWriter, store, SystemClock(), [])
        commit = asyncio.create_task(writer.commit(Batch()))
        while not store.began.is_set():
            await asyncio.sleep(0)
        commit.cancel()
        await asyncio.gather(commit, return_exceptions=True)
        store.may.set()
        writer.close()
        assert len(store.threads) == 1

    asyncio.run(main())


@pytest.mark.parametrize(("busy", "fails"), [(1, False), (5, False), (10_000, True)])
def test_a_busy_database_is_asked_for_half_a_minute(busy: int, fails: bool) -> None:
    async def main() -> None:
        store, told = SlowStore(busy), list[str]()
        store.may.set()
        clock = LoopClock(0, asyncio.get_running_loop())
        writer = _writer(InlineWriter, store, clock, told)
        if fails:
            with pytest.raises(StoreFailed, match="stayed busy"):
                await writer.commit(Batch())
            assert PATIENCE_SECONDS <= clock.now() / 1e9 < PATIENCE_SECONDS + 3
        else:
            await writer.commit(Batch())
            assert told == ["database_busy"] * busy

    run_virtually(main())
