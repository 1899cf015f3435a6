"""Columns of times: epochs, ISO text with or without an offset, days, and the usual other ways to write them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import polars as pl

from algotrader.core.market import NS_PER_SECOND
from algotrader.errors import UserError, did_you_mean

NOT_A_TIME: Final = "is not a time"
NO_SUCH_TIME: Final = "this local time does not exist (clocks went forward)"

_NS: Final = pl.Datetime("ns")
_OFFSET: Final = r"(?i)(Z|\s*UTC|\s*GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
_CLOCKS: Final = ("%H:%M:%S%.f", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
_DAYS: Final = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%m/%d/%Y", "%d/%m/%Y"),
    *("%d.%m.%Y", "%d-%m-%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%B %d, %Y"),
)
_EPOCH_LIMITS: Final = ((1e11, NS_PER_SECOND), (1e14, 1_000_000), (1e17, 1_000))
_TRY_FORMAT: Final = "say how it is written with --date-format, for example --date-format '%d/%m/%Y %H:%M'"


class Kind(Enum):
    """What a column of times says: moments, local times without a zone, or days."""

    INSTANT = "instant"
    WALL = "wall"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Clock:
    """A column of times in nanoseconds (null where a value is no time): UTC for ``INSTANT``, local time taken as UTC otherwise."""

    kind: Kind
    values: pl.Series


def check_zone(name: str) -> str:
    """Give an IANA time zone's name back.

    Raises:
        UserError: no such zone.
    """
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = did_you_mean(name, available_timezones())
        raise UserError(f"{name!r} is not a time zone", f"{near} use IANA names like America/New_York".strip()) from None


def read_clock(raw: pl.Series, date_format: str | None = None) -> Clock:
    """Read a column of times of any usual kind.

    Args:
        raw: text, integers, floats, dates or datetimes.
        date_format: how text is written (``strftime`` letters); None guesses.

    Raises:
        UserError: nothing in the column is a time, or day and month cannot be told apart.
    """
    kind = raw.dtype
    if isinstance(kind, pl.Datetime):
        zoned = kind.time_zone is not None
        plain = raw.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else raw
        return Clock(Kind.INSTANT if zoned else Kind.WALL, _epoch_ns(plain))
    if kind == pl.Date:
        return Clock(Kind.DAY, _epoch_ns(raw.cast(_NS)))
    if kind.is_numeric():
        return _read_digits(raw.cast(pl.Int64 if kind.is_integer() else pl.Float64).cast(pl.String).str.replace(r"\.0$", ""))
    if kind != pl.String:
        raise UserError(f"the column {raw.name!r} holds {kind}, not times", "choose another with --column time=NAME")
    text = raw.str.strip_chars()
    if date_format is not None:
        return _read_format(text, date_format)
    usable = text.drop_nulls()
    if usable.len() and (usable.str.contains(r"^-?\d+(\.\d+)?$").mean() or 0.0) > 0.5:  # type: ignore[operator]
        return _read_digits(text)
    return _read_text(text)


def _epoch_ns(times: pl.Series) -> pl.Series:
    return times.cast(_NS).cast(pl.Int64)


def _read_digits(text: pl.Series) -> Clock:
    """All digits: a day (20240131), a day and time (20240131093000), or an epoch in s, ms, us or ns by its size."""
    usable = text.drop_nulls()
    for width, pattern in ((8, "%Y%m%d"), (12, "%Y%m%d%H%M"), (14, "%Y%m%d%H%M%S")):
        if (usable.str.len_bytes() == width).mean() == 1.0:
            padded = text if width == 14 else text + "0" * (14 - width)
            values = _in_our_age(_epoch_ns(padded.str.to_datetime("%Y%m%d%H%M%S", strict=False, time_unit="ns")))
            if (values.drop_nulls().len() or 0) > usable.len() // 2:
                return Clock(Kind.DAY if pattern == "%Y%m%d" else Kind.WALL, values)
    numbers = text.cast(pl.Float64, strict=False)
    middle = abs(float(numbers.drop_nulls().median() or 0.0))  # type: ignore[arg-type]
    unit = next((factor for limit, factor in _EPOCH_LIMITS if middle < limit), 1)
    whole = text.str.extract(r"^(-?\d+)(\.\d+)?$", 1).cast(pl.Int64, strict=False)
    part = text.str.extract(r"(\.\d+)$", 1).cast(pl.Float64, strict=False).fill_null(0.0)
    return Clock(Kind.INSTANT, _in_our_age(whole * unit + (part * unit).round().cast(pl.Int64)))


def _read_format(text: pl.Series, date_format: str) -> Clock:
    zoned = "%z" in date_format or "%Z" in date_format
    has_clock = any(letter in date_format for letter in ("%H", "%I", "%T", "%R", "%s", "%X"))
    try:
        if has_clock:
            parsed = text.str.to_datetime(date_format, strict=False, time_unit="ns")
        else:
            parsed = text.str.to_date(date_format, strict=False).cast(_NS)
    except pl.exceptions.PolarsError as error:
        raise UserError(f"{date_format!r} is not a date format: {str(error).splitlines()[0]}", _TRY_FORMAT) from None
    if parsed.drop_nulls().len() == 0:
        raise UserError(f"no time is written like {date_format!r}; the first is {_first(text)!r}", _TRY_FORMAT)
    plain = parsed.dt.replace_time_zone(None) if zoned else parsed
    kind = Kind.INSTANT if zoned or "%s" in date_format else Kind.WALL if has_clock else Kind.DAY
    return Clock(kind, _epoch_ns(plain))


def _read_text(text: pl.Series) -> Clock:
    spaced = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[Tt]", "${1} ")
    has_clock = spaced.str.contains(r"\d:\d{2}").fill_null(False)
    offset = pl.select(pl.when(has_clock).then(spaced.str.extract(_OFFSET, 1))).to_series()
    bare = pl.select(pl.when(has_clock).then(spaced.str.replace(_OFFSET, "")).otherwise(spaced)).to_series().str.strip_chars()
    day_format = _day_format(bare)
    moments = _epoch_ns(bare.str.to_date(day_format, strict=False).cast(_NS))
    for clock_format in _CLOCKS:
        if moments.null_count() == text.null_count():
            break
        parsed = bare.str.to_datetime(f"{day_format} {clock_format}", strict=False, time_unit="ns")
        moments = moments.fill_null(_epoch_ns(parsed))
    moments = _in_our_age(moments)
    if not has_clock.any():
        return Clock(Kind.DAY, moments)
    if offset.drop_nulls().len() == 0:
        return Clock(Kind.WALL, moments)
    # A row without an offset among rows that have one says nothing definite: it becomes a bad row.
    return Clock(Kind.INSTANT, moments - _offset_ns(offset))


def _day_format(text: pl.Series) -> str:
    """The way of writing days that fits most rows."""
    days = text.str.extract(r"^(.*?)(\s+\d{1,2}:\d{2}.*)?$", 1)
    fits = {pattern: _in_our_age(_epoch_ns(days.str.to_date(pattern, strict=False).cast(_NS))) for pattern in _DAYS}
    counts = {pattern: len(parsed) - parsed.null_count() for pattern, parsed in fits.items()}
    best = max(counts, key=lambda pattern: counts[pattern])
    if counts[best] == 0:
        raise UserError(f"the column {text.name!r} holds no times that can be read; the first is {_first(text)!r}", _TRY_FORMAT)
    rival = {"%m/%d/%Y": "%d/%m/%Y"}.get(best)
    if rival and counts[rival] == counts[best] and not fits[rival].equals(fits[best]):
        raise UserError(f"{_first(text)!r} may be day/month or month/day", _TRY_FORMAT)
    return best


def _offset_ns(offset: pl.Series) -> pl.Series:
    text = offset.str.strip_chars()
    sign = pl.select(pl.when(text.str.starts_with("-")).then(-1).otherwise(1)).to_series()
    hours = text.str.extract(r"^[+-](\d{2})", 1).cast(pl.Int64)
    minutes = text.str.extract(r"^[+-]\d{2}:?(\d{2})$", 1).cast(pl.Int64).fill_null(0)
    seconds = sign * (hours * 3600 + minutes * 60)
    named = text.str.contains(r"(?i)^(Z|UTC|GMT)$")
    return pl.select(pl.when(named).then(0).otherwise(seconds)).to_series().cast(pl.Int64) * NS_PER_SECOND


def _in_our_age(values: pl.Series) -> pl.Series:
    """Null for times before 1900 or after 2199: two-digit years and wrong units end up there."""
    first, last = -2_208_988_800 * NS_PER_SECOND, 7_258_118_400 * NS_PER_SECOND
    return pl.select(pl.when((values >= first) & (values < last)).then(values)).to_series().cast(pl.Int64)


def _first(text: pl.Series) -> str:
    usable = text.drop_nulls()
    return str(usable[0]) if usable.len() else ""


def to_utc(walls: pl.Series, zone: str) -> pl.Series:
    """Local times of a zone as nanoseconds UTC; null where the clocks jumped over them.

    An hour that comes twice is resolved by the order of rows: the first run is before the clocks went back.
    """
    local = walls.cast(_NS)
    early = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    late = local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
    table = pl.DataFrame({"wall": walls, "early": _utc_ns(early), "late": _utc_ns(late), "day": local.dt.date()})
    twice = pl.col("early") != pl.col("late")
    again = (twice & (pl.col("wall").diff() <= 0)).fill_null(False).cum_sum().over("day") > 0
    return table.select(pl.when(twice & again).then("late").otherwise("early").alias("utc")).to_series()


def _utc_ns(times: pl.Series) -> pl.Series:
    return _epoch_ns(times.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
