"""How Alpaca writes numbers, times and ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import NAMESPACE_DNS, UUID, uuid5
from zoneinfo import ZoneInfo

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import nanoseconds
from algotrader.core.scaled import MONEY_SCALE, div_half_even, from_scaled

NEW_YORK: Final = ZoneInfo("America/New_York")
_SECOND: Final = 1_000_000_000
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?)?")
_MAX_DIGITS: Final = 30
_SMALLEST, _LARGEST = -18, 18
"""Powers of ten between which a number of a request may lie; what is beyond them nobody means."""


def decimal_text(value: Decimal) -> str:
    """A number without an exponent and without zeros at its end."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def money_text(raw: int) -> str:
    """Money, as a scaled integer."""
    return decimal_text(from_scaled(raw, MONEY_SCALE))


def price_text(instrument: Instrument, raw: int) -> str | None:
    """A price; None for none."""
    return decimal_text(instrument.price(raw)) if raw else None


def quantity_text(instrument: Instrument, raw: int) -> str:
    """A quantity."""
    return decimal_text(instrument.quantity(raw))


def average_text(instrument: Instrument, value: int, quantity_raw: int) -> str | None:
    """An average price, two places beyond the instrument's; None before any quantity."""
    if not quantity_raw:
        return None
    return decimal_text(from_scaled(div_half_even(value * 100, quantity_raw), instrument.price_scale + 2))


def time_text(time: int) -> str | None:
    """A time in UTC with nanoseconds (RFC 3339); None for 0."""
    if not time:
        return None
    seconds, rest = divmod(time, _SECOND)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def eastern_text(time: int, *, fraction: bool = False) -> str:
    """A time in New York with its offset."""
    seconds, rest = divmod(time, _SECOND)
    moment = datetime.fromtimestamp(seconds, NEW_YORK)
    offset = moment.strftime("%z")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{rest:09d}" if fraction else "") + f"{offset[:3]}:{offset[3:]}"


def read_time(text: str) -> int:
    """Nanoseconds UTC of a date or a time; one without an offset is UTC.

    Raises:
        ValueError: it is not written as one.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a time")
    day, clock, fraction, zone = found.groups()
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{(zone or 'Z').replace('Z', '+00:00')}")
    return nanoseconds(moment.astimezone(UTC)) + int((fraction or "0").ljust(9, "0"))


def read_number(value: Any) -> Decimal | None:
    """A number of a request's body, given as a number or as text; None for null and for an empty text.

    Raises:
        ValueError: it is not a number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > _MAX_DIGITS:
        raise ValueError("not a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite() or not _SMALLEST <= number.adjusted() <= _LARGEST:
        raise ValueError("not a number")
    return number


def asset_id(symbol: str) -> UUID:
    """The id of an asset: the same for ever."""
    return uuid5(NAMESPACE_DNS, f"{symbol}.assets.rehearsal")


def joined(instrument: Instrument) -> str:
    """The symbol as positions have it: pairs without the stroke."""
    return instrument.symbol.replace("/", "")


def asset_class(instrument: Instrument) -> str:
    """The class of an instrument."""
    return "crypto" if instrument.asset_class is AssetClass.CRYPTO else "us_equity"


def exchange_name(instrument: Instrument) -> str:
    """Where an instrument is listed; the server has every share on one exchange."""
    return "CRYPTO" if instrument.asset_class is AssetClass.CRYPTO else "NASDAQ"
