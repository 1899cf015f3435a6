"""Carries commands to a broker and its answers back as events; nobody waits for it.

Every command runs in a task of its own. Requests about one order leave in the order of the commands. What is not known stays
unknown until the enquiry has settled it. Only approved orders can arrive here: no other submit command can be made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from algotrader.core.commands import (
    REFUSED_DUPLICATE,
    REFUSED_NOT_FOUND,
    REFUSED_TOO_LATE,
    CancelOrder,
    ReplaceOrder,
    RequestBars,
    SubmitOrder,
)
from algotrader.core.events import Event, OrderFateUnknown, OrderSubmitted
from algotrader.core.orders import OrderRole
from algotrader.core.state import EngineState
from algotrader.live.answers import answer_to_replace, answer_to_submit, family_of, is_over, never_sent, refusal, subject
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.enquiry import ABOUT_ORDER, Enquiry, Key, Question
from algotrader.live.kernel import Outgoing
from algotrader.live.retries import Retries
from algotrader.live.tasks import KeptTasks
from algotrader.live.venue_calls import Use, VenueCalls
from algotrader.live.venue_guard import GuardOpen
from algotrader.venues.protocols import Broker, NotAllowed, NotSent, Refused, Throttled, Unanswered, VenueError

T = TypeVar("T")

OVERTAKE_SECONDS: Final = 2.0
"""How long a request waits for the answer to the one before it about the same order, once that one is out.

The engine asks for the next only when an event has settled the one before; its answer is then late or lost, and a stop
must not wait for it.
"""

SLOW_SECONDS: Final = 1.0
"""A submission without an answer for so long is told as submitted; a faster answer tells both."""

REPLACE_PATIENCE: Final = 5.0
"""A replacement that the venue only looks at is asked about after so many seconds, in case the stream's word on it is lost."""


def opens_position(state: EngineState) -> Callable[[SubmitOrder], bool]:
    """Tells entries from what reduces a position, by what the engine knows when it is asked."""

    def opens(command: SubmitOrder) -> bool:
        order = state.orders.get(command.client_order_id)
        if command.request.reduce_only or order is None or order.role is not OrderRole.PLAIN:
            return not command.request.reduce_only
        held = state.order_holding[order.client_order_id].quantity_raw
        return held * order.sign >= 0 or order.quantity_raw > abs(held)

    return opens


def _not_reducing(command: SubmitOrder) -> bool:
    return not command.request.reduce_only


class _Job:
    """One command on its way."""

    def __init__(self, outgoing: Outgoing, taken: int, before: _Job | None) -> None:
        self.command: Final = outgoing.command
        self.key: Final[Key] = (outgoing.sequence, outgoing.place)
        self.family: Final = family_of(outgoing.command.client_order_id)
        self.taken: Final = taken
        self.before = before
        self.finished: Final = asyncio.Event()
        self.first_left: int = 0
        self.left: int = 0
        self.overtaken: bool = False
        self.told_submitted: bool = False

    @property
    def is_out(self) -> bool:
        """Whether its request is at the venue now, without an answer."""
        return self.left > 0 and not self.finished.is_set()


