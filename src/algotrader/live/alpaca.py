"""A session at Alpaca: its settings, its account, what is traded there, and everything that has to be right before it begins."""

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from algotrader.core.instruments import Instrument
from algotrader.errors import UserError
from algotrader.history.calendars import session_of_day
from algotrader.live.checkup import FAULT, Finding
from algotrader.live.clock import Clock, FastClock, SystemClock
from algotrader.live.launch_settings import LIVE_MODE, LaunchSettings
from algotrader.live.rate_limit import RateLimit
from algotrader.live.retries import OPENING, Retries
from algotrader.live.venue import Venue
from algotrader.storage.sql_store import SqlStore
from algotrader.venues.protocols import NotAllowed, Refused, Unanswered, VenueError

if TYPE_CHECKING:
    from algotrader.config.sections import BrokerSection
    from algotrader.venues.alpaca.broker import AlpacaBroker
    from algotrader.venues.alpaca.settings import AlpacaSettings, Patience
    from algotrader.venues.alpaca.wire import AlpacaAsset

T = TypeVar("T")

PER_MINUTE: Final = 200
"""Requests in a minute that an account has at Alpaca."""

HELLO: Final = "/_hello"
"""Where a rehearsal server tells its time and speed; asked for on this machine only."""

SERVER: Final = "python -m algotrader.rehearsal.alpaca"
"""What starts a rehearsal server."""

_SAMPLES: Final = 5
_log: Final = logging.getLogger(__name__)
_PACKAGES: Final = ("alpaca", "msgpack")
_CALENDAR: Final = "XNYS"


class AlpacaVenue(Venue):
    """One account at Alpaca.

    Args:
        settings: addresses and keys.
        broker: of the account.
        instruments: what is traded.
        clock: of the session.
        findings: what is worth telling of the account.
    """

    def __init__(
        self,
        settings: AlpacaSettings,
        broker: AlpacaBroker,
        instruments: Sequence[Instrument],
        clock: Clock,
        findings: Sequence[Finding],
    ) -> None:
        from algotrader.venues.alpaca.feed import AlpacaFeed
        from algotrader.venues.alpaca.rest import THREADS

        self.broker = broker
        self.feed = AlpacaFeed(settings, instruments, clock.now)
        self.capabilities = broker.capabilities
        self.instruments = instruments
        self.clock = clock
        self.findings = findings
        # A rehearsal's clock may run fast: its minute is no measure of what its server can do.
        self.limit = RateLimit(per_minute=0 if settings.is_loopback else PER_MINUTE, at_once=THREADS)


def need_extra() -> None:
    """Refuse to go on without the packages that Alpaca needs.

    Raises:
        UserError: one is missing; the hint says what to install.
    """
    if any(map(_is_missing, _PACKAGES)):
        raise UserError("the venue alpaca needs packages that are not installed", "pip install 'algo-trader[alpaca]'")


