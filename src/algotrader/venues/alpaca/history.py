"""Alpaca's historical market data over REST: bars, quotes and prints page by page, and the latest quote.

The client is our own on httpx and not alpaca-py's ``StockHistoricalDataClient``: that one reads prices into floats, holds all pages
of an answer in memory, waits and retries by itself where nobody can cancel it, and does not look at the service's allowance.

Nothing here retries but ``pages``, when it is given ``Retries``. Sizes of quotes are in the venue's units.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Final, TypeVar

import httpx

from algotrader.core.commands import REFUSED_UNSUPPORTED
from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import NS_PER_SECOND, BadData, Bar, Quote
from algotrader.venues.alpaca.action_records import KINDS, ActionPage, RawAction, parse_actions
from algotrader.venues.alpaca.data_rest import LONGEST_HOLD, Allowance, DataRest
from algotrader.venues.alpaca.history_records import (
    HistoryFault,
    Kind,
    Page,
    RawBar,
    format_time,
    make_bar,
    make_quote,
    parse_json,
    parse_page,
    raw_quote,
    timeframe,
)
from algotrader.venues.alpaca.settings import AlpacaSettings
from algotrader.venues.protocols import NotSent, Refused, Throttled, Unanswered

T = TypeVar("T")

PAGE: Final = 10_000
"""Records a page at most, by the service's own limit."""

ACTIONS_A_PAGE: Final = 1_000
PAID_WITHIN: Final = timedelta(days=90)
"""How long after its ex-date a dividend is paid at the latest."""

ADJUSTMENTS: Final = ("raw", "split", "dividend", "all")


@dataclass(frozen=True, slots=True)
class DataQuery:
    """What is asked for: records of these symbols with ``start <= time < end`` (nanoseconds UTC).

    Attributes:
        kind: bars, quotes or trades.
        symbols: all stocks or all pairs.
        crypto: they are pairs.
        seconds: length of bars.
        adjustment: of stocks' bars, one of ``ADJUSTMENTS``.
    """

    kind: Kind
    symbols: tuple[str, ...]
    start: int
    end: int
    crypto: bool = False
    seconds: int = 60
    adjustment: str = "raw"

    def params(self, feed: str, limit: int) -> dict[str, str]:
        """The request's parameters. The start is always said: without it the service takes today's and gives nothing."""
        found = {
            "symbols": ",".join(self.symbols),
            "start": format_time(self.start),
            "end": format_time(self.end - 1),
            "limit": str(limit),
            "sort": "asc",
        }
        if self.kind == "bars":
            found["timeframe"] = timeframe(self.seconds)
        if not self.crypto:
            found["feed"] = feed
            if self.kind == "bars":
                found["adjustment"] = self.adjustment
        return found


@dataclass(frozen=True, slots=True)
class Retries:
    """How long a page is asked for again.

    Attributes:
        lost: more tries after an answer did not come or could not be read.
        pause: seconds between them.
        throttled: waits, one after the other, after the service said that there were too many requests.
        unsaid: seconds of such a wait when the service does not say.
    """

    lost: int = 3
    pause: float = 2.0
    throttled: int = 20
    unsaid: float = 15.0


NEVER: Final = Retries(lost=0, throttled=0)


