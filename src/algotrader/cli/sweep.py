"""``algo-trader sweep``: try many combinations of a strategy's parameters and say what the best of them are worth."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from algotrader.cli.backtest import EXIT_STRATEGY_FAILED, _options, read_symbols
from algotrader.cli.backtest import backtest as backtest_command
from algotrader.cli.mistakes import strategy_mistakes
from algotrader.cli.settings import open_catalogue, settings_of_process
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.research.sweeps.result import SweepResult
    from algotrader.research.sweeps.walkforward import WalkForward

_HELP: Final = """Try combinations of STRATEGY's parameters on past bars.

\b
  --param fast=5:50:5       from 5 to 50 in steps of 5, both included
  --param fast=10,20,50     a list
  --param quantity=10       one value, the same in every trial

Combinations that the strategy does not allow (fast above slow) are
skipped. A sweep that was interrupted goes on with --resume.
docs/sweeps.md explains the searches and how to read the results.

\b
Exit codes: 0 done; 2 it could not run; 3 it ran to its end, but the
strategy failed on some bars; 130 interrupted.
"""
_SHARED: Final = (
    "capital",
    "slippage",
    "commission",
    "volume_limit",
    "ideal",
    "latency",
    "fill",
    "entry_bar_stop",
    "venue",
    "extended_hours",
    "scanner",
    "benchmark",
    "trace",
)
"""Options that mean here what they mean for a single backtest."""

_PATH: Final = click.Path(path_type=Path, dir_okay=False)
Report = Callable[[int, int], None]


def _assumptions(command: click.Command) -> click.Command:
    """Give the command the options of a backtest that set its assumptions."""
    command.params += [parameter for parameter in backtest_command.params if parameter.name in _SHARED]
    return command


@_assumptions
@click.command(help=_HELP, short_help="Try many combinations of a strategy's parameters.")
@click.argument("strategy")
@click.option("--symbols", required=True, metavar="A,B", help="Separated by commas, such as AAPL,BTC/USDT.")
@click.option("--data", "folder", type=click.Path(path_type=Path), help="Folder of the catalogue; made-up bars by default.")
@click.option("--from", "start", metavar="DAY", help="First day, such as 2024-01-02; all there is by default.")
@click.option("--to", "end", metavar="DAY", help="Last day, included.")
@click.option("--interval", metavar="LENGTH", help="Bars of 1m, 2m, 5m … or 1d; the strategy's own by default.")
@click.option("--param", "params", multiple=True, required=True, metavar="NAME=VALUES", help="What to try; may be repeated.")
@click.option("--metric", default="sharpe", show_default=True, metavar="NAME", help="The figure that ranks the trials.")
@click.option("--search", default="grid", show_default=True, metavar="KIND", help="grid (all), random or optuna.")
@click.option("--trials", type=int, metavar="N", help="Trials of a random or Optuna search; 100 by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Start of what is random: the search, the spread of latency.")
@click.option("--walk-forward", "walk", metavar="KIND", help="rolling or anchored: choose on --train, try on --test.")
@click.option("--train", metavar="LENGTH", help="Training of each window: 180d, or 126sessions.")
@click.option("--test", metavar="LENGTH", help="Test of each window: 30d, or 21sessions.")
@click.option("--workers", type=int, metavar="N", help="Processes; one for each core by default.")
@click.option("--executor", default="local", show_default=True, metavar="KIND", help="local, or ray for many machines.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted sweep.")
@click.option("--out", type=_PATH, default=Path("out/sweep.parquet"), show_default=True, help="Where to write the table.")
@click.option("--report", type=_PATH, metavar="HTML", help="Write the heat map and all trials to this file.")
@click.option("--top", type=click.IntRange(min=0), default=10, show_default=True, help="Trials to list.")
@click.option("--sort", metavar="NAME", help="The figure that sorts the list; --metric by default.")
def sweep(strategy: str, symbols: str, folder: Path | None, params: tuple[str, ...], **given: Any) -> None:
    """Read the options, run the sweep, show and write what came of it."""
    from algotrader.cli.outputs import check_writable
    from algotrader.cli.sweep_tables import print_sweep
    from algotrader.research.sweeps.result import metric_name
    from algotrader.research.sweeps.sweep import sweep as simulate

    settings = settings_of_process(os.environ)
    options = _options(settings, given)
    names, grid = read_symbols(symbols), _grid(params)
    metric = metric_name(given["metric"])
    order = metric if given["sort"] is None else metric_name(given["sort"])
    walk = _walk(given)
    for path in (given["out"], given["report"]):
        check_writable(path)
    catalogue = open_catalogue(folder, settings)
    with _interrupts(given["out"]), _progress(strategy) as report, strategy_mistakes(strategy, given["trace"]):
        result = simulate(
            strategy,
            names,
            data=catalogue,
            grid=grid,
            metric=metric,
            walk_forward=walk,
            options=options,
            progress=report,
            **{name: given[name] for name in _PASSED_ON},
        )
    print_sweep(result, order, given["top"])
    _write(result, given)


_PASSED_ON: Final = ("start", "end", "interval", "scanner", "search", "trials", "seed", "workers", "executor", "out", "resume")


def _grid(texts: tuple[str, ...]) -> dict[str, object]:
    """Read the axes.

    Raises:
        UserError: one cannot be read, or a name is given twice.
    """
    from algotrader.research.sweeps.space import read_axis

    found: dict[str, object] = {}
    for axis in map(read_axis, texts):
        if axis.name in found:
            raise UserError(f"--param {axis.name} is given twice", f"give all values at once, such as {axis.name}=10,20,50")
        found[axis.name] = axis.values
    return found


def _walk(given: dict[str, Any]) -> WalkForward | None:
    """Read the walk-forward.

    Raises:
        UserError: a part is missing or cannot be read.
    """
    from algotrader.research.sweeps.walkforward import WalkForward

    parts = [given[name] for name in ("walk", "train", "test")]
    if parts == [None, None, None]:
        return None
    if None in parts:
        raise UserError(
            "--walk-forward, --train and --test belong together", "write it like --walk-forward rolling --train 180d --test 30d"
        )
    return WalkForward.read(*parts)


@contextmanager
def _interrupts(out: Path) -> Iterator[None]:
    """Say how an interrupted sweep goes on."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"the finished trials are in {out}.journal; the same command with --resume goes on", err=True)
        raise


@contextmanager
def _progress(strategy: str) -> Iterator[Report | None]:
    """Show a bar with the time left on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(f"sweep of {strategy}", total=None)

    def report(done: int, planned: int) -> None:
        # The bar has a thread of its own; before the first run there is none, so that workers can be forked.
        bar.start()
        bar.update(task, completed=done, total=planned)

    try:
        yield report
    finally:
        bar.stop()


def _write(result: SweepResult, given: dict[str, Any]) -> None:
    """Write the report, tell what was written, and choose the exit code."""
    click.echo(f"table        {given['out']}")
    if given["report"] is not None:
        from algotrader.research.sweeps.report import write_report

        write_report(result, given["report"])
        click.echo(f"report       {given['report']}")
    if any(record.get("strategy_errors") for record in result.records):
        click.echo("warning: the strategy failed on some bars; `algo-trader backtest` shows where", err=True)
        raise click.exceptions.Exit(EXIT_STRATEGY_FAILED)
