"""Starts a session as a user wants it: puts the parts together, runs it, and cleans up behind it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from algotrader.assembly import Assembly
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.core.reports import INFO, WARNING
from algotrader.core.risk import RiskPolicy
from algotrader.history.hours import Hours
from algotrader.live.adjusting import Adjusting
from algotrader.live.books import held_symbols
from algotrader.live.checkup import OK
from algotrader.live.control import Control
from algotrader.live.interpreter import trading_pace
from algotrader.live.launch_settings import LaunchSettings
from algotrader.live.paper.setup import AFTERWARDS_NS
from algotrader.live.parts import Parts
from algotrader.live.rows import AccountRows
from algotrader.live.session import Session
from algotrader.live.settings import agreement, call_settings, risk_policy, schedules
from algotrader.live.setup import SessionSetup, remember
from algotrader.live.units import check_all_units
from algotrader.live.venue import Venue
from algotrader.live.venue_calls import CallSettings
from algotrader.live.venues import OPENERS
from algotrader.live.watchers import Watchers
from algotrader.live.writer import ThreadWriter
from algotrader.storage import queries
from algotrader.storage.database import advice
from algotrader.storage.session_lock import SessionLock
from algotrader.storage.sql_store import SqlStore, open_store

if TYPE_CHECKING:
    from algotrader.config.schema import Config

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
    lock: SessionLock | None = None
    try:
        lock = SessionLock(store.database)
        settings = replace(settings, also=held_symbols(store))
        venue = await OPENERS[settings.venue](settings, store)
        setup = session_setup(settings, venue.instruments, venue.capabilities, store)
        check_all_units(store, setup.instruments)
        assembly = setup.assemble()
        watchers = Watchers(settings.config, venue.clock, assembly.engine, to_terminal=settings.log_to_terminal)
        build = setup.build(assembly)
        session = Session(_parts(settings, store, assembly, venue, watchers, build))
        session.adjusting = _adjusting(settings, store, watchers)
        remember(store, setup, build)
        venue.open(session.engine)
        _tell_findings(venue, watchers)
        try:
            ready(session)
            with trading_pace():
                await _run(session, settings)
        finally:
            await venue.close()
    finally:
        if watchers is not None:
            watchers.close()
        if lock is not None:
            lock.release()
        store.close()
    return 0


def session_setup(
    settings: LaunchSettings, instruments: Sequence[Instrument], capabilities: VenueCapabilities, store: SqlStore
) -> SessionSetup:
    """What the engine of a session is made of; the same account and settings give the same engine, for a restart or a replay."""
    policy = RiskPolicy() if settings.config is None else risk_policy(settings.config.risk)
    return SessionSetup(
        settings.strategies,
        settings.interval,
        tuple(instruments),
        policy,
        capabilities,
        settings.extended_hours,
        _prefix(store),
    )


def _parts(
    settings: LaunchSettings,
    store: SqlStore,
    assembly: Assembly,
    venue: Venue,
    watchers: Watchers,
    build: str,
) -> Parts:
    instruments = {instrument.symbol: instrument for instrument in assembly.instruments}
    observers, config = watchers.observers, settings.config
    writer = ThreadWriter(store, venue.clock, observers.tell)
    writer.measure = observers.committed
    return Parts(
        mode=settings.mode,
        venue=settings.venue,
        observers=observers,
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
        build=build,
        snapshot_seconds=60.0 if config is None else config.app.snapshot_seconds,
        reconcile_seconds=300.0 if config is None else config.reconciliation.interval_seconds,
        seed=settings.seed,
        flatten=settings.flatten,
        advice=lambda capital: advice(capital, settings.database),
        **_choices(config),
        calls=replace(CallSettings() if config is None else call_settings(config.broker), limit=venue.limit),
    )


def _adjusting(settings: LaunchSettings, store: SqlStore, watchers: Watchers) -> Adjusting | None:
    """How the settings are changed while the session runs; None where nobody can say what they are."""
    if settings.resolve is None:
        return None
    overrides = {one.key: one.value for one in queries.overrides(store.database)}
    return Adjusting(settings.resolve(overrides), settings.resolve, watchers.log.set_level, watchers.observers.tell)


def _tell_findings(venue: Venue, watchers: Watchers) -> None:
    """What was found at the venue before the session."""
    for finding in venue.findings:
        text = f"{finding.message}; {finding.advice}" if finding.advice else finding.message
        watchers.observers.tell(f"venue_{finding.name.replace(' ', '_')}", INFO if finding.level == OK else WARNING, "", text)


def _choices(config: Config | None) -> dict[str, Any]:
    """What the settings say of a session's parts; nothing where there are none."""
    if config is None:
        return {}
    return {
        "agreement": agreement(config.reconciliation),
        "adopt": config.reconciliation.adopt,
        "schedules": schedules(config),
        "misfire_seconds": config.scheduler.misfire_grace_seconds,
    }


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


def _prefix(store: SqlStore) -> str:
    """The start of every order id of this account: drawn once, for a venue may refuse an id that it has ever seen."""
    found = store.fact(PREFIX_FACT)
    if found is None:
        found = f"a{secrets.token_hex(3)}-"
        store.set_fact(PREFIX_FACT, found)
    return found
