"""``algo-trader data fetch``: bars of a venue's past into the catalogue."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.config import Settings
    from algotrader.history.catalogue import Catalogue
    from algotrader.research.fetching import FetchJob, FetchReport
    from algotrader.venues.alpaca.settings import AlpacaSettings
    from algotrader.venues.protocols import VenueError

KEYS: Final = (
    ("ALGO_BROKER_API_KEY", "ALGO_BROKER_SECRET_KEY"),
    ("ALPACA_API_KEY", "ALPACA_API_SECRET"),
    ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"),
)
"""Variables that hold a key and its secret; the first pair also stands for the settings' own."""

_HELP: Final = """Fetch past bars from a venue.

Bars are written month by month (year by year from 1h up). What is in the
catalogue already is not fetched again, so an interrupted fetch goes on where
it stopped when the same command is given again.

\b
The account's key and secret are taken from the settings, or from
  ALGO_BROKER_API_KEY and ALGO_BROKER_SECRET_KEY
  ALPACA_API_KEY and ALPACA_API_SECRET
  APCA_API_KEY_ID and APCA_API_SECRET_KEY
Pairs such as BTC/USD need none.
"""
_SCALE: Final = click.IntRange(0, 18)


@click.command(help=_HELP, short_help="Fetch past bars from a venue.")
@click.option("--from-venue", "venue", type=click.Choice(["alpaca"]), required=True, help="Where to fetch from.")
@click.option("--symbols", required=True, metavar="A,B", help="Separated by commas, such as AAPL,BTC/USD.")
@click.option("--from", "start", required=True, metavar="DAY", help="First day, such as 2024-01-02.")
@click.option("--to", "end", required=True, metavar="DAY", help="Last day, included.")
@click.option("--interval", default="1m", show_default=True, help="1m, 2m, 5m, 10m, 15m, 30m, 1h or 1d.")
@click.option(
    "--feed", type=click.Choice(["iex", "sip"]), help="iex: one exchange, free; sip: all. That of the settings by default."
)
@click.option(
    "--adjustment",
    type=click.Choice(["raw", "split", "dividend", "all"]),
    default="raw",
    show_default=True,
    help="Raw prices are the ones to trade on.",
)
@click.option(
    "--kind", type=click.Choice(["bars", "quotes", "trades"]), default="bars", show_default=True, help="The catalogue holds bars."
)
@click.option("--actions/--no-actions", default=True, show_default=True, help="Splits and dividends of stocks too.")
@click.option("--price-scale", type=_SCALE, help="Decimal places of prices of new symbols.")
@click.option("--quantity-scale", type=_SCALE, help="Decimal places of volumes of new symbols.")
@click.option("--address", metavar="URL", help="Another address of the service, such as a rehearsal on this machine.")
@click.option("--data", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the catalogue.")
def fetch(symbols: str, folder: Path, venue: str, **given: Any) -> None:
    """Read the options, fetch, and tell what came."""
    from algotrader.cli.settings import settings_of_process
    from algotrader.history.catalogue import Catalogue

    settings = settings_of_process(os.environ)
    job = _job(symbols, settings, given)
    alpaca, has_keys = _venue_settings(job, settings, given["address"], os.environ)
    catalogue = Catalogue(folder)
    reports = _run(job, alpaca, has_keys, catalogue)
    _show(reports, job)
    _tell_failures(reports, job, catalogue)


def _job(symbols: str, settings: Settings, given: Mapping[str, Any]) -> FetchJob:
    """What is wanted, checked as far as it can be without the venue.

    Raises:
        UserError: a symbol, a day or an interval cannot be read.
    """
    from algotrader.history.intervals import interval_ns, parse_day
    from algotrader.history.resolve import Wishes, read_symbol
    from algotrader.research.fetching import FetchJob

    if given["kind"] != "bars":
        raise UserError(f"the catalogue holds bars, there is no place for {given['kind']} in it", "leave --kind out to fetch bars")
    names = tuple(read_symbol(text, None) for text in symbols.split(",") if text.strip())
    if not names:
        raise UserError("--symbols names none", "write it like --symbols AAPL,MSFT")
    interval_ns(given["interval"])
    wishes = Wishes(price_scale=given["price_scale"], quantity_scale=given["quantity_scale"])
    feed = given["feed"] or settings.config.broker.feed
    days = parse_day(given["start"]), parse_day(given["end"])
    return FetchJob(names, given["interval"], *days, feed, given["adjustment"], wishes, given["actions"])


def _venue_settings(
    job: FetchJob, settings: Settings, address: str | None, environ: Mapping[str, str]
) -> tuple[AlpacaSettings, bool]:
    """Address and keys, and whether there are any keys.

    Raises:
        UserError: stocks are wanted without keys, half a pair of keys is set, or the address is none.
    """
    from algotrader.core.instruments import AssetClass
    from algotrader.venues.alpaca.settings import DATA, AlpacaSettings

    broker = settings.config.broker
    key, secret = _keys(broker.api_key.get_secret_value(), broker.secret_key.get_secret_value(), environ)
    if not key and any(kind is AssetClass.EQUITY for _, kind in job.symbols):
        raise UserError(
            "Alpaca's stock data need a key, and none is set", f"set {KEYS[0][0]} and {KEYS[0][1]}; a free account has them"
        )
    url = (address or DATA).rstrip("/")
    return AlpacaSettings(key or "none", secret or "none", data_url=url, feed=job.feed), bool(key)


def _keys(key: str, secret: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """The first pair that is set: that of the settings, then those of the variables.

    Raises:
        UserError: only one half of it is.
    """
    pairs = [(key, secret), *((environ.get(first, "").strip(), environ.get(second, "").strip()) for first, second in KEYS[1:])]
    for names, pair in zip(KEYS, pairs, strict=True):
        if all(pair):
            return pair
        if any(pair):
            there, missing = names if pair[0] else reversed(names)
            raise UserError(f"{there} is set, {missing} is not", f"set {missing} too: a key works only with its secret")
    return "", ""


def _run(job: FetchJob, alpaca: AlpacaSettings, has_keys: bool, catalogue: Catalogue) -> list[FetchReport]:
    """Fetch under a progress bar.

    Raises:
        UserError: the venue does not want, or cannot be reached.
    """
    from algotrader.cli.ui import progress
    from algotrader.research.fetching import Fetch
    from algotrader.venues.alpaca.history import AlpacaHistory
    from algotrader.venues.protocols import VenueError

    async def work() -> list[FetchReport]:
        async with AlpacaHistory(alpaca, keys=has_keys) as history:
            return await Fetch(history, catalogue, job, time.time_ns(), report).run()

    try:
        with progress(f"{len(job.symbols)} symbols", time_left=True) as report:
            return asyncio.run(work())
    except KeyboardInterrupt:
        click.echo("what is complete is in the catalogue; the same command goes on from there", err=True)
        raise
    except VenueError as error:
        raise _mistake(error, job) from None


def _mistake(error: VenueError, job: FetchJob) -> UserError:
    """What a user can do about a venue that does not deliver."""
    from algotrader.venues.protocols import NotAllowed, NotSent, Throttled

    again = "what is complete is in the catalogue; the same command goes on from there"
    if isinstance(error, NotAllowed):
        hint = "check the key and its secret; they are of one account, and of the right one"
        if "subscription" in str(error):
            hint = "take --feed iex, or days that are over: recent data of all exchanges need a subscription"
        return UserError(str(error), hint)
    if isinstance(error, NotSent):
        return UserError(str(error), f"check the network and the address; {again}")
    if isinstance(error, Throttled):
        return UserError(f"{error}; waiting did not help", f"does another program use the same key? {again}")
    return UserError(str(error), again)


def _show(reports: Sequence[FetchReport], job: FetchJob) -> None:
    """A table of what came, and what else there is to know."""
    from algotrader.cli.ui import plain_table, print_table
    from algotrader.core.market import utc

    numbers = ("fetched", "new", "replaced", "left out")
    table = plain_table("symbol", *numbers, "first", "last", right=numbers)
    for report in reports:
        counts = (report.fetched, report.added, report.replaced, report.left_out.total())
        days = (f"{utc(moment):%Y-%m-%d}" if moment else "" for moment in (report.first, report.last and report.last - 1))
        table.add_row(report.symbol, *(f"{count:,}" for count in counts), *days)
    print_table(table)
    for report in reports:
        if not report.wanted:
            click.echo(f"{report.symbol}: all of it had been fetched before")
        if report.splits or report.dividends:
            click.echo(f"{report.symbol}: splits {report.splits}, dividends {report.dividends}")
        for note in report.notes:
            click.echo(f"{report.symbol}: {note}")
        if report.rounded:
            click.echo(f"{report.symbol}: numbers of {report.rounded} bars were rounded to the decimal places that are kept")
        for reason, count in report.left_out.most_common():
            click.echo(f"{report.symbol}: left out {count}: {reason}")
    if job.interval == "1h" and any("/" not in report.symbol for report in reports):
        click.echo("note: bars of 1h begin on the full hour; strategies of regular hours do not see the one before the open")


def _tell_failures(reports: Sequence[FetchReport], job: FetchJob, catalogue: Catalogue) -> None:
    """End with an error when there is a symbol of which nothing came.

    Raises:
        UserError: there is one.
    """
    refused = [report for report in reports if report.refusal]
    if refused:
        names = ", ".join(report.symbol for report in refused)
        hint = "check how the symbol is written; the others are in the catalogue"
        if len(refused) == len(reports):
            hint = "check how the symbols are written, and the --address if you gave one"
        raise UserError(f"{names}: {refused[0].refusal}", hint)
    none = [r.symbol for r in reports if r.wanted and not r.fetched and job.interval not in catalogue.intervals(r.symbol)]
    if none:
        what = f"Alpaca has no {job.interval} bars of {', '.join(none)} from {job.start} to {job.end}"
        raise UserError(what, "is the symbol right, and was it traded then? (there is little before 2016; iex begins in 2020)")
