"""Bugs on purpose, one by one: each is something that a trading system could get wrong, and the rehearsal has to find it.

A bug is planted into a session that has just been made, around or in place of one of its parts. No part knows of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from algotrader.core.commands import ReplaceOrder
from algotrader.core.events import Event, OrderCancel, OrderEvent, OrderExpired, OrderFill
from algotrader.live import retries
from algotrader.live.enquiry import Enquiry, Question
from algotrader.live.kernel import Outgoing
from algotrader.live.session import Session
from algotrader.live.venue_calls import Use
from algotrader.live.wiring import Wiring
from algotrader.venues.protocols import NotSent, OrderStatus, Unanswered, VenueError

GAP_SECONDS: Final = 8.0
"""How long a stop is away when it is cancelled before the new one is asked for."""


def _wired(session: Session) -> Wiring:
    wired: Wiring = session._wired
    return wired


def _put_in_place(owner: object, name: str, part: object) -> None:
    """Put another part in a part's place, whatever the type checker says to that."""
    setattr(owner, name, part)


def _before_inbox(session: Session, change: Callable[[Event], Event | None]) -> None:
    """Let every event pass by a function on its way into the inbox; None drops it."""
    inbox = _wired(session).inbox
    queue: Any = inbox._queue
    push = queue.push

    class Passing:
        """The inbox's queue with a gate in front."""

        def __len__(self) -> int:
            return len(queue)

        def __getattr__(self, name: str) -> Any:
            return getattr(queue, name)

        def push(self, event: Event) -> None:
            changed = change(event)
            if changed is not None:
                push(changed)

    _put_in_place(inbox, "_queue", Passing())


def skip_the_enquiry(session: Session) -> None:
    """A request without an answer is never asked about."""
    enquiry = _wired(session).enquiry
    _put_in_place(enquiry, "ask", lambda question, after=0.0: None)
    _put_in_place(enquiry, "sweep", lambda orders: None)


def _under_another_id(fill: OrderFill, name: str) -> OrderFill:
    return OrderFill(
        fill.time,
        fill.client_order_id,
        name,
        fill.symbol,
        fill.side,
        fill.price_raw,
        fill.quantity_raw,
        fill.commission,
        fill.venue_order_id,
    )


def count_fills_twice(session: Session) -> None:
    """An execution that is told again counts again."""
    seen: dict[str, int] = {}

    def change(event: Event) -> Event:
        if not isinstance(event, OrderFill) or event.provisional:
            return event
        number = seen[event.fill_id] = seen.get(event.fill_id, 0) + 1
        return event if number == 1 else _under_another_id(event, f"{event.fill_id} again {number}")

    _before_inbox(session, change)


def drop_late_fills(session: Session) -> None:
    """An execution of an order that has ended for us is not booked."""
    orders = session.engine.state.orders

    def change(event: Event) -> Event | None:
        order = orders.get(event.client_order_id) if isinstance(event, OrderFill) else None
        return None if order is not None and order.is_final else event

    _before_inbox(session, change)


def cancel_before_replace(session: Session) -> None:
    """The old stop is cancelled first, the new one asked for when that is done."""
    wired = _wired(session)
    broker, clock, take = session.parts.broker, session.clock, wired.executor.take
    waiting: list[asyncio.Task[None]] = []

    async def move(outgoing: Outgoing, command: ReplaceOrder) -> None:
        with contextlib.suppress(VenueError):
            await broker.cancel(command.client_order_id, "", command.symbol)
        await clock.sleep(GAP_SECONDS)
        if not wired.executor._closed:
            take(outgoing)

    def taking(outgoing: Outgoing) -> None:
        if isinstance(outgoing.command, ReplaceOrder):
            waiting.append(asyncio.create_task(move(outgoing, outgoing.command)))
        else:
            take(outgoing)

    _put_in_place(wired.executor, "take", taking)


def absence_is_rejection(session: Session) -> None:
    """An order that the venue does not know when it is asked for the first time is taken for rejected."""
    enquiry: Enquiry = _wired(session).enquiry

    async def denied(question: Question, asked: int) -> bool:
        old: OrderStatus | None = None
        if question.old_leg:
            old = await enquiry._order(question.old_leg, question.symbol)
        return enquiry._absent(question, old)

    _put_in_place(enquiry, "_denied", denied)


def forget_stops_after_restart(session: Session) -> None:
    """A restarted session does not know where its stops should be."""
    if not session.recovered.replayed and not session.recovered.snapshot_time:
        return
    for holding in session.engine.state.holdings.values():
        holding.stop_raw = 0


def send_entries_again(session: Session) -> None:
    """An entry without an answer is sent again instead of asked about."""
    calls = _wired(session).calls
    policy = replace(retries.SUBMIT, again=(NotSent, Unanswered))
    _put_in_place(calls, "uses", replace(calls.uses, entry=Use(calls.uses.entry.rank, calls.uses.entry.timeout, policy)))


def ignore_unanswered_after_restart(session: Session) -> None:
    """What the last process asked for and had no answer to is forgotten."""
    session.recovered.open_commands.clear()


def send_before_commit(session: Session) -> None:
    """Commands leave before the batch that they belong to is durable."""
    consumer: Any = _wired(session).consumer
    commit, send = consumer._commit, consumer._send
    sent: dict[tuple[int, int], None] = {}

    def once(outgoing: Outgoing) -> None:
        key = (outgoing.sequence, outgoing.place)
        if key not in sent:
            sent[key] = None
            send(outgoing)

    async def early(work: Any) -> None:
        for outgoing in work.commands:
            once(outgoing)
        # Long enough for the request to be at the venue.
        await session.clock.sleep(0.5 if work.commands else 0.0)
        await commit(work)

    _put_in_place(consumer, "_commit", early)
    _put_in_place(consumer, "_send", once)


def never_watch(session: Session) -> None:
    """Nobody looks for what the stream has lost, neither the watch nor a comparison, until the session ends."""
    wired = _wired(session)

    async def nothing() -> None:
        await asyncio.Event().wait()

    _put_in_place(wired.watch, "run", nothing)
    _put_in_place(wired.reconciler, "run", nothing)


def lose_ends(session: Session) -> None:
    """The ends of orders that reduce a position are dropped: executions count, a cancel that worked is waited for for ever."""
    state = session.engine.state

    def change(event: Event) -> Event | None:
        order = state.orders.get(event.client_order_id) if isinstance(event, OrderEvent) else None
        ends = isinstance(event, OrderCancel | OrderExpired)
        return None if ends and order is not None and not order.is_final and order.request.reduce_only else event

    _before_inbox(session, change)


PLANTED: Final[dict[str, Callable[[Session], None]]] = {
    "skip-the-enquiry": skip_the_enquiry,
    "count-fills-twice": count_fills_twice,
    "drop-late-fills": drop_late_fills,
    "cancel-before-replace": cancel_before_replace,
    "absence-is-rejection": absence_is_rejection,
    "forget-stops-after-restart": forget_stops_after_restart,
    "send-entries-again": send_entries_again,
    "ignore-unanswered-after-restart": ignore_unanswered_after_restart,
    "send-before-commit": send_before_commit,
    "never-watch": never_watch,
    "lose-ends": lose_ends,
}
"""Every bug by its name."""
