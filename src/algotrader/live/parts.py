"""What a session is made of. Somebody who starts one puts the parts together; a session does not know which venue it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from algotrader.core.engine import Engine
from algotrader.core.instruments import Instrument
from algotrader.core.reports import Report
from algotrader.live import telling
from algotrader.live.clock import Clock
from algotrader.live.consumer import At, nothing
from algotrader.live.findings import Agreement
from algotrader.live.kernel import Outgoing, Rows
from algotrader.live.observers import Observers
from algotrader.live.scheduler import GRACE_SECONDS
from algotrader.live.telling import Tell
from algotrader.live.triggers import Trigger
from algotrader.live.venue_calls import CallSettings
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
        instruments: by symbol, in the order of registration.
        rows: makes what adds the rows that people read to every commit, once the engine is where the journal ends.
        told: hears the engine's reports once they are durable.
        tell: hears what happens to the session itself.
        build: names code and parameters.
        snapshot_seconds: how often the whole state is stored.
        reconcile_seconds: how often we compare ourselves with the venue.
        watch_seconds: how often we look for executions and ends of orders that the stream did not tell.
        account_seconds: how often the account's money is asked for; older than five seconds it counts as stale.
        bar_seconds: length of the bars that come.
        seed: of the jitter of waits.
        at: called at the points of ``consumer.POINTS``, for rehearsals.
        agreement: how differences from the venue's books are settled.
        adopt: what of others the engine looks after, by symbol: ``protect`` or ``manage``.
        schedules: what strategies are woken for besides the phases of the day, by name.
        misfire_seconds: how late a schedule may still fire.
        calls: about requests to the venue; None for the usual numbers.
        advice: gives a recommendation for an account of so much money, if there is one.
        flatten: close every position at the end, however it is asked for.
        venue: where orders go, for people.
        observers: where others join who want to hear what happens; None where nobody may.
        sending: sees every command as it is handed to the executor, before its request leaves.
    """

    mode: str
    clock: Clock
    engine: Engine
    instruments: dict[str, Instrument]
    store: Store
    writer: Writer
    broker: Broker
    source: MarketFeed
    rows: Callable[[Engine], Rows]
    told: Callable[[list[Report]], None]
    build: str
    tell: Tell = telling.nobody
    snapshot_seconds: float = 60.0
    reconcile_seconds: float = 300.0
    watch_seconds: float = 2.5
    account_seconds: float = 4.0
    bar_seconds: int = 60
    seed: int = 0
    at: At = nothing
    agreement: Agreement = field(default_factory=Agreement)
    adopt: Mapping[str, str] = field(default_factory=dict)
    schedules: Sequence[tuple[str, Trigger]] = ()
    misfire_seconds: float = GRACE_SECONDS
    calls: CallSettings | None = None
    advice: Callable[[Decimal], str | None] = field(default=lambda capital: None)
    flatten: bool = False
    venue: str = "paper"
    observers: Observers | None = None
    sending: Callable[[Outgoing], None] = field(default=lambda outgoing: None)
