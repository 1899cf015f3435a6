"""The Python interpreter while a session trades: an order waits neither for another thread nor for a search for garbage.

Both belong to the whole process and are as before afterwards.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from algotrader.core.reports import Report
from algotrader.live.control import ENGINE_STATE, RUNNING

SWITCH_SECONDS: Final = 0.0005
"""How long a thread that sends an order waits at most until the event loop lets it go on; Python's own 5 ms are more than a whole
order takes."""

YOUNG_OBJECTS: Final = 20_000
"""New objects after which the collector looks through them: at Python's own 700 it would do so at every tenth order."""


@contextmanager
def trading_pace() -> Iterator[None]:
    """Let threads take turns sooner, and garbage be searched for seldom; what was set aside is looked at again afterwards."""
    before, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(YOUNG_OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class SetAside:
    """An observer that sets aside, once a session trades, what will live as long as it: imported libraries, the warmed-up engine.

    The collector would look through all of that again and again, for milliseconds, in the middle of orders too.
    """

    def __init__(self) -> None:
        self._done = False

    def on_report(self, report: Report) -> None:
        """Nothing to do."""

    def on_told(self, time: int, kind: str, level: str, subject: str, message: str) -> None:
        """Set aside when the session says that it runs."""
        if kind == ENGINE_STATE and message == RUNNING and not self._done:
            self._done = True
            gc.collect()
            gc.freeze()

    def on_measured(self, time: int, what: str, duration: int, order_id: str) -> None:
        """Nothing to do."""
