"""A venue's bars, which are text, as rows of the catalogue: exact, and checked; what cannot be true is left out and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

import polars as pl

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, BadData
from algotrader.history.checks import BAR_COLUMNS, price_faults
from algotrader.history.corporate_actions import ADJUSTED_SCALE, Dividend, Split
from algotrader.history.fetched import Span
from algotrader.history.intervals import DAILY, INTERVALS
from algotrader.history.numbers import parse_numbers
from algotrader.history.resolve import Wishes, new_instrument
from algotrader.history.rows import Rows, add_session_times
from algotrader.history.tables import LINE
from algotrader.venues.alpaca.action_records import RawAction
from algotrader.venues.alpaca.history_records import RawBar, close_time

_FIELDS: Final = ("open", "high", "low", "close", "volume")
_PRICES: Final = _FIELDS[:4]
_ZONE: Final = "America/New_York"
_LEAST_RATE: Final = Decimal("0.000001")
_MOST_RATE: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Made:
    """Rows for the catalogue, reasons of the ones left out, and how many were rounded."""

    bars: pl.DataFrame
    left_out: Counter[str]
    rounded: int


def instrument_for(
    name: str, kind: AssetClass, rows: Sequence[RawBar], wishes: Wishes, adjustment: str
) -> tuple[Instrument, list[str]]:
    """The instrument of a symbol that is new to the catalogue, and what the user should know about it.

    The decimal places of a pair are chosen from its first bars. Adjusted prices are no prices that were ever quoted: they get the
    six places that adjusted series have.

    Raises:
        UserError: the wishes are impossible.
    """
    table = _table(rows)
    if adjustment != "raw" and kind is AssetClass.EQUITY and wishes.price_scale is None:
        wishes = replace(wishes, price_scale=ADJUSTED_SCALE)
    return new_instrument(name, kind, wishes, [table[field] for field in _PRICES], table["volume"])


def _table(rows: Sequence[RawBar]) -> pl.DataFrame:
    schema = {"open_time": pl.Int64(), **dict.fromkeys(_FIELDS, pl.String())}
    return pl.DataFrame(rows, schema=schema, orient="row").with_row_index(LINE)


def to_bars(instrument: Instrument, raw: Sequence[RawBar], interval: str, span: Span) -> Made:
    """Turn raw bars into rows of the catalogue.

    Args:
        instrument: its scales are kept to; what has more decimals is rounded half-even.
        raw: as they came.
        interval: theirs; days of stocks become sessions of the calendar.
        span: bars that open outside of it were not asked for.
    """
    table = _table(raw)
    numbers = {}
    for field in _FIELDS:
        scale = instrument.quantity_scale if field == "volume" else instrument.price_scale
        numbers[field] = parse_numbers(table[field], scale, rounding=True)
    columns = [table[LINE], table["open_time"], *[parsed.values.alias(field) for field, parsed in numbers.items()]]
    columns += [parsed.faults.alias(f"fault_{field}") for field, parsed in numbers.items()]
    rows = Rows(pl.DataFrame(columns), table)
    rows.blame("time", "is outside of the time asked for", ~pl.col("open_time").is_between(*span, closed="left"))
    latest = pl.when(pl.col("reason").is_null()).then("open_time").cum_max().forward_fill().shift(1)
    rows.blame("time", "the time goes back", pl.col("open_time") <= latest)
    for field in _FIELDS:
        rows.blame(field, pl.col(f"fault_{field}"), pl.col(f"fault_{field}").is_not_null())
    for field, reason, is_bad in price_faults():
        rows.blame(field, reason, is_bad)
    _add_close(rows, instrument, interval)
    rounded = max(parsed.rounded for parsed in numbers.values())
    return Made(rows.good().select(BAR_COLUMNS), Counter(rows.reasons()), rounded)


def _add_close(rows: Rows, instrument: Instrument, interval: str) -> None:
    """Give every row its close."""
    if interval != DAILY:
        rows.blame("time", "is not on a whole minute", pl.col("open_time") % NS_PER_MINUTE != 0)
        rows.frame = rows.frame.with_columns((pl.col("open_time") + INTERVALS[interval]).alias("close_time"))
    elif instrument.asset_class is AssetClass.CRYPTO:
        closes = [_day_close(instrument, time) for time in rows.frame["open_time"].to_list()]
        rows.frame = rows.frame.with_columns(pl.Series("close_time", closes, dtype=pl.Int64))
        rows.blame("time", "is not the start of a day", pl.col("close_time").is_null())
    else:
        local = pl.from_epoch("open_time", time_unit="ns").dt.replace_time_zone("UTC").dt.convert_time_zone(_ZONE)
        wall = local.dt.replace_time_zone(None).cast(pl.Int64)
        rows.frame = rows.frame.with_columns(wall.alias("day")).drop("open_time")
        rows.blame("time", "is not the start of a day", pl.col("day") % NS_PER_DAY != 0)
        add_session_times(rows, instrument.calendar)


def _day_close(instrument: Instrument, time: int) -> int | None:
    try:
        return close_time(instrument, time, INTERVALS[DAILY] // 1_000_000_000)
    except BadData:
        return None


def to_action(raw: RawAction) -> Split | Dividend:
    """A split or a dividend for the catalogue, exact.

    Raises:
        ValueError, ArithmeticError: it cannot be true.
    """
    if not raw.old:
        return Dividend(raw.ex_date, Decimal(raw.new))
    new, old = Decimal(raw.new), Decimal(raw.old)
    if not all(_LEAST_RATE <= rate <= _MOST_RATE for rate in (new, old)):
        raise ValueError(f"{new}:{old} is no ratio of shares")
    ratio = Fraction(new) / Fraction(old)
    return Split(raw.ex_date, ratio.numerator, ratio.denominator)
