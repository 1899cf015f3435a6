"""Settles what nobody knows: asks the venue for an order until there is a positive answer, for as long as it takes.

Absence is proof only when the venue denies the order twice, ten seconds apart, with our order stream healthy all that time and no
execution of it in the venue's records. Entries are never sent again. Where a venue refuses ids that it has ever seen, protective
orders and exits are sent again at once under their own id: whatever comes back is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from algotrader.core.commands import REFUSED_DUPLICATE, CancelOrder, Command, ReplaceOrder, RequestBars, SubmitOrder
from algotrader.core.events import Event, OrderAccepted, OrderCancel, OrderFateUnknown, OrderReplaced, ReplaceRejected, SubmitFailed
from algotrader.core.orders import Leg, Order, OrderState
from algotrader.core.state import EngineState
from algotrader.live.answers import answer_to_replace, answer_to_submit, chain_of, ending, executions, is_over, subject
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.retries import Retries
from algotrader.live.tasks import KeptTasks
from algotrader.live.venue_calls import VenueCalls
from algotrader.storage.records import OutboxEntry
from algotrader.venues.protocols import Broker, OrderStatus, Refused, VenueError, VenueFill

Key = tuple[int, int]
"""What tells a command in the outbox: the number of the event that set it off, and its place among that event's."""

ABOUT_SUBMIT: Final = "submit"
ABOUT_CANCEL: Final = "cancel"
ABOUT_REPLACE: Final = "replace"
ABOUT_ORDER: Final = "order"

ENDED: Final = "ended"

APART_NS: Final = 10 * NS_PER_SECOND
"""Two denials prove absence only when they are so far apart."""

RESEND_NS: Final = 60 * NS_PER_SECOND
"""A protective order older than this is not sent again under its id: the position may be another by now."""

CLOCKS_NS: Final = 600 * NS_PER_SECOND
"""How far the venue's clock may be from ours when executions are asked for by time."""

MISSING_ROUNDS: Final = 3
"""How often the executions of an order that is over are asked for when the venue's records are behind its own count."""


@dataclass(slots=True)
class Question:
    """What is asked about ``leg``, and what is known so far.

    ``old_leg`` is the leg that a replacement was to take the place of; ``acknowledged``: the venue has confirmed the order before;
    ``exists``: the venue has shown that it knows the id; ``over``: it works the order no more; ``since``: our clock when the
    request was made or before.
    """

    about: str
    leg: str
    symbol: str
    since: int
    old_leg: str = ""
    command: Command | None = None
    key: Key | None = None
    acknowledged: bool = False
    exists: bool = False
    over: bool = False
    denied: int = 0
    short: int = 0
    ask_first: bool = False
    told: dict[str, None] = field(default_factory=dict)


def settled_by(state: EngineState) -> Callable[[str, str], bool]:
    """Tells what the engine knows of an order's leg by the time it is asked."""

    def settled(about: str, leg: str) -> bool:
        order = state.orders.get(leg)
        if order is None or about == ABOUT_REPLACE:
            # A replacement may work at the venue although the order has ended for us.
            return order is not None and not order.is_unknown and all(known.leg_id != leg for known in _in_doubt(order))
        if order.is_final or order.is_unknown or about == ENDED:
            return order.is_final
        return order.acknowledged if about == ABOUT_SUBMIT else not order.cancel_in_flight

    return settled


def _in_doubt(order: Order) -> list[Leg]:
    """The legs of which nobody knows whether the venue made them."""
    abandoned = [leg for leg in order.legs if leg.abandoned]
    return abandoned if order.pending_leg is None else [*abandoned, order.pending_leg]


