"""The one consumer of the inbox: events through the engine, what follows made durable, and only then commands on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from algotrader.core.reports import Report
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.control import Vitals
from algotrader.live.inbox import Inbox
from algotrader.live.kernel import Kernel, Outgoing, Work
from algotrader.live.writer import Writer
from algotrader.storage.records import REGULAR, SnapshotRow
from algotrader.storage.snapshots import Kept, freeze

FLUSH_NS: Final = NS_PER_SECOND
"""How long an event without consequences may wait for a transaction."""

EQUITY_CHANGE: Final = 10
"""A snapshot is taken when equity has changed by more than a part in so many since the last one."""

URGENT_PATIENCE: Final = 2
"""Commands do not wait for a snapshot until the last one is so many times older than it should be."""

BEFORE_COMMIT: Final = "before commit"
AFTER_COMMIT: Final = "after commit"
HANDED_OVER: Final = "handed over"
POINTS: Final = (BEFORE_COMMIT, AFTER_COMMIT, HANDED_OVER)
"""Where a rehearsal looks, or lets the process die."""


At = Callable[[str], Awaitable[None]]


async def nothing(point: str) -> None:
    """Do nothing at a point."""


def unmeasured(took: int, events: int) -> None:
    """Measure nothing."""


class Consumer:
    """Works through the inbox.

    Args:
        clock: of the session.
        inbox: where events wait.
        kernel: around the engine.
        writer: commits.
        send: takes a command whose batch is durable; must not block.
        told: hears the engine's reports once they are durable.
        vitals: what the session shows of itself.
        build: names code and parameters in snapshots.
        snapshot_seconds: how often the whole state is stored.
        at: called at ``POINTS``.
    """

    def __init__(
        self,
        clock: Clock,
        inbox: Inbox,
        kernel: Kernel,
        writer: Writer,
        send: Callable[[Outgoing], None],
        told: Callable[[list[Report]], None],
        vitals: Vitals,
        build: str,
        snapshot_seconds: float = 60.0,
        at: At = nothing,
    ) -> None:
        self._clock: Final = clock
        self._inbox: Final = inbox
        self._kernel: Final = kernel
        self._writer: Final = writer
        self._send: Final = send
        self._told: Final = told
        self._vitals: Final = vitals
        self._build: Final = build
        self._snapshot_ns: Final = int(snapshot_seconds * NS_PER_SECOND)
        self._at: Final = at
        self._snapshot_equity = 0
        self._snapshot_sequence = inbox.sequence
        self._kept: Final = Kept()
        self._flush_at = 0
        self.measure: Callable[[int, int], None] = unmeasured
        """Hears how long some events took to be handled, nanoseconds of the session, and how many they were."""

    async def run(self) -> None:
        """Work for ever.

        Raises:
            StoreFailed: nothing can be made durable any more; nothing more may be sent.
        """
        self._vitals.last_snapshot = self._clock.now()
        self._snapshot_equity = self._kernel.engine.state.equity()
        while True:
            await self._inbox.wait(self._wake_at())
            self._vitals.at_work = True
            await self.step()
            self._vitals.at_work = False

    async def step(self) -> None:
        """Handle what waits, and what is due."""
        now = self._clock.now()
        timer = self._kernel.due(now)
        if timer is not None:
            self._inbox.put(timer)
        began = self._clock.now()
        work = self._kernel.work()
        if work.handled:
            self._vitals.events += work.handled
            self.measure(self._clock.now() - began, work.handled)
        if work.batch.is_empty and self._kernel.has_pending:
            self._flush_at = self._flush_at or now + FLUSH_NS
            if self._flush_at <= now:
                work.batch = self._kernel.pending()
        if not work.batch.is_empty:
            await self._commit(work)
        for outgoing in work.commands:
            self._vitals.commands += 1
            self._send(outgoing)
        if work.commands:
            await self._at(HANDED_OVER)
            # The requests leave before anybody writes about them.
            await asyncio.sleep(0)
        if work.reports:
            self._told(work.reports)

    async def snapshot(self, reason: str) -> None:
        """Store the whole state, with everything that was still waiting for a transaction."""
        work = Work(self._kernel.pending())
        work.batch.snapshot = self._snapshot(reason)
        await self._commit(work)

    def _wake_at(self) -> int:
        moments = [self._kernel.engine.next_deadline(), self._flush_at if self._kernel.has_pending else 0]
        return min((moment for moment in moments if moment), default=0)

    async def _commit(self, work: Work) -> None:
        self._flush_at = 0
        if work.batch.snapshot is None and self._wants_snapshot(urgent=bool(work.commands)):
            work.batch.snapshot = self._snapshot(REGULAR)
        await self._at(BEFORE_COMMIT)
        await self._writer.commit(work.batch)
        self._vitals.last_commit = self._clock.now()
        await self._at(AFTER_COMMIT)

    def _wants_snapshot(self, *, urgent: bool) -> bool:
        if self._inbox.sequence == self._snapshot_sequence:
            return False
        if urgent and self._clock.now() - self._vitals.last_snapshot < URGENT_PATIENCE * self._snapshot_ns:
            # It takes longer than everything else; the answers to these commands bring a batch that nobody waits for.
            return False
        equity = self._kernel.engine.state.equity()
        moved = abs(equity - self._snapshot_equity) * EQUITY_CHANGE > abs(self._snapshot_equity)
        return moved or self._clock.now() - self._vitals.last_snapshot >= self._snapshot_ns

    def _snapshot(self, reason: str) -> SnapshotRow:
        engine = self._kernel.engine
        self._vitals.last_snapshot = self._clock.now()
        self._snapshot_equity = engine.state.equity()
        self._snapshot_sequence = self._inbox.sequence
        return SnapshotRow(self._inbox.sequence, self._vitals.last_snapshot, self._build, reason, freeze(engine, self._kept))