class Executor:
    """Sends what the engine has decided, after it was made durable.

    Args:
        broker: where to.
        clock: of the session.
        put: takes the events that follow.
        mark_sent: told the outbox key and the time when a command's request leaves.
        mark_answered: told the same when its fate is known. Called after the events that say so were put; the mark must not be
            made durable before those events.
        calls: the door to the venue.
        enquiry: settles what is not known.
        request_bars: takes the engine's wishes for bars.
        opens: tells entries, which the venue guard may keep back, from other orders.
    """

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        put: Callable[[Event], None],
        mark_sent: Callable[[Key, int], None],
        mark_answered: Callable[[Key, int], None],
        *,
        calls: VenueCalls,
        enquiry: Enquiry,
        request_bars: Callable[[RequestBars], None],
        opens: Callable[[SubmitOrder], bool] = _not_reducing,
    ) -> None:
        self._broker: Final = broker
        self._clock: Final = clock
        self._put: Final = put
        self._mark_sent: Final = mark_sent
        self._mark_answered: Final = mark_answered
        self._calls: Final = calls
        self._enquiry: Final = enquiry
        self._request_bars: Final = request_bars
        self._opens: Final = opens
        self._tasks: Final = KeptTasks(clock, put)
        self._last: Final[dict[str, _Job]] = {}
        self._closed = False

    def __len__(self) -> int:
        """How many commands are on their way."""
        return len(self._tasks)

    def take(self, outgoing: Outgoing) -> None:
        """Carry a command out; returns at once.

        Raises:
            RuntimeError: after ``close``.
        """
        if self._closed:
            raise RuntimeError("the executor is closed")
        command = outgoing.command
        if isinstance(command, RequestBars):
            key, now = (outgoing.sequence, outgoing.place), self._clock.now()
            self._mark_sent(key, now)
            self._request_bars(command)
            self._mark_answered(key, now)
            return
        family = family_of(command.client_order_id)
        job = self._last[family] = _Job(outgoing, self._clock.now(), self._last.get(family))
        self._tasks.start(self._run(job), subject(command))

    async def drain(self, seconds: float) -> list[str]:
        """Wait for the commands on their way, at most so many seconds; gives the ids of those that still are."""
        return await self._tasks.wait(seconds)

    async def close(self, seconds: float) -> list[str]:
        """Wait as ``drain`` does, then give up; gives the ids without an answer. They are asked about after the next start."""
        self._closed = True
        left = await self._tasks.wait(seconds)
        await self._tasks.cancel()
        return left + await self._enquiry.close()

    async def _run(self, job: _Job) -> None:
        try:
            await self._wait_turn(job)
            if isinstance(job.command, SubmitOrder):
                await self._submit(job, job.command)
            elif isinstance(job.command, ReplaceOrder):
                await self._replace(job, job.command)
            elif isinstance(job.command, CancelOrder):
                await self._cancel(job, job.command)
        finally:
            job.finished.set()
            job.before = None
            if self._last.get(job.family) is job:
                del self._last[job.family]

    async def _wait_turn(self, job: _Job) -> None:
        before = job.before
        while before is not None and not before.finished.is_set():
            longest = round(self._clock.patience(OVERTAKE_SECONDS) * NS_PER_SECOND)
            left = max(before.left, job.taken) + longest - self._clock.now() if before.is_out else longest
            if left <= 0:
                before.overtaken = True
                return
            try:
                async with asyncio.timeout(self._clock.seconds(left / NS_PER_SECOND)):
                    await before.finished.wait()
            except TimeoutError:
                continue

    async def _send(self, job: _Job, use: Use, request: Callable[[], Awaitable[T]]) -> T:
        """Make a job's request, again as its use allows; one that was overtaken is not sent again."""
        count, doubt = Retries(use.policy, self._calls.dice), None
        while True:
            try:
                return await self._calls.once(use, request, lambda: self._leaves(job))
            except VenueError as error:
                job.left = 0
                wait = None if job.overtaken else count.after(error)
                doubt = error if isinstance(error, Unanswered) else doubt
                if wait is None:
                    raise self._calls.verdict(error, doubt) from error
            await self._clock.sleep(wait)

    def _leaves(self, job: _Job) -> None:
        job.left = self._clock.now()
        if not job.first_left:
            job.first_left = job.left
            self._mark_sent(job.key, job.left)
        if isinstance(job.command, SubmitOrder):
            delay = self._clock.seconds(SLOW_SECONDS)
            asyncio.get_running_loop().call_later(delay, self._tell_slow, job, job.left)

    async def _submit(self, job: _Job, command: SubmitOrder) -> None:
        use = self._calls.uses.entry if self._opens(command) else self._calls.uses.protect
        try:
            status = await self._send(job, use, lambda: self._broker.submit(command))
        except (NotSent, Throttled, GuardOpen) as error:
            if job.told_submitted:
                # It was taken to have left; only from unknown does an order come back to never sent.
                self._put(OrderFateUnknown(self._clock.now(), command.client_order_id, str(error)))
            self._tell(job, [never_sent(command, str(error), self._clock.now())])
        except (Refused, NotAllowed) as error:
            self._tell_submitted(job)
            self._refused(job, error)
        except VenueError as error:
            self._tell_submitted(job)
            self._unknown(job, str(error))
        else:
            self._tell_submitted(job)
            self._tell(job, answer_to_submit(status, self._clock.now()))
            if is_over(status) and status.filled_raw:
                self._ask(Question(ABOUT_ORDER, command.client_order_id, command.request.symbol, job.first_left))

    def _tell_slow(self, job: _Job, left: int) -> None:
        if job.is_out and job.left == left:
            self._tell_submitted(job)

    def _tell_submitted(self, job: _Job) -> None:
        if not job.told_submitted:
            job.told_submitted = True
            self._put(OrderSubmitted(self._clock.now(), job.command.client_order_id))

    async def _replace(self, job: _Job, command: ReplaceOrder) -> None:
        try:
            status = await self._send(job, self._calls.uses.replace, lambda: self._broker.replace(command))
        except (NotSent, Throttled) as error:
            self._tell(job, [never_sent(command, str(error), self._clock.now())])
        except (Refused, NotAllowed) as error:
            self._refused(job, error)
            if isinstance(error, Refused) and error.code in (REFUSED_NOT_FOUND, REFUSED_TOO_LATE):
                self._ask(Question(ABOUT_ORDER, command.client_order_id, command.symbol, job.first_left, acknowledged=True))
        except VenueError as error:
            self._unknown(job, str(error))
        else:
            events = answer_to_replace(command.client_order_id, command.new_client_order_id, status, self._clock.now())
            if events:
                self._tell(job, events)
            else:
                self._ask(self._question(job), REPLACE_PATIENCE)

    async def _cancel(self, job: _Job, command: CancelOrder) -> None:
        try:
            await self._send(
                job,
                self._calls.uses.cancel,
                lambda: self._broker.cancel(command.client_order_id, command.venue_order_id, command.symbol),
            )
        except (NotSent, Throttled) as error:
            self._tell(job, [never_sent(command, str(error), self._clock.now())])
        except (Refused, NotAllowed) as error:
            # Its end may be why the venue refuses, and we may have missed it.
            if isinstance(error, NotAllowed) or not await self._enquiry.look(self._question(job)):
                self._refused(job, error)
        except VenueError as error:
            self._unknown(job, str(error))
        else:
            self._mark_answered(job.key, self._clock.now())

    def _refused(self, job: _Job, error: VenueError) -> None:
        code = error.code if isinstance(error, Refused) else ""
        if code == REFUSED_DUPLICATE and not isinstance(job.command, CancelOrder):
            self._unknown(job, f"the venue knows the id already: {error}", exists=True)
            return
        self._tell(job, [refusal(job.command, str(error), code, self._clock.now())])

    def _unknown(self, job: _Job, reason: str, *, exists: bool = False) -> None:
        if self._enquiry.is_settled(job.command):
            self._mark_answered(job.key, self._clock.now())
            return
        self._put(OrderFateUnknown(self._clock.now(), subject(job.command), reason))
        question = self._question(job)
        question.exists = exists
        self._ask(question)

    def _question(self, job: _Job) -> Question:
        return self._enquiry.question(job.command, job.first_left or job.taken, job.key)

    def _ask(self, question: Question, after: float = 0.0) -> None:
        self._enquiry.ask(question, after)

    def _tell(self, job: _Job, events: list[Event]) -> None:
        for event in events:
            self._put(event)
        self._mark_answered(job.key, self._clock.now())
