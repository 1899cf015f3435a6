"""``algo-trader backtest``: run one strategy over bars of the catalogue and report what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from algotrader.cli.database import open_for_runs, store_result
from algotrader.cli.mistakes import strategy_mistakes
from algotrader.cli.settings import open_catalogue, settings_of_process
from algotrader.config import CAPITAL, COMMISSION, SLIPPAGE, VOLUME_LIMIT, read_capital, read_decimal, read_volume_limit
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.config import Settings
    from algotrader.history.catalogue import Catalogue
    from algotrader.research.backtest import BacktestOptions
    from algotrader.research.metrics import Metrics
    from algotrader.research.result import BacktestResult
    from algotrader.storage.database import Database
    from algotrader.strategies.scanners import Route

EXIT_STRATEGY_FAILED: Final = 3
"""Exit code of a run that reached its end although the strategy raised, or answered what cannot be used, on some bar."""

T = TypeVar("T")

_HELP: Final = """Test STRATEGY on past bars.

STRATEGY is a name of `algo-trader strategies`, or path/to/file.py:Class.
Every assumption is described in docs/backtest-assumptions.md.

\b
Exit codes: 0 done; 2 it could not run; 3 it ran to its end, but the
strategy failed on some bars (what was asked for is written all the same).
"""
_PATH: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(help=_HELP, short_help="Test a strategy on past bars.")
@click.argument("strategy")
@click.option("--symbols", required=True, metavar="A,B", help="Separated by commas, such as AAPL,BTC/USDT.")
@click.option("--data", "folder", type=click.Path(path_type=Path), help="Folder of the catalogue; made-up bars by default.")
@click.option("--from", "start", metavar="DAY", help="First day, such as 2024-01-02; all there is by default.")
@click.option("--to", "end", metavar="DAY", help="Last day, included.")
@click.option("--interval", metavar="LENGTH", help="Bars of 1m, 2m, 5m, 10m, 15m, 30m, 1h or 1d; the strategy's own by default.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy; may be repeated.")
@click.option("--capital", metavar="AMOUNT", help="Capital at the start; 25000 by default.")
@click.option("--slippage", metavar="MODEL", help="none, 0.01 (a share), bps:5 or volume-share:0.025:0.1; 0.01 by default.")
@click.option("--commission", metavar="MODEL", help="none, 0.005, per-share:0.005:1.0, per-trade:1, per-dollar:0.0015 …")
@click.option("--volume-limit", metavar="SHARE", help="Share of a bar's volume we may take, or none; 2.5% by default.")
@click.option("--ideal", is_flag=True, help="No costs, no volume limit, no latency.")
@click.option("--latency", metavar="MS", default="0", help="Milliseconds an order needs to the venue; 0 by default.")
@click.option("--fill", type=click.Choice(["next_open", "close"]), default="next_open", help="Where market orders fill.")
@click.option("--entry-bar-stop", type=click.Choice(["assume", "ignore"]), default="assume", help="A stop on its entry's own bar.")
@click.option("--venue", metavar="KIND", default="generic", help="Whose rules the venue has: generic or alpaca-like.")
@click.option("--seed", type=int, default=0, help="Start of what is random: the spread of the latency.")
@click.option("--extended-hours", is_flag=True, help="Trade before the open and after the close too.")
@click.option("--scanner", metavar="KIND", help="Which symbols may be traded each day: gap_up:2 or volume:1.5:5.")
@click.option("--benchmark", metavar="SYMBOL", help="Compare with holding this symbol; the first one by default.")
@click.option("--report", type=_PATH, metavar="HTML", help="Write the tear sheet to this file.")
@click.option("--json", "json_file", type=_PATH, metavar="JSON", help="Write figures, round trips and problems to this file.")
@click.option("--verify-candidates", "verify", is_flag=True, help="Run with and without skipping bars; name the first difference.")
@click.option("--trace", is_flag=True, help="Show where a strategy failed that could not be set up.")
@click.option("--fills", type=_PATH, metavar="CSV", help="Write every fill to this file.")
@click.option("--store", is_flag=True, help="Keep figures and round trips in the database.")
@click.option("--database", metavar="URL", help="Keep them in this one: sqlite:///file or postgresql://user@host/name.")
def backtest(strategy: str, symbols: str, folder: Path | None, params: tuple[str, ...], **given: Any) -> None:
    """Read the options, run the backtest, show and write what came of it."""
    from algotrader.cli.outputs import check_writable
    from algotrader.cli.ui import progress
    from algotrader.research.backtest import backtest as simulate

    settings = settings_of_process(os.environ)
    options = _options(settings, given)
    names, parameters = read_symbols(symbols), read_parameters(params)
    routes = _routes(given["scanner"], strategy, parameters)
    for path in (given["report"], given["json_file"], given["fills"]):
        check_writable(path)
    database = open_for_runs(given["store"], given["database"])
    catalogue = open_catalogue(folder, settings)
    if options.benchmark is not None:
        catalogue.instrument(options.benchmark)
    with progress(f"{strategy}, {len(names)} symbols") as report, strategy_mistakes(strategy, given["trace"]):
        result = simulate(
            None if routes else strategy,
            names,
            data=catalogue,
            start=given["start"],
            end=given["end"],
            interval=given["interval"],
            parameters=parameters,
            options=options,
            routes=routes,
            progress=report,
        )
        told = _verify(strategy, names, catalogue, parameters, options, given) if given["verify"] else ""
    _finish(result, catalogue, given, database)
    if told:
        raise UserError(f"the strategy's candidates() breaks its promise: {told}", "see docs/strategies.md")


def _verify(
    strategy: str,
    names: list[str],
    catalogue: Catalogue,
    parameters: dict[str, object],
    options: BacktestOptions,
    given: dict[str, Any],
) -> str:
    """Compare a run that skips bars with one that does not."""
    from algotrader.research.backtest import verify_candidates

    span = {name: given[name] for name in ("start", "end", "interval")}
    told = verify_candidates(strategy, names, data=catalogue, parameters=parameters, options=options, **span)
    if not told:
        click.echo("candidates verified: the same fills with and without skipping bars")
    return told


def read_symbols(text: str) -> list[str]:
    """Read symbols separated by commas.

    Raises:
        UserError: there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UserError("--symbols names no symbol", "write it like --symbols AAPL,TSLA")
    return names


