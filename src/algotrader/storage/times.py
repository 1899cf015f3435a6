"""Times as the tables that people read have them: ISO 8601 in UTC, always with nine digits of a second.

The width is fixed so that the order of the texts is the order of the times, and so that nothing is lost.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

NS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC; the Z is written by hand
_TO_SECONDS: Final = len("2024-01-02T14:32:00")


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def to_iso(time_ns: int) -> str:
    """Nanoseconds since the epoch as text, such as ``2024-01-02T14:32:00.000000000Z``."""
    seconds, rest = divmod(time_ns, NS)
    return f"{_second(seconds)}.{rest:09d}Z"


def from_iso(text: str) -> int:
    """The nanoseconds since the epoch of a text that ``to_iso`` made."""
    passed = datetime.fromisoformat(text[:_TO_SECONDS]) - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * NS + int(text[_TO_SECONDS + 1 : -1])


def day_bounds(day: date, zone: str = "America/New_York") -> tuple[int, int]:
    """Where a calendar day begins and the next one does, in nanoseconds UTC, by the clocks of a time zone."""
    begin, end = (datetime(each.year, each.month, each.day, tzinfo=ZoneInfo(zone)) for each in (day, day + timedelta(days=1)))
    return int(begin.astimezone(UTC).timestamp()) * NS, int(end.astimezone(UTC).timestamp()) * NS


class UtcTime(TypeDecorator[int]):
    """A column that holds text for people and gives nanoseconds to the program."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Any) -> str | None:
        return None if value is None else to_iso(value)

    def process_result_value(self, value: str | None, dialect: Any) -> int | None:
        return None if value is None else from_iso(value)
