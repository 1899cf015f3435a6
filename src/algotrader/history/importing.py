"""Importing files of bars: CSV and Parquet, with every assumption and every row left out reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from algotrader.errors import UserError
from algotrader.history.calendars import ALWAYS_OPEN, regular_mask, sessions, time_zone
from algotrader.history.catalogue import Catalogue
from algotrader.history.checks import BAR_COLUMNS, price_faults
from algotrader.history.clocks import NO_SUCH_TIME, NOT_A_TIME, Clock, Kind, check_zone, read_clock, to_utc
from algotrader.history.headers import FIELDS, match_columns
from algotrader.history.intervals import DAILY, INTERVALS, interval_ns
from algotrader.history.numbers import MISSING, Numbers, parse_numbers
from algotrader.history.reports import ImportReport
from algotrader.history.resolve import CRYPTO_SCALE, Wishes, new_instrument, read_symbol, stored_instrument
from algotrader.history.rows import Rows, add_session_times, check_order, check_overlap, check_spacing
from algotrader.history.tables import LINE, SURPLUS, read_table

_PRICES: Final = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class _Job:
    """The settings of one import, checked."""

    interval: str
    timezone: str | None
    label_end: bool
    date_format: str | None
    rounding: bool
    strict: bool
    columns: Mapping[str, str]

    @property
    def daily(self) -> bool:
        return self.interval == DAILY


def import_file(
    path: str | Path,
    symbol: str,
    interval: str,
    catalogue: Catalogue,
    *,
    timezone: str | None = None,
    label: str = "start",
    columns: Mapping[str, str] | None = None,
    date_format: str | None = None,
    asset_class: str | None = None,
    calendar: str | None = None,
    price_scale: int | None = None,
    quantity_scale: int | None = None,
    rounding: bool = False,
    strict: bool = False,
) -> ImportReport:
    """Import a CSV or Parquet file of bars; bad rows are left out and reported, stored bars of the same time are replaced.

    Args:
        path: the file.
        symbol: written in any usual way; ``btcusdt`` becomes ``BTC/USDT``.
        interval: one of ``INTERVALS``; ``1d`` rows are sessions of the calendar.
        catalogue: where the bars go.
        timezone: IANA zone of times that do not say theirs; None means UTC (for daily bars: the exchange's days).
        label: whether times are the ``start`` or the ``end`` of their bars.
        columns: our name (time, open, high, low, close, volume) to the file's, where a guess would fail.
        date_format: how times are written (``strftime`` letters), where a guess would fail.
        asset_class: equity, crypto, future, option or forex; None tells it from the symbol.
        calendar: an exchange calendar's name or ``24/7``; None is the asset class's default.
        price_scale: decimal places of prices, for a new instrument.
        quantity_scale: decimal places of volumes, for a new instrument.
        rounding: round numbers with too many decimals half-even instead of leaving their rows out.
        strict: refuse the whole file when any row is bad.

    Raises:
        UserError: the file as a whole cannot be imported; the hint says what to change.
        OSError: the file cannot be read or the catalogue cannot be written.
    """
    wishes = Wishes(asset_class, calendar, price_scale, quantity_scale)
    zone = None if timezone is None else check_zone(timezone)
    job = _Job(interval, zone, label == "end", date_format, rounding, strict, columns or {})
    interval_ns(interval)
    if label not in ("start", "end"):
        raise UserError(f"label {label!r} is not known", "bars are labelled by their start or their end")
    return _import(Path(path), read_symbol(symbol, asset_class), catalogue, wishes, job)


def _import(file: Path, named: tuple[str, AssetClass], catalogue: Catalogue, wishes: Wishes, job: _Job) -> ImportReport:
    name, kind = named
    table = read_table(file)
    try:
        chosen = match_columns(table.columns, name, job.daily, job.columns)
        stored = catalogue.instruments().get(name)
        if stored is not None:
            instrument, notes = stored_instrument(stored, wishes), list[str]()
        else:
            instrument, notes = new_instrument(name, kind, wishes, [table[chosen[p]] for p in _PRICES], table[chosen["volume"]])
        rows = _parse(table, chosen, instrument, job, notes)
        report = ImportReport(file, instrument, job.interval, table.height, notes=notes)
        _judge(rows, report, job.strict)
    except UserError as error:
        raise UserError(f"{file}: {error.message}", error.hint) from None
    if name in catalogue.made_up():
        notes.append(f"the catalogue also holds made-up bars of {name}; a folder of its own keeps them apart")
    _store(rows.good().select(BAR_COLUMNS), report, catalogue)
    return report


def _store(bars: pl.DataFrame, report: ImportReport, catalogue: Catalogue) -> None:
    written = catalogue.write_bars(report.instrument, report.interval, bars)
    report.added, report.replaced, report.unchanged = written.added, written.replaced, written.unchanged
    report.first, report.last = int(bars["open_time"][0]), int(bars["close_time"][-1])


def _judge(rows: Rows, report: ImportReport, strict: bool) -> None:
    """Fill in the bad rows; refuse the file when nothing is usable, or anything is bad and the import is strict."""
    report.reasons, report.bad = rows.reasons(), rows.first_bad()
    if report.bad_rows and (strict or report.bad_rows == report.rows):
        reason, count = next(iter(report.reasons.items()))
        what = "no row can be used" if report.bad_rows == report.rows else f"{report.bad_rows} of {report.rows} rows are bad"
        message = f"{what}, nothing was imported; most often: {reason} ({count} times); {report.bad[0]}"
        raise UserError(message, _advice(reason, strict))


def _advice(reason: str, strict: bool) -> str:
    if "decimal places" in reason:
        return "round the numbers with --round, or give a larger --price-scale or --quantity-scale"
    if "not a number" in reason:
        return "numbers are written like 1234.56, without currency signs, blanks or decimal commas"
    if reason.endswith(NOT_A_TIME):
        return "say how times are written with --date-format"
    if "no session" in reason:
        return "give the right --calendar, or 24/7 for markets that never close"
    return "mend the rows, or leave --strict out to import the others" if strict else "check the columns with --column"


def _parse(table: pl.DataFrame, chosen: Mapping[str, str], instrument: Instrument, job: _Job, notes: list[str]) -> Rows:
    """Read times and numbers and find every bad row, in the order in which a person would look."""
    raw_time = _raw_time(table, chosen)
    numbers = _numbers(table, chosen, instrument, job, notes)
    raw = table.select(LINE, *[pl.col(chosen[field]).alias(field) for field in FIELDS[1:]]).with_columns(raw_time.alias("time"))
    columns = [table[LINE], table[SURPLUS], *[parsed.values.alias(field) for field, parsed in numbers.items()]]
    columns += [parsed.faults.alias(f"fault_{field}") for field, parsed in numbers.items()]
    rows = Rows(pl.DataFrame(columns), raw)
    rows.blame("time", "the line has more values than the header has names", pl.col(SURPLUS))
    clock = read_clock(raw_time, job.date_format)
    rows.blame_lines("time", MISSING, table[LINE].filter(raw_time.cast(pl.String).str.strip_chars().fill_null("") == ""))
    if job.daily:
        _place_days(rows, clock, instrument.calendar, job)
    else:
        _place_bars(rows, clock, job, notes)
    for field in FIELDS[1:]:
        rows.blame(field, pl.col(f"fault_{field}"), pl.col(f"fault_{field}").is_not_null())
    for column, reason, is_bad in price_faults():
        rows.blame(column, reason, is_bad)
    _check_times(rows, instrument.calendar, job, notes)
    return rows


def _raw_time(table: pl.DataFrame, chosen: Mapping[str, str]) -> pl.Series:
    """The column of times; where day and time of day stand in two columns, both joined by a blank."""
    raw = table[chosen["time"]]
    if "clock" not in chosen:
        return raw
    clock = table[chosen["clock"]].cast(pl.String).str.strip_chars()
    digits = clock.str.contains(r"^\d{3,6}$")
    padded = pl.select(
        pl.when(clock.str.len_bytes() <= 4).then(clock.str.zfill(4) + "00").otherwise(clock.str.zfill(6))
    ).to_series()
    dotted = padded.str.replace(r"^(\d\d)(\d\d)(\d\d)$", "${1}:${2}:${3}")
    clock = pl.select(pl.when(digits).then(dotted).otherwise(clock)).to_series()
    if not (clock.str.contains(r"^\d{1,2}:\d{2}").mean() or 0.0) > 0.5:  # type: ignore[operator]
        return table[chosen["clock"]]
    return (raw.cast(pl.String).str.strip_chars() + " " + clock).alias(chosen["time"])


def _numbers(
    table: pl.DataFrame, chosen: Mapping[str, str], instrument: Instrument, job: _Job, notes: list[str]
) -> dict[str, Numbers]:
    """Parse prices and volume. Floats carry no exact decimals, so prices in floats are always rounded; the report says so."""
    parsed: dict[str, Numbers] = {}
    is_crypto = instrument.asset_class is AssetClass.CRYPTO
    for field in FIELDS[1:]:
        raw = table[chosen[field]]
        scale = instrument.quantity_scale if field == "volume" else instrument.price_scale
        inexact = raw.dtype.is_float() and (field != "volume" or scale > 0)
        # A pair of huge numbers is kept with fewer decimals than its venue prints: rounding is the only way to take it.
        cut_short = is_crypto and scale < CRYPTO_SCALE
        parsed[field] = parse_numbers(raw, scale, rounding=job.rounding or inexact or cut_short)
    rounded = max(parsed[field].rounded for field in _PRICES)
    if rounded:
        notes.append(f"prices of {rounded} rows were rounded to {instrument.price_scale} decimals")
    if parsed["volume"].rounded:
        notes.append(f"volumes of {parsed['volume'].rounded} rows were rounded to {instrument.quantity_scale} decimals")
    return parsed


def _place_bars(rows: Rows, clock: Clock, job: _Job, notes: list[str]) -> None:
    """Give intraday rows their open and close."""
    if clock.kind is Kind.DAY:
        raise UserError(
            f"the times are days only, but the interval is {job.interval}", "use --interval 1d, or name the column of times"
        )
    times = clock.values
    if clock.kind is Kind.WALL:
        if job.timezone is None:
            notes.append("times without a time zone were taken as UTC; if they are local, say so with --timezone")
        times = to_utc(times, job.timezone or "UTC")
    length = INTERVALS[job.interval]
    opens = times - length if job.label_end else times
    rows.frame = rows.frame.with_columns(clock.values.alias("wall"), opens.alias("open_time"), (opens + length).alias("close_time"))
    rows.blame("time", NOT_A_TIME, pl.col("wall").is_null())
    rows.blame("time", NO_SUCH_TIME, pl.col("open_time").is_null())


def _place_days(rows: Rows, clock: Clock, calendar: str, job: _Job) -> None:
    """Give daily rows the session they stand for."""
    values = clock.values
    if clock.kind is Kind.INSTANT:
        # Midnight UTC throughout means days written as moments; anything else is a moment of the exchange's own day.
        all_midnight = bool((values.drop_nulls() % NS_PER_DAY == 0).all())
        zone = job.timezone or ("UTC" if all_midnight else time_zone(calendar))
        local = values.cast(pl.Datetime("ns", "UTC")).dt.convert_time_zone(zone).dt.replace_time_zone(None)
        values = local.cast(pl.Int64)
    if clock.kind is not Kind.DAY and job.label_end:
        values = values - 1
    rows.frame = rows.frame.with_columns((values // NS_PER_DAY * NS_PER_DAY).alias("day"))
    rows.blame("time", NOT_A_TIME, pl.col("day").is_null())
    add_session_times(rows, calendar)


def _check_times(rows: Rows, calendar: str, job: _Job, notes: list[str]) -> None:
    """Check spacing, order and overlap of rows, and tell what their place in the sessions suggests."""
    order = "day" if job.daily else "open_time"
    check_spacing(rows.good()[order].to_numpy(), job.interval)
    if not job.daily:
        grid = NS_PER_MINUTE if INTERVALS[job.interval] >= NS_PER_MINUTE else NS_PER_SECOND
        rows.blame("time", f"is not on a whole {'minute' if grid == NS_PER_MINUTE else 'second'}", pl.col("open_time") % grid != 0)
    notes += check_order(rows, order)
    if not job.daily:
        check_overlap(rows, job.interval)
        notes += _session_notes(rows.good(), calendar)


def _session_notes(bars: pl.DataFrame, calendar: str) -> list[str]:
    """What regular-hours strategies will miss: bars outside of sessions, and bars that begin before the open and reach into it."""
    if calendar == ALWAYS_OPEN or not bars.height:
        return []
    regular = regular_mask(calendar, bars["open_time"].to_numpy())
    notes = [f"{int(regular.sum())} of {bars.height} bars lie in regular sessions of {calendar}"] if not regular.all() else []
    if regular.mean() < 0.1:
        notes.append("almost none: is the time zone right? (--timezone)")
    first, last = int(bars["open_time"][0]), int(bars["close_time"][-1])
    starts = pl.Series([session.open_time for session in sessions(calendar, first, last)], dtype=pl.Int64).to_frame("session_open")
    early = bars.sort("open_time").join_asof(starts, left_on="open_time", right_on="session_open", strategy="forward")
    reaching = early.filter((pl.col("open_time") < pl.col("session_open")) & (pl.col("session_open") < pl.col("close_time"))).height
    if reaching:
        notes.append(f"{reaching} bars begin before a session's open and reach into it; regular-hours strategies do not see them")
    return notes
