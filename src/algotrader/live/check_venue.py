"""The doctor's questions to the venue: the account, its clock, its market data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, Bar
from algotrader.core.scaled import from_money
from algotrader.errors import UserError
from algotrader.history.hours import Hours
from algotrader.live.checkup import FAULT, OK, WARNING, Finding, Patient, minute
from algotrader.venues.protocols import NotAllowed, VenueError

if TYPE_CHECKING:
    from algotrader.config.schema import Config

T = TypeVar("T")

CLOCK_WARNING_NS: Final = 1 * NS_PER_SECOND
CLOCK_FAULT_NS: Final = 10 * NS_PER_SECOND
"""A clock that is wrong by so much stamps orders and bars wrongly; venues refuse requests then."""

RECENT_NS: Final = 30 * NS_PER_MINUTE
STALE_NS: Final = 5 * NS_PER_MINUTE

_BAR_SECONDS: Final = 60
_NS_PER_MS: Final = 1_000_000


async def look_at_account(patient: Patient) -> AsyncIterator[Finding]:
    """Whether the keys open the account that is meant, and whether our clock is the venue's."""
    broker, config = patient.broker, patient.config
    if broker is None and patient.lacks is not None:
        yield Finding("account", FAULT, patient.lacks.message, patient.lacks.hint)
        return
    if broker is None:
        yield Finding(
            "account", FAULT, f"the venue {config.broker.provider} is not built in", "set ALGO_BROKER__PROVIDER=simulated"
        )
        return
    try:
        await _ask(patient, broker.connect())
        account = await _ask(patient, broker.account())
        yield _kind_of_account(config, account.is_paper, f"{from_money(account.equity)} {account.currency}")
        sent = patient.clock.now()
        theirs = await _ask(patient, broker.time())
        yield _offset(theirs, sent, patient.clock.now())
    except (VenueError, TimeoutError) as error:
        yield _venue_fault("account", error)
    finally:
        await broker.disconnect()


async def _ask(patient: Patient, question: Awaitable[T]) -> T:
    async with asyncio.timeout(patient.clock.seconds(patient.config.broker.timeout)):
        return await question


def _venue_fault(name: str, error: Exception) -> Finding:
    if isinstance(error, NotAllowed):
        return Finding(name, FAULT, str(error), "check both keys, and whether they are for paper or for real money")
    if isinstance(error, TimeoutError):
        return Finding(name, FAULT, "the venue does not answer", "check the connection; broker.timeout is how long is waited")
    return Finding(name, FAULT, str(error) or type(error).__name__, "check the connection and the venue's state")


def _kind_of_account(config: Config, is_paper: bool, worth: str) -> Finding:
    if is_paper:
        where = "" if config.broker.paper else ", though broker.paper is false"
        return Finding(
            "account", WARNING if where else OK, f"a paper account with {worth}{where}", "use the live keys" if where else ""
        )
    if config.broker.paper:
        text = f"a LIVE account with {worth}, though broker.paper is true"
        return Finding("account", FAULT, text, "use the keys of a paper account, or set ALGO_BROKER__PAPER=false")
    return Finding("account", WARNING, f"a LIVE account with {worth}: orders will cost real money")


def _offset(theirs: int | None, sent: int, back: int) -> Finding:
    if theirs is None:
        return Finding("clock", OK, "the venue does not tell its time")
    offset = theirs - (sent + back) // 2
    # Half of the way there and back is as much as the answer can be trusted.
    doubt = (back - sent) // 2
    sure = max(abs(offset) - doubt, 0)
    text = f"{abs(offset) // _NS_PER_MS} ms {'behind' if offset > 0 else 'ahead of'} the venue's"
    if sure >= CLOCK_FAULT_NS:
        return Finding("clock", FAULT, text, "set this machine's clock; let NTP keep it")
    return Finding(
        "clock", WARNING if sure >= CLOCK_WARNING_NS else OK, text, "let NTP keep it" if sure >= CLOCK_WARNING_NS else ""
    )


async def look_at_data(patient: Patient) -> AsyncIterator[Finding]:
    """Whether the data feed gives recent bars."""
    feed = patient.feed
    if feed is None or not patient.instruments:
        return
    instrument, now = patient.instruments[0], patient.clock.now()
    try:
        session = Hours(instrument.calendar).last_session(now)
    except UserError as error:
        yield Finding("data", FAULT, error.message, error.hint)
        return
    if session is None:
        yield Finding("data", FAULT, f"the calendar {instrument.calendar} knows no session yet", "set this machine's clock")
        return
    end = min(now, session.close_time)
    try:
        await _ask(patient, feed.connect())
        bars = await _ask(patient, feed.history(instrument, max(end - RECENT_NS, session.open_time), end, _BAR_SECONDS))
        yield _freshness(instrument, bars, session.open_time, end)
    except (VenueError, TimeoutError) as error:
        yield _venue_fault("data", error)
    finally:
        await feed.disconnect()


def _freshness(instrument: Instrument, bars: Sequence[Bar], opened: int, end: int) -> Finding:
    if not bars:
        if end - opened < STALE_NS:
            return Finding("data", OK, f"the session has just begun; there are no bars of {instrument.symbol} yet")
        text = f"no bars of {instrument.symbol} up to {minute(end)}"
        return Finding("data", FAULT, text, "check the subscription (broker.feed) and the symbol")
    last = bars[-1]
    told = f"{instrument.symbol} closed at {instrument.price(last.close_raw)}, {minute(last.close_time)}"
    if end - last.close_time > STALE_NS:
        return Finding(
            "data", WARNING, f"{told}: {(end - last.close_time) // NS_PER_MINUTE} minutes old", "is it traded often enough?"
        )
    return Finding("data", OK, told)