def _is_missing(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is None
    except ImportError:
        # Whoever keeps a package from being imported may do so with an exception.
        return True


def alpaca_settings(broker: BrokerSection, address: str = "") -> AlpacaSettings:
    """What the configuration says of Alpaca.

    Args:
        broker: the section.
        address: ``host:port`` of a rehearsal on this machine; empty for ``broker.host``, or for Alpaca itself.

    Raises:
        UserError: a key is missing, or an address is not allowed.
    """
    from algotrader.venues.alpaca.settings import LOOPBACK, AlpacaSettings, Patience, loopback_settings

    patience = _patience(Patience(), broker.timeout)
    key, secret = broker.api_key.get_secret_value(), broker.secret_key.get_secret_value()
    if not address and broker.host:
        if broker.host not in LOOPBACK or not broker.port:
            hint = "leave broker.host away, or set it with broker.port to a rehearsal on this machine"
            raise UserError(f"{broker.host}:{broker.port} is no address for Alpaca", hint)
        address = f"{broker.host}:{broker.port}"
    if address:
        return loopback_settings(address, key, secret, paper=broker.paper, feed=broker.feed, patience=patience)
    return AlpacaSettings(key, secret, broker.paper, feed=broker.feed, patience=patience)


def _patience(usual: Patience, timeout: float) -> Patience:
    """No wait is longer than the broker's timeout: whoever cannot wait for an answer cannot wait for a sign of life either."""
    waits = ("connect", "read", "answer", "ping", "pong", "silence")
    return replace(usual, **{name: min(getattr(usual, name), timeout) for name in waits})


async def alpaca_venue(settings: LaunchSettings, store: SqlStore) -> Venue:
    """The account that the settings name, looked at closely.

    Raises:
        UserError: a package or a key is missing, the account cannot be traded as it is wanted, or no rehearsal server is there.
        VenueError: Alpaca cannot be reached, or refuses the keys.
    """
    need_extra()
    if settings.config is None:
        raise UserError("Alpaca needs settings", "set ALGO_BROKER__API_KEY and ALGO_BROKER__SECRET_KEY")
    place = alpaca_settings(settings.config.broker, settings.venue_address)
    clock = await _clock(settings.venue_address or place.trading_url.partition("//")[2]) if place.is_loopback else SystemClock()
    opening = _Opening(place, settings, clock)
    try:
        return await opening.venue()
    finally:
        opening.close()


async def _clock(address: str) -> Clock:
    """The clock of a rehearsal on this machine; the machine's own where the server does not tell another."""
    import httpx

    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            best: tuple[int, int, float] | None = None
            for _ in range(_SAMPLES):
                asked = time.monotonic_ns()
                answer = await client.get(f"http://{address}{HELLO}")
                took = time.monotonic_ns() - asked
                if answer.status_code != httpx.codes.OK:
                    return SystemClock()
                found = answer.json()
                speed = float(found["speed"])
                # The quickest answer tells the time best; it was true about half of its way ago.
                shown = int(found["time"]) - int((asked + took // 2) * speed)
                best = (took, shown, speed) if best is None or took < best[0] else best
            assert best is not None
            return FastClock(best[1] + int(time.monotonic_ns() * best[2]), best[2])
    except httpx.HTTPError as error:
        port = address.rpartition(":")[2]
        raise UserError(f"nobody answers at {address}", f"start a rehearsal server: {SERVER} --port {port}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{address}{HELLO} tells no time: {error}", "is it a rehearsal server?") from None


class _Opening:
    """Asks everything that has to be known before a session."""

    def __init__(self, place: AlpacaSettings, settings: LaunchSettings, clock: Clock) -> None:
        from algotrader.venues.alpaca.broker import AlpacaBroker

        self._place: Final = place
        self._settings: Final = settings
        self._clock: Final = clock
        self._retries: Final = Retries(OPENING, Random(settings.seed))
        self._broker: Final = AlpacaBroker(place, (), clock.now)

    def close(self) -> None:
        """Let go of the connections."""
        self._broker.rest.close()

    async def venue(self) -> AlpacaVenue:
        """The venue, once nothing is wrong with it."""
        from algotrader.live.alpaca_checks import look_at_account, look_at_assets, may_short
        from algotrader.venues.alpaca.broker import AlpacaBroker
        from algotrader.venues.alpaca.rules import capabilities_for

        await self._patiently(self._broker.account)
        account = self._broker.known
        assert account is not None
        rules = await self._record("/account/configurations")
        shorts = may_short(account, rules)
        assets = [await self._asset(symbol) for symbol in self._settings.symbols]
        instruments = [_instrument(asset, self._fractional) for asset in assets]
        wanted = self._settings.account if self._settings.mode == LIVE_MODE else ""
        findings = [*look_at_account(account, rules, wanted), *look_at_assets(assets, shorts), await self._look_at_clock()]
        if any(instrument.calendar == _CALENDAR for instrument in instruments):
            findings.append(await self._look_at_session())
        _refuse(findings)
        try:
            capabilities = capabilities_for(instruments)
        except ValueError as error:
            raise UserError(str(error), "start one session for stocks and another one for crypto") from None
        allowed = replace(capabilities, short_selling=capabilities.short_selling and shorts)
        broker = AlpacaBroker(self._place, instruments, self._clock.now, allowed, settled_cash=self._settled_cash)
        return AlpacaVenue(self._place, broker, instruments, self._clock, findings)

    @property
    def _settled_cash(self) -> bool:
        return self._settings.config is not None and self._settings.config.broker.settled_cash

    @property
    def _fractional(self) -> bool:
        return self._settings.config is not None and self._settings.config.broker.fractional

    async def _asset(self, symbol: str) -> AlpacaAsset:
        from algotrader.venues.alpaca.values import AlpacaRecordFault
        from algotrader.venues.alpaca.wire import asset

        try:
            return asset(await self._record(f"/assets/{quote(symbol, safe='')}"))
        except Refused as error:
            raise UserError(f"{symbol} is not known at Alpaca: {error}", "take it off the list of symbols") from None
        except AlpacaRecordFault as fault:
            raise Unanswered(f"{symbol}: its record cannot be read: {fault}") from None

    async def _look_at_session(self) -> Finding:
        from algotrader.live.alpaca_checks import look_at_session, new_york_day
        from algotrader.venues.alpaca.values import AlpacaRecordFault, records_of
        from algotrader.venues.alpaca.wire import calendar_days

        day = new_york_day(self._clock.now())
        answer = await self._patiently(lambda: self._broker.rest.get("/calendar", {"start": day, "end": day}))
        try:
            theirs = [found for found in calendar_days(records_of(answer, "the calendar")) if found.date == day]
        except AlpacaRecordFault as fault:
            raise Unanswered(f"the calendar cannot be read: {fault}") from None
        return look_at_session(day, session_of_day(_CALENDAR, date.fromisoformat(day)), theirs[0] if theirs else None)

    async def _look_at_clock(self) -> Finding:
        from algotrader.live.alpaca_checks import look_at_clock

        before = self._clock.now()
        theirs = await self._patiently(self._broker.time)
        return look_at_clock(theirs or before, before, self._clock.now(), self._clock.patience(1.0))

    async def _record(self, path: str) -> Mapping[str, Any]:
        found = await self._patiently(lambda: self._broker.rest.get(path))
        return found if isinstance(found, dict) else {}

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again as a start does: positions may wait for us there."""
        while True:
            try:
                return await ask()
            except NotAllowed:
                raise
            except VenueError as error:
                wait = self._retries.after(error)
                if wait is None:
                    raise
                # There is no session yet that could tell; without a word its user would take it for hanging.
                _log.warning("Alpaca: %s; again in %.0f s", error, wait)
            await self._clock.sleep(wait)


def _instrument(asset: AlpacaAsset, fractional: bool) -> Instrument:
    from algotrader.venues.alpaca.values import AlpacaRecordFault

    try:
        return asset.instrument(calendar=_CALENDAR, fractional=fractional)
    except AlpacaRecordFault as fault:
        raise UserError(str(fault), "take it off the list of symbols") from None


def _refuse(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.level == FAULT:
            raise UserError(finding.message, finding.advice)
