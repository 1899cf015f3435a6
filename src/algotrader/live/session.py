"""A session from start to shutdown: what is started in which order, what runs beside each other, and how it ends.

Start: recovery, gate, order stream (held back), reconciliation, warm-up, and only then trading. Shutdown: no new entries, wait for
orders in flight, drain, verify stops, store everything, let go. Both are the same for paper and live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from algotrader.core.events import BreakerRestored, EntryGate, Event, OperatorCommand
from algotrader.core.reports import CRITICAL, ERROR, INFO, WARNING
from algotrader.core.scaled import from_money
from algotrader.core.state import EXTERNAL
from algotrader.history.hours import Hours
from algotrader.live import control
from algotrader.live.books import profits_today
from algotrader.live.clock import NS_PER_SECOND
from algotrader.live.control import Control, Vitals
from algotrader.live.parts import PAPER, GateClosed, Parts
from algotrader.live.recovery import OTHER_BUILD, REPLAYED, recover
from algotrader.live.supervisor import StopSignal, Supervisor
from algotrader.live.wiring import Wiring
from algotrader.venues.protocols import AccountInfo

IN_FLIGHT_SECONDS: Final = 5.0
"""How long a shutdown waits for orders in flight."""

DRAIN_SECONDS: Final = 2.0
"""How long a shutdown waits for late fills after the last cancel, so that they still get their stop."""

FLATTEN_SECONDS: Final = 180.0

LONG_SECONDS: Final = 3600.0
"""A state that has missed more trading than this is told as old at a start."""

LOOK_SECONDS: Final = 0.05


class Session(Control):
    """One run of one account. ``failure`` is what it died of; None after a good end."""

    def __init__(self, parts: Parts) -> None:
        self.parts: Final = parts
        self.mode = parts.mode
        self.venue = parts.venue
        self.observers = parts.observers
        self.state = control.INITIALIZING
        self.engine = parts.engine
        self.clock = parts.clock
        self.store = parts.store
        self.vitals = Vitals(started=parts.clock.now())
        self.stop: Final = StopSignal()
        self.failure: BaseException | None = None
        self.account: AccountInfo | None = None
        self.recovered = recover(parts.engine, parts.store, parts.build, parts.instruments)
        self._supervisor: Final = Supervisor(parts.clock, self.stop, parts.tell)
        self._wired: Final = Wiring(parts, self.recovered, self.vitals, self._settled, self._drained)
        self._tasks: list[asyncio.Task[None]] = []
        self._feeding: list[asyncio.Task[None]] = []
        self._still: Final = asyncio.Event()
        """Set when the parts that bring data are to end."""

    # ------------------------------------------------------------------ from outside

    def put(self, event: Event) -> None:
        """Let an event wait for its turn."""
        self._wired.inbox.put(event)

    def request_shutdown(self, reason: str, *, flatten: bool = False, anew: bool = False) -> None:
        """Ask for an orderly end; a second request changes nothing but whether another session may follow."""
        self.stop.ask(reason, flatten=flatten or self.parts.flatten, anew=anew)

    @property
    def ends_for_good(self) -> bool:
        """Whether somebody has asked for an end after which no session is to follow."""
        return self.stop.for_good

    @property
    def is_durable(self) -> bool:
        """Whether everything that the engine has handled is in the database."""
        return not self._wired.kernel.has_pending

    async def settle_accounts(self) -> None:
        """Compare with the venue once more, with nothing under way. For rehearsals."""
        await self._wired.compare("settling")

    async def kill(self) -> None:
        """End as a process does that is killed: nothing is cleaned up, nothing more is stored. For rehearsals."""
        await _end([*self._feeding, *self._tasks])
        await self._wired.executor.close(0.0)

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
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.failure = self.failure or error
        await self._shut_down()
        if self.failure is not None:
            raise self.failure

    async def _open(self) -> None:
        calls = self._wired.calls
        await self._unless_stopped(calls.call(calls.uses.opening, self._reach))
        if self.account is None:
            return
        if self.mode == PAPER and not self.account.is_paper:
            raise GateClosed("these keys open a live account; ALGO_BROKER__PAPER asks for paper")
        advice = self.parts.advice(from_money(self.account.equity))
        if advice:
            self._say("database", INFO, advice)
        await self._keep_beginning()
        self.put(EntryGate(self.clock.now(), open=False, reason="starting"))
        self._say("recovered", INFO, f"{self.recovered.how}: {self.recovered.replayed} events replayed")
        self._tell_absence()
        if self.recovered.how == OTHER_BUILD:
            self._say("other_build", WARNING, "code, parameters or symbols have changed: books are kept, strategies warm up anew")
        for note in self.recovered.notes:
            self._say("recovered", WARNING, note)
        # The consumer is not started again: after a failed commit the engine knows more than the database, and only a
        # recovery brings them together.
        self._watch(self._tasks, asyncio.create_task(self._wired.consumer.run(), name="consumer"))
        self._start(self._tasks, "order stream", self._wired.orders.run)
        self._become(control.RECONCILING)

    def _tell_absence(self) -> None:
        """Warn of a state that has missed much; what became of it is for the comparison with the venue, not for a question."""
        if not self.recovered.time:
            return
        calendars = dict.fromkeys(instrument.calendar for instrument in self.parts.instruments.values())
        missed = max(Hours(each).trading_between(self.recovered.time, self.clock.now()) for each in calendars) / NS_PER_SECOND
        if missed > LONG_SECONDS:
            self._say("old_state", WARNING, f"{missed / 3600:.1f} hours of trading went by without us")

    async def _keep_beginning(self) -> None:
        """Store the state that a replay of this build can begin with, before it has handled its first event."""
        if self.recovered.how != REPLAYED:
            await self._wired.consumer.snapshot("start")

    async def _reach(self) -> None:
        """Connect and ask who we are: one request, since a connection may break before the answer."""
        await self.parts.broker.connect()
        self.account = await self.parts.broker.account()
        await self.parts.source.connect()

    async def _prepare(self) -> None:
        """Compare with the venue, then bring the strategies up to date."""
        await self._unless_stopped(self._wired.orders.ready.wait())
        if self.stop.is_set:
            return
        self._wired.ask_again(self.recovered.open_commands)
        self._adopt()
        self._become(control.WARMING_UP)
        await self._unless_stopped(self._wired.warm_up.run(self.stop.event))
        self._restore_breaker()
        await self._drained()

    def _adopt(self) -> None:
        """Look after what others hold, as the settings have it; what is looked after already stays so."""
        state = self.engine.state
        for symbol, mode in self.parts.adopt.items():
            track = state.by_symbol.get(symbol)
            if track is None:
                self._say("adopt", WARNING, f"{symbol} is to be adopted, and nothing follows it")
                continue
            holding = state.holdings.get((EXTERNAL, track.index))
            if holding is None or holding.adopted != mode:
                self.put(OperatorCommand(self.clock.now(), "adopt", "settings", "reconciliation.adopt", symbol, mode=mode))

    def _restore_breaker(self) -> None:
        """The day that strategies have warmed up with began anew for the breaker too: it is counted again from today's trades."""
        state, now = self.engine.state, self.clock.now()
        session = state.tracks[0].session if state.tracks else None
        if self.recovered.how != OTHER_BUILD or session is None or not session.open_time <= now < session.close_time:
            return
        profits = profits_today(self.engine, session.open_time)
        same_day = self.recovered.day_open == session.open_time
        self.put(BreakerRestored(now, profits, self.recovered.day_equity if same_day else 0))

    def _trade(self) -> None:
        wired = self._wired
        self._become(control.RUNNING)
        wired.phases.start()
        self.put(EntryGate(self.clock.now(), open=True, reason="running"))
        wired.resume_feed()
        self._start(self._feeding, "session phases", lambda: wired.phases.run(self._still))
        self._start(self._feeding, "scheduler", lambda: wired.scheduler.run(self._still))
        self._start(self._feeding, "bar stream", lambda: wired.feed.run(self._still))
        self._start(self._tasks, "watch", wired.watch.run)
        self._start(self._tasks, "account", wired.money.run)
        self._start(self._tasks, "reconciliation", wired.reconciler.run)

    # ------------------------------------------------------------------ shutdown

    async def _shut_down(self) -> None:
        """Leave everything in good order; what cannot be done any more is told."""
        self._become(control.SHUTTING_DOWN)
        self._still.set()
        if self._consumer_lives():
            await self._wind_down()
        await _end(self._feeding)
        left = await self._wired.executor.close(self.clock.patience(IN_FLIGHT_SECONDS))
        if left:
            self._say("orders_in_flight", WARNING, f"without an answer; asked about at the next start: {', '.join(left)}")
        await _end(self._tasks[1:])
        if self._consumer_lives():
            await self._settled()
            await _end(self._tasks)
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
        busy = bool(self._unfinished())
        await self._until(lambda: not self._unfinished(), FLATTEN_SECONDS if self.stop.flatten else IN_FLIGHT_SECONDS)
        if busy:
            await self.clock.sleep(DRAIN_SECONDS)
        await self._settled()
        for holding in self.engine.state.holdings.values():
            fault = self.engine.protection.breach(holding, patient=False) if holding.is_ours else ""
            if fault:
                self._say("position_without_stop", CRITICAL, fault)

    def _unfinished(self) -> list[str]:
        """Orders that wait for an answer; with a flatten, positions that are still open too."""
        state = self.engine.state
        waiting = [order.client_order_id for order in state.live_orders.values() if order.request_in_flight]
        if self.stop.flatten:
            waiting += [
                holding.instrument.symbol for holding in state.holdings.values() if holding.is_ours and holding.quantity_raw
            ]
        return waiting

    async def _store_all(self) -> None:
        try:
            await self._wired.consumer.step()
            await self._wired.consumer.snapshot("shutdown")
        except Exception as error:
            # The journal has everything; the snapshot only saves time at the next start.
            self._say("snapshot_failed", ERROR, str(error))
            self.failure = self.failure or error

    # ------------------------------------------------------------------ helpers

    async def _settled(self) -> None:
        """Wait until the inbox is empty and what came out of it is durable."""
        wired = self._wired
        await self._until(lambda: not len(wired.inbox) and not self.vitals.at_work, IN_FLIGHT_SECONDS)

    async def _drained(self) -> None:
        """Wait as long as it takes until the inbox is empty: what comes next must not overtake what is in there."""
        wired = self._wired
        while (len(wired.inbox) or self.vitals.at_work) and self._consumer_lives() and not self.stop.is_set:
            await self.clock.sleep(LOOK_SECONDS)

    async def _until(self, reached: Callable[[], bool], seconds: float) -> None:
        end = self.clock.now() + int(self.clock.patience(seconds) * NS_PER_SECOND)
        while not reached() and self.clock.now() < end and self._consumer_lives():
            await self.clock.sleep(LOOK_SECONDS)

    async def _unless_stopped(self, work: Coroutine[Any, Any, Any]) -> None:
        """Wait for something, but not beyond a request to stop."""
        task, stop = asyncio.create_task(work), asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            task.cancel()
            await asyncio.wait((task, stop))
        if not task.cancelled():
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
        self._say(control.ENGINE_STATE, INFO, state)

    def _say(self, kind: str, level: str, message: str) -> None:
        self.parts.tell(kind, level, "", message)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them; what they died of has been told."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
