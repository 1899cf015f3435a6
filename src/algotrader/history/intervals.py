"""The intervals of bars, and the days a user types."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, nanoseconds
from algotrader.errors import UserError, did_you_mean

NS_PER_HOUR: Final = 60 * NS_PER_MINUTE

INTERVALS: Final[dict[str, int]] = {
    "1s": NS_PER_SECOND,
    "1m": NS_PER_MINUTE,
    "2m": 2 * NS_PER_MINUTE,
    "5m": 5 * NS_PER_MINUTE,
    "10m": 10 * NS_PER_MINUTE,
    "15m": 15 * NS_PER_MINUTE,
    "30m": 30 * NS_PER_MINUTE,
    "1h": NS_PER_HOUR,
    "1d": NS_PER_DAY,
}
"""Every interval the catalogue knows, with its length in nanoseconds (``1d`` stands for one session)."""

DAILY: Final = "1d"


def interval_ns(interval: str) -> int:
    """Length of an interval in nanoseconds.

    Raises:
        UserError: the interval is not one of ``INTERVALS``.
    """
    length = INTERVALS.get(interval)
    if length is None:
        near = did_you_mean(interval, INTERVALS)
        known = "valid intervals: " + ", ".join(INTERVALS)
        raise UserError(f"{interval!r} is not an interval of bars", f"{near} {known}".strip())
    return length


def known_name(length_ns: int) -> str:
    """Name of the interval with this length, or an empty text."""
    return next((name for name, length in INTERVALS.items() if length == length_ns), "")


def parse_day(text: str) -> date:
    """Read a day written ``2024-01-31``.

    Raises:
        UserError: it is not written so.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UserError(f"{text!r} is not a day", "write days like 2024-01-31") from None


def day_ns(day: date) -> int:
    """Midnight UTC at the start of a day, in nanoseconds."""
    return nanoseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))
