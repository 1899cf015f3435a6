"""The heart of a session: events one after the other through the engine, and what follows from them as one batch to commit.

No command leaves here before the caller has committed the batch that it belongs to. There is no I/O in here, so a replay of the
journal uses the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from algotrader.core.commands import Command
from algotrader.core.engine import Engine
from algotrader.core.events import LANE_MARKET, LANE_TIMERS, Event, MarketData, ScheduledTrigger, SliceClosed
from algotrader.core.inbox_order import Stamped
from algotrader.core.reports import Report
from algotrader.storage.codec import encode_command, encode_event
from algotrader.storage.records import Batch, JournalEntry, OutboxEntry

EVENTS_A_BATCH: Final = 256
"""Events that share a transaction at most."""

KEPT_BACK: Final = 1_000
"""Events without consequences that wait for the next transaction at most."""


class Rows(Protocol):
    """Adds the rows that people read to a batch, from what an event did."""

    def add(self, batch: Batch, stamped: Stamped, reports: list[Report]) -> None:
        """Called after the engine has handled an event."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A command with its key in the outbox: the number of the event that set it off, and its place among that event's.

    ``arrived`` is when that event came to us (nanoseconds UTC, 0 when nobody knows), or, with ``from_candle``, the last bar before
    a decision.
    """

    sequence: int
    place: int
    command: Command
    arrived: int = 0
    from_candle: bool = False


@dataclass(slots=True)
class Work:
    """What some events led to."""

    batch: Batch
    commands: list[Outgoing] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    handled: int = 0


class Kernel:
    """Hands events to the engine and gathers what has to be durable.

    Args:
        engine: set up, and brought to where the journal ends.
        rows: what people read.
        take: gives the next event, None when none waits.
        handled: hears of each event once the engine has handled it.
    """

    def __init__(
        self,
        engine: Engine,
        rows: Rows,
        take: Callable[[], Stamped | None],
        handled: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.engine: Final = engine
        self._rows: Final = rows
        self._take: Final = take
        self._handled: Final = handled
        self._batch = Batch()
        self._binding = False
        self._answered: list[tuple[int, int, int]] = []
        self._bar_came = 0

    def work(self) -> Work:
        """Handle the events that wait, up to a batch of them. ``Work.batch`` is empty while nothing has to be durable yet."""
        work = Work(Batch())
        while work.handled < EVENTS_A_BATCH:
            stamped = self._take()
            if stamped is None:
                # Nothing waits: the events that say what the venue answered are in the batch.
                self._batch.answered += self._answered
                self._answered = []
                break
            self._handle(stamped, work)
        if self._binding or len(self._batch.journal) >= KEPT_BACK:
            work.batch = self.pending()
        return work

    def pending(self) -> Batch:
        """Take everything that waits for a transaction; the caller commits it."""
        batch, self._batch, self._binding = self._batch, Batch(), False
        return batch

    def mark_sent(self, key: tuple[int, int], time: int) -> None:
        """Note that a command left; durable with the next batch."""
        self._batch.sent.append((*key, time))

    def mark_answered(self, key: tuple[int, int], time: int) -> None:
        """Note that a command's fate is known; durable once the events are that say it, and not before."""
        self._answered.append((*key, time))

    @property
    def has_pending(self) -> bool:
        """Whether something waits for the next transaction."""
        return not self._batch.is_empty

    def due(self, now: int) -> Event | None:
        """The timer event that the engine waits for, when its time has come."""
        deadline = self.engine.next_deadline()
        return ScheduledTrigger(now, "timer", deadline) if deadline and deadline <= now else None

    def _handle(self, stamped: Stamped, work: Work) -> None:
        event, engine = stamped.event, self.engine
        if isinstance(event, MarketData):
            self._bar_came = event.time
        kind, payload = encode_event(event)
        engine.handle(event)
        batch = self._batch
        batch.journal.append(JournalEntry(stamped.sequence, stamped.time, kind, payload))
        commands, reports = engine.take_commands(), engine.take_reports()
        for place, command in enumerate(commands):
            name, content = encode_command(command)
            batch.outbox.append(OutboxEntry(stamped.sequence, place, name, command.client_order_id, content, stamped.time))
            work.commands.append(Outgoing(stamped.sequence, place, command, *self._arrival(stamped)))
        self._rows.add(batch, stamped, reports)
        self._handled(event)
        work.reports += reports
        work.handled += 1
        self._binding = self._binding or bool(commands) or event.lane not in (LANE_MARKET, LANE_TIMERS)

    def _arrival(self, stamped: Stamped) -> tuple[int, bool]:
        """When what led to a decision came, and whether that was a bar. A slice's own time is that of its bars' close."""
        event = stamped.event
        if isinstance(event, SliceClosed | MarketData):
            return self._bar_came or stamped.time, True
        return min(event.time, stamped.time), False
