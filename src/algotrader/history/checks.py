"""What makes a row of bars impossible, as column expressions that say the same as ``core.market.fault_in_prices``."""

from __future__ import annotations

from typing import Final

import polars as pl

from algotrader.core.market import BadData, utc
from algotrader.core.scaled import MAX_SCALED

BAR_COLUMNS: Final = ("open_time", "close_time", "open", "high", "low", "close", "volume")
"""The catalogue's columns: times in nanoseconds UTC, prices and volume as scaled integers; all int64."""


def price_faults() -> list[tuple[str, str, pl.Expr]]:
    """Every rule on a bar's numbers: the column to show, the reason, and an expression that is true for a bad row."""
    o, h, lo, c, v = (pl.col(name) for name in ("open", "high", "low", "close", "volume"))
    zero = "a price is zero or negative"
    large = "a number is too large for the instrument's scale"
    return [
        ("open", zero, o <= 0),
        ("low", zero, lo <= 0),
        ("close", zero, c <= 0),
        ("high", "high is below low", h < lo),
        ("open", "open lies outside low..high", (o < lo) | (o > h)),
        ("close", "close lies outside low..high", (c < lo) | (c > h)),
        ("volume", "volume is negative", v < 0),
        ("high", large, h >= MAX_SCALED),
        ("volume", large, v >= MAX_SCALED),
    ]


def check_bars(symbol: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Give the catalogue's columns of a frame, in order of time, or refuse it.

    Raises:
        BadData: a column is missing or not of integers, a value is missing, or a bar is impossible.
    """
    missing = [name for name in BAR_COLUMNS if name not in frame.columns]
    if missing:
        raise BadData(f"{symbol}: bars without the columns {', '.join(missing)}")
    bars = frame.select(BAR_COLUMNS)
    wrong = [name for name, kind in bars.schema.items() if not kind.is_integer()]
    if wrong:
        raise BadData(f"{symbol}: the columns {', '.join(wrong)} are not integers")
    if any(bars.null_count().row(0)):
        raise BadData(f"{symbol}: a value is missing in the bars")
    late = ("close_time", "it closes before it opens", pl.col("close_time") <= pl.col("open_time"))
    for _, reason, is_bad in [*price_faults(), late]:
        bad = bars.filter(is_bad).head(1)
        if bad.height:
            raise BadData(f"{symbol} bar of {utc(bad['open_time'][0]).isoformat()}: {reason}")
    return bars.cast(pl.Int64).unique("open_time", keep="last").sort("open_time")
