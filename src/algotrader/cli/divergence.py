"""``algo-trader divergence``: a day of a session compared with a backtest of the same day."""

from __future__ import annotations

import json
import os
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from algotrader.cli.place import database_url
from algotrader.cli.ui import WIDTH
from algotrader.errors import UserError

if TYPE_CHECKING:
    from datetime import date

    from algotrader.research.divergence.comparison import Divergence
    from algotrader.research.divergence.session import SessionDay
    from algotrader.research.options import BacktestOptions

_ROLES: Final = {"exit_market": "exit", "stop_loss": "stop", "take_profit": "take", "plain": "order"}

EXIT_UNATTRIBUTED: Final = 1
"""Exit code of ``divergence`` where a difference is left that nothing explains."""

_HELP: Final = """Compare a day of a session with a backtest of the same day.

The backtest has the strategies and the limits of the session, starts from the
state in which the session was when it was ready to trade, and by default runs
over the bars that the session had. Every difference in what was executed gets
one cause: signal, timing, price, partial, fee, missing or extra; what follows
from a difference is counted with it. docs/divergence.md explains each cause.

\b
Exit codes: 0 no difference, or every one explained; 1 one that nothing
explains; 2 the day cannot be compared.
"""


@click.command(help=_HELP, short_help="Compare a session with a backtest of its day.")
@click.option(
    "--database",
    "--db",
    "database",
    metavar="FILE|URL",
    callback=lambda _ctx, _parameter, text: database_url(text),
    help="The session's database: a file for SQLite, or a URL; that of the settings by default.",
)
@click.option(
    "--day", "--session", "day", metavar="DAY", help="The trading day, such as 2024-03-04; the last one with bars by default."
)
@click.option(
    "--catalogue", type=click.Path(path_type=Path), metavar="FOLDER", help="Run the backtest over the bars of this catalogue."
)
@click.option("--slippage", metavar="MODEL", help="As of `algo-trader backtest`: none, 0.01, bps:5 …")
@click.option("--commission", metavar="MODEL", help="As of `algo-trader backtest`: none, 0.005, per-trade:1 …")
@click.option("--volume-limit", metavar="SHARE", help="Share of a bar's volume we may take, or none; 2.5% by default.")
@click.option("--ideal", is_flag=True, help="No costs and no volume limit in the backtest.")
@click.option("--orders", "every", is_flag=True, help="Show every order that differs, not only the causes.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every pair of orders.")
def divergence(database: str, day: str | None, catalogue: Path | None, every: bool, as_json: bool, **given: Any) -> None:
    """Read the options, compare, show what came of it and choose the exit code."""
    from algotrader.cli.divergence_day import compare_day
    from algotrader.cli.past import stored
    from algotrader.cli.settings import open_catalogue, settings_of_process
    from algotrader.cli.ui import progress
    from algotrader.research.divergence.document import document

    wanted = _day(day)
    options = _options(given)
    opened = None if catalogue is None else open_catalogue(catalogue, settings_of_process(os.environ))
    with stored(database) as store, progress("divergence") as report:
        found, session = compare_day(store, wanted, opened, options, report)
    shown = {**_head(session, opened is not None), **document(found)}
    if as_json:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        _show(found, shown, every)
    if found.unattributed:
        raise click.exceptions.Exit(EXIT_UNATTRIBUTED)


def _day(text: str | None) -> date | None:
    from datetime import date

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UserError(f"--day: {text!r} is not a date", "write it as 2024-03-04") from None


def _options(given: dict[str, Any]) -> BacktestOptions:
    """The assumptions of the backtest: what the command line says, else the settings, else the defaults of a backtest."""
    from algotrader.cli.settings import settings_of_process
    from algotrader.config import COMMISSION, SLIPPAGE, VOLUME_LIMIT, read_volume_limit
    from algotrader.research.options import BacktestOptions

    settings = settings_of_process(os.environ)
    try:
        limit: Decimal | None = read_volume_limit(given["volume_limit"] or settings.text(VOLUME_LIMIT))
    except ValueError as error:
        raise UserError(f"--volume-limit: {error}", "see `algo-trader divergence --help`") from None
    slippage = given["slippage"] or (None if settings.is_default(SLIPPAGE) else settings.text(SLIPPAGE))
    commission = given["commission"] or (None if settings.is_default(COMMISSION) else settings.text(COMMISSION))
    return BacktestOptions(slippage=slippage, commission=commission, volume_limit=limit, ideal=given["ideal"], strict=False)


