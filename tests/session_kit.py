"""A session from outside, for tests of what watches and steers one: a real engine, and whatever was asked of it written down."""

from __future__ import annotations

from engine_rig import START, Rig

from algotrader.core.events import Event
from algotrader.live.clock import Clock
from algotrader.live.control import CONNECTED, RUNNING, Control, Vitals


class StillClock(Clock):
    """Shows what the test has set."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        return self.time

    def seconds(self, seconds: float) -> float:
        return seconds


class ToldControl(Control):
    """A running paper session over an engine of the rig; events wait in ``events`` until the test hands them on."""

    clock: StillClock

    def __init__(self, rig: Rig | None = None) -> None:
        self.rig = rig or Rig()
        self.mode = "paper"
        self.state = RUNNING
        self.engine = self.rig.engine
        self.clock = StillClock()
        self.vitals = Vitals(started=START, last_bar=START, bar_stream=CONNECTED, order_stream=CONNECTED)
        self.events: list[Event] = []
        self.shutdowns: list[tuple[str, bool]] = []
        self.is_over = False

    def put(self, event: Event) -> None:
        self.events.append(event)

    def request_shutdown(self, reason: str, *, flatten: bool = False, anew: bool = False) -> None:
        self.shutdowns.append((reason, flatten))
        self.is_over = self.is_over or not anew

    @property
    def ends_for_good(self) -> bool:
        return self.is_over

    def deliver(self) -> list[str]:
        """Hand the waiting events to the engine; gives the commands that follow."""
        told: list[str] = []
        while self.events:
            told += self.rig.tell(self.events.pop(0))
        return told
