"""A told session with observers, watched as the page watches one: what happens in the engine is handed on as a session does it."""

from __future__ import annotations

import json
from typing import Any

from engine_rig import Rig
from session_kit import ToldControl

from algotrader.live.observers import Observers
from algotrader.server.outbox import Client
from algotrader.server.watching import Watching


class Watched:
    """A session with 100 AAPL under a stop, if wanted, and what watches it."""

    def __init__(self, *, holding: bool = False) -> None:
        self.rig = Rig()
        self.script = self.rig.strategy()
        self.control = ToldControl(self.rig)
        self.control.observers = Observers(self.control.clock)
        self.watching = Watching(self.control, "i-1")
        self.hub = self.watching.hub
        self._handed = 0
        if holding:
            self.rig.hold(self.script)
            self.rig.ack("a2")
            self.happened()

    def happened(self) -> None:
        """Hand on what the engine has told since the last time."""
        self.control.clock.time = max(self.control.clock.time, self.rig.now)
        fresh = self.rig.reports[self._handed :]
        self._handed = len(self.rig.reports)
        self.control.vitals.events += 1
        assert self.control.observers is not None
        self.control.observers.reports(fresh)

    def tell(self, kind: str, level: str, subject: str = "", message: str = "") -> None:
        assert self.control.observers is not None
        self.control.observers.tell(kind, level, subject, message)


async def messages(client: Client, count: int) -> list[dict[str, Any]]:
    """The next messages of a page."""
    found = [await client.next() for _ in range(count)]
    return [json.loads(text) for text in found if text is not None]


def waiting(client: Client) -> list[dict[str, Any]]:
    """The messages that wait for a page now, left where they are."""
    return [json.loads(text) for text in client._queue]
