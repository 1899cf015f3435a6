"""Single values in Alpaca's records: exact numbers, times, texts and flags, none of them trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from algotrader.core.market import NS_PER_SECOND
from algotrader.core.scaled import MAX_SCALED, MONEY_SCALE, NotExact, nearest_scaled, power_of_ten, round_scaled, to_scaled

Record = Mapping[str, Any]
"""One object of the venue's JSON."""

LONGEST_TEXT: Final = 2000
"""Characters of a text that are kept; an error message of the venue is much shorter."""

_LARGEST: Final = 40
_SURE: Final = 10**15
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?")
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,18}))?(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME: Final = "0001-01-01"


class AlpacaRecordFault(ValueError):
    """What the venue sent cannot be read: a field is missing, or is not what it should be."""


def shown(value: object) -> str:
    """A value from the venue as it may stand in a message: short, whatever it is."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def number(value: object, what: str = "a number") -> Decimal:
    """An exact number that came as text, integer or float.

    Raises:
        AlpacaRecordFault: it is none, or one that no amount of money or shares can be.
    """
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_LARGEST
    if whole or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        found = Decimal(value)  # type: ignore[arg-type]
    elif isinstance(value, float):
        # The shortest text of a float is the decimal that the venue meant.
        found = Decimal(repr(value))
    elif isinstance(value, Decimal):
        found = value
    else:
        raise AlpacaRecordFault(f"{what}: {shown(value)} is not a number")
    if not found.is_finite() or (found and not -_LARGEST <= found.adjusted() <= _LARGEST) or len(found.as_tuple().digits) > 80:
        raise AlpacaRecordFault(f"{what}: {shown(value)} is out of all bounds")
    return found


def decimal_to_raw(value: object, scale: int, what: str = "a number") -> int:
    """A number as a scaled integer, exact.

    Raises:
        AlpacaRecordFault: it is no number, has more decimals than ``scale``, or is too large for the engine.
    """
    try:
        return bounded(to_scaled(number(value, what), scale), what)
    except NotExact as error:
        raise AlpacaRecordFault(f"{what}: {error}") from None


def nearest_raw(value: object, scale: int, what: str = "a number") -> int:
    """A number rounded half to even at ``scale`` places: for averages and market data, which may have more of them."""
    if isinstance(value, float) and -_SURE < value < _SURE:
        # Quotes come by thousands. Two decimals of up to 15 digits never share a float, so this one is the one that was meant.
        unit = power_of_ten(scale)
        raw = round(value * unit)
        if -_SURE < raw < _SURE and raw / unit == value:
            return raw
    return bounded(nearest_scaled(number(value, what), scale), what)


def cut_raw(value: object, scale: int, what: str = "a number") -> int:
    """A number cut towards zero at ``scale`` places: of a quantity, what an instrument in whole units can hold."""
    return bounded(round_scaled(number(value, what), scale, ROUND_DOWN), what)


def bounded(raw: int, what: str) -> int:
    """Refuse a scaled integer that the engine could not hold exactly."""
    if abs(raw) >= MAX_SCALED:
        raise AlpacaRecordFault(f"{what}: {raw} is too large for the instrument's scale")
    return raw


def money_of(value: object, what: str) -> int:
    """An amount of money; 0 when there is none."""
    return 0 if is_missing(value) else nearest_scaled(number(value, what), MONEY_SCALE)


def is_missing(value: object) -> bool:
    """Whether a field is absent, null or empty: the venue has all three for "none"."""
    return value is None or value == ""


def time_ns(value: object, what: str = "a time") -> int:
    """An RFC 3339 time with up to nanoseconds, as nanoseconds since the epoch, UTC.

    Raises:
        AlpacaRecordFault: it is none, or lies before 1970.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise AlpacaRecordFault(f"{what}: {shown(value)} is not a time")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, _, sign, zone_hours, zone_minutes = match.groups()[6:]
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if sign:
            shift = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
            moment += -shift if sign == "+" else shift
    except (ValueError, OverflowError):
        raise AlpacaRecordFault(f"{what}: {shown(value)} is not a time") from None
    delta = moment - _EPOCH
    found = (delta.days * 86_400 + delta.seconds) * NS_PER_SECOND + int((fraction or "0").ljust(9, "0")[:9])
    if found < 0:
        raise AlpacaRecordFault(f"{what}: {shown(value)} lies before 1970")
    return found


def time_or_zero(record: Record, name: str) -> int:
    """A time that may be missing; 0 then."""
    value = record.get(name)
    if is_missing(value) or (isinstance(value, str) and value.startswith(_NO_TIME)):
        return 0
    return time_ns(value, name)


def text(record: Record, name: str) -> str:
    """A text that must be there.

    Raises:
        AlpacaRecordFault: it is missing, empty, or no text.
    """
    found = text_or_empty(record, name)
    if not found:
        raise AlpacaRecordFault(f"{name} is missing")
    return found


def text_or_empty(record: Record, name: str) -> str:
    """A text that may be missing; empty then."""
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise AlpacaRecordFault(f"{name}: {shown(value)} is not a text of at most {LONGEST_TEXT} characters")
    return value


def flag(record: Record, name: str, default: bool = False) -> bool:
    """A yes or no that may be missing; ``default`` then."""
    value = record.get(name)
    if is_missing(value):
        return default
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise AlpacaRecordFault(f"{name}: {shown(value)} is neither true nor false")
    return value


def whole_or_none(record: Record, name: str) -> int | None:
    """A whole number that may be missing; None then."""
    value = record.get(name)
    return None if is_missing(value) else decimal_to_raw(value, 0, name)


def decimal_or_none(record: Record, name: str) -> Decimal | None:
    """A number that may be missing; None then."""
    value = record.get(name)
    return None if is_missing(value) else number(value, name)


def record_of(value: object, what: str) -> Record:
    """An object of the venue's JSON.

    Raises:
        AlpacaRecordFault: it is something else.
    """
    if not isinstance(value, dict):
        raise AlpacaRecordFault(f"{what} is {shown(value)}, not an object")
    return value


def records_of(value: object, what: str) -> list[Record]:
    """A list of objects.

    Raises:
        AlpacaRecordFault: it is something else.
    """
    if not isinstance(value, list):
        raise AlpacaRecordFault(f"{what} is {shown(value)}, not a list")
    return [record_of(item, what) for item in value]
