"""A session from start to shutdown: what is started in which order, what runs beside each other, and how it ends.

Start: recovery, gate, order stream (held back), reconciliation, warm-up, and only then trading. Shutdown: no new entries, wait for
orders in flight, drain, verify stops, store everything, let go. Both are the same for paper and live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from algotrader.core.events import EntryGate, Event, OperatorCommand
from algotrader.core.inbox_order import EventQueue
from algotrader.core.reports import CRITICAL, ERROR, INFO, WARNING
from algotrader.live import control
from algotrader.live.consumer import Consumer
from algotrader.live.control import Control, Vitals
from algotrader.live.executor import Executor
from algotrader.live.feed import Feed
from algotrader.live.inbox import Inbox
from algotrader.live.kernel import Kernel
from algotrader.live.order_stream import OrderStream
from algotrader.live.parts import PAPER, GateClosed, Parts
from algotrader.live.phases import Phases
from algotrader.live.reconciler import Reconciler
from algotrader.live.recovery import OTHER_BUILD, recover
from algotrader.live.supervisor import StopSignal, Supervisor
from algotrader.live.warmup import WarmUp
from algotrader.venues.protocols import AccountInfo, VenueError

IN_FLIGHT_SECONDS: Final = 5.0
"""How long a shutdown waits for orders in flight."""

DRAIN_SECONDS: Final = 2.0
"""How long a shutdown waits for late fills after the last cancel, so that they still get their stop."""

FLATTEN_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.05


class Session(Control):
    """One run of one account. ``failure`` is what it died of; None after a good end."""

    def __init__(self, parts: Parts) -> None:
        self.parts: Final = parts
        self.mode = parts.mode
        self.state = control.INITIALIZING
        self.engine = parts.engine
        self.clock = parts.clock
        self.store = parts.store
        self.vitals = Vitals(started=parts.clock.now())
        self.stop: Final = StopSignal()
        self.failure: BaseException | None = None
        self.account: AccountInfo | None = None
        self.recovered = recover(parts.engine, parts.store, parts.build, parts.instruments)
        self._tasks: list[asyncio.Task[None]] = []
        self._feeding: list[asyncio.Task[None]] = []
        self._wire()

    def _wire(self) -> None:
        """Put together what runs; nothing of it does yet."""
        parts, clock = self.parts, self.clock
        self._supervisor = Supervisor(clock, self.stop, parts.tell)
        self._inbox = Inbox(clock, EventQueue(self.recovered.sequence, self.recovered.time))
        self._kernel = Kernel(parts.engine, parts.rows, self._inbox.take)
        self._executor = Executor(parts.broker, clock, self.put, self._kernel.mark_sent, self._kernel.mark_answered)
        self._consumer = Consumer(
            clock,
            self._inbox,
            self._kernel,
            parts.writer,
            self._executor.take,
            parts.told,
            self.vitals,
            parts.build,
            parts.snapshot_seconds,
            parts.at,
        )
        self._reconciler = Reconciler(parts.broker, clock, self.put, parts.engine.state)
        self._orders = OrderStream(parts.broker, clock, self.put, self._reconcile, self.vitals, parts.tell)
        self._feed = Feed(parts.source, clock, self.put, parts.instruments)
        self._warm_up = WarmUp(parts.source, clock, self.put, parts.engine)
        self._phases = Phases(clock, self.put, parts.instruments)

    # ------------------------------------------------------------------ from outside

    def put(self, event: Event) -> None:
        """Let an event wait for its turn."""
        self._inbox.put(event)

    def request_shutdown(self, reason: str, *, flatten: bool = False) -> None:
        """Ask for an orderly end; a second request changes nothing."""
        self.stop.ask(reason, flatten=flatten)

    def kill(self) -> None:
        """End as a process does that is killed: nothing is cleaned up, nothing more is stored. For rehearsals."""
        for task in [*self._tasks, *self._feeding]:
            task.cancel()
        self._executor.kill()

    # ------------------------------------------------------------------ life

    async def run(self) -> None:
        """From start to shutdown.

        Raises:
            GateClosed: this account may not be traded in this mode.
            VenueError: the venue cannot be reached, or refuses the keys.
            StoreFailed: nothing can be made durable any more.
        """
        try:
            await self._open()
            if not self.stop.is_set:
                await self._prepare()
            if not self.stop.is_set:
                self._trade()
            await self.stop.wait()
        finally:
            await self._shut_down()
        if self.failure is not None:
            raise self.failure

    async def _open(self) -> None:
        await self.parts.broker.connect()
        self.account = await self.parts.broker.account()
        if self.mode == PAPER and not self.account.is_paper:
            raise GateClosed("the account is a live one and the session is for paper trading (broker.paper, ALGO_BROKER__PAPER)")
        await self.parts.source.connect()
        self.put(EntryGate(self.clock.now(), open=False, reason="starting"))
        self._say("recovered", INFO, f"{self.recovered.how}: {self.recovered.replayed} events replayed")
        if self.recovered.how == OTHER_BUILD:
            self._say("other_build", WARNING, "code or parameters have changed: strategies warm up anew")
        # The consumer is not started again: after a failed commit the engine knows more than the database, and only a
        # recovery brings them together.
        self._watch(self._tasks, asyncio.create_task(self._consumer.run(), name="consumer"))
        self._start(self._tasks, "order stream", self._orders.run)

    async def _prepare(self) -> None:
        """Compare with the venue, then bring the strategies up to date."""
        self._become(control.RECONCILING)
        await self._unless_stopped(self._orders.ready.wait())
        if self.stop.is_set:
            return
        self._become(control.WARMING_UP)
        await self._unless_stopped(self._warm_up.run())
        await self._settled()

    def _trade(self) -> None:
        self._become(control.RUNNING)
        self.put(EntryGate(self.clock.now(), open=True, reason="running"))
        self._start(self._feeding, "phases", self._phases.run)
        self._start(self._feeding, "bar stream", self._feed.run)
        self._start(self._tasks, "reconciliation", self._compare_regularly)

    # ------------------------------------------------------------------ shutdown

    async def _shut_down(self) -> None:
        """Leave everything in good order; what cannot be done any more is told."""
        self._become(control.SHUTTING_DOWN)
        await _end(self._feeding)
        if self._consumer_lives():
            await self._wind_down()
        await self._executor.close(IN_FLIGHT_SECONDS)
        alive = self._consumer_lives()
        await _end(self._tasks)
        if alive:
            await self._store_all()
        await self.parts.source.disconnect()
        await self.parts.broker.disconnect()
        self.parts.writer.close()
        self._become(control.STOPPED)

    async def _wind_down(self) -> None:
        """No new entries; exits and stops go on until nothing is in flight."""
        reason = self.stop.reason or "shutdown"
        self.put(EntryGate(self.clock.now(), open=False, reason=reason))
        if self.stop.flatten:
            self.put(OperatorCommand(self.clock.now(), "flatten", "shutdown", reason))
        await self._settled()
        busy = bool(self.engine.state.live_entries())
        limit = FLATTEN_SECONDS if self.stop.flatten else IN_FLIGHT_SECONDS
        await self._until(lambda: not self._unfinished(), limit)
        left = self._unfinished()
        if left:
            self._say("orders_in_flight", WARNING, f"still without an answer: {', '.join(left)}")
        if busy or left:
            await self.clock.sleep(DRAIN_SECONDS)
        await self._settled()
        for fault in self.engine.unprotected():
            self._say("position_without_stop", CRITICAL, fault)

    def _unfinished(self) -> list[str]:
        """Orders that wait for an answer; with a flatten, positions that are still open too."""
        state = self.engine.state
        waiting = [order.client_order_id for order in state.live_orders.values() if order.request_in_flight]
        if self.stop.flatten:
            waiting += [holding.instrument.symbol for holding in state.holdings.values() if holding.slot and holding.quantity_raw]
        return waiting

    async def _store_all(self) -> None:
        try:
            await self._consumer.step()
            await self._consumer.snapshot("shutdown")
        except Exception as error:
            # The journal has everything; the snapshot only saves time at the next start.
            self._say("snapshot_failed", ERROR, str(error))
            self.failure = self.failure or error

    # ------------------------------------------------------------------ helpers

    async def _compare_regularly(self) -> None:
        while True:
            await self.clock.sleep(self.parts.reconcile_seconds)
            await self._reconcile("regular")

    async def _reconcile(self, reason: str) -> None:
        await self._reconciler.run(reason)
        self.vitals.last_reconciliation = self.clock.now()
        await self._settled()

    async def _settled(self) -> None:
        """Wait until the inbox is empty and what came out of it is durable."""
        await self._until(lambda: not len(self._inbox) and not self._consumer.working, IN_FLIGHT_SECONDS)

    async def _until(self, reached: Callable[[], bool], seconds: float) -> None:
        end = self.clock.now() + int(seconds * 1e9)
        while not reached() and self.clock.now() < end and self._consumer_lives():
            await self.clock.sleep(LOOK_SECONDS)

    async def _unless_stopped(self, work: Coroutine[Any, Any, Any]) -> None:
        """Wait for something, but not beyond a request to stop."""
        task, stop = asyncio.create_task(work), asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
        if task.done() and not task.cancelled():
            task.result()

    def _start(self, tasks: list[asyncio.Task[None]], name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._watch(tasks, asyncio.create_task(self._supervisor.keep(name, work), name=name))

    def _watch(self, tasks: list[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        task.add_done_callback(self._ended)
        tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()
            self.stop.ask(f"{task.get_name()}: {task.exception()}")

    def _consumer_lives(self) -> bool:
        return bool(self._tasks) and not self._tasks[0].done()

    def _become(self, state: str) -> None:
        self.state = state
        self._say("engine_state", INFO, state)

    def _say(self, kind: str, level: str, message: str) -> None:
        self.parts.tell(kind, level, message)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them; what they died of has been told."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