def read_parameters(texts: tuple[str, ...]) -> dict[str, object]:
    """Read ``NAME=VALUE`` pairs.

    Raises:
        UserError: one is not of that form, or a name is given twice.
    """
    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise UserError(f"--param {text!r} is not of the form NAME=VALUE", "write it like --param fast=10")
        if name.strip() in found:
            raise UserError(f"--param {name.strip()} is given twice", "give each parameter once")
        found[name.strip()] = value.strip()
    return found


def _options(settings: Settings, given: dict[str, Any]) -> BacktestOptions:
    from algotrader.research.backtest import BacktestOptions

    return BacktestOptions(
        capital=_read("--capital", read_capital, given["capital"] or settings.text(CAPITAL)),
        slippage=given["slippage"] or _set(settings, SLIPPAGE),
        commission=given["commission"] or _set(settings, COMMISSION),
        volume_limit=_read("--volume-limit", read_volume_limit, given["volume_limit"] or settings.text(VOLUME_LIMIT)),
        ideal=given["ideal"],
        latency_ms=float(_read("--latency", _latency, given["latency"])),
        fill=given["fill"],
        entry_bar_stop=given["entry_bar_stop"],
        seed=given["seed"],
        venue=given["venue"],
        extended_hours=given["extended_hours"],
        benchmark=given["benchmark"],
        strict=False,
    )


def _read(option: str, reader: Callable[[str], T], text: str) -> T:
    """Read the text of an option; a mistake is told with the option's name."""
    try:
        return reader(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}", "see `algo-trader backtest --help`") from None


def _set(settings: Settings, name: str) -> str | None:
    """A setting that somebody chose; None leaves the choice to the strategy, and after it to the default."""
    return None if settings.is_default(name) else settings.text(name)


def _latency(text: str) -> Decimal:
    value = read_decimal(text)
    if value < 0:
        raise ValueError(f"the latency must not be negative, not {text}")
    return value


def _routes(scanner: str | None, strategy: str, parameters: dict[str, object]) -> list[Route]:
    if scanner is None:
        return []
    from algotrader.strategies.parameters import ParameterError
    from algotrader.strategies.scanners import Route, scanner_from_text

    try:
        return [Route(scanner_from_text(scanner), strategy, parameters)]
    except ParameterError as error:
        raise UserError(str(error), "write it like --scanner gap_up:2") from None


def _finish(result: BacktestResult, catalogue: Catalogue, given: dict[str, Any], database: Database | None) -> None:
    """Show the result, write the files, and choose the exit code."""
    from algotrader.cli.summary import has_strategy_errors, note_made_up, print_summary
    from algotrader.research.metrics import compute_metrics

    metrics = compute_metrics(result)
    note_made_up(result, catalogue)
    print_summary(result, metrics)
    _write(result, metrics, catalogue, given)
    if database is not None:
        store_result(database, result, metrics)
    if has_strategy_errors(result):
        raise click.exceptions.Exit(EXIT_STRATEGY_FAILED)


def _write(result: BacktestResult, metrics: Metrics, catalogue: Catalogue, given: dict[str, Any]) -> None:
    from algotrader.cli.outputs import write_fills, write_json
    from algotrader.research.collect import load_prices
    from algotrader.research.tearsheet import write_tearsheet

    if given["report"] is not None:
        load_prices(result, catalogue)
        write_tearsheet(result, metrics, given["report"])
        click.echo(f"tear sheet   {given['report']}")
    if given["json_file"] is not None:
        write_json(result, metrics, given["json_file"])
        click.echo(f"figures      {given['json_file']}")
    if given["fills"] is not None:
        write_fills(result, given["fills"])
        click.echo(f"fills        {given['fills']}")
