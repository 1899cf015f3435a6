"""A patient garbage collector for the time of a run."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_THRESHOLDS: Final = (300_000, 20, 20)
"""Objects more than before at which the youngest are looked at: so many take some tens of megabytes."""


class _Runs:
    """How many runs are under way, and what to go back to after the last of them."""

    lock: Final = threading.Lock()
    count = 0
    before = (0, 0, 0)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the cyclic garbage collector look seldom: a run makes many objects that live as long as it does, and few cycles."""
    with _Runs.lock:
        if _Runs.count == 0:
            _Runs.before = gc.get_threshold()
            gc.set_threshold(*_THRESHOLDS)
        _Runs.count += 1
    try:
        yield
    finally:
        with _Runs.lock:
            _Runs.count -= 1
            if _Runs.count == 0:
                gc.set_threshold(*_Runs.before)


@contextmanager
def frozen() -> Iterator[None]:
    """Keep the collector from all that is there now: it would write to memory that forked processes share."""
    mine = gc.get_freeze_count() == 0
    if mine:
        gc.freeze()
    try:
        yield
    finally:
        if mine:
            gc.unfreeze()
