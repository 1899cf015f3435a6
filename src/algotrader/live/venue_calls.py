"""The one door to the venue: every request waits for its turn, has its time limit, is counted by the guard, and is tried again
as its use allows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar

from algotrader.core.events import Event, SystemError
from algotrader.live import retries
from algotrader.live.clock import Clock
from algotrader.live.rate_limit import ENTRY, QUESTION, URGENT, RateLimit, RateLimiter
from algotrader.live.retries import Retries, RetryPolicy
from algotrader.live.venue_guard import OPEN, GuardOpen, GuardSettings, VenueGuard
from algotrader.venues.protocols import NotAllowed, NotSent, Refused, Throttled, Unanswered, VenueError

T = TypeVar("T")

VENUE_GUARD: Final = "venue_guard"
VENUE_NOT_ALLOWED: Final = "venue_not_allowed"
VENUE_FAULT: Final = "venue_fault"
"""Error types of the system errors that are told from here."""


@dataclass(frozen=True, slots=True)
class Use:
    """One kind of request: how urgent it is, how many seconds its answer may take, how it is tried again."""

    rank: int
    timeout: float
    policy: RetryPolicy


@dataclass(frozen=True, slots=True)
class Uses:
    """The kinds of requests."""

    entry: Use = Use(ENTRY, 30.0, retries.SUBMIT)
    protect: Use = Use(URGENT, 30.0, retries.PROTECT)
    replace: Use = Use(URGENT, 30.0, retries.REPLACE)
    cancel: Use = Use(URGENT, 10.0, retries.CANCEL)
    account: Use = Use(QUESTION, 10.0, retries.ACCOUNT)
    read: Use = Use(QUESTION, 10.0, retries.READ)
    enquiry: Use = Use(QUESTION, 10.0, retries.ENQUIRY)
    resend: Use = Use(URGENT, 30.0, retries.PROTECT)
    opening: Use = Use(QUESTION, 30.0, retries.OPENING)


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Everything about requests that a user may set."""

    uses: Uses = field(default_factory=Uses)
    guard: GuardSettings = field(default_factory=GuardSettings)
    limit: RateLimit = field(default_factory=RateLimit)


class VenueCalls:
    """Requests to one venue.

    Args:
        clock: of the session.
        put: takes the system errors: the guard's changes, missing rights, an adapter that raises what it may not.
        settings: numbers.
        seed: of the jitter.
    """

    def __init__(self, clock: Clock, put: Callable[[Event], None], settings: CallSettings | None = None, seed: int = 0) -> None:
        chosen = settings or CallSettings()
        self.uses: Final = chosen.uses
        self.guard: Final = VenueGuard(clock, chosen.guard, self._guard_changed)
        self.limiter: Final = RateLimiter(chosen.limit, clock)
        self.dice: Final = Random(seed)
        self._clock: Final = clock
        self._put: Final = put
        self._told_not_allowed = False

    async def call(self, use: Use, request: Callable[[], Awaitable[T]]) -> T:
        """Make a request, again and again as its use allows.

        Raises:
            VenueError: what the last try came to; ``Unanswered`` when any try is without an answer and none has one.
        """
        count, doubt = Retries(use.policy, self.dice), None
        while True:
            try:
                return await self.once(use, request)
            except VenueError as error:
                wait = count.after(error)
                doubt = error if isinstance(error, Unanswered) else doubt
                if wait is None:
                    raise self.verdict(error, doubt) from error
            await self._clock.sleep(wait)

    async def once(self, use: Use, request: Callable[[], Awaitable[T]], leaves: Callable[[], None] | None = None) -> T:
        """Make a request once.

        Args:
            use: its kind.
            request: makes it.
            leaves: called when its turn has come.

        Raises:
            VenueError: it failed, or the guard keeps it back (``GuardOpen``).
        """
        async with self.limiter.turn(use.rank):
            if use.rank == ENTRY:
                self.guard.check()
            if leaves is not None:
                leaves()
            try:
                answer = await self._in_time(use, request)
            except VenueError as error:
                self._count(error)
                raise
        self.guard.succeeded()
        self._told_not_allowed = False
        return answer

    @staticmethod
    def verdict(error: VenueError, doubt: VenueError | None) -> VenueError:
        """What several tries came to: one that may have arrived outweighs a later one that certainly did not."""
        return doubt if doubt is not None and isinstance(error, (NotSent, Throttled, GuardOpen)) else error

    async def _in_time(self, use: Use, request: Callable[[], Awaitable[T]]) -> T:
        limit = self._clock.timeout(use.timeout)
        try:
            async with limit:
                return await request()
        except VenueError:
            raise
        except TimeoutError as error:
            raise Unanswered(f"no answer within {use.timeout:g} s") from error
        except Exception as error:
            # An adapter that breaks its promise must not take the request's fate with it.
            message = f"{type(error).__name__}: {error}"
            self._put(SystemError(self._clock.now(), VENUE_FAULT, message, "error"))
            raise Unanswered(f"the venue's adapter failed: {message}") from error

    def _count(self, error: VenueError) -> None:
        if isinstance(error, Throttled):
            self.limiter.hold(error.retry_after or 0.0)
        elif isinstance(error, Refused):
            self.guard.succeeded()
        else:
            self.guard.failed()
        if isinstance(error, NotAllowed) and not self._told_not_allowed:
            self._told_not_allowed = True
            self._put(SystemError(self._clock.now(), VENUE_NOT_ALLOWED, str(error), "critical"))

    def _guard_changed(self, state: str) -> None:
        message = f"the venue guard is {state.replace('_', ' ')}"
        self._put(SystemError(self._clock.now(), VENUE_GUARD, message, "error" if state == OPEN else "warning"))
