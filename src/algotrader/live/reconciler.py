"""Asks the venue for everything, lets it be compared with our books, and puts what settles the differences into the inbox.

It does so at a start, every five minutes, after reconnects and after large executions, and once more shortly afterwards while a
difference waits for what is under way. Orders that the venue does not list are asked for by their ids; only a second denial, a
while after the first, with a healthy stream, counts as proof that they never were.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from algotrader.core.engine import Engine
from algotrader.core.events import (
    AccountSnapshot,
    ConnectionChanged,
    Event,
    OrderCancel,
    OrderFill,
    SubmitFailed,
    SystemError,
)
from algotrader.core.orders import Order
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.comparison import GRACE_NS, compare
from algotrader.live.findings import Agreement, ReconciliationReport, Strategy
from algotrader.venues.protocols import (
    AccountPicture,
    Broker,
    NotSent,
    OrderStatus,
    Throttled,
    Unanswered,
    VenueError,
)

T = TypeVar("T")

MOST_LOOKS: Final = 5
"""So many second looks follow each other; what waits for longer is looked at in the usual rhythm."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a reconciler asks, and how patiently. All times are seconds.

    Attributes:
        interval: between two comparisons.
        second_look: until the next one while a difference waits.
        timeout: for one question; ``pauses`` are the waits between its attempts.
        lookback: how far back orders and executions are asked for.
        denial_gap: between two denials that together prove absence.
        large_fill: share of equity from which on an execution calls for a comparison.
    """

    interval: float = 300.0
    second_look: float = 11.0
    timeout: float = 10.0
    pauses: tuple[float, ...] = (1.0, 2.0)
    lookback: float = 24 * 3600.0
    denial_gap: float = 10.0
    large_fill: Decimal = Decimal("0.05")


class Reconciler:
    """Keeps our books and the venue's together.

    Args:
        broker: of the account.
        engine: read only; what has to change goes through ``put``.
        clock: of the session.
        put: lets an event wait in the inbox.
        quiet: tells that no event waits in the inbox, so that what was told cannot be overtaken by what is inferred.
        agreement: how differences are settled; ``change`` replaces it at run time.
        tell: hears of every report.
        rhythm: when it asks.
    """

    def __init__(
        self,
        broker: Broker,
        engine: Engine,
        clock: Clock,
        put: Callable[[Event], None],
        quiet: Callable[[], bool],
        agreement: Agreement | None = None,
        tell: Callable[[ReconciliationReport, str], None] | None = None,
        rhythm: Rhythm | None = None,
    ) -> None:
        self._broker: Final = broker
        self._engine: Final = engine
        self._clock: Final = clock
        self._put: Final = put
        self._quiet: Final = quiet
        self._tell: Final = tell
        self._rhythm: Final = rhythm or Rhythm()
        self.agreement = agreement or Agreement()
        self._wanted: Final = asyncio.Event()
        self._reason = ""
        self._connected_since = clock.now()
        self._denials: Final[dict[str, int]] = {}
        self._denied_now: Final[list[str]] = []
        self._looks = 0
        self.last: ReconciliationReport | None = None

    def change(self, strategy: Strategy | None = None, cash_tolerance: Decimal | None = None, consent: bool = False) -> None:
        """Settle differences in another way from the next comparison on.

        Raises:
            ValueError: see ``Agreement``.
        """
        now = self.agreement
        self.agreement = replace(
            now,
            strategy=now.strategy if strategy is None else strategy,
            cash_tolerance=now.cash_tolerance if cash_tolerance is None else cash_tolerance,
            consent=consent or now.consent,
        )

    def ask(self, reason: str) -> None:
        """Want a comparison soon."""
        self._reason = self._reason or reason
        self._wanted.set()

    def notice(self, event: Event) -> None:
        """Hear of an event that was handled; a reconnect or a large execution calls for a comparison."""
        if isinstance(event, ConnectionChanged):
            self._connected_since = self._clock.now() if event.connected else 0
            self._denials.clear()
            if event.connected:
                self.ask("reconnected")
        elif isinstance(event, OrderFill) and not event.provisional:
            track = self._engine.state.by_symbol.get(event.symbol)
            if track is not None:
                value = Decimal(track.instrument.notional(event.price_raw, event.quantity_raw))
                if value >= self._rhythm.large_fill * max(self._engine.state.equity(), 0):
                    self.ask("large execution")

    async def run(self) -> None:
        """Compare whenever it is time, for ever. What the venue does not answer is told and tried again the next time."""
        while True:
            reason = await self._next()
            try:
                await self.reconcile(reason)
            except (VenueError, TimeoutError) as error:
                message = f"no answer to a reconciliation ({reason}): {str(error) or type(error).__name__}"
                self._put(SystemError(self._clock.now(), "reconciliation", message, "error"))

    async def _next(self) -> str:
        waits = self.last is not None and bool(self.last.waiting or self.last.missing) and self._looks < MOST_LOOKS
        self._looks = self._looks + 1 if waits else 0
        pause = self._rhythm.second_look if waits else self._rhythm.interval
        try:
            async with asyncio.timeout(self._clock.seconds(pause)):
                await self._wanted.wait()
        except TimeoutError:
            return "second look" if waits else "interval"
        reason, self._reason = self._reason, ""
        self._wanted.clear()
        return reason

    async def start(self, looks: int = 3) -> ReconciliationReport:
        """Compare at a start: no request is under way, and what waits is looked at again a few times.

        Raises:
            VenueError, TimeoutError: the venue does not answer; the session cannot start.
        """
        report = await self.reconcile("start", grace_ns=0)
        for _ in range(looks - 1):
            if not report.waiting and not report.missing:
                break
            await self._clock.sleep(self._rhythm.second_look)
            report = await self.reconcile("start", grace_ns=0)
        return report

    async def reconcile(self, reason: str, grace_ns: int | None = None) -> ReconciliationReport:
        """Ask, compare, and put in what settles the differences. A request under way takes the machine's own time.

        Raises:
            VenueError, TimeoutError: the venue does not answer, or the inbox does not come to rest.
        """
        if grace_ns is None:
            grace_ns = round(self._clock.patience(GRACE_NS / NS_PER_SECOND) * NS_PER_SECOND)
        picture = await self.picture()
        picture = await self._with_missing(picture, grace_ns)
        await self._until_quiet()
        state, now = self._engine.state, self._clock.now()
        account = picture.account
        waited = self.last.waiting if self.last is not None else {}
        report = compare(state, picture, self.agreement, now, waited, grace_ns)
        self._put(AccountSnapshot(now, account.equity, account.cash, account.buying_power, account.currency))
        for event in [*report.events, *self._proven(report, now)]:
            self._put(event)
        self._alert(report, reason, now)
        self.last = report
        if self._tell is not None:
            self._tell(report, reason)
        return report

    def _alert(self, report: ReconciliationReport, reason: str, now: int) -> None:
        """Tell loudly what differs; entries are halted by the agreement only, not by how loud it is."""
        if not report.total_count:
            return
        message = f"{report.summary} ({reason}): " + "; ".join(str(found) for found in report.all)
        self._put(SystemError(now, "reconciliation", message, "error" if report.alert == "critical" else "warning"))

    async def _until_quiet(self) -> None:
        async with self._clock.timeout(self._rhythm.timeout):
            while not self._quiet():
                await self._clock.sleep(0.01)

    # Questions

    async def picture(self) -> AccountPicture:
        """All that the venue says, asked for at the same time.

        Raises:
            VenueError, TimeoutError: one of the questions got no answer in the end.
        """
        broker, began = self._broker, self._clock.now()
        since = max(began - round(self._rhythm.lookback * NS_PER_SECOND), 0)
        tasks = (
            asyncio.ensure_future(self._patiently(broker.account)),
            asyncio.ensure_future(self._patiently(broker.positions)),
            asyncio.ensure_future(self._patiently(broker.open_orders)),
            asyncio.ensure_future(self._patiently(partial(broker.recent_orders, since))),
            asyncio.ensure_future(self._patiently(partial(broker.fills, since))),
        )
        try:
            account, positions, opened, recent, fills = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return AccountPicture(began, account, tuple(positions), tuple(opened), tuple(recent), tuple(fills))

    async def _patiently(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask again after what may be gone the next time."""
        for pause in self._rhythm.pauses:
            try:
                return await self._once(question)
            except Throttled as error:
                await self._clock.sleep(pause if error.retry_after is None else error.retry_after)
            except (NotSent, Unanswered, TimeoutError):
                await self._clock.sleep(pause)
        return await self._once(question)

    async def _once(self, question: Callable[[], Awaitable[T]]) -> T:
        async with self._clock.timeout(self._rhythm.timeout):
            return await question()

    # Orders that the venue does not list

    async def _with_missing(self, picture: AccountPicture, grace_ns: int) -> AccountPicture:
        """Ask by its id for each order that we take for alive and the lists do not have."""
        state = self._engine.state
        missing = compare(state, picture, self.agreement, self._clock.now(), {}, grace_ns).missing
        found: list[OrderStatus] = []
        self._denied_now.clear()
        for leg_id in missing:
            order = state.orders[leg_id]
            asked = self._clock.now()
            try:
                status = await self._patiently(partial(self._broker.order, leg_id, order.symbol))
            except (VenueError, TimeoutError):
                continue
            if status is not None:
                found.append(status)
                self._denials.pop(leg_id, None)
            else:
                self._denials.setdefault(leg_id, asked)
                self._denied_now.append(leg_id)
        return replace(picture, recent_orders=(*picture.recent_orders, *found)) if found else picture

    def _proven(self, report: ReconciliationReport, now: int) -> list[Event]:
        """Orders that were denied twice, long enough apart, with a healthy stream: they are not at the venue."""
        gap = round(self._rhythm.denial_gap * NS_PER_SECOND)
        proven: list[Event] = []
        for leg_id in [name for name in self._denials if name not in report.missing]:
            del self._denials[leg_id]
        for leg_id in self._denied_now:
            first = self._denials.get(leg_id, now)
            healthy = self._connected_since and self._connected_since <= first and self._engine.state.connected
            if healthy and report.time - first >= gap and report.strategy is not Strategy.WARN_ONLY:
                del self._denials[leg_id]
                report.missing.remove(leg_id)
                proven.append(_absent(self._engine.state.orders[leg_id], leg_id, now))
        return proven


def _absent(order: Order, leg_id: str, now: int) -> Event:
    """What is certain of an order that the venue has denied twice."""
    if order.acknowledged and (order.pending_leg is None or order.pending_leg.leg_id != leg_id):
        return OrderCancel(now, leg_id, "the venue has denied it twice")
    return SubmitFailed(now, leg_id, "the venue has denied it twice")