def _head(session: SessionDay, from_catalogue: bool) -> dict[str, Any]:
    from algotrader.core.market import utc

    assert session.beginning is not None
    return {
        "from": utc(session.beginning.time).isoformat(),
        "to": utc(session.last_time).isoformat(),
        "bars_from": "catalogue" if from_catalogue else "session",
        "assumptions": session.assumptions,
    }


def _show(found: Divergence, shown: dict[str, Any], every: bool) -> None:
    from algotrader.cli.lists import short_number

    profit, signals = shown["profit"], shown["signals"]
    since, until = shown["from"][:19].replace("T", " "), shown["to"][11:19]
    click.echo(f"compared   {since} to {until} UTC")
    click.echo(f"bars       {shown['bars']:,}, those of the {shown['bars_from']}")
    assumed = ", ".join(f"{name} {text}" for name, text in shown["assumptions"].items())
    for line in textwrap.wrap(f"assumed    {assumed}", WIDTH, subsequent_indent=" " * 11):
        click.echo(line)
    click.echo(f"signals    {signals['live']} live, {signals['backtest']} in the backtest, {signals['both']} in both")
    click.echo(f"orders     {shown['orders']} executed, {shown['same']} of them the same on both sides")
    numbers = [short_number(profit[name]) for name in ("live", "backtest", "difference")]
    click.echo(f"profit     {numbers[0]} live, {numbers[1]} in the backtest, difference {numbers[2]}")
    click.echo()
    if not found.findings:
        click.echo("no difference in what was executed")
        return
    _show_totals(found, shown)
    click.echo()
    _show_roots(found)
    if every:
        click.echo()
        _show_orders(found)
    if found.unattributed:
        click.echo()
        click.echo(f"{found.unattributed} difference{'s' if found.unattributed != 1 else ''} that nothing explains")


def _show_totals(found: Divergence, shown: dict[str, Any]) -> None:
    from algotrader.cli.lists import short_number
    from algotrader.cli.ui import plain_table, print_table

    table = plain_table("cause", "differences", "profit", right=("differences", "profit"))
    for cause, total in shown["causes"].items():
        if total["count"]:
            table.add_row(cause, str(total["count"]), short_number(total["profit"]))
    table.add_row("in all", str(len(found.findings)), short_number(shown["profit"]["difference"]))
    print_table(table)


def _show_roots(found: Divergence) -> None:
    """One line for every thing that happened, with what came of it."""
    from algotrader.cli.lists import short_number
    from algotrader.cli.ui import plain_table, print_table
    from algotrader.research.divergence.document import money_text, roots

    table = plain_table("cause", "what happened", "orders", "followed", "profit", right=("orders", "followed", "profit"))
    for root in roots(found):
        table.add_row(
            root.reason.cause, root.reason.words, str(root.direct), str(root.followed), short_number(money_text(root.amount))
        )
    print_table(table)


def _show_orders(found: Divergence) -> None:
    from algotrader.cli.lists import short_number
    from algotrader.cli.ui import plain_table, print_table
    from algotrader.core.market import utc
    from algotrader.research.divergence.document import filled_text, money_text

    table = plain_table("bar (UTC)", "symbol", "role", "live", "backtest", "cause", "profit", right=("profit",))
    for finding in found.findings:
        pair = finding.pair
        order = pair.one.order
        cause = finding.root.reason.cause + ("*" if finding.follows else "")
        table.add_row(
            f"{utc(pair.bar):%H:%M}" if pair.bar else "before",
            order.symbol,
            _ROLES.get(order.role.value, order.role.value),
            filled_text(pair.live),
            filled_text(pair.tested),
            cause,
            short_number(money_text(finding.amount)),
        )
    print_table(table)
    if any(finding.follows for finding in found.findings):
        click.echo("* follows from an earlier difference")
