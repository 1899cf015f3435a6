"""Runs rehearsals: one after the other or one for each core, each in a folder of its own that is gone afterwards."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from algotrader.rehearsal.options import RehearsalOptions
from algotrader.rehearsal.outcome import Outcome
from algotrader.rehearsal.stage import Stage
from algotrader.rehearsal.virtual_time import run_virtually

Options = TypeVar("Options")
Result = TypeVar("Result", bound=Outcome)

MEMORY: Final = Path("/dev/shm")
"""A folder in memory, where there is one: a rehearsal's database has to outlive its sessions only."""

_AHEAD: Final = 2
"""So many rehearsals for each process are handed out in advance."""


def rehearse_one(options: RehearsalOptions, seed: int) -> Outcome:
    """Play the rehearsal of one seed."""

    async def play(folder: Path) -> Outcome:
        return await Stage(options, seed, folder).play()

    memory = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    # What a slow disk does to a write is of no interest here, and workers have no terminal of their own.
    with quiet(logging.ERROR), TemporaryDirectory(prefix="rehearsal-", dir=memory) as folder:
        return run_virtually(play(Path(folder)))


@contextmanager
def quiet(level: int) -> Iterator[None]:
    """Keep the program's log below a level from being written."""
    log = logging.getLogger("algotrader")
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)


def rehearse(options: RehearsalOptions, first: int, count: int, workers: int = 1) -> Iterator[Outcome]:
    """Play the rehearsals of ``count`` seeds from ``first`` on; gives what came of each as it ends."""
    return every_seed(rehearse_one, options, first, count, workers)


def every_seed(
    one: Callable[[Options, int], Result], options: Options, first: int, count: int, workers: int = 1
) -> Iterator[Result]:
    """Play one rehearsal for each of ``count`` seeds from ``first`` on, in so many processes; gives each result as it comes."""
    seeds = iter(range(first, first + count))
    if workers <= 1 or count <= 1:
        for seed in seeds:
            yield one(options, seed)
        return
    # New processes share nothing with this one: no event loop, no threads of a progress bar.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(one, options, seed) for seed in islice(seeds, workers * _AHEAD)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                    running |= {pool.submit(one, options, seed) for seed in islice(seeds, 1)}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
