"""``algo-trader start``: a session that trades until it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from algotrader.cli.place import database_option
from algotrader.cli.start_file import read_defaults

STRATEGY: Final = "velez"
SYMBOLS: Final = "AAPL,TSLA,AMD,NVDA,META"

_HELP: Final = """Trade until stopped, on paper unless --live is given.

Without more it trades the built-in strategy on a simulated market, in
the account that the database keeps; started again, it goes on there.

\b
Ctrl+C or `algo-trader stop` ends it in order: positions keep their stops.
A second Ctrl+C leaves at once; the next start finds out what happened.
"""


@click.command(help=_HELP, short_help="Trade until stopped, on paper by default.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    is_eager=True,
    callback=read_defaults,
    help="Settings file (YAML); its section `start` holds defaults of these options.",
)
@click.option("--strategy", multiple=True, metavar="NAME", help=f"Name, or file.py:Class; may be repeated. {STRATEGY} by default.")
@click.option("--symbols", metavar="A,B", default=SYMBOLS, show_default=True, help="What is traded, separated by commas.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Parameter; STRATEGY.NAME=VALUE for one of several.")
@click.option("--interval", metavar="LENGTH", default="", help="Bars of 1m, 2m, 5m, 10m …; the strategy's own by default.")
@click.option("--venue", metavar="NAME", default="paper", show_default=True, help="Where orders go.")
@click.option("--rules", metavar="KIND", default="generic", show_default=True, help="Of the paper venue: generic or alpaca-like.")
@click.option("--replay", is_flag=True, help="Trade recorded bars as if they were live, not made-up ones.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the recorded bars.")
@click.option("--from", "start_day", metavar="DAY", default="", help="First day of the market, such as 2024-01-02.")
@click.option("--capital", metavar="AMOUNT", help="Cash of a new paper account; 25000 by default.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="How much faster than life; paper only.")
@click.option("--seed", type=int, default=0, show_default=True, help="Start of what is random in the simulated market.")
@click.option("--once-day", is_flag=True, help="End after one trading day.")
@click.option("--flatten", is_flag=True, help="Close every position at the end.")
@click.option("--extended-hours", is_flag=True, help="Trade before the open and after the close too.")
@click.option("--host", envvar="ALGO_WEB__HOST", default="127.0.0.1", show_default=True, help="Where the local server listens.")
@click.option("--port", envvar="ALGO_WEB__PORT", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any.")
@click.option("--live", is_flag=True, help="Trade real money. Needs --account and your consent.")
@click.option("--account", metavar="NAME", default="", help="Name of the live account.")
@click.option("--consent", metavar="NAME", help="The account's name once more, where nobody can be asked.")
@database_option
def start(**given: Any) -> None:
    """Check what is wanted, have real money confirmed, run the session."""
    from algotrader.cli.running import run_in_foreground
    from algotrader.cli.start_settings import heading, read_settings
    from algotrader.live.launch import launch

    settings = read_settings(given)

    for text in heading(settings):
        click.echo(text)
    code = run_in_foreground(settings, launch)
    if code:
        raise click.exceptions.Exit(code)
