"""What a running session shows of itself and lets others do: for the command line, the local server and the rehearsal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from algotrader.core.engine import Engine
from algotrader.core.events import Event
from algotrader.core.market import Bar
from algotrader.live.clock import Clock
from algotrader.live.observers import Observers
from algotrader.storage.records import Store

if TYPE_CHECKING:
    from algotrader.live.adjusting import Adjusting

INITIALIZING: Final = "initializing"
RECONCILING: Final = "reconciling"
WARMING_UP: Final = "warming_up"
RUNNING: Final = "running"
SHUTTING_DOWN: Final = "shutting_down"
STOPPED: Final = "stopped"
ENGINE_STATE: Final = "engine_state"
"""The kind of what a session tells when it enters one of its states; the message is the state."""

STATES: Final = (INITIALIZING, RECONCILING, WARMING_UP, RUNNING, SHUTTING_DOWN, STOPPED)

CONNECTED: Final = "connected"
RECONNECTING: Final = "reconnecting"
DISCONNECTED: Final = "disconnected"


@dataclass(slots=True)
class Vitals:
    """When a session last did what it does all the time (nanoseconds UTC, 0 for never), and how its streams stand.

    ``comparisons`` with the venue, and the ``differences`` that they found, are counted; ``drift`` is the last one's, see
    ``ReconciliationReport``. ``bars`` counts the bars that were handled; ``newest`` has the last one of each symbol.
    ``at_work`` while events are being handled and made durable and what follows is handed over: who only looks on waits meanwhile.
    """

    started: int = 0
    last_bar: int = 0
    last_commit: int = 0
    last_reconciliation: int = 0
    last_snapshot: int = 0
    bar_stream: str = DISCONNECTED
    order_stream: str = DISCONNECTED
    events: int = 0
    commands: int = 0
    comparisons: int = 0
    differences: int = 0
    drift: Decimal = Decimal(0)
    bars: int = 0
    at_work: bool = False
    newest: dict[str, Bar] = field(default_factory=dict)


class Control(ABC):
    """A session from outside. Everything is called from the session's own event loop, so nothing here needs a lock.

    Attributes:
        mode: ``paper``, ``shadow`` or ``live``.
        venue: where orders go, for people.
        observers: where whoever wants to hear what happens joins; None for a session that tells nobody.
        state: one of ``STATES``.
        engine: to be read only; whoever wants something changed puts an event in.
        adjusting: how its settings are read and changed while it runs; None where nobody said how.
    """

    mode: str
    venue: str = "paper"
    observers: Observers | None = None
    state: str
    engine: Engine
    clock: Clock
    store: Store
    vitals: Vitals
    adjusting: Adjusting | None = None

    @abstractmethod
    def put(self, event: Event) -> None:
        """Let an event wait for its turn, such as an operator's command."""

    @abstractmethod
    def request_shutdown(self, reason: str, *, flatten: bool = False, anew: bool = False) -> None:
        """Ask for an orderly end; a second request changes nothing but whether another session may follow.

        Args:
            reason: who wants it and why.
            flatten: close every position first.
            anew: another session is to follow in this process, unless somebody asks without.
        """

    @property
    @abstractmethod
    def ends_for_good(self) -> bool:
        """Whether somebody has asked for an end after which no session is to follow."""
