"""What goes wrong in a rehearsal, drawn from a seed: the same seed always breaks the same things at the same moments."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from algotrader.core.events import ConnectionChanged, Event
from algotrader.core.market import Bar, Quote
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.paper.faults import Faults
from algotrader.venues.protocols import NotSent, StreamClosed, Throttled, Unanswered

KINDS: Final = (
    "lost",
    "late",
    "duplicate",
    "reorder",
    "partial",
    "unsent",
    "timeout",
    "stray",
    "throttle",
    "drop",
    "mute",
    "skew",
    "busy",
    "death",
    "person",
)
"""Messages lost, late, doubled, overtaken; part fills; requests that never leave; timeouts after the venue took the order; timeouts
before it has come there; rate limits; broken streams; streams that fall silent; a clock that is off; a busy database; the process
dying; a person who trades in the same account."""


HELD_UP: Final = 6.0
"""Seconds within which what was kept from us can be known by other ways: by asking again, or from the venue's records."""

STRAY: Final = 8.0
"""Seconds that a request may be on its way after we gave it up. Proof of absence takes ten: beyond them no venue would take it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How often, in a thousand."""

    lost: int = 10
    late: int = 30
    duplicate: int = 30
    reorder: int = 30
    partial: int = 250
    unsent: int = 20
    timeout: int = 25
    stray: int = 8
    throttle: int = 15
    drop: int = 4
    mute: int = 3
    busy: int = 10
    death: int = 3


class SeededFaults(Faults):
    """Faults of the way to the venue.

    Args:
        seed: of everything drawn.
        kinds: which faults there are.
        clock: of the rehearsal.
        drop: breaks the client's connection.
        rates: how often.
    """

    def __init__(self, seed: int, kinds: Sequence[str], clock: Clock, drop: Callable[[], None], rates: Rates | None = None) -> None:
        self._random: Final = random.Random(seed)
        self._kinds: Final = tuple(kind for kind in KINDS if kind in kinds)
        self._clock: Final = clock
        self._drop: Final = drop
        self._rates: Final = rates or Rates()
        self.quiet = False
        self.mute_until = 0
        self.blind_until = 0
        self.counts: Final[dict[str, int]] = {}

    def strikes(self, kind: str) -> bool:
        """Draw whether a fault happens now."""
        # A number is drawn whatever is asked for, so that leaving one kind out moves the others as little as can be.
        drawn = self._random.randrange(1000)
        if self.quiet or kind not in self._kinds or drawn >= getattr(self._rates, kind):
            return False
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return True

    def wait(self, longest: float) -> float:
        """Draw a wait in seconds."""
        return round(self._random.random() * longest, 3)

    @property
    def deaf(self) -> bool:
        """Whether the order stream brings nothing at the moment, though it seems open."""
        return self._clock.now() < self.mute_until

    @property
    def blind(self) -> bool:
        """Whether something of the last seconds was kept from us or held up, so that nobody could be expected to know of it."""
        return self._clock.now() < max(self.mute_until, self.blind_until)

    def _keep_from_us(self, seconds: float) -> None:
        self.blind_until = max(self.blind_until, self._clock.now() + int(seconds * NS_PER_SECOND))

    def draw_skew(self) -> int:
        """By how many nanoseconds our clock is off."""
        drawn = self._random.randrange(-400, 2000)
        return drawn * 1_000_000 if "skew" in self._kinds else 0

    def draws_person(self) -> bool:
        """Whether somebody trades in the same account."""
        return self._random.randrange(5) == 0 and "person" in self._kinds

    async def before_request(self, name: str, order_id: str) -> None:
        if self.strikes("late"):
            await self._hold_up(3.0)
        if self.strikes("throttle"):
            seconds = self.wait(2.0)
            self._keep_from_us(seconds + HELD_UP)
            raise Throttled("too many requests", seconds)
        if self.strikes("unsent"):
            self._keep_from_us(HELD_UP)
            raise NotSent("no route to the venue")
        if self.strikes("drop"):
            self._keep_from_us(HELD_UP)
            self._drop()

    async def _hold_up(self, longest: float) -> None:
        seconds = self.wait(longest)
        self._keep_from_us(seconds + HELD_UP)
        await self._clock.sleep(seconds)

    async def stray(self, name: str, order_id: str) -> float:
        if name not in ("submit", "cancel", "replace") or not self.strikes("stray"):
            return 0.0
        seconds = self.wait(STRAY)
        self._keep_from_us(seconds + HELD_UP)
        return seconds

    async def before_answer(self, name: str, order_id: str) -> None:
        if self.strikes("late"):
            await self._hold_up(3.0)
        if self.strikes("timeout"):
            await self._hold_up(5.0)
            raise Unanswered("no answer came")

    async def order_event(self, event: Event) -> Sequence[tuple[float, Event]]:
        if isinstance(event, ConnectionChanged):
            self.mute_until = 0
            return [(0.0, event)]
        if self.strikes("mute"):
            self.mute_until = self._clock.now() + int((5 + self.wait(40.0)) * NS_PER_SECOND)
        if self.deaf or self.strikes("lost"):
            self._keep_from_us(HELD_UP)
            return []
        if self.strikes("drop"):
            self._keep_from_us(HELD_UP)
            raise StreamClosed("connection reset")
        delay = self.wait(2.0) if self.strikes("late") else 0.0
        self._keep_from_us(2 * delay)
        # Later events are not held up by this one, so they overtake it.
        delay = self.wait(0.5) if self.strikes("reorder") else delay
        copies = [(delay, event)]
        if self.strikes("duplicate"):
            copies.append((delay + self.wait(1.0), event))
        return copies

    async def market_data(self, item: Bar | Quote) -> Sequence[tuple[float, Bar | Quote]]:
        if self.strikes("lost"):
            return []
        if self.strikes("drop"):
            raise StreamClosed("connection reset")
        delay = self.wait(5.0) if self.strikes("late") else 0.0
        copies = [(delay, item)]
        if self.strikes("duplicate"):
            copies.append((delay + self.wait(2.0), item))
        return copies

    async def volume(self, bar: Bar) -> int:
        if self.strikes("partial"):
            return max(bar.volume_raw * self._random.randrange(1, 40) // 100_000, 1)
        return bar.volume_raw
