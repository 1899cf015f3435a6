"""Worker processes of a sweep: forked at once where that is safe, started afresh where it is not.

A forked worker is there in milliseconds and shares the memory of what has been imported; a fresh one needs most of a second and
all of that memory again. But a process whose threads hold locks must not be forked, so it happens before a sweep does anything
else, and only where no thread is known that could hold one.
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from algotrader.research.garbage import frozen
from algotrader.research.sweeps.catalogue import SharedCatalogue
from algotrader.research.sweeps.data import open_shared
from algotrader.research.sweeps.trial import Job, Record, Task, run_task

_THREADS: Final = Path("/proc/self/task")

_HARMLESS: Final = frozenset({"jemalloc_bg_thd", "polars-ooc-clea"})
"""Threads that polars starts when it is imported; those of its computations are started with the first of them.

Threads of OpenBLAS bear the name of the process itself; it stops and starts them around a fork.
"""


def can_fork() -> bool:
    """Whether this process may be forked: on Linux, and while no thread is known that could hold a lock."""
    if sys.platform != "linux" or threading.active_count() > 1 or not _THREADS.is_dir():
        return False
    names = {(thread / "comm").read_text().strip() for thread in _THREADS.iterdir()}
    return names <= {Path("/proc/self/comm").read_text().strip(), *_HARMLESS}


@contextmanager
def forked_workers(count: int) -> Iterator[ProcessPoolExecutor | None]:
    """Fork so many workers, where that is safe and worth it; None where it is not."""
    if count < 2 or not can_fork():
        yield None
        return
    with frozen(), ProcessPoolExecutor(count, get_context("fork"), initializer=start_worker) as pool:
        with warnings.catch_warnings():
            # Later versions of Python warn of any thread.
            warnings.simplefilter("ignore", DeprecationWarning)
            pool.submit(_ready).result()
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def fresh_workers(count: int) -> ProcessPoolExecutor:
    """Workers that begin as new processes."""
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=start_worker)


class _Worker:
    """What a worker process keeps between its tasks."""

    folder = ""
    catalogue: SharedCatalogue


def start_worker() -> None:
    """Prepare a worker: Ctrl+C ends it at once and quietly, the sweep's own process tells the user.

    Where the sweep runs in the background and does not hear Ctrl+C, its workers do not either.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.freeze()


def _ready() -> None:
    """Nothing: the workers are started with the first task."""


def work(job: Job, folder: str, tasks: Sequence[Task]) -> list[Record]:
    """Run tasks one after the other over the shared data in a folder."""
    if _Worker.folder != folder:
        _Worker.catalogue = SharedCatalogue(job.path, open_shared(Path(folder)))
        _Worker.folder = folder
    return [run_task(job, _Worker.catalogue, task) for task in tasks]
