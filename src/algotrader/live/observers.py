"""Who hears what a session does: everybody who wants to, after it is durable, none of them able to stop it.

An observer that fails is told of and left out from then on; the others go on. Metrics, alerts and the page join in the same way as
the log does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from algotrader.core.commands import SubmitOrder
from algotrader.core.reports import ERROR, Report
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.kernel import Outgoing

EVENT_TO_COMMAND: Final = "event_to_command"
"""From an event's arrival until a command that it led to was handed over, the commit included."""

CANDLE_TO_ORDER: Final = "candle_to_order"
"""The same from the arrival of a bar to a new order."""

EVENT_HANDLED: Final = "event_handled"
"""One event through the engine and into the batch that is committed; the mean of those that were handled in one go."""

DATABASE_WRITE: Final = "database_write"
"""One commit."""

OBSERVER_FAILED: Final = "observer_failed"


class Observer(Protocol):
    """What an observer hears. It is called in the session's event loop and must be quick; what takes time it does elsewhere."""

    def on_report(self, report: Report) -> None:
        """The engine tells something; it is in the database by now."""
        ...

    def on_told(self, time: int, kind: str, level: str, subject: str, message: str) -> None:
        """A part of the session tells something; ``subject`` is a symbol, a calendar or a name, or empty."""
        ...

    def on_measured(self, time: int, what: str, duration: int, order_id: str) -> None:
        """Something took so many nanoseconds of real time."""
        ...


REQUESTS_FIRST: Final = 0.01
"""Seconds for which a session that sends requests from threads keeps back what is only told: a thread waits for the interpreter for
as long as the event loop writes about the order that the thread is to send."""


class Observers:
    """Hands on what happens, in the order in which it did.

    Args:
        clock: of the session.
        pause: real seconds after which the engine's reports and what was measured are handed on; 0 for at once. What is told by a
            part of the session is always handed on at once, after everything before it.
    """

    def __init__(self, clock: Clock, pause: float = 0.0) -> None:
        self._clock: Final = clock
        self._pause: Final = pause
        self._observers: Final[dict[str, Observer]] = {}
        self._waiting: Final[list[Callable[[Observer], None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, name: str, observer: Observer) -> None:
        """Let somebody hear from now on; the name is for telling when it fails."""
        self._observers[name] = observer

    def remove(self, name: str) -> None:
        """Let somebody hear no more."""
        self._observers.pop(name, None)

    @property
    def names(self) -> tuple[str, ...]:
        """Who hears, in the order of joining."""
        return tuple(self._observers)

    def reports(self, reports: list[Report]) -> None:
        """Hand on the engine's reports; for ``Parts.told``."""

        def hand_on(observer: Observer) -> None:
            for report in reports:
                observer.on_report(report)

        self._soon(hand_on)

    def tell(self, kind: str, level: str, subject: str, message: str) -> None:
        """Hand on what a part of the session tells; for ``Parts.tell``."""
        now = self._clock.now()
        self.flush()
        self._each(lambda observer: observer.on_told(now, kind, level, subject, message))

    def flush(self) -> None:
        """Hand on everything that was kept back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting = self._waiting.copy()
        self._waiting.clear()
        for hand_on in waiting:
            self._each(hand_on)

    def sending(self, outgoing: Outgoing) -> None:
        """Measure a command that is being handed over; for ``Parts.sending``."""
        if not outgoing.arrived:
            return
        # The request goes first: it is the next thing that the event loop does.
        asyncio.get_running_loop().call_soon(self._sent, outgoing, self._clock.now() - outgoing.arrived)

    def _sent(self, outgoing: Outgoing, took: int) -> None:
        self.measured(EVENT_TO_COMMAND, took, outgoing.command.client_order_id)
        if outgoing.from_candle and isinstance(outgoing.command, SubmitOrder):
            self.measured(CANDLE_TO_ORDER, took, outgoing.command.client_order_id)

    def committed(self, took: int) -> None:
        """Measure a commit (nanoseconds of the session); for ``Writer.measure``."""
        self.measured(DATABASE_WRITE, took)

    def handled(self, took: int, events: int) -> None:
        """Measure events that were handled in one go (nanoseconds of the session); for ``Consumer.measure``."""
        self.measured(EVENT_HANDLED, took // events)

    def measured(self, what: str, took: int, order_id: str = "") -> None:
        """Hand on how long something took by the session's clock, turned into real time."""
        now, real = self._clock.now(), int(self._clock.seconds(took / NS_PER_SECOND) * NS_PER_SECOND)
        self._soon(lambda observer: observer.on_measured(now, what, real, order_id))

    def _soon(self, hand_on: Callable[[Observer], None]) -> None:
        if self._pause == 0.0:
            self._each(hand_on)
            return
        self._waiting.append(hand_on)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self.flush)

    def _each(self, hand_on: Callable[[Observer], None]) -> None:
        failed: list[tuple[str, Exception]] = []
        for name, observer in list(self._observers.items()):
            try:
                hand_on(observer)
            except Exception as error:
                # Whatever an observer does wrong must not end a session that holds positions.
                del self._observers[name]
                failed.append((name, error))
        for name, fault in failed:
            self.tell(OBSERVER_FAILED, ERROR, name, f"{type(fault).__name__}: {fault}; it hears no more")
