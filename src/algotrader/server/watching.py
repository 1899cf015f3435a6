"""Everything that watches a session for the page: the picture of it, the stream, the errors, the figures, the health monitor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from algotrader.core.reports import CRITICAL, WARNING
from algotrader.live.control import Control
from algotrader.server import day_curve, errors, hub, meter
from algotrader.server.aside import aside
from algotrader.server.checks import Checks
from algotrader.server.day_curve import DayCurve
from algotrader.server.history import History
from algotrader.server.hub import Hub
from algotrader.server.metrics import Metrics, Rates, SessionCollector
from algotrader.server.monitor import Monitor
from algotrader.server.picture import Picture

STREAM_FAILED: Final = "page_stream_failed"
MONITOR_FAILED: Final = "health_monitor_failed"


class Watching:
    """Watches one session. It hears everything from its making on; ``start`` lets the monitor look.

    Args:
        control: the session.
        instance: a public name of this run.
        folder: on the disk that must not fill up.
        sequence: number of the stream's last message, where another session of this process was watched before.
    """

    def __init__(self, control: Control, instance: str = "", folder: Path = Path(), sequence: int = 0) -> None:
        self._control: Final = control
        self.instance: Final = instance
        self.picture: Final = Picture(control, instance)
        self.hub: Final = Hub(self.picture, self._stream_failed, sequence)
        self.errors: Final = errors.ErrorLog()
        self.meter: Final = meter.Meter(control)
        self.day_curve: Final = DayCurve(control.engine.state)
        self.monitor: Final = Monitor(control, Checks(control, self.meter, folder), self.picture)
        rates = Rates(control, self.meter)
        self.metrics: Final = Metrics(SessionCollector(control, self.meter, rates, self.monitor, lambda: self.hub.clients))
        self._task: asyncio.Task[None] | None = None
        self._said = ""
        if control.observers is not None:
            control.observers.add(meter.NAME, self.meter)
            control.observers.add(errors.NAME, self.errors)
            control.observers.add(hub.NAME, self.hub)
            control.observers.add(day_curve.NAME, self.day_curve)

    async def start(self, history: History | None) -> None:
        """Let the monitor look, and remember what was before this run.

        Raises:
            StoreFailed: the database cannot be read.
        """
        self._task = asyncio.create_task(self.monitor.run(), name="health monitor")
        self._task.add_done_callback(self._ended)
        if history is not None:
            found = await aside(history.activity)
            before = [row for row in found["items"] if (row["time"] or "") < self._beginning()]
            self.hub.recent.remember(before)

    async def stop(self) -> None:
        """Hear and look no more; pages are let go."""
        self.hub.close()
        if self._control.observers is not None:
            for name in (meter.NAME, errors.NAME, hub.NAME, day_curve.NAME):
                self._control.observers.remove(name)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _beginning(self) -> str:
        return str(self.picture.session()["started_at"])

    def _stream_failed(self, message: str) -> None:
        if message != self._said and self._control.observers is not None:
            self._said = message
            self._control.observers.tell(STREAM_FAILED, WARNING, "", message)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The monitor must not end by itself; /health/components shows it too."""
        if not task.cancelled() and task.exception() is not None and self._control.observers is not None:
            self._control.observers.tell(MONITOR_FAILED, CRITICAL, "", repr(task.exception()))