class AlpacaHistory:
    """Asks for historical data. Close it in the end, or use it with ``async with``.

    Args:
        settings: address, keys, feed and patience.
        client: to use instead of one of its own; it is not closed here.
        allowance: shared with others that use the same keys.
        sleep: waits between tries.
        keys: False leaves them out; pairs can be had without.
        page_size: records a page.

    Attributes:
        left_out: reasons of records that ``bars`` left out, with their numbers.
    """

    def __init__(
        self,
        settings: AlpacaSettings,
        client: httpx.AsyncClient | None = None,
        *,
        allowance: Allowance | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        keys: bool = True,
        page_size: int = PAGE,
    ) -> None:
        self._feed: Final = settings.feed
        self._page_size: Final = page_size
        self._rest: Final = DataRest(settings, client, allowance, keys)
        self._sleep: Final = sleep
        self.left_out: Final[Counter[str]] = Counter()

    async def __aenter__(self) -> AlpacaHistory:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a second call does nothing."""
        await self._rest.close()

    async def page(self, query: DataQuery, token: str = "") -> Page:
        """One page, by one request.

        Raises:
            VenueError: by its kind; what cannot be read counts as unanswered.
        """
        params = query.params(self._feed, self._page_size) | ({"page_token": token} if token else {})
        text = await self._rest.get(f"{_folder(query.crypto)}/{query.kind}", params)
        try:
            return parse_page(text, query.kind, frozenset(query.symbols))
        except HistoryFault as error:
            raise Unanswered(f"Alpaca answered what cannot be read: {error}") from None

    async def pages(
        self, query: DataQuery, retries: Retries = NEVER, waits: Callable[[str], object] = lambda _: None
    ) -> AsyncIterator[Page]:
        """All pages of a query, one after the other; only one is held at a time.

        Args:
            query: what is asked for.
            retries: how patient to be with each page.
            waits: is told what is waited for.

        Raises:
            VenueError: by its kind.
        """
        token = ""
        while True:
            page = await self._patiently(partial(self.page, query, token), retries, waits)
            before, token = token, page.token
            yield page
            if not token:
                return
            if token == before:
                raise Unanswered("Alpaca gave the same page token twice")

    async def actions(
        self,
        symbols: Sequence[str],
        start: date,
        end: date,
        retries: Retries = NEVER,
        waits: Callable[[str], object] = lambda _: None,
    ) -> list[RawAction]:
        """Splits and cash dividends of stocks with their ex-date from ``start`` to ``end`` (included), in order.

        Raises:
            VenueError: by its kind.
        """
        params = {
            "symbols": ",".join(symbols),
            "types": ",".join(KINDS),
            "start": start.isoformat(),
            # The service looks for the day on which an action was processed: a dividend's is when it is paid.
            "end": (end + PAID_WITHIN).isoformat(),
            "limit": str(ACTIONS_A_PAGE),
            "sort": "asc",
        }
        found: list[RawAction] = []
        token = ""
        while True:
            more = {"page_token": token} if token else {}
            page = await self._patiently(partial(self._actions, params | more, frozenset(symbols)), retries, waits)
            self.left_out.update(page.faults)
            found += [action for action in page.actions if start <= action.ex_date <= end]
            if not page.token:
                return sorted(found)
            if page.token == token:
                raise Unanswered("Alpaca gave the same page token twice")
            token = page.token

    async def _actions(self, params: Mapping[str, str], symbols: frozenset[str]) -> ActionPage:
        text = await self._rest.get("/v1/corporate-actions", params)
        try:
            return parse_actions(text, symbols)
        except HistoryFault as error:
            raise Unanswered(f"Alpaca answered what cannot be read: {error}") from None

    async def _patiently(self, ask: Callable[[], Awaitable[T]], retries: Retries, waits: Callable[[str], object]) -> T:
        lost, throttled = retries.lost, retries.throttled
        while True:
            try:
                return await ask()
            except Throttled as error:
                throttled -= 1
                if throttled < 0:
                    raise
                seconds = min(error.retry_after or retries.unsaid, LONGEST_HOLD)
                waits(f"too many requests: waiting {seconds:.0f} s")
                await self._sleep(seconds)
            except (NotSent, Unanswered) as error:
                lost -= 1
                if lost < 0:
                    raise
                waits(f"no answer, asking again in {retries.pause:.0f} s: {error}")
                await self._sleep(retries.pause)

    async def bars(self, instrument: Instrument, start: int, end: int, seconds: int, *, adjustment: str = "raw") -> list[Bar]:
        """Closed bars that open at or after ``start`` and close at or before ``end``, oldest first.

        Impossible bars are left out and counted.

        Raises:
            VenueError: by its kind.
        """
        if not timeframe(seconds):
            raise Refused(f"Alpaca has no bars of {seconds} s", REFUSED_UNSUPPORTED)
        # Bars are found by their start, so the last that can have closed is asked for; days may be shorter than 24 hours.
        last = end - (seconds * NS_PER_SECOND if seconds < 86_400 else 0)
        if last < start:
            return []
        crypto = instrument.asset_class is AssetClass.CRYPTO
        query = DataQuery("bars", (instrument.symbol,), start, last + 1, crypto, seconds, adjustment)
        found: list[Bar] = []
        async for page in self.pages(query):
            for faults in page.faults.values():
                self.left_out.update(faults)
            for raw in page.records.get(instrument.symbol, ()):
                if isinstance(raw, RawBar):
                    self._take(instrument, raw, seconds, (start, end), found)
        return found

    def _take(self, instrument: Instrument, raw: RawBar, seconds: int, within: tuple[int, int], found: list[Bar]) -> None:
        """Add a bar that is possible and comes after the ones before."""
        try:
            bar = make_bar(instrument, raw, seconds)
        except BadData as error:
            self.left_out[str(error).rpartition(": ")[2]] += 1
            return
        if found and bar.open_time <= found[-1].open_time:
            self.left_out["the time goes back"] += 1
        elif within[0] <= bar.open_time and bar.close_time <= within[1]:
            found.append(bar)

    async def latest_quote(self, instrument: Instrument) -> Quote | None:
        """The last quote with the last print's price and the day's volume; None when there is none that can be true.

        Raises:
            VenueError: by its kind.
        """
        crypto = instrument.asset_class is AssetClass.CRYPTO
        params = {"symbols": instrument.symbol} | ({} if crypto else {"feed": self._feed})
        text = await self._rest.get(f"{_folder(crypto)}/snapshots", params)
        try:
            found = parse_json(text)
        except HistoryFault as error:
            raise Unanswered(f"Alpaca answered what cannot be read: {error}") from None
        shots = found.get("snapshots", {}) if crypto else found
        try:
            return _snapshot_quote(instrument, shots[instrument.symbol])
        except (KeyError, TypeError, AttributeError, ValueError):
            return None


def _folder(crypto: bool) -> str:
    return "/v1beta3/crypto/us" if crypto else "/v2/stocks"


def _snapshot_quote(instrument: Instrument, shot: dict[str, Any]) -> Quote:
    """The quote of a snapshot; last price and volume where it has them."""
    quote = raw_quote(shot["latestQuote"])
    trade, day = shot.get("latestTrade") or {}, shot.get("dailyBar") or {}
    return make_quote(instrument, quote, str(trade.get("p", "0")), str(day.get("v", "0")))
