"""What a session is made of. Somebody who starts one puts the parts together; a session does not know which venue it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from algotrader.core.engine import Engine
from algotrader.core.instruments import Instrument
from algotrader.core.reports import Report
from algotrader.live.clock import Clock
from algotrader.live.kernel import Rows
from algotrader.live.writer import Writer
from algotrader.storage.records import Store
from algotrader.venues.protocols import Broker, MarketFeed

PAPER = "paper"
LIVE = "live"


class GateClosed(Exception):
    """The account is not the one that this session may trade; the message says what to do."""


@dataclass(slots=True)
class Parts:
    """The parts of one session.

    Attributes:
        mode: ``paper`` or ``live``; a live account is refused unless the mode is ``live``.
        engine: freshly assembled, nothing handled yet.
        instruments: by symbol.
        rows: adds what people read to every commit.
        told: hears the engine's reports once they are durable.
        tell: hears what happens to the session itself: a kind, a level, a message.
        build: names code and parameters.
        snapshot_seconds: how often the whole state is stored.
        reconcile_seconds: how often we compare ourselves with the venue.
        at: called at the points of ``consumer.POINTS``, for rehearsals.
    """

    mode: str
    clock: Clock
    engine: Engine
    instruments: dict[str, Instrument]
    store: Store
    writer: Writer
    broker: Broker
    source: MarketFeed
    rows: Rows
    told: Callable[[list[Report]], None]
    tell: Callable[[str, str, str], None]
    build: str
    snapshot_seconds: float = 60.0
    reconcile_seconds: float = 300.0
    at: Callable[[str], None] = field(default=lambda point: None)
