"""``algo-trader start``: a session that trades until it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

_FILE: Final = click.Path(path_type=Path, dir_okay=False)

_HELP: Final = """Trade until stopped, on paper unless --live is given.

Without more it trades the built-in strategy on a simulated market, in
the account that the database keeps; started again, it goes on there.

\b
Ctrl+C or `algo-trader stop` ends it in order: positions keep their stops.
A second Ctrl+C leaves at once; the next start finds out what happened.
"""


@click.command(help=_HELP, short_help="Trade until stopped, on paper by default.")
@click.option("--config", type=_FILE, metavar="YAML", help="Read settings from this file.")
@click.option("--strategy", multiple=True, metavar="NAME", help="Name, or file.py:Class; may be repeated.")
@click.option("--symbols", metavar="A,B", help="What is traded, separated by commas; the watchlist by default.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Parameter; STRATEGY.NAME=VALUE for one of several.")
@click.option("--interval", metavar="LENGTH", default="", help="Bars of 1m, 2m, 5m, 10m …; the strategy's own by default.")
@click.option("--venue", metavar="NAME", default="paper", show_default=True, help="Where orders go.")
@click.option(
    "--venue-address",
    metavar="HOST:PORT",
    help="Of a venue on this machine, for remote and alpaca; http:// or ws:// may be before it.",
)
@click.option("--rules", metavar="KIND", default="generic", show_default=True, help="Of the paper venue: generic or alpaca-like.")
@click.option("--replay", is_flag=True, help="Trade recorded bars as if they were live, not made-up ones.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the recorded bars.")
@click.option("--from", "start_day", metavar="DAY", default="", help="First day of the market, such as 2024-01-02.")
@click.option("--capital", metavar="AMOUNT", help="Cash of a new paper account; 100000 by default.")
@click.option("--speed", type=float, help="How much faster than life, 1 by default; paper only.")
@click.option("--seed", type=int, help="Start of what is random in the simulated market.")
@click.option("--once-day", is_flag=True, help="End after one trading day.")
@click.option("--flatten", is_flag=True, help="Close every position at the end.")
@click.option("--extended-hours", is_flag=True, help="Trade before the open and after the close too.")
@click.option("--host", metavar="ADDRESS", help="Where the local server listens; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Its port; 8000 by default, 0 for any.")
@click.option("--open", "open_page", is_flag=True, help="Show the page in your browser.")
@click.option("--live", is_flag=True, help="Trade real money. Needs --account and your consent.")
@click.option("--account", metavar="NAME", default="", help="Name of the live account.")
@click.option("--consent", metavar="NAME", help="The account's name once more, where nobody can be asked.")
@click.option("--database", metavar="FILE|URL", help="Where everything is kept; the database of the settings by default.")
def start(**given: Any) -> None:
    """Check what is wanted, have real money confirmed, run the session."""
    from algotrader.cli.start_settings import heading, read_settings

    settings = read_settings(given)
    from algotrader.cli.running import run_in_foreground
    from algotrader.live.launch import launch

    for text in heading(settings):
        click.echo(text)
    from algotrader.storage.database import advice

    hint = advice(settings.capital, settings.database)
    if hint:
        click.echo(f"note: {hint}")
    code = run_in_foreground(settings, launch, open_page=given["open_page"])
    if code:
        raise click.exceptions.Exit(code)
