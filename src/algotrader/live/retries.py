"""What is tried again, how often, and after which wait.

There is one type of policy; its uses differ by their numbers. A library for retries is not used: what is counted here depends on
the kind of error, the waits obey ``Retry-After`` and the session's clock, and their jitter comes from a seed, so that nothing of
such a library would be left but its loop, which reads the machine's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from algotrader.venues.protocols import NotSent, StreamClosed, Throttled, Unanswered, VenueError

_MOST_DOUBLINGS: Final = 64


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a request is tried again; times are seconds of the session.

    Attributes:
        retries: how often at most, the first try not counted; None for as long as it takes.
        first_wait: before the first retry.
        factor: by which each further wait grows.
        longest_wait: no wait is longer, jitter not counted.
        jitter: up to this share of a wait is added to it by chance.
        again: the errors after which a further try is allowed.
        throttled: how often a request is tried again that the venue did not take for being one too many.
    """

    retries: int | None = 2
    first_wait: float = 1.0
    factor: float = 1.0
    longest_wait: float = 30.0
    jitter: float = 0.0
    again: tuple[type[VenueError], ...] = (NotSent, Unanswered)
    throttled: int = 1

    def __post_init__(self) -> None:
        if self.first_wait <= 0 or self.longest_wait < self.first_wait or self.factor < 1:
            raise ValueError("waits must be positive, not shrink, and the longest be no shorter than the first")
        if self.jitter < 0 or self.throttled < 0 or (self.retries is not None and self.retries < 0):
            raise ValueError("retries and jitter cannot be negative")

    def wait(self, retry: int, dice: Random) -> float:
        """The wait before a retry, counted from 0."""
        plain = min(self.first_wait * self.factor ** min(retry, _MOST_DOUBLINGS), self.longest_wait)
        return plain * (1 + self.jitter * dice.random()) if self.jitter else plain


SUBMIT: Final = RetryPolicy(retries=2, again=(NotSent,))
"""New orders: only what certainly never left is sent again, under the same id."""

PROTECT: Final = RetryPolicy(retries=2, again=(NotSent,), throttled=5)
"""Exits and protective orders: as new orders, but a venue that wants fewer requests is asked more often."""

REPLACE: Final = RetryPolicy(retries=2, again=(NotSent,), throttled=3)
"""Changes of orders."""

CANCEL: Final = RetryPolicy(retries=3, throttled=5)
"""Cancels may be sent twice without harm."""

ACCOUNT: Final = RetryPolicy(retries=2)
"""Questions for money and positions."""

HISTORY: Final = RetryPolicy(retries=3, first_wait=2.0)
"""Questions for past bars."""

READ: Final = RetryPolicy(retries=4, factor=2.0, longest_wait=16.0)
"""Other questions: five tries, one second doubling to sixteen."""

OPENING: Final = RetryPolicy(retries=8, factor=2.0, longest_wait=30.0, throttled=8)
"""Connecting at a start: two minutes, since positions may wait for us there; then it needs a person."""

ENQUIRY: Final = RetryPolicy(retries=None, first_wait=0.1, factor=2.0, longest_wait=30.0)
"""Questions for the fate of an order: quick at first, and for as long as it takes."""

STREAM: Final = RetryPolicy(retries=None, factor=2.0, longest_wait=30.0, jitter=0.1, again=(NotSent, Unanswered, StreamClosed))
"""Opening a stream again."""


class Retries:
    """Counts the tries of one request.

    Args:
        policy: what is allowed.
        dice: a seeded source of chance for the jitter.
    """

    def __init__(self, policy: RetryPolicy, dice: Random) -> None:
        self._policy: Final = policy
        self._dice: Final = dice
        self._tried = 0
        self._throttled = 0

    def after(self, error: VenueError) -> float | None:
        """How many seconds to wait before the next try; None when there is none."""
        policy = self._policy
        if isinstance(error, Throttled):
            if self._throttled >= policy.throttled:
                return None
            self._throttled += 1
            return policy.first_wait if error.retry_after is None else max(error.retry_after, 0.0)
        if not isinstance(error, policy.again) or (policy.retries is not None and self._tried >= policy.retries):
            return None
        return self.next()

    def next(self) -> float:
        """The next wait, whatever happened."""
        wait = self._policy.wait(self._tried, self._dice)
        self._tried += 1
        return wait

    def start_over(self) -> None:
        """Something went well: the waits are short again."""
        self._tried = self._throttled = 0