class Enquiry:
    """Asks until every question is settled.

    Args:
        broker: who is asked.
        clock: of the session.
        put: takes the events that follow.
        mark_answered: told the outbox key and the time when a command's fate is known; see ``Executor``.
        calls: the door to the venue.
        healthy_since: since when the order stream has been healthy (our clock), 0 while it is not.
        settled: tells whether the engine knows by other ways what a question (``ABOUT_…``, ``ENDED``) about a leg would tell.
    """

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        put: Callable[[Event], None],
        mark_answered: Callable[[Key, int], None],
        *,
        calls: VenueCalls,
        healthy_since: Callable[[], int],
        settled: Callable[[str, str], bool] = lambda about, leg: False,
    ) -> None:
        self._broker: Final = broker
        self._clock: Final = clock
        self._put: Final = put
        self._mark_answered: Final = mark_answered
        self._calls: Final = calls
        self._healthy_since: Final = healthy_since
        self._settled: Final = settled
        self._tasks: Final = KeptTasks(clock, put)
        self._open: Final[list[Question]] = []

    @property
    def open(self) -> list[str]:
        """The ids that are asked about now."""
        return [question.leg for question in self._open]

    def question(self, command: Command, since: int, key: Key | None) -> Question:
        """The question that a request without an answer raises."""
        if isinstance(command, ReplaceOrder):
            return Question(ABOUT_REPLACE, subject(command), command.symbol, since, command.client_order_id, command, key, True)
        if isinstance(command, SubmitOrder):
            return Question(ABOUT_SUBMIT, command.client_order_id, command.request.symbol, since, "", command, key)
        symbol = command.symbol if isinstance(command, CancelOrder) else ""
        return Question(ABOUT_CANCEL, command.client_order_id, symbol, since, "", command, key, True)

    def is_settled(self, command: Command) -> bool:
        """Whether the engine knows already what became of a request: the order stream was faster than the answer."""
        return self._settled(self.question(command, 0, None).about, subject(command))

    def ask(self, question: Question, after: float = 0.0) -> None:
        """Ask until it is settled, beginning after so many seconds; returns at once."""
        self._open.append(question)
        self._tasks.start(self._settle(question, after), question.leg)

    def recover(
        self,
        entries: Sequence[OutboxEntry],
        decode: Callable[[str, bytes], Command],
        request_bars: Callable[[RequestBars], None],
    ) -> None:
        """After a restart: ask about every command that was left without an answer. The order stream is open already."""
        for entry in entries:
            command = decode(entry.kind, entry.payload)
            if isinstance(command, RequestBars):
                request_bars(command)
                self._mark_answered(entry.key, self._clock.now())
                continue
            reason = "the session ended before the venue's answer"
            self._put(OrderFateUnknown(self._clock.now(), subject(command), reason))
            question = self.question(command, entry.sent_time or entry.time, entry.key)
            question.ask_first = True
            self.ask(question)

    def sweep(self, orders: Iterable[Order]) -> None:
        """Ask about every UNKNOWN order that no question is open about, whoever made it so."""
        asked = [chain_of(question.leg) for question in self._open]
        for order in orders:
            if order.is_unknown and order.client_order_id not in asked:
                self.ask(_question_about(order))

    async def look(self, question: Question) -> bool:
        """Ask once; tells whether the order is over, which has been told then."""
        try:
            status = await self._calls.call(self._calls.uses.read, lambda: self._broker.order(question.leg, question.symbol))
            if status is None or not (is_over(status) or status.replaced_by):
                return False
            if await self._take_status(question, status):
                self._answered(question)
            elif question.over:
                # Its end is certain, its executions are not: that takes a while longer.
                self.ask(question)
        except VenueError:
            return False
        return question.over

    async def close(self) -> list[str]:
        """Stop asking; gives the ids that are not settled."""
        left = self.open
        await self._tasks.cancel()
        return left

    async def _settle(self, question: Question, after: float) -> None:
        waits = Retries(self._calls.uses.enquiry.policy, self._calls.dice)
        try:
            if after:
                await self._clock.sleep(after)
            while not await self._round(question):
                await self._clock.sleep(self._pause(question, waits))
            self._answered(question)
        finally:
            self._open[:] = [other for other in self._open if other is not question]

    def _answered(self, question: Question) -> None:
        if question.key is not None:
            self._mark_answered(question.key, self._clock.now())

    def _pause(self, question: Question, waits: Retries) -> float:
        if question.denied and not self._may_resend(question):
            return max(question.denied + APART_NS - self._clock.now(), NS_PER_SECOND // 10) / NS_PER_SECOND
        return waits.next()

    async def _round(self, question: Question) -> bool:
        """Try once to settle a question."""
        try:
            if not question.ask_first and self._may_resend(question) and isinstance(question.command, SubmitOrder):
                return await self._resend(question, question.command)
            asked = self._clock.now()
            status = await self._order(question.leg, question.symbol)
            if status is not None:
                question.denied = 0
                return await self._take_status(question, status)
            return await self._denied(question, asked)
        except VenueError:
            return False

    async def _order(self, leg: str, symbol: str) -> OrderStatus | None:
        return await self._calls.once(self._calls.uses.enquiry, lambda: self._broker.order(leg, symbol))

    async def _fills(self, question: Question) -> list[VenueFill]:
        """The executions of the order, whichever leg they came to."""
        since = max(question.since - CLOCKS_NS, 0)
        fills = await self._calls.once(self._calls.uses.enquiry, lambda: self._broker.fills(since))
        return [fill for fill in fills if chain_of(fill.client_order_id) == chain_of(question.leg)]

    # sending again

    def _may_resend(self, question: Question) -> bool:
        command = question.command
        if question.about != ABOUT_SUBMIT or question.exists or not isinstance(command, SubmitOrder):
            return False
        fresh = self._clock.now() - question.since <= RESEND_NS
        allowed = command.request.reduce_only and self._broker.ids_unique_for_ever
        return fresh and allowed and not self._settled(ABOUT_SUBMIT, question.leg)

    async def _resend(self, question: Question, command: SubmitOrder) -> bool:
        question.ask_first = True
        question.denied = 0
        try:
            status = await self._calls.once(self._calls.uses.resend, lambda: self._broker.submit(command))
        except Refused as error:
            # Another refusal says nothing about the first sending, which may hold what this one lacks.
            question.exists = error.code == REFUSED_DUPLICATE
            return False
        for event in answer_to_submit(status, self._clock.now()):
            self._put(event)
        return not (is_over(status) and status.filled_raw)

    # what the venue says

    async def _take_status(self, question: Question, status: OrderStatus) -> bool:
        question.exists = True
        if question.about == ABOUT_REPLACE and not self._told_replaced(question, status):
            return status.state is OrderState.REJECTED
        chain: list[Event] = []
        while status.replaced_by:
            follower = await self._order(status.replaced_by, question.symbol)
            if follower is None:
                return False
            chain.append(
                OrderReplaced(self._clock.now(), status.client_order_id, follower.client_order_id, follower.venue_order_id)
            )
            status = follower
        fills = await self._fills(question) if status.filled_raw else []
        for event in chain:
            self._once(question, event)
        for fill, event in zip(fills, executions(fills, self._clock.now()), strict=True):
            self._once(question, event, fill.fill_id)
        return self._take_state(question, status, sum(fill.quantity_raw for fill in fills))

    def _told_replaced(self, question: Question, status: OrderStatus) -> bool:
        """Tell that the new leg has taken the old one's place; False while it has not, or was refused."""
        events = answer_to_replace(question.old_leg, question.leg, status, self._clock.now())
        for event in events[:1]:
            self._once(question, event)
        return bool(events) and isinstance(events[0], OrderReplaced)

    def _take_state(self, question: Question, status: OrderStatus, known: int) -> bool:
        now = self._clock.now()
        complete = known >= status.filled_raw
        question.over = is_over(status)
        question.short = 0 if complete else question.short + 1
        if not is_over(status):
            self._once(question, OrderAccepted(now, status.client_order_id, status.venue_order_id))
            return complete or question.short >= MISSING_ROUNDS
        if complete or (question.short >= MISSING_ROUNDS and status.state is not OrderState.FILLED):
            # What is still missing is booked whenever it comes.
            for event in ending(status, now):
                self._once(question, event)
            return True
        return status.state is OrderState.FILLED and self._settled(ENDED, question.leg)

    def _once(self, question: Question, event: Event, name: str = "") -> None:
        """Tell something the first time that it is seen."""
        mark = name or f"{type(event).__name__} {getattr(event, 'client_order_id', '')}"
        if mark not in question.told:
            question.told[mark] = None
            self._put(event)

    # what the venue denies

    async def _denied(self, question: Question, asked: int) -> bool:
        old = await self._order(question.old_leg, question.symbol) if question.old_leg else None
        fills = await self._fills(question)
        own = [fill for fill in fills if fill.client_order_id == question.leg]
        for fill, event in zip(fills, executions(fills, self._clock.now()), strict=True):
            self._once(question, event, fill.fill_id)
        if own or (old is not None and old.replaced_by == question.leg):
            question.exists = True
        question.ask_first = False
        healthy = self._healthy_since()
        if question.exists or not healthy:
            question.denied = 0
            return False
        if not question.denied or healthy > question.denied:
            question.denied = self._clock.now()
            return False
        if asked - question.denied < APART_NS:
            return False
        return self._absent(question, old)

    def _absent(self, question: Question, old: OrderStatus | None) -> bool:
        """The venue certainly does not have what was asked about."""
        now, reason = self._clock.now(), "the venue denies twice that it has it"
        if question.about == ABOUT_REPLACE:
            for event in ending(old, now) if old is not None else []:
                self._put(event)
            self._put(ReplaceRejected(now, question.leg, reason))
            if old is not None:
                return True
            question.about, question.leg, question.old_leg, question.denied = ABOUT_ORDER, question.old_leg, "", 0
            return False
        if question.acknowledged:
            self._put(OrderCancel(now, question.leg, reason))
        else:
            self._put(SubmitFailed(now, question.leg, reason))
        return True


def _question_about(order: Order) -> Question:
    """What has to be asked about an UNKNOWN order, whichever of its requests was lost."""
    working = order.working_leg.leg_id
    if order.pending_leg is not None:
        leg = order.pending_leg.leg_id
        return Question(ABOUT_REPLACE, leg, order.symbol, order.created_time, working, None, None, order.acknowledged)
    about = ABOUT_CANCEL if order.cancel_in_flight else ABOUT_ORDER
    return Question(about, working, order.symbol, order.created_time, acknowledged=order.acknowledged)
