"""Alpaca's market-data REST, answered from a market: history page by page, latest records, snapshots.

Paths, parameters, pages, headers and errors are the service's. Two of its habits are kept that mislead: without a ``start`` a
question is about today, and a symbol that is well written but unknown gets an empty answer and no error.
"""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_SECOND
from algotrader.history.corporate_actions import Dividend, Split
from algotrader.live.paper.market import Market
from algotrader.rehearsal.alpaca.data_records import (
    DAY,
    Record,
    Records,
    action_record,
    day_start,
    encode,
    quote_record,
    trade_record,
)
from algotrader.rehearsal.alpaca.http import Request, Response, Route
from algotrader.rehearsal.alpaca.texts import read_time, time_text

PER_MINUTE: Final = 200
MOST: Final = 10_000
_USUAL: Final = 1_000
_RECENT: Final = 15 * 60 * NS_PER_SECOND
_STOCK: Final = re.compile(r"[A-Z]{1,5}(\.[A-Z]{1,2})?")
_PAIR: Final = re.compile(r"[A-Z0-9]+/[A-Z]+")
_TIMEFRAME: Final = re.compile(r"(\d{1,2})(Min|T|Hour|H|Day|D)")
_UNITS: Final = {"Min": 60, "T": 60, "Hour": 3_600, "H": 3_600, "Day": DAY, "D": DAY}
_MOST_OF: Final = {60: 59, 3_600: 23, DAY: 1}
_FEEDS: Final = ("iex", "sip", "delayed_sip", "otc", "boats", "overnight")
_ADJUSTMENTS: Final = {"raw", "split", "dividend", "spin-off", "all"}
_ONE_SYMBOL: Final = {"bars": "bar", "quotes": "quote", "trades": "trade"}


