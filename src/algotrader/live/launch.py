"""Starts a session as a user wants it: puts the parts together, runs it, and cleans up behind it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from algotrader.assembly import Assembly, Plan, plan_routes
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.core.risk import RiskPolicy
from algotrader.history.hours import Hours
from algotrader.live.control import Control
from algotrader.live.launch_settings import LaunchSettings
from algotrader.live.paper.setup import AFTERWARDS_NS
from algotrader.live.parts import Parts
from algotrader.live.rows import AccountRows
from algotrader.live.session import Session
from algotrader.live.settings import risk_policy
from algotrader.live.venue import Venue
from algotrader.live.venues import OPENERS
from algotrader.live.watchers import Watchers
from algotrader.live.writer import ThreadWriter
from algotrader.storage.build_id import build_id
from algotrader.storage.sql_store import SqlStore, open_store
from algotrader.strategies.scanners import Route, StaticScanner, scanner_from_text

PREFIX_FACT: Final = "id_prefix"


async def launch(settings: LaunchSettings, ready: Callable[[Control], None]) -> int:
    """Run a session from start to shutdown.

    Args:
        settings: what is wanted, checked.
        ready: called with the session as soon as it can be watched and steered.

    Returns:
        The exit status of the program.

    Raises:
        UserError: it cannot be started as it is wanted.
        GateClosed, VenueError, StoreFailed, StoreBusy: it ended with them; what was committed is safe.
    """
    store = open_store(settings.database)
    watchers: Watchers | None = None
    try:
        venue = await OPENERS[settings.venue](settings, store)
        assembly, plans = assemble(settings, venue.instruments, venue.capabilities, store)
        watchers = Watchers(settings.config, venue.clock, assembly.engine)
        session = Session(_parts(settings, store, assembly, plans, venue, watchers))
        venue.open(session.engine)
        try:
            ready(session)
            await _run(session, settings)
        finally:
            await venue.close()
    finally:
        if watchers is not None:
            watchers.close()
        store.close()
    return 0


def assemble(
    settings: LaunchSettings, instruments: Sequence[Instrument], capabilities: VenueCapabilities, store: SqlStore
) -> tuple[Assembly, list[Plan]]:
    """Set up the engine of a session; the same account and settings give the same engine, for a restart or a replay."""
    plans = _plans(settings)
    prefix = _prefix(store)
    policy = RiskPolicy() if settings.config is None else risk_policy(settings.config.risk)
    return Assembly(
        list(instruments), plans, "1m", policy, capabilities, extended_hours=settings.extended_hours, id_prefix=prefix
    ), plans


def _parts(
    settings: LaunchSettings,
    store: SqlStore,
    assembly: Assembly,
    plans: list[Plan],
    venue: Venue,
    watchers: Watchers,
) -> Parts:
    instruments = {instrument.symbol: instrument for instrument in assembly.instruments}
    observers, config = watchers.observers, settings.config
    writer = ThreadWriter(store, venue.clock, observers.tell)
    writer.measure = observers.committed
    return Parts(
        mode=settings.mode,
        clock=venue.clock,
        engine=assembly.engine,
        instruments=instruments,
        store=store,
        writer=writer,
        broker=venue.broker,
        source=venue.feed,
        rows=AccountRows,
        told=observers.reports,
        tell=observers.tell,
        sending=observers.sending,
        build=build_id(
            [(plan.kind, plan.parameters) for plan in plans],
            {"symbols": list(instruments), "interval": settings.interval, "rules": settings.rules},
        ),
        snapshot_seconds=60.0 if config is None else config.app.snapshot_seconds,
        reconcile_seconds=300.0 if config is None else config.reconciliation.interval_seconds,
        seed=settings.seed,
    )


async def _run(session: Session, settings: LaunchSettings) -> None:
    ending = asyncio.create_task(_end_with_the_day(session)) if settings.once_day else None
    try:
        await session.run()
    finally:
        if ending is not None:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)


async def _end_with_the_day(session: Session) -> None:
    """Ask for the end once the trading day that runs, or the next one, is over."""
    now = session.clock.now()
    moment = now
    for instrument in session.parts.instruments.values():
        hours = Hours(instrument.calendar)
        day = hours.session_at(now) or hours.next_session(now)
        moment = moment if day is None else max(moment, day.close_time)
    await session.clock.sleep_until(moment + AFTERWARDS_NS)
    session.request_shutdown("the trading day is over")


def _plans(settings: LaunchSettings) -> list[Plan]:
    """Every strategy on its own symbols; two of the same name are told apart by a number, in the order in which they were given."""
    plans: list[Plan] = []
    for choice in settings.strategies:
        scanner = scanner_from_text(choice.scanner) if choice.scanner else StaticScanner()
        interval = choice.interval or settings.interval or None
        found = plan_routes([Route(scanner, choice.name, dict(choice.parameters))], choice.symbols, interval)
        for plan in found:
            same = sum(1 for other in plans if other.owner.split("-")[0] == plan.owner)
            plan.owner = plan.owner if not same else f"{plan.owner}-{same + 1}"
            plans.append(plan)
    return plans


def _prefix(store: SqlStore) -> str:
    """The start of every order id of this account: drawn once, for a venue may refuse an id that it has ever seen."""
    found = store.fact(PREFIX_FACT)
    if found is None:
        found = f"a{secrets.token_hex(3)}-"
        store.set_fact(PREFIX_FACT, found)
    return found
