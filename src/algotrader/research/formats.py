"""How figures are written for people: money with separators and no rounding by float, fractions as per cent, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

NOTHING = "n/a"
"""What a table shows for a figure that is not defined."""

_CONTEXT = Context(prec=80, rounding=ROUND_HALF_EVEN)
_MOST_PLACES = 8


def plain_text(value: Decimal) -> str:
    """Write a decimal in full, without exponent and needless zeros, with two places at least and eight at most."""
    rounded = _CONTEXT.quantize(value, Decimal(1).scaleb(-_MOST_PLACES))
    whole, _, places = f"{rounded:f}".partition(".")
    text = f"{whole}.{places.rstrip('0').ljust(2, '0')}"
    return text.lstrip("-") if not rounded else text


def money_text(value: Decimal, *, signed: bool = False) -> str:
    """Write an amount with thousands separators, as ``plain_text`` does; ``signed`` puts a plus before gains."""
    text = plain_text(value)
    sign = "-" if text.startswith("-") else "+" if signed and value > 0 else ""
    whole, _, places = text.lstrip("-").partition(".")
    return f"{sign}{int(whole):,}.{places}"


def cents_text(value: Decimal, *, signed: bool = False) -> str:
    """Write an amount rounded half-even to hundredths, with thousands separators."""
    return money_text(_CONTEXT.quantize(value, Decimal("0.01")), signed=signed)


def percent_text(value: float | None, places: int = 2, *, signed: bool = False) -> str:
    """Write a fraction as per cent: 0.0123 becomes ``1.23 %``; None becomes ``NOTHING``."""
    if value is None:
        return NOTHING
    text = f"{value * 100:,.{places}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")
    sign = "+" if signed and value > 0 and text.strip("0.") else ""
    return f"{sign}{text} %"


def number_text(value: float | None, places: int = 2) -> str:
    """Write a ratio with a fixed number of places; None becomes ``NOTHING``."""
    if value is None:
        return NOTHING
    text = f"{value:,.{places}f}"
    return text if text.strip("-0.,") else text.lstrip("-")


def time_text(time: int) -> str:
    """Write nanoseconds since the epoch as UTC date and time to the second."""
    return datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def date_text(time: int) -> str:
    """Write nanoseconds since the epoch as a UTC date."""
    return datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%Y-%m-%d")


def duration_text(seconds: int) -> str:
    """Write a length of time in its two largest units: ``2 d 3 h``, ``14 min 5 s``, ``0 s``."""
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"
