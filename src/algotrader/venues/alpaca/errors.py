"""Alpaca's errors as ours, by the table of ``error_table``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from algotrader.core.commands import REFUSED_UNSUPPORTED
from algotrader.core.market import NS_PER_SECOND, nanoseconds
from algotrader.venues.alpaca.error_table import ALREADY_THERE as ALREADY_THERE
from algotrader.venues.alpaca.error_table import CODES as CODES
from algotrader.venues.alpaca.error_table import NOT_ALLOWED as NOT_ALLOWED
from algotrader.venues.alpaca.error_table import REFUSED as REFUSED
from algotrader.venues.alpaca.error_table import STREAM_CLOSED as STREAM_CLOSED
from algotrader.venues.alpaca.error_table import STREAM_TABLE as STREAM_TABLE
from algotrader.venues.alpaca.error_table import TABLE as TABLE
from algotrader.venues.alpaca.error_table import THROTTLED as THROTTLED
from algotrader.venues.alpaca.error_table import UNANSWERED as UNANSWERED
from algotrader.venues.alpaca.error_table import Rule as Rule
from algotrader.venues.alpaca.error_table import StreamRule as StreamRule
from algotrader.venues.protocols import NotAllowed, Refused, StreamClosed, Throttled, Unanswered, VenueError

LONGEST_WAIT: Final = 3600.0
"""Seconds to wait that are believed, whatever a header says."""

_LONGEST_MESSAGE: Final = 500
_LAST_SECOND: Final = 1e11


class AlreadyThere(Refused):
    """The venue has an order with this id: an earlier request arrived, and its order can be asked for."""


def rule_for(status: int, code: int | None, message: str) -> Rule:
    """The row of the table that an error belongs to."""
    small = message.lower()
    return next((rule for rule in TABLE if rule.fits(status, code, small)), TABLE[-1])


def venue_error(
    status: int, code: int | None, message: str, headers: Mapping[str, str] | None = None, now: int | None = None
) -> VenueError:
    """What an answer that is not a success means to us.

    Args:
        status: of HTTP.
        code: Alpaca's, None when the body has none.
        message: Alpaca's.
        headers: of the answer; only those about waiting are read.
        now: our clock in nanoseconds UTC, where a header names a moment instead of seconds.
    """
    rule = rule_for(status, code, message)
    number = f"{status}" if code is None else f"{status}, {code}"
    text = f"{message[:_LONGEST_MESSAGE] or rule.meaning} ({number})"
    if rule.answer == THROTTLED:
        return Throttled(text, retry_after(headers or {}, now))
    if rule.answer == NOT_ALLOWED:
        return NotAllowed(text)
    if rule.answer == ALREADY_THERE:
        return AlreadyThere(text, rule.refusal)
    return Refused(text, rule.refusal) if rule.answer == REFUSED else Unanswered(text)


def refusal_code(message: str) -> str:
    """One of ``commands.REFUSALS`` for words alone, as an update of an order has them; empty when they say none of them."""
    small = message.lower()
    rules = (rule for rule in TABLE if rule.answer == REFUSED and any(word in small for word in rule.words))
    return next((rule.refusal for rule in rules), "")


def retry_after(headers: Mapping[str, str], now: int | None = None) -> float | None:
    """Seconds to wait by ``Retry-After``, or until ``X-RateLimit-Reset``; None when no header tells."""
    found = {name.lower(): value for name, value in headers.items()}
    wait = _seconds(found.get("retry-after", ""))
    if wait is None and now is not None:
        moment = _moment(found.get("retry-after", "")) or _moment(found.get("x-ratelimit-reset", ""))
        wait = None if moment is None else (moment - now) / NS_PER_SECOND
    return None if wait is None else min(max(wait, 0.0), LONGEST_WAIT)


def _seconds(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _moment(text: str) -> int | None:
    """A moment as seconds since the epoch or as HTTP writes dates, in nanoseconds."""
    seconds = _seconds(text)
    if seconds is not None:
        return int(min(seconds, _LAST_SECOND)) * NS_PER_SECOND
    try:
        return nanoseconds(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def stream_error(code: int | None, message: str) -> VenueError:
    """What an error on a market-data stream means to us."""
    rule = next((rule for rule in STREAM_TABLE if rule.code == code), None)
    text = f"{message[:_LONGEST_MESSAGE] or (rule.meaning if rule else 'an error')} ({code})"
    if rule is None or rule.answer == STREAM_CLOSED:
        return StreamClosed(text)
    return NotAllowed(text) if rule.answer == NOT_ALLOWED else Refused(text, REFUSED_UNSUPPORTED)
