"""Alpaca's historical bars, quotes and trades as it writes them: pages of JSON in, plain records out.

Numbers stay the text that stands in the answer: no float ever holds a price. They become scaled integers with an instrument's
scales only where an instrument is known.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple, NoReturn
from zoneinfo import ZoneInfo

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import NS_PER_DAY, NS_PER_SECOND, BadData, Bar, Quote, TradeTick, check_bar, nanoseconds, utc
from algotrader.core.scaled import MAX_SCALED, nearest_scaled

Kind = Literal["bars", "quotes", "trades"]

NEW_YORK: Final = ZoneInfo("America/New_York")
_CHICAGO: Final = ZoneInfo("America/Chicago")
_DAY_SECONDS: Final = 86_400
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200
"""Nanoseconds of years between these fit into 64 bits."""
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,24}(?:\.\d{1,24})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_TIMEFRAMES: Final = {
    **{60 * minutes: f"{minutes}Min" for minutes in (1, 2, 5, 10, 15, 30)},
    3_600: "1Hour",
    _DAY_SECONDS: "1Day",
}


class HistoryFault(ValueError):
    """An answer of the data service that cannot be read as a page."""


class RawBar(NamedTuple):
    """A bar as Alpaca writes it: when it opens (nanoseconds UTC), and numbers as text."""

    time: int
    open: str
    high: str
    low: str
    close: str
    volume: str


class RawQuote(NamedTuple):
    """A quote as Alpaca writes it; sizes are in the venue's units."""

    time: int
    bid: str
    bid_size: str
    ask: str
    ask_size: str


class RawTrade(NamedTuple):
    """A print as Alpaca writes it; ``taker`` is ``B`` or ``S`` for crypto, empty for stocks."""

    time: int
    price: str
    size: str
    trade_id: str
    taker: str


Raw = RawBar | RawQuote | RawTrade


@dataclass(slots=True)
class Page:
    """One answer: records by symbol in its order, the next page's token, and the reasons of what could not be read by symbol."""

    records: dict[str, list[Raw]]
    token: str = ""
    faults: dict[str, Counter[str]] = field(default_factory=dict)


def timeframe(seconds: int) -> str:
    """Alpaca's name of bars of a length; empty where it has none."""
    return _TIMEFRAMES.get(seconds, "")


def parse_json(text: bytes) -> dict[str, Any]:
    """Read an answer; numbers are given as the text that stands there.

    Raises:
        HistoryFault: it is no object of JSON.
    """
    try:
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise HistoryFault(f"the answer is no JSON: {str(error)[:80]}") from None
    if not isinstance(found, dict):
        raise HistoryFault(f"the answer is a {type(found).__name__}, not an object")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def parse_page(text: bytes, kind: Kind, symbols: frozenset[str]) -> Page:
    """Read one page of records of ``symbols``; a record that cannot be read is left out and counted.

    Raises:
        HistoryFault: it is no page.
    """
    found = parse_json(text)
    if kind not in found:
        raise HistoryFault(f"the answer has no {kind}")
    by_symbol, token = found[kind] or {}, found.get("next_page_token") or ""
    if not isinstance(by_symbol, dict) or not isinstance(token, str):
        raise HistoryFault(f"the answer's {kind} or token are of the wrong kind")
    page, strangers = Page({}, token), 0
    for symbol, rows in by_symbol.items():
        if symbol not in symbols:
            strangers += len(rows) if isinstance(rows, list) else 1
        elif rows is not None and not isinstance(rows, list):
            raise HistoryFault(f"the {kind} of {symbol} are no list")
        elif rows:
            faults: Counter[str] = Counter()
            page.records[symbol] = _records(kind, rows, faults)
            if faults:
                page.faults[symbol] = faults
    if strangers:
        page.faults[""] = Counter({"is of a symbol that nobody asked for": strangers})
    return page


def _records(kind: Kind, rows: list[Any], faults: Counter[str]) -> list[Raw]:
    read = _READERS[kind]
    found: list[Raw] = []
    for row in rows:
        if not isinstance(row, dict):
            faults["is no object"] += 1
            continue
        try:
            found.append(read(row))
        except KeyError as error:
            faults[f"has no {error.args[0]!r}"] += 1
        except ValueError as error:
            faults[str(error)[:80]] += 1
    return found


def _bar(row: dict[str, Any]) -> RawBar:
    time = parse_time(row["t"])
    return RawBar(time, *[read_number(row[name]) for name in "ohlcv"])


def raw_quote(row: dict[str, Any]) -> RawQuote:
    """Read one quote.

    Raises:
        KeyError, TypeError, ValueError: it cannot be read.
    """
    time = parse_time(row["t"])
    return RawQuote(time, *[read_number(row[name]) for name in ("bp", "bs", "ap", "as")])


