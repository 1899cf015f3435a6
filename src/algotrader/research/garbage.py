"""A patient garbage collector for the time of a run."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_THRESHOLDS: Final = (300_000, 20, 20)
"""Objects more than before at which the youngest are looked at: so many take some tens of megabytes."""

_MOST_LEFT: Final = 600_000
"""Objects that earlier runs may leave unlooked at, before the next run begins with a collection."""


class _Runs:
    """How many runs are under way, what to go back to after the last of them, and how many objects were left unlooked at."""

    lock: Final = threading.Lock()
    count = 0
    before = (0, 0, 0)
    left = 0


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the cyclic garbage collector look seldom: a run makes many objects that live as long as it does, and few cycles."""
    with _Runs.lock:
        if _Runs.count == 0:
            _begin()
        _Runs.count += 1
    try:
        yield
    finally:
        with _Runs.lock:
            _Runs.count -= 1
            if _Runs.count == 0:
                _end()


def _begin() -> None:
    if _Runs.left > _MOST_LEFT and gc.isenabled():
        gc.collect()
        _Runs.left = 0
    _Runs.before = gc.get_threshold()
    gc.set_threshold(*_THRESHOLDS)


def _end() -> None:
    _Runs.left += gc.get_count()[0]
    if gc.get_freeze_count() == 0:
        # All that is young becomes old without being looked at; else the old thresholds would have it looked at right now.
        gc.freeze()
        gc.unfreeze()
    gc.set_threshold(*_Runs.before)
