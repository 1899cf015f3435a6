"""What commands share in a terminal: a console (of a fixed width where there is none), tables, progress, the kind of the engine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from rich.table import Table

WIDTH: Final = 80
"""Columns of text that goes to a file or a pipe."""

Report = Callable[[float, str], None]
"""Receives progress: the fraction done, and a few words."""


def plain_table(*headers: str, right: Sequence[str] = ()) -> Table:
    """A table with a line under its headers and no frame; columns named in ``right`` are flush right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    return table


def print_table(table: Table) -> None:
    """Print a table without blanks at the ends of lines; nothing in its cells is read as markup.

    Without a terminal the width is fixed, so that a file gets the same text everywhere.
    """
    from rich.console import Console

    console = Console(width=shutil.get_terminal_size((WIDTH, 24)).columns, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


@contextmanager
def progress(description: str, *, time_left: bool = False) -> Iterator[Report | None]:
    """Show a bar on standard error while the body runs, where that is a terminal; elsewhere give None and show nothing.

    Args:
        description: stands before the bar until the body reports other words.
        time_left: show how long it will take instead of how long it took.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    clock = TimeRemainingColumn(elapsed_when_finished=True) if time_left else TimeElapsedColumn()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), TaskProgressColumn(), clock)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=1.0)

        def report(fraction: float, text: str) -> None:
            bar.update(task, completed=fraction, description=text or description)

        yield report


def engine_kind() -> str:
    """``compiled`` when the engine is a compiled extension, ``plain Python`` when it is not."""
    from algotrader.core import engine

    return "compiled" if str(engine.__file__).endswith((".so", ".pyd")) else "plain Python"