def _trade(row: dict[str, Any]) -> RawTrade:
    taker = row.get("tks") or ""
    return RawTrade(parse_time(row["t"]), read_number(row["p"]), read_number(row["s"]), str(row.get("i", ""))[:40], str(taker)[:1])


_READERS: Final[dict[str, Callable[[dict[str, Any]], Raw]]] = {"bars": _bar, "quotes": raw_quote, "trades": _trade}


def read_number(value: object) -> str:
    """A number's text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or _NUMBER.fullmatch(value) is None:
        raise ValueError("a number cannot be read")
    return value


def parse_time(value: object) -> int:
    """A time of RFC 3339 with up to nine decimals in nanoseconds UTC.

    Raises:
        ValueError: it is none.
    """
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("the time cannot be read")
    whole, part, zone = found.groups()
    moment = datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone))
    if not _FIRST_YEAR < moment.year < _LAST_YEAR:
        raise ValueError("the time is of another century")
    return nanoseconds(moment) + (int(part.ljust(9, "0")) if part else 0)


def format_time(time_ns: int) -> str:
    """A time for a request: RFC 3339 in UTC, with nanoseconds where there are any."""
    whole, part = divmod(time_ns, NS_PER_SECOND)
    seconds = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{seconds}.{part:09d}Z" if part else f"{seconds}Z"


def close_time(instrument: Instrument, open_ns: int, seconds: int) -> int:
    """When a bar closes that Alpaca labels with its start.

    A stock's day runs from midnight to midnight in New York; a pair's from midnight UTC, or in Chicago where it begins there.

    Raises:
        BadData: the bar begins where no bar of its length does.
    """
    if seconds < _DAY_SECONDS:
        if open_ns % (min(seconds, 60) * NS_PER_SECOND):
            raise BadData("it does not begin on a whole minute")
        return open_ns + seconds * NS_PER_SECOND
    if instrument.asset_class is AssetClass.CRYPTO and open_ns % NS_PER_DAY == 0:
        return open_ns + NS_PER_DAY
    zone = _CHICAGO if instrument.asset_class is AssetClass.CRYPTO else NEW_YORK
    local = utc(open_ns).astimezone(zone)
    if open_ns % NS_PER_SECOND or (local.hour, local.minute, local.second) != (0, 0, 0):
        raise BadData("it does not begin at midnight")
    # 26 hours on it is the next day, whatever the clocks do.
    following = utc(open_ns + 26 * 3_600 * NS_PER_SECOND).astimezone(zone)
    return nanoseconds(following.replace(hour=0, minute=0, second=0, microsecond=0))


def make_bar(instrument: Instrument, raw: RawBar, seconds: int) -> Bar:
    """A checked bar; what has more decimals than the instrument's scales is rounded half-even.

    Raises:
        BadData: the bar is impossible.
    """
    opens, high, low, close = (_price(instrument, text) for text in raw[1:5])
    closes = close_time(instrument, raw.time, seconds)
    bar = Bar(instrument, raw.time, closes, opens, high, low, close, _quantity(instrument, raw.volume))
    check_bar(bar)
    return bar


def make_quote(instrument: Instrument, raw: RawQuote, last: str = "0", volume: str = "0") -> Quote:
    """A checked quote; a side without a price is empty.

    Raises:
        BadData: the quote is impossible: a bid above the ask, say.
    """
    sizes = (_quantity(instrument, raw.bid_size), _quantity(instrument, raw.ask_size))
    prices = (_price(instrument, raw.bid), _price(instrument, raw.ask))
    return Quote(instrument, raw.time, *prices, *sizes, _price(instrument, last), _quantity(instrument, volume))


def make_trade(instrument: Instrument, raw: RawTrade) -> TradeTick:
    """A checked print.

    Raises:
        BadData: the print is impossible.
    """
    aggressor = {"B": "buy", "S": "sell"}.get(raw.taker, "unknown")
    return TradeTick(instrument, raw.time, _price(instrument, raw.price), _quantity(instrument, raw.size), aggressor, raw.trade_id)


def _price(instrument: Instrument, text: str) -> int:
    return _scaled(text, instrument.price_scale)


def _quantity(instrument: Instrument, text: str) -> int:
    return _scaled(text, instrument.quantity_scale)


def _scaled(text: str, scale: int) -> int:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BadData("a number cannot be read") from None
    if value and value.adjusted() + scale >= len(str(MAX_SCALED)):
        raise BadData("a number is too large for the instrument's scale")
    return nearest_scaled(value, scale)
