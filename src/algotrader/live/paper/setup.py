"""The paper venue of a session: which market it has, what time it is there, and whose rules it keeps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from algotrader.core.engine import Engine
from algotrader.core.instruments import (
    ALPACA_LIKE,
    GENERIC,
    AssetClass,
    Instrument,
    VenueCapabilities,
    crypto,
    equity,
    guess_asset_class,
)
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from algotrader.core.scaled import money
from algotrader.errors import UserError
from algotrader.history.calendars import day_start
from algotrader.history.catalogue import Catalogue
from algotrader.history.hours import Hours
from algotrader.live.clock import Clock, FastClock, SystemClock
from algotrader.live.launch_settings import RECORDED, LaunchSettings
from algotrader.live.paper.broker import Latency, PaperBroker
from algotrader.live.paper.exchange import PaperExchange, PaperTiming
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import CatalogueMarket, GeneratedMarket, Market
from algotrader.live.paper.resume import resume
from algotrader.live.venue import Venue
from algotrader.storage.sql_store import SqlStore

MARKET_FACT: Final = "paper_market_from"
"""The day on which the made-up market of an account began; prices follow from it, so it stays the same."""

PAST_DAYS: Final = 10
"""Days of a made-up market before the first session: enough for 200 bars of 10 minutes."""

LEAD_NS: Final = 2 * NS_PER_MINUTE
"""How long before the open a session with a clock of its own begins."""

AFTERWARDS_NS: Final = 30 * NS_PER_SECOND
"""How long after the close a session that trades one day goes on: the last orders come to their ends."""

_RULES: Final[dict[str, VenueCapabilities]] = {"generic": GENERIC, "alpaca-like": ALPACA_LIKE}


class PaperVenue(Venue):
    """The venue in this process.

    Args:
        settings: of the session.
        market: where bars come from.
        clock: of the session.
    """

    def __init__(self, settings: LaunchSettings, market: Market, clock: Clock) -> None:
        self.capabilities = _RULES[settings.rules]
        self.instruments = market.instruments
        self.clock = clock
        self._exchange: Final = PaperExchange(
            clock,
            market,
            money(settings.capital),
            capabilities=self.capabilities,
            timing=PaperTiming.at_speed(settings.speed),
        )
        latency = Latency(seed=settings.seed)
        self.broker = PaperBroker(self._exchange, clock, latency)
        self.feed = PaperFeed(self._exchange, clock, latency)

    def open(self, engine: Engine) -> None:
        """Open for business, with what the engine remembers of the account."""
        resume(self._exchange, engine, self.clock.now())
        self._exchange.start()

    async def close(self) -> None:
        """Close for good."""
        await self._exchange.stop()


async def paper_venue(settings: LaunchSettings, store: SqlStore) -> Venue:
    """The venue in this process, going on at the time at which the account's last session ended.

    Raises:
        UserError: a symbol has no recorded bars.
    """
    market = paper_market(settings, store)
    return PaperVenue(settings, market, paper_clock(settings, market, _last_time(store)))


def _last_time(store: SqlStore) -> int:
    """The engine's time of the last event in the journal; 0 for a new account."""
    last = store.last_sequence()
    return next((entry.time for entry in store.journal(last - 1)), 0) if last else 0


def paper_market(settings: LaunchSettings, store: SqlStore) -> Market:
    """Where the bars of a paper session come from.

    Raises:
        UserError: a symbol has no recorded bars.
    """
    if settings.market == RECORDED:
        catalogue = Catalogue(_data(settings))
        first = min(span[0] for span in catalogue.spans(settings.symbols, "1m"))
        start = _day_start(settings, catalogue.instrument(settings.symbols[0]), first)
        return CatalogueMarket(catalogue, settings.symbols, start, regular_only=not settings.extended_hours)
    begun = store.fact(MARKET_FACT)
    if begun is None:
        day = date.fromisoformat(settings.start_day) if settings.start_day else datetime.now(UTC).date()
        begun = (day - timedelta(days=PAST_DAYS)).isoformat()
        store.set_fact(MARKET_FACT, begun)
    return GeneratedMarket([_instrument(symbol) for symbol in settings.symbols], date.fromisoformat(begun), seed=settings.seed)


def _data(settings: LaunchSettings) -> Path:
    if settings.data is None:
        raise UserError("there are no recorded bars to replay", "give the folder of a catalogue with --data")
    return settings.data


def _day_start(settings: LaunchSettings, instrument: Instrument, first: int) -> int:
    return day_start(instrument.calendar, date.fromisoformat(settings.start_day)) if settings.start_day else first


def _instrument(symbol: str) -> Instrument:
    return crypto(symbol, price_scale=2) if guess_asset_class(symbol) is AssetClass.CRYPTO else equity(symbol)


def paper_clock(settings: LaunchSettings, market: Market, last: int) -> Clock:
    """The session's clock: the machine's, or one that begins where the account left off and skips the hours without trading.

    Args:
        settings: of the session.
        market: that it trades.
        last: engine time of the last event in the journal; 0 for a new account.
    """
    if settings.speed == 1.0 and settings.market != RECORDED and not settings.start_day:
        return SystemClock()
    start = max(last, _asked_start(settings, market))
    hours = [Hours(instrument.calendar) for instrument in market.instruments]
    if not any(each.session_at(start) for each in hours):
        opens = [session.open_time for each in hours if (session := each.next_session(start)) is not None]
        start = max(start, min(opens, default=start) - LEAD_NS)
    return FastClock(start, settings.speed)


def _asked_start(settings: LaunchSettings, market: Market) -> int:
    if settings.start_day:
        return day_start(market.instruments[0].calendar, date.fromisoformat(settings.start_day))
    if settings.market == RECORDED:
        return market.start
    now = int(datetime.now(UTC).timestamp()) * NS_PER_SECOND
    return now - now % NS_PER_DAY
