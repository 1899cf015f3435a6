"""``algo-trader data``: fill and inspect the catalogue of market data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from algotrader.cli.errors import catch_user_errors
from algotrader.cli.fetch import fetch
from algotrader.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from algotrader.history.catalogue import Catalogue
    from algotrader.history.reports import ImportReport

# polars and the calendars are imported within the commands, so that `--help` answers at once.

_DATA = click.option("--data", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the catalogue.")
_ASSET_CLASSES = ("equity", "crypto", "future", "option", "forex")
_WIDTH = 80


@click.group(cls=catch_user_errors)
def data() -> None:
    """Import, fetch, list, export and generate market data."""


data.add_command(fetch)


@data.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--symbol", required=True, help="Such as AAPL or BTC/USDT.")
@click.option("--interval", required=True, help="1s, 1m, 2m, 5m, 10m, 15m, 30m, 1h or 1d.")
@_DATA
@click.option("--timezone", help="IANA zone of times that do not say theirs, such as America/New_York.")
@click.option("--label", type=click.Choice(["start", "end"]), default="start", show_default=True, help="What times are of bars.")
@click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS", help="Such as open=Open; may be given several times.")
@click.option("--date-format", help="How times are written, such as '%d/%m/%Y %H:%M'.")
@click.option("--asset-class", type=click.Choice(_ASSET_CLASSES), help="Told from the symbol by default.")
@click.option("--calendar", help="Such as XNYS, XLON or 24/7.")
@click.option("--price-scale", type=click.IntRange(0, 18), help="Decimal places of prices.")
@click.option("--quantity-scale", type=click.IntRange(0, 18), help="Decimal places of volumes.")
@click.option("--round", "rounding", is_flag=True, help="Round numbers with too many decimals.")
@click.option("--strict", is_flag=True, help="Refuse the file when any row is bad.")
def import_command(
    file: Path,
    symbol: str,
    interval: str,
    folder: Path,
    timezone: str | None,
    label: str,
    columns: tuple[str, ...],
    date_format: str | None,
    asset_class: str | None,
    calendar: str | None,
    price_scale: int | None,
    quantity_scale: int | None,
    rounding: bool,
    strict: bool,
) -> None:
    """Import bars from a CSV or Parquet FILE. Bars that are stored already are replaced."""
    from algotrader.history.catalogue import Catalogue
    from algotrader.history.importing import import_file

    report = import_file(
        file,
        symbol,
        interval,
        Catalogue(folder),
        timezone=timezone,
        label=label,
        columns=_mapping(columns),
        date_format=date_format,
        asset_class=asset_class,
        calendar=calendar,
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        rounding=rounding,
        strict=strict,
    )
    _show_report(report)


def _mapping(columns: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in columns]
    wrong = [text for text, (ours, equals, theirs) in zip(columns, pairs, strict=True) if not (ours and equals and theirs)]
    if wrong:
        raise UserError(f"--column {wrong[0]!r} is not of the form OURS=THEIRS", "write it like --column open=Open")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _show_report(report: ImportReport) -> None:
    from algotrader.core.market import utc
    from algotrader.history.reports import SHOWN

    first, last = (f"{utc(time):%Y-%m-%d %H:%M}" for time in (report.first, report.last))
    click.echo(f"{report.instrument.symbol} {report.interval}: {report.good_rows} of {report.rows} rows, {first} to {last} UTC")
    click.echo(f"new {report.added}, replaced {report.replaced}, already there {report.unchanged}, left out {report.bad_rows}")
    for note in report.notes:
        click.echo(f"note: {note}")
    for reason, count in report.reasons.items():
        click.echo(f"left out {count}: {reason}")
    for row in report.bad:
        click.echo(f"  {row}")
    if report.bad_rows > SHOWN:
        click.echo(f"  … and {report.bad_rows - SHOWN} more")


@data.command("list")
@_DATA
def list_command(folder: Path) -> None:
    """List what the catalogue holds. Times are UTC."""
    catalogue = _existing(folder)
    made_up = catalogue.made_up()
    table = _table("symbol", "class", "interval", "bars", "first", "last", "calendar")
    for symbol, instrument in catalogue.instruments().items():
        shown = f"{symbol}*" if symbol in made_up else symbol
        for interval in catalogue.intervals(symbol):
            first, last = catalogue.span(symbol, interval)
            count = f"{catalogue.count(symbol, interval):,}"
            table.add_row(shown, instrument.asset_class.value, interval, count, _day(first), _day(last), instrument.calendar)
    _print(table)
    if made_up:
        click.echo("* made-up bars of the generator, not a market's")


@data.command()
@click.argument("symbol")
@click.option("--interval", required=True, help="Such as 1m or 1d.")
@click.option("--from", "start", help="First day, such as 2024-01-02.")
@click.option("--to", "end", help="Last day, included.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A name that ends in .csv or .parquet.")
@_DATA
def export(symbol: str, interval: str, start: str | None, end: str | None, out: Path, folder: Path) -> None:
    """Write bars of SYMBOL to a file."""
    from algotrader.history.calendars import day_start
    from algotrader.history.exporting import export_bars
    from algotrader.history.intervals import parse_day

    catalogue = _existing(folder)
    calendar = catalogue.instrument(symbol).calendar
    first = -(2**63) if start is None else day_start(calendar, parse_day(start))
    last = 2**63 - 1 if end is None else day_start(calendar, parse_day(end), plus_days=1)
    count = export_bars(catalogue, symbol, interval, first, last, out)
    click.echo(f"wrote {count} bars to {out}")


@data.command()
@click.option("--symbols", required=True, help="Separated by commas, such as AAPL,BTC/USDT.")
@click.option("--from", "start", required=True, help="First day, such as 2024-01-02.")
@click.option("--to", "end", required=True, help="Last day, included.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bars.")
@click.option("--missing", type=float, default=0.0, show_default=True, help="Share of minutes without a bar.")
@_DATA
def generate(symbols: str, start: str, end: str, seed: int, missing: float, folder: Path) -> None:
    """Make up minute bars that behave like a market, for tries and tests."""
    from algotrader.history.catalogue import Catalogue
    from algotrader.history.generator import VERSION
    from algotrader.history.generator import generate as make_up
    from algotrader.history.intervals import parse_day
    from algotrader.history.resolve import default_instrument, read_symbol

    catalogue = Catalogue(folder)
    known, made_up = catalogue.instruments(), catalogue.made_up()
    names = [read_symbol(text, None) for text in symbols.split(",") if text.strip()]
    for name, _ in names:
        if name in known and catalogue.intervals(name) and name not in made_up:
            raise UserError(f"{name} has imported bars in {folder}; made-up ones would mix with them", "use another --data folder")
    for name, kind in names:
        instrument = known.get(name) or default_instrument(name, kind)
        bars = make_up(instrument, parse_day(start), parse_day(end), seed, missing=missing)
        if not bars.height:
            raise UserError(
                f"{instrument.calendar} has no session from {start} to {end}", "choose days on which the market is open"
            )
        catalogue.mark_made_up(name, f"seed {seed}, generator {VERSION}")
        catalogue.write_bars(instrument, "1m", bars)
        click.echo(f"{name}: {bars.height} made-up bars")


@data.command("import-actions")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--symbol", help="Whose factor file it is; the file's name by default.")
@_DATA
def import_actions(file: Path, symbol: str | None, folder: Path) -> None:
    """Import splits and dividends from FILE: a list of events or a factor file."""
    from algotrader.history.action_files import read_actions
    from algotrader.history.catalogue import Catalogue
    from algotrader.history.corporate_actions import Split
    from algotrader.history.reports import SHOWN

    read = read_actions(file, symbol=symbol)
    if not read.actions:
        detail = f"; {read.bad[0]}" if read.bad else ""
        raise UserError(f"{file} holds no corporate action that can be used{detail}", "mend the rows and import again")
    catalogue = Catalogue(folder)
    for name, actions in read.actions.items():
        splits = len([action for action in actions if isinstance(action, Split)])
        total = catalogue.write_actions(name, actions)
        click.echo(f"{name}: {splits} splits, {len(actions) - splits} dividends; stored now: {total}")
    for row in read.bad[:SHOWN]:
        click.echo(f"left out {row}")
    if len(read.bad) > SHOWN:
        click.echo(f"… and {len(read.bad) - SHOWN} more")


@data.command()
@click.argument("symbol", required=False)
@_DATA
def actions(symbol: str | None, folder: Path) -> None:
    """Show stored splits and dividends, of SYMBOL or of all."""
    from algotrader.core.instruments import normal_symbol
    from algotrader.history.corporate_actions import Split

    catalogue = _existing(folder)
    stored = catalogue.action_symbols()
    if symbol is not None and normal_symbol(symbol) not in stored:
        raise UserError(f"no corporate actions of {normal_symbol(symbol)} are stored", f"stored: {', '.join(stored) or 'none'}")
    table = _table("symbol", "ex-date", "kind", "value")
    for name in stored if symbol is None else [normal_symbol(symbol)]:
        for action in catalogue.actions(name):
            if isinstance(action, Split):
                table.add_row(name, str(action.ex_date), "split", f"{action.numerator}:{action.denominator}")
            else:
                table.add_row(name, str(action.ex_date), "dividend", str(action.cash))
    _print(table)


def _existing(folder: Path) -> Catalogue:
    from algotrader.history.catalogue import Catalogue

    catalogue = Catalogue(folder)
    if not catalogue.instruments() and not catalogue.action_symbols():
        raise UserError(f"{folder} holds no catalogue", "fill it with `algo-trader data import` or `algo-trader data generate`")
    return catalogue


def _day(time_ns: int) -> str:
    from algotrader.core.market import utc

    return utc(time_ns).strftime("%Y-%m-%d")


def _table(*headers: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in ("bars", "value") else "left", overflow="fold")
    return table


def _print(table: Table) -> None:
    import shutil

    from rich.console import Console

    # Without a terminal the width is fixed, so that a file or a pipe gets the same text everywhere.
    Console(width=shutil.get_terminal_size((_WIDTH, 24)).columns, highlight=False).print(table)
