"""``algo-trader doctor``: whether a session could start, looked at before the first order."""

from __future__ import annotations

import os
import textwrap
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from algotrader.cli.errors import EXIT_USER_ERROR
from algotrader.cli.settings import settings_of_process
from algotrader.cli.ui import WIDTH
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.config import Settings
    from algotrader.core.instruments import Instrument
    from algotrader.live.checkup import Finding, Patient
    from algotrader.live.clock import Clock

LABEL: Final = 21
PAST_DAYS: Final = 7


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="YAML", help="Read this file too.")
def doctor(file: Path | None) -> None:
    """Check settings, keys, account, clock, calendar, disk, database, data.

    One line each: ok, warning or fault, and what to do. Nothing is changed and no order is sent. The exit code is 0 without a
    fault.
    """
    import asyncio

    settings = settings_of_process(os.environ, file)
    if asyncio.run(_examine(settings)):
        raise click.exceptions.Exit(EXIT_USER_ERROR)


async def _examine(settings: Settings) -> int:
    """Show the findings; gives the number of faults."""
    from algotrader.live.checkup import FAULT, WARNING
    from algotrader.live.doctor import examine

    count = {FAULT: 0, WARNING: 0}
    async for finding in examine(_patient(settings)):
        _show(finding)
        if finding.level in count:
            count[finding.level] += 1
    faults, warnings = count[FAULT], count[WARNING]
    click.echo(f"{faults} fault{'s' * (faults != 1)}, {warnings} warning{'s' * (warnings != 1)}")
    return faults


def _show(finding: Finding) -> None:
    head = f"{finding.level:<8} {finding.name:<{LABEL - 10}} "
    for text in textwrap.wrap(finding.message, WIDTH, initial_indent=head, subsequent_indent=" " * LABEL):
        click.echo(text)
    for text in textwrap.wrap(finding.advice, WIDTH, initial_indent=" " * LABEL + "-> ", subsequent_indent=" " * (LABEL + 3)):
        click.echo(text)


def _patient(settings: Settings) -> Patient:
    """Put the parts together, the simulated venue among them where it is the one."""
    from algotrader.core.instruments import AssetClass, crypto, equity, guess_asset_class
    from algotrader.core.market import utc
    from algotrader.core.scaled import money
    from algotrader.live.checkup import Patient
    from algotrader.live.clock import SystemClock
    from algotrader.live.paper.broker import PaperBroker
    from algotrader.live.paper.exchange import PaperExchange
    from algotrader.live.paper.feed import PaperFeed
    from algotrader.live.paper.market import GeneratedMarket
    from algotrader.live.settings import watched_symbols

    config, clock = settings.config, SystemClock()

    def made(symbol: str) -> Instrument:
        return crypto(symbol, price_scale=2) if guess_asset_class(symbol) is AssetClass.CRYPTO else equity(symbol)

    instruments = [made(symbol) for symbol in watched_symbols(config)]
    if config.broker.provider == "alpaca":
        return _patient_at_alpaca(settings, clock, tuple(instruments))
    if config.broker.provider != "simulated":
        return Patient(config, settings.unknown, clock, tuple(instruments), None, None)
    begun = utc(clock.now()).date() - timedelta(days=PAST_DAYS)
    exchange = PaperExchange(clock, GeneratedMarket(instruments, begun, seed=config.paper.seed), money(config.paper.capital))
    broker, feed = PaperBroker(exchange, clock), PaperFeed(exchange, clock)
    return Patient(config, settings.unknown, clock, tuple(instruments), broker, feed)


def _patient_at_alpaca(settings: Settings, clock: Clock, instruments: tuple[Instrument, ...]) -> Patient:
    """The account at Alpaca, where its keys and its packages are there."""
    from algotrader.live.alpaca import alpaca_settings, need_extra
    from algotrader.live.checkup import Patient

    try:
        need_extra()
        place = alpaca_settings(settings.config.broker)
    except UserError as error:
        return Patient(settings.config, settings.unknown, clock, instruments, None, None, error)
    from algotrader.venues.alpaca.broker import AlpacaBroker
    from algotrader.venues.alpaca.feed import AlpacaFeed
    from algotrader.venues.alpaca.rules import STOCKS

    broker = AlpacaBroker(place, instruments, clock.now, STOCKS)
    return Patient(settings.config, settings.unknown, clock, instruments, broker, AlpacaFeed(place, instruments[:1], clock.now))
