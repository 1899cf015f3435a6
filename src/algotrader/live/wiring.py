"""How the parts of a session hang together. Nothing runs in here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from algotrader.core.commands import Command
from algotrader.core.events import Event, MarketData
from algotrader.core.inbox_order import EventQueue
from algotrader.live.account_poll import AccountPoll
from algotrader.live.consumer import Consumer
from algotrader.live.control import Vitals
from algotrader.live.enquiry import Enquiry, settled_by
from algotrader.live.executor import Executor, opens_position
from algotrader.live.feed import Feed, FeedSettings
from algotrader.live.findings import ReconciliationReport
from algotrader.live.inbox import Inbox
from algotrader.live.kernel import Kernel, Outgoing
from algotrader.live.order_stream import START, OrderStream
from algotrader.live.parts import Parts
from algotrader.live.phases import Phases
from algotrader.live.reconciler import Reconciler, Rhythm
from algotrader.live.recovery import Recovered
from algotrader.live.scheduler import Scheduler
from algotrader.live.venue_calls import VenueCalls
from algotrader.live.warmup import WarmUp
from algotrader.live.watch import Watch
from algotrader.storage.codec import decode_command
from algotrader.storage.records import OutboxEntry


class Wiring:
    """The running parts of one session.

    Args:
        parts: what they are made of.
        recovered: where the journal ends.
        vitals: what the session shows of itself.
        settled: waits until everything put so far has been handled and is durable, but not for long.
        drained: waits for the same as long as it takes.
    """

    def __init__(
        self,
        parts: Parts,
        recovered: Recovered,
        vitals: Vitals,
        settled: Callable[[], Awaitable[None]],
        drained: Callable[[], Awaitable[None]],
    ) -> None:
        self.parts: Final = parts
        self._vitals: Final = vitals
        self._settled: Final = settled
        clock, engine, broker = parts.clock, parts.engine, parts.broker
        instruments = list(parts.instruments.values())
        self.inbox: Final = Inbox(clock, EventQueue(recovered.sequence, recovered.time))
        put = self.inbox.put
        self.kernel: Final = Kernel(engine, parts.rows(engine), self.inbox.take, self._handled)
        self.calls: Final = VenueCalls(clock, put, parts.calls, seed=parts.seed)
        self.orders: Final = OrderStream(broker, clock, put, self.compare, vitals, parts.tell, parts.seed)
        self.enquiry: Final = Enquiry(
            broker,
            clock,
            put,
            self.kernel.mark_answered,
            calls=self.calls,
            healthy_since=lambda: self.orders.healthy_since,
            settled=settled_by(engine.state),
        )
        self.feed: Final = Feed(
            parts.source,
            clock,
            put,
            instruments,
            parts.bar_seconds,
            tell=parts.tell,
            vitals=vitals,
            settings=FeedSettings().following(clock, parts.bar_seconds),
            seed=parts.seed,
        )
        self.executor: Final = Executor(
            broker,
            clock,
            put,
            self.kernel.mark_sent,
            self.kernel.mark_answered,
            calls=self.calls,
            enquiry=self.enquiry,
            request_bars=self.feed.request,
            opens=opens_position(engine.state),
        )
        self.consumer: Final = Consumer(
            clock,
            self.inbox,
            self.kernel,
            parts.writer,
            self._send,
            parts.told,
            vitals,
            parts.build,
            parts.snapshot_seconds,
            parts.at,
        )
        if parts.observers is not None:
            self.consumer.measure = parts.observers.handled
        self.watch: Final = Watch(broker, self.calls, clock, put, engine.state, self.enquiry, parts.watch_seconds)
        self.money: Final = AccountPoll(broker, self.calls, clock, put, parts.account_seconds)
        rhythm = Rhythm(interval=parts.reconcile_seconds)
        self.reconciler: Final = Reconciler(
            broker, engine, clock, put, lambda: not len(self.inbox), parts.agreement, self._compared, rhythm
        )
        self.scheduler: Final = Scheduler(
            clock, put, tell=parts.tell, grace=clock.patience(parts.misfire_seconds), since=recovered.time
        )
        for name, trigger in parts.schedules:
            self.scheduler.add(name, trigger)
        self.warm_up: Final = WarmUp(parts.source, clock, put, engine, drained, tell=parts.tell)
        self.phases: Final = Phases(
            clock,
            put,
            [instrument.calendar for instrument in instruments],
            delivered=lambda: self.warm_up.delivered,
            settled=self.feed.settled,
            tell=parts.tell,
        )

    def _send(self, outgoing: Outgoing) -> None:
        self.executor.take(outgoing)
        self.parts.sending(outgoing)

    def _handled(self, event: Event) -> None:
        if isinstance(event, MarketData):
            bar = event.bar
            if bar is not None:
                self._vitals.bars += 1
                self._vitals.newest[bar.symbol] = bar
        self.reconciler.notice(event)

    async def compare(self, reason: str) -> None:
        """Compare with the venue, and wait until what was found has been handled.

        Raises:
            VenueError, TimeoutError: the venue does not answer.
        """
        await self._settled()
        await (self.reconciler.start() if reason == START else self.reconciler.reconcile(reason))
        await self._settled()

    def _compared(self, report: ReconciliationReport, reason: str) -> None:
        vitals = self._vitals
        vitals.last_reconciliation = self.parts.clock.now()
        vitals.comparisons += 1
        vitals.differences += report.total_count
        vitals.drift = report.drift

    def ask_again(self, entries: Sequence[OutboxEntry]) -> None:
        """After a restart: ask about the commands that the last process left without an answer."""
        self.enquiry.recover(entries, self._decode, self.feed.request)

    def _decode(self, kind: str, payload: bytes) -> Command:
        return decode_command(kind, payload, self.parts.instruments)

    def resume_feed(self) -> None:
        """Let live data go on where the engine's bars end."""
        for track in self.parts.engine.state.tracks:
            if track.last_open_time:
                self.feed.resume(track.instrument.symbol, track.last_open_time, track.last_time)
