"""Writing bars of the catalogue to CSV or Parquet files for other programs; importing such a file gives the same bars again."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from algotrader.core.instruments import Instrument
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.history.files import replace_file
from algotrader.history.intervals import DAILY

_PRICES: Final = ("open", "high", "low", "close")


def export_bars(catalogue: Catalogue, symbol: str, interval: str, start_ns: int, end_ns: int, out: str | Path) -> int:
    """Write bars to a file and give their number.

    Args:
        catalogue: where the bars are.
        symbol: one symbol.
        interval: one of ``INTERVALS``.
        start_ns: bars open at or after it, nanoseconds UTC.
        end_ns: bars close at or before it, nanoseconds UTC.
        out: a name that ends in ``.csv`` (numbers as exact decimals) or ``.parquet`` (numbers as floats). Times are the starts of
            bars in UTC under ``timestamp``; daily bars have their session under ``date`` as well.

    Raises:
        UserError: another ending, no such bars, or none in the span.
        OSError: the file cannot be written.
    """
    file = Path(out)
    if file.suffix not in (".csv", ".parquet"):
        raise UserError(f"{file}: cannot tell the format from the name", "use a name that ends in .csv or .parquet")
    instrument = catalogue.instrument(symbol)
    bars = catalogue.scan(symbol, interval, start_ns, end_ns).collect()
    if not bars.height:
        raise UserError(f"no {interval} bars of {instrument.symbol} lie in the span", "`algo-trader data list` shows what there is")
    table = readable(bars, instrument, interval, exact=file.suffix == ".csv")
    replace_file(file, table.write_csv if file.suffix == ".csv" else table.write_parquet)
    return bars.height


def readable(bars: pl.DataFrame, instrument: Instrument, interval: str, *, exact: bool) -> pl.DataFrame:
    """Bars as people and other programs read them: UTC times, prices and volumes as decimal text (``exact``) or floats."""
    moment = pl.from_epoch("open_time", time_unit="ns")
    stamp = moment.dt.strftime("%Y-%m-%dT%H:%M:%SZ") if exact else moment.dt.replace_time_zone("UTC")
    columns = [stamp.alias("timestamp")]
    if interval == DAILY:
        # Where a session opens on the evening before, its day is the one on which it closes.
        columns.append(pl.from_epoch(pl.col("close_time") - 1, time_unit="ns").dt.strftime("%Y-%m-%d").alias("date"))
    scales = dict.fromkeys(_PRICES, instrument.price_scale) | {"volume": instrument.quantity_scale}
    number = _as_text if exact else _as_float
    return bars.select(columns).with_columns(number(bars[name], scale) for name, scale in scales.items())


def _as_float(raw: pl.Series, scale: int) -> pl.Series:
    # numpy divides; polars would multiply by a reciprocal and give 165.37000000000003.
    return raw if scale == 0 else pl.Series(raw.name, raw.to_numpy() / 10.0**scale)


def _as_text(raw: pl.Series, scale: int) -> pl.Series:
    if scale == 0:
        return raw.cast(pl.String)
    digits = raw.cast(pl.String).str.zfill(scale + 1)
    return (digits.str.head(-scale) + "." + digits.str.tail(scale)).str.strip_chars_end("0").str.strip_suffix(".")