class BadQuestion(Exception):
    """A request that the service refuses, with its status and message."""

    def __init__(self, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status: Final = status
        self.headers: Final = headers or {}


@dataclass(frozen=True, slots=True)
class Question:
    """One request for history, read and checked."""

    kind: str
    symbols: tuple[str, ...]
    start: int
    end: int
    limit: int
    newest_first: bool
    seconds: int
    token: tuple[str, int] | None


class Meter:
    """Counts requests of each key in minutes of the machine's clock.

    Args:
        per_minute: how many are allowed; 0 for any number, and nothing is told of them.
        wall: seconds since the epoch.
    """

    def __init__(self, per_minute: int, wall: Callable[[], float]) -> None:
        self._per_minute: Final = per_minute
        self._wall: Final = wall
        self._minute = -1
        self._counts: dict[str, int] = {}

    def count(self, key: str) -> tuple[bool, dict[str, str]]:
        """Whether one more request is allowed, and the headers that tell about it."""
        if not self._per_minute:
            return True, {}
        now = self._wall()
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        used = self._counts[key] = self._counts.get(key, 0) + 1
        reset = (minute + 1) * 60
        headers = {
            "x-ratelimit-limit": str(self._per_minute),
            "x-ratelimit-remaining": str(max(self._per_minute - used, 0)),
            "x-ratelimit-reset": str(reset),
        }
        if used <= self._per_minute:
            return True, headers
        return False, headers | {"retry-after": str(max(int(reset - now), 1))}


class DataRoutes:
    """Answers questions about a market's past.

    Args:
        market: where the bars are.
        now: the market's clock, nanoseconds UTC; nothing later is told.
        is_key: whether a key and its secret are an account's; every pair is by default.
        per_minute: requests of an account; 0 where the server counts them itself.
        sip: the account may ask for what all exchanges did within the last 15 minutes.
        wall: the machine's clock, seconds since the epoch.
        actions: splits and dividends of a symbol.
    """

    def __init__(
        self,
        market: Market,
        now: Callable[[], int],
        *,
        is_key: Callable[[str, str], bool] = lambda key, secret: bool(key and secret),
        per_minute: int = PER_MINUTE,
        sip: bool = False,
        wall: Callable[[], float] = time.time,
        actions: Callable[[str], Sequence[Split | Dividend]] = lambda _symbol: (),
    ) -> None:
        self._actions_of: Final = actions
        self._records: Final = Records(market)
        self._now: Final = now
        self._is_key: Final = is_key
        self._sip: Final = sip
        self._meter: Final = Meter(per_minute, wall)

    def routes(self) -> list[Route]:
        """What can be asked, for the server's router."""
        found = [Route("GET", "/v1/corporate-actions", self._handler(self._actions, False))]
        for folder, crypto in (("/v2/stocks", False), ("/v1beta3/crypto/us", True)):
            latest = "latest/{kind}" if crypto else "{kind}/latest"
            found += [
                Route("GET", f"{folder}/snapshots", self._handler(self._snapshots, crypto)),
                Route("GET", f"{folder}/{latest}", self._handler(self._latest, crypto)),
                Route("GET", f"{folder}/{{kind}}", self._handler(self._history, crypto)),
            ]
            if not crypto:
                found.append(Route("GET", f"{folder}/{{symbol}}/{{kind}}", self._handler(self._history, crypto)))
        return found

    def _handler(self, answer: Callable[[Request, bool], Any], crypto: bool) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            headers = {"content-type": "application/json; charset=UTF-8"}
            try:
                headers |= self._admit(request, crypto)
                return Response(200, encode(answer(request, crypto)), headers)
            except BadQuestion as error:
                return Response(error.status, encode({"message": str(error)}), headers | dict(error.headers))

        return handle

    def _admit(self, request: Request, crypto: bool) -> dict[str, str]:
        """Check keys and allowance; gives the headers about it."""
        key, secret = (request.headers.get(f"apca-api-{name}", "") for name in ("key-id", "secret-key"))
        if not (crypto and not key) and not self._is_key(key, secret):
            raise BadQuestion("forbidden.", 403)
        allowed, headers = self._meter.count(key)
        if not allowed:
            raise BadQuestion("too many requests.", 429, headers)
        return headers

    def _history(self, request: Request, crypto: bool) -> dict[str, Any]:
        single = request.parameters.get("symbol", "")
        question = self._question(request, crypto)
        found: dict[str, list[dict[str, Any]]] = {}
        left, token = question.limit, None
        for symbol in question.symbols:
            if question.token is not None and symbol < question.token[0]:
                continue
            records = list(islice(self._ask(question, symbol), left))
            if records:
                found[symbol] = [record for _, record in records]
            left -= len(records)
            if left == 0:
                # As the service does, a full page names a next one, which may turn out to be empty.
                token = _write_token(symbol, records[-1][0])
                break
        if single:
            return {question.kind: found.get(single, []), "symbol": single, "next_page_token": token}
        return {question.kind: found, "next_page_token": token}

    def _ask(self, question: Question, symbol: str) -> Iterator[Record]:
        instrument = self._records.instruments.get(symbol)
        if instrument is None:
            return iter(())
        start, end = question.start, question.end
        if question.token is not None and question.token[0] == symbol:
            start, end = (start, question.token[1] - 1) if question.newest_first else (question.token[1] + 1, end)
        now = self._now()
        if question.kind == "bars":
            records = self._records.bars(instrument, question.seconds, start, end, now)
        elif question.kind == "quotes":
            records = self._records.quotes(instrument, start, end, now)
        else:
            records = self._records.trades(instrument, start, end, now)
        return iter(reversed(list(records))) if question.newest_first else records

    def _question(self, request: Request, crypto: bool) -> Question:
        query, now = request.query, self._now()
        kind = request.parameters["kind"]
        if kind not in _ONE_SYMBOL:
            raise BadQuestion("endpoint not found.", 404)
        symbols = _symbols(request.parameters.get("symbol") or query.get("symbols", ""), crypto)
        start = _time(query, "start", day_start(_any(self._records), now), day_end=False)
        end = _time(query, "end", now, day_end=True)
        if end < start:
            raise BadQuestion("end should not be before start")
        self._check_feed(query, crypto, end)
        limit = query.get("limit") or str(_USUAL)
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= MOST:
            raise BadQuestion(f"limit must be in the range of 1 to {MOST}")
        if query.get("adjustment", "raw") not in _ADJUSTMENTS:
            raise BadQuestion(f"invalid adjustment: {query['adjustment']}")
        if query.get("sort", "asc") not in ("asc", "desc"):
            raise BadQuestion(f"invalid sort: {query['sort']}")
        seconds = _seconds(query.get("timeframe", "")) if kind == "bars" else 0
        token = _read_token(query.get("page_token") or "")
        return Question(kind, symbols, start, end, int(limit), query.get("sort") == "desc", seconds, token)

    def _check_feed(self, query: dict[str, str], crypto: bool, end: int) -> None:
        feed = query.get("feed", "")
        if crypto or not feed:
            return
        if feed not in _FEEDS:
            raise BadQuestion(f"invalid feed: {feed}")
        if feed == "sip" and not self._sip and end > self._now() - _RECENT:
            raise BadQuestion("subscription does not permit querying recent SIP data", 403)

    def _latest(self, request: Request, crypto: bool) -> dict[str, Any]:
        kind = request.parameters["kind"]
        if kind not in _ONE_SYMBOL:
            raise BadQuestion("endpoint not found.", 404)
        self._check_feed(request.query, crypto, self._now())
        shots = self._shots(request, crypto)
        name = {"bars": "minuteBar", "quotes": "latestQuote", "trades": "latestTrade"}[kind]
        return {kind: {symbol: shot[name] for symbol, shot in shots.items()}}

    def _snapshots(self, request: Request, crypto: bool) -> dict[str, Any]:
        self._check_feed(request.query, crypto, self._now())
        shots = self._shots(request, crypto)
        return {"snapshots": shots} if crypto else shots

    def _shots(self, request: Request, crypto: bool) -> dict[str, Any]:
        found = {}
        for symbol in _symbols(request.query.get("symbols", ""), crypto):
            instrument = self._records.instruments.get(symbol)
            shot = None if instrument is None else self._shot(instrument)
            if shot is not None:
                found[symbol] = shot
        return found

    def _actions(self, request: Request, _crypto: bool) -> dict[str, Any]:
        query = request.query
        today = time_text(self._now()) or ""
        first, last = (query.get(name) or today[:10] for name in ("start", "end"))
        kinds = set(query.get("types", "").split(",")) - {""}
        found: dict[str, list[dict[str, Any]]] = {}
        for symbol in _symbols(query.get("symbols", ""), False):
            for action in self._actions_of(symbol):
                kind, record = action_record(symbol, action)
                if first <= record["process_date"] <= last and (not kinds or kind in kinds):
                    found.setdefault(f"{kind}s", []).append(record)
        return {"corporate_actions": found, "next_page_token": None}

    def _shot(self, instrument: Instrument) -> dict[str, Any] | None:
        """All that is known last of an instrument; None before its first bar."""
        now = self._now()
        bar = self._records.last_bar(instrument, now)
        if bar is None:
            return None
        today = day_start(instrument, bar.open_time)
        week = today - 7 * DAY * NS_PER_SECOND
        days = [record for _, record in self._records.bars(instrument, DAY, day_start(instrument, week), today, now)]
        minute = list(self._records.bars(instrument, self._records.market.seconds, bar.open_time, bar.open_time, now))
        return {
            "latestTrade": trade_record(instrument, bar.close_raw, max(bar.volume_raw // 4, 1), bar.close_time - 1),
            "latestQuote": quote_record(instrument, bar.close_raw, bar.close_time - 1),
            "minuteBar": minute[-1][1],
            "dailyBar": days[-1],
            "prevDailyBar": days[-2] if len(days) > 1 else None,
        }


def _any(records: Records) -> Instrument:
    return next(iter(records.instruments.values()))


def _symbols(text: str, crypto: bool) -> tuple[str, ...]:
    """The symbols asked for, in the order in which they are answered.

    Raises:
        BadQuestion: there are none, or one is not written like a symbol.
    """
    names = [name for name in text.split(",") if name]
    if not names:
        raise BadQuestion("symbols is required")
    pattern = _PAIR if crypto else _STOCK
    for name in names:
        if pattern.fullmatch(name) is None:
            raise BadQuestion(f"invalid symbol: {name}" + (f" does not match ^{_PAIR.pattern}$" if crypto else ""))
    return tuple(sorted(set(names)))


def _time(query: dict[str, str], name: str, otherwise: int, *, day_end: bool) -> int:
    text = query.get(name, "")
    if not text:
        return otherwise
    try:
        found = read_time(text)
    except (ValueError, OverflowError):
        raise BadQuestion(
            f"Invalid format for parameter {name}: error parsing '{text[:40]}' as RFC3339 or 2006-01-02 time"
        ) from None
    return found + DAY * NS_PER_SECOND - 1 if day_end and len(text) == len("2024-01-02") else found


def _seconds(text: str) -> int:
    found = _TIMEFRAME.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= _MOST_OF[_UNITS[found[2]]]:
        raise BadQuestion(f"invalid timeframe: {text}" if text else "timeframe is required")
    return int(found[1]) * _UNITS[found[2]]


def _write_token(symbol: str, time_ns: int) -> str:
    return urlsafe_b64encode(f"{symbol}|{time_ns}".encode()).decode()


def _read_token(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    try:
        symbol, _, moment = urlsafe_b64decode(text.encode("ascii")).decode("ascii").partition("|")
        return symbol, int(moment)
    except ValueError:
        raise BadQuestion("invalid page_token") from None
