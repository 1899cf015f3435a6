"""What a venue process says of itself when asked first: its clock, its rules and its instruments."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.venues.remote.connection import Requests
from algotrader.venues.remote.wire import read_capabilities, read_instrument

_SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Hello:
    """A venue process as a client meets it.

    A session follows the venue with a clock that shows ``time`` when the machine's monotonic clock shows ``heard`` (nanoseconds
    both), and goes ``speed`` times as fast.
    """

    address: str
    time: int
    heard: int
    speed: float
    capabilities: VenueCapabilities
    instruments: tuple[Instrument, ...]
    bar_seconds: int

    def now(self) -> int:
        """The venue's time by this machine's clock, nanoseconds UTC."""
        return self.time + int((time.monotonic_ns() - self.heard) * self.speed)


async def say_hello(address: str) -> Hello:
    """Ask a venue process for what it is, a few times: the quickest answer tells its time best.

    Raises:
        NotSent: nobody listens at the address (``host:port``).
        Unanswered: it does not answer.
    """
    requests = Requests(address)
    best: Hello | None = None
    quickest = 0
    try:
        for _ in range(_SAMPLES):
            asked = time.monotonic_ns()
            found = await requests.call("hello")
            heard = time.monotonic_ns()
            if best is None or heard - asked < quickest:
                quickest = heard - asked
                best = Hello(
                    address,
                    found["time"] + int(quickest / 2 * found["speed"]),
                    heard,
                    found["speed"],
                    read_capabilities(found["capabilities"]),
                    tuple(read_instrument(entry) for entry in found["instruments"]),
                    found["bar_seconds"],
                )
    finally:
        await requests.close()
    assert best is not None
    return best
