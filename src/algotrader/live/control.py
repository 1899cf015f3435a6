"""What a running session shows of itself and lets others do: for the command line, the local server and the rehearsal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from algotrader.core.engine import Engine
from algotrader.core.events import Event
from algotrader.live.clock import Clock
from algotrader.storage.records import Store

INITIALIZING: Final = "initializing"
RECONCILING: Final = "reconciling"
WARMING_UP: Final = "warming_up"
RUNNING: Final = "running"
SHUTTING_DOWN: Final = "shutting_down"
STOPPED: Final = "stopped"
STATES: Final = (INITIALIZING, RECONCILING, WARMING_UP, RUNNING, SHUTTING_DOWN, STOPPED)

CONNECTED: Final = "connected"
RECONNECTING: Final = "reconnecting"
DISCONNECTED: Final = "disconnected"


@dataclass(slots=True)
class Vitals:
    """When a session last did what it does all the time (nanoseconds UTC, 0 for never), and how its streams stand."""

    started: int = 0
    last_bar: int = 0
    last_commit: int = 0
    last_reconciliation: int = 0
    last_snapshot: int = 0
    bar_stream: str = DISCONNECTED
    order_stream: str = DISCONNECTED
    events: int = 0
    commands: int = 0


class Control(ABC):
    """A session from outside. Everything is called from the session's own event loop, so nothing here needs a lock.

    Attributes:
        mode: ``paper``, ``shadow`` or ``live``.
        state: one of ``STATES``.
        engine: to be read only; whoever wants something changed puts an event in.
    """

    mode: str
    state: str
    engine: Engine
    clock: Clock
    store: Store
    vitals: Vitals

    @abstractmethod
    def put(self, event: Event) -> None:
        """Let an event wait for its turn, such as an operator's command."""

    @abstractmethod
    def request_shutdown(self, reason: str, *, flatten: bool = False) -> None:
        """Ask for an orderly end; a second request changes nothing. ``flatten`` closes every position first."""
