"""``algo-trader rehearse``: let a strategy trade made-up days in which everything goes wrong, and say which rules were broken."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from algotrader.cli.backtest import read_parameters, read_symbols
from algotrader.cli.mistakes import strategy_mistakes
from algotrader.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from algotrader.core.instruments import Instrument
    from algotrader.rehearsal.options import RehearsalOptions
    from algotrader.rehearsal.outcome import Outcome

EXIT_VIOLATED: Final = 1
"""Exit code when a rule was broken."""

ALL: Final = "all"
NONE: Final = "none"
BOTH: Final = "both"
RESTLESS: Final = "restless"

_SHOWN: Final = 3
"""So many broken rules are shown of each rehearsal."""

AT_ALPACA: Final = "alpaca"

_HELP: Final = """Rehearse whole trading days under faults.

Every session is one made-up day under virtual time: the real engine,
executor, reconciliation and database against a simulated venue that
loses, delays and doubles messages, and a process that dies at any step.
After every step the rules of docs/rehearsal.md are checked. The same
seed always plays the same day.

With --venue alpaca a session trades for some minutes on real sockets, at
a server on this machine that speaks as Alpaca does; what goes wrong is
drawn from the seed, what comes before what is not.

\b
Exit codes: 0 no rule was broken; 1 one was; 2 it could not run;
130 interrupted.
"""


@click.command(help=_HELP, short_help="Rehearse trading days under faults.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The first one.")
@click.option("--sessions", type=click.IntRange(min=1), default=20, show_default=True, help="How many days, a seed each.")
@click.option("--faults", default=ALL, show_default=True, metavar="A,B", help="Kinds of faults, all or none.")
@click.option(
    "--venue", type=click.Choice(["generic", "alpaca-like", BOTH, AT_ALPACA]), default=BOTH, show_default=True, help="Whose rules."
)
@click.option("--strategy", default=RESTLESS, show_default=True, metavar="NAME", help="A name, or path/to/file.py:Class.")
@click.option("--symbols", default="AAPL,TSLA,AMD", show_default=True, metavar="A,B", help="What it trades.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy; may be repeated.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes; one for each core by default.")
@click.option("--trace", is_flag=True, help="Show where a strategy failed that could not be set up.")
def rehearse(
    seed: int,
    sessions: int,
    faults: str,
    venue: str,
    strategy: str,
    symbols: str,
    params: tuple[str, ...],
    workers: int | None,
    trace: bool,
) -> None:
    """Read the options, play the days, show what came of them."""
    number = min(workers or _cores(), sessions)
    with strategy_mistakes(strategy, trace):
        played = _played(strategy, symbols, params, faults, venue, (seed, sessions, number))
    outcomes: list[Outcome] = []
    try:
        with _progress(sessions) as report, strategy_mistakes(strategy, trace):
            for outcome in played:
                outcomes.append(outcome)
                report(len(outcomes), sum(not one.passed for one in outcomes))
    finally:
        # What was played before an interrupt is worth as much.
        outcomes.sort(key=lambda outcome: outcome.seed)
        if outcomes:
            _print_summary(outcomes)
    if venue == AT_ALPACA:
        from algotrader.cli.rehearse_alpaca import print_reconnects

        print_reconnects(outcomes)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        _print_failure(outcome, faults, strategy, symbols, params)
    if failed:
        raise click.exceptions.Exit(EXIT_VIOLATED)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---------------------------------------------------------------------- what is asked for


def _played(
    strategy: str, symbols: str, params: Sequence[str], faults: str, venue: str, seeds: tuple[int, int, int]
) -> Iterator[Outcome]:
    """The rehearsals of some seeds (the first one, how many, in how many processes), as they end."""
    if venue == AT_ALPACA:
        from algotrader.cli.rehearse_alpaca import alpaca_options
        from algotrader.rehearsal.alpaca.runner import rehearse_at_alpaca
        from algotrader.rehearsal.runner import every_seed

        return every_seed(
            rehearse_at_alpaca, alpaca_options("" if strategy == RESTLESS else strategy, symbols, params, faults), *seeds
        )
    from algotrader.rehearsal.runner import rehearse as play

    return play(_options(strategy, symbols, params, faults, venue), *seeds)


def _options(strategy: str, symbols: str, params: Sequence[str], faults: str, venue: str) -> RehearsalOptions:
    from algotrader.assembly import plan_routes
    from algotrader.rehearsal.options import RehearsalOptions
    from algotrader.rehearsal.restless import Restless
    from algotrader.strategies.scanners import Route, StaticScanner

    instruments = tuple(map(_instrument, read_symbols(symbols)))
    if len({instrument.calendar for instrument in instruments}) > 1:
        raise UserError("--symbols trade by different calendars", "rehearse stocks and crypto one after the other")
    chosen: object = Restless if strategy == RESTLESS else strategy
    routes = (Route(StaticScanner(), chosen, read_parameters(tuple(params))),)
    plan_routes(routes, [instrument.symbol for instrument in instruments], None)
    kinds = read_faults(faults)
    return RehearsalOptions(routes=routes, instruments=instruments, venue="" if venue == BOTH else venue, faults=kinds)


def _instrument(symbol: str) -> Instrument:
    from algotrader.core.instruments import crypto, equity

    try:
        return crypto(symbol) if "/" in symbol else equity(symbol)
    except ValueError as error:
        raise UserError(f"--symbols: {error}", "write them like AAPL,BRK.B or BTC/USDT") from None


def read_faults(text: str) -> tuple[str, ...]:
    """Read kinds of faults.

    Raises:
        UserError: there is no such kind.
    """
    from algotrader.rehearsal.faults import KINDS

    if text == ALL:
        return KINDS
    if text == NONE:
        return ()
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in KINDS:
            near = did_you_mean(name, KINDS)
            raise UserError(f"there is no fault {name!r}", f"{near} faults: {', '.join(KINDS)}, all or none".strip())
    return tuple(kind for kind in KINDS if kind in wanted)


# ---------------------------------------------------------------------- what is shown


@contextmanager
def _progress(count: int) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with the time left on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, failed: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rehearsing", total=count)

        def report(done: int, failed: int) -> None:
            bar.update(task, completed=done, description=f"{failed} failed" if failed else "rehearsing")

        yield report


def _print_summary(outcomes: Sequence[Outcome]) -> None:
    """One row for each kind of venue, then the faults."""
    from algotrader.cli.ui import plain_table, print_table

    columns = ("days", "orders", "fills", "trips", "deaths", "events", "failed")
    table = plain_table("venue", *columns, right=columns)
    for venue in sorted({outcome.venue for outcome in outcomes}):
        table.add_row(venue, *_counts([outcome for outcome in outcomes if outcome.venue == venue]))
    print_table(table)
    click.echo()
    _print_faults(outcomes)
    first, last = outcomes[0].seed, outcomes[-1].seed
    seeds = f"seed {first}" if first == last else f"seeds {first} to {last}"
    if len(outcomes) <= last - first:
        seeds = f"{len(outcomes):,} of the {seeds}"
    broken = sum(len(outcome.violations) for outcome in outcomes)
    click.echo(f"{seeds}: " + (f"{broken} violations" if broken else "no rule was broken"))


def _print_faults(outcomes: Sequence[Outcome]) -> None:
    from algotrader.cli.ui import plain_table, print_table

    faults: dict[str, int] = {}
    for outcome in outcomes:
        for kind, number in outcome.faults.items():
            faults[kind] = faults.get(kind, 0) + number
    if faults:
        table = plain_table("fault", "times", right=("times",))
        for kind, number in sorted(faults.items()):
            table.add_row(kind, f"{number:,}")
        print_table(table)
        click.echo()


def _counts(outcomes: Sequence[Outcome]) -> list[str]:
    sums = (
        len(outcomes),
        sum(outcome.orders for outcome in outcomes),
        sum(outcome.fills for outcome in outcomes),
        sum(outcome.round_trips for outcome in outcomes),
        sum(outcome.deaths for outcome in outcomes),
        sum(outcome.events for outcome in outcomes),
        sum(not outcome.passed for outcome in outcomes),
    )
    return [f"{number:,}" for number in sums]


def _print_failure(outcome: Outcome, faults: str, strategy: str, symbols: str, params: Sequence[str]) -> None:
    """The seed, what was broken when, and the command that shows it again."""
    from datetime import UTC, datetime

    click.echo()
    click.echo(f"seed {outcome.seed}, {outcome.venue}, {outcome.day}: {len(outcome.violations)} violations")
    for violation in outcome.violations[:_SHOWN]:
        moment = datetime.fromtimestamp(violation.time / 1e9, UTC)
        click.echo(f"  {moment:%H:%M:%S}.{moment.microsecond // 1000:03d} UTC  {violation.rule}")
        click.echo(f"    {violation.message}")
    if len(outcome.violations) > _SHOWN:
        click.echo(f"  and {len(outcome.violations) - _SHOWN} more")
    click.echo(f"  again: {repeat_command(outcome, faults, strategy, symbols, params)}")


def repeat_command(outcome: Outcome, faults: str, strategy: str, symbols: str, params: Sequence[str]) -> str:
    """The command that plays a day again."""
    words = ["algo-trader", "rehearse", "--seed", str(outcome.seed), "--sessions", "1", "--venue", outcome.venue]
    words += ["--faults", faults, "--strategy", strategy, "--symbols", symbols]
    for text in params:
        words += ["--param", text]
    return shlex.join(words)
