"""Which column of a file holds what: guessed from the usual names, or told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from algotrader.errors import UserError, did_you_mean
from algotrader.history.tables import LINE, SURPLUS

FIELDS: Final = ("time", "open", "high", "low", "close", "volume")
"""What every file of bars must have."""

_DAY_NAMES: Final = ("date", "day", "session", "sessiondate", "tradedate")
_MOMENT_NAMES: Final = (
    *("timestamp", "datetime", "opentime", "time", "ts", "t", "barstart", "windowstart"),
    *("unix", "unixtime", "unixtimestamp", "epoch", "localtime", "gmttime", "utc", "utctime"),
)
_NAMES: Final = {
    "open": ("open", "o", "openprice", "priceopen"),
    "high": ("high", "h", "highprice", "pricehigh", "max"),
    "low": ("low", "l", "lowprice", "pricelow", "min"),
    "close": ("close", "c", "closeprice", "priceclose", "last", "close/last", "price"),
    "volume": ("volume", "v", "vol", "vol.", "tradevolume", "volumetraded", "size", "qty"),
}
_ALIASES: Final = {"timestamp": "time", "datetime": "time", "date": "time", "open_time": "time"}


def _plain(name: str) -> str:
    """A header without case, blanks and numbering: ``1. Open`` and ``open`` are the same."""
    return re.sub(r"[\s_\-\"']", "", re.sub(r"^\d+\.\s*", "", name.strip().lower()))


def match_columns(names: Sequence[str], symbol: str, daily: bool, told: Mapping[str, str] | None = None) -> dict[str, str]:
    """Say which column holds each of ``FIELDS``, and under ``clock`` the column of times of day where days stand apart.

    Args:
        names: the file's columns.
        symbol: for headers such as ``Volume BTC``.
        daily: a column of dates is preferred over one of moments.
        told: our name to the file's column; wins over every guess.

    Raises:
        UserError: a column is missing or a told one does not exist.
    """
    real = [name for name in names if name not in (LINE, SURPLUS)]
    chosen = _told(real, told or {})
    by_plain = {_plain(name): name for name in reversed(real)}
    if "time" not in chosen:
        chosen |= _time_columns(by_plain, daily)
    for field in FIELDS[1:]:
        candidates = [*_NAMES[field], *([f"volume{symbol.split('/')[0].lower()}"] if field == "volume" else [])]
        found = next((by_plain[name] for name in candidates if name in by_plain), None)
        if field not in chosen and found is not None:
            chosen[field] = found
    missing = [field for field in FIELDS if field not in chosen]
    if missing:
        example = " ".join(f"--column {field}=NAME" for field in missing[:2])
        raise UserError(f"no column for {', '.join(missing)} among: {', '.join(real)}", f"name it with {example}")
    return chosen


def _told(names: Sequence[str], told: Mapping[str, str]) -> dict[str, str]:
    chosen = {}
    for field, name in told.items():
        ours = _ALIASES.get(field.lower(), field.lower())
        if ours not in FIELDS:
            raise UserError(f"{field!r} is not a column of bars", f"the columns are {', '.join(FIELDS)}")
        if name not in names:
            raise UserError(f"the file has no column {name!r}", f"{did_you_mean(name, names)} it has: {', '.join(names)}".strip())
        chosen[ours] = name
    return chosen


def _time_columns(by_plain: Mapping[str, str], daily: bool) -> dict[str, str]:
    day = next((by_plain[name] for name in _DAY_NAMES if name in by_plain), None)
    moment = next((by_plain[name] for name in _MOMENT_NAMES if name in by_plain), None)
    if daily and day is not None:
        return {"time": day}
    if day is not None and "time" in by_plain and moment == by_plain["time"]:
        return {"time": day, "clock": moment}
    chosen = moment or day
    return {"time": chosen} if chosen is not None else {}
