"""The end of a sweep in a terminal: the best trials, the windows of a walk-forward, and the warning about over-fitting."""

from __future__ import annotations

import textwrap
from typing import Final

import click

from algotrader.cli.ui import WIDTH, plain_table, print_table
from algotrader.research.formats import NOTHING
from algotrader.research.sweeps.result import SweepResult, ranked
from algotrader.research.sweeps.summary import columns_beside, counted, figure_text, label, parameters_text, warning, window_days

_FIGURES: Final = 4
"""Figures beside the parameters that fit a small terminal."""

_LABEL: Final = 13


def print_sweep(result: SweepResult, order: str, top: int) -> None:
    """Print a sweep.

    Args:
        result: the sweep.
        order: the figure that sorts the list of trials.
        top: how many trials to list; of a walk-forward the windows are listed instead.
    """
    click.echo(f"{result.strategy} on {', '.join(result.symbols)}")
    click.echo(counted(result))
    click.echo("")
    if result.windows:
        _print_steps(result)
    elif top:
        _print_trials(result, order, top)
    click.echo("")
    for place, sentence in enumerate(warning(result)):
        _labelled("" if place else "beware", sentence)
    for reason in dict.fromkeys(record["error"] for record in result.failed):
        _labelled("failed", reason)


def _print_trials(result: SweepResult, order: str, top: int) -> None:
    figures = columns_beside(order)[:_FIGURES]
    heads = [label(name) for name in figures]
    table = plain_table("Trial", "Parameters", *heads, right=["Trial", *heads])
    for record in ranked(result.trials, order)[:top]:
        texts = (figure_text(record, name) for name in figures)
        table.add_row(str(record["trial"]), parameters_text(result, record), *texts)
    print_table(table)


def _print_steps(result: SweepResult) -> None:
    """A line for every window: what was chosen, how it did in training, and how it did afterwards."""
    table = plain_table("Test from", "Chosen", "Training", "Test", "Test return", right=["Training", "Test", "Test return"])
    for step in result.steps():
        best, test = step.best, step.test
        table.add_row(
            window_days(result, step.window)[2],
            "none" if best is None else parameters_text(result, best),
            NOTHING if best is None else figure_text(best, result.metric),
            NOTHING if test is None else figure_text(test, result.metric),
            NOTHING if test is None else figure_text(test, "total_return"),
        )
    print_table(table)
    click.echo(f"Training and Test: {label(result.metric)}.")


def _labelled(name: str, text: str) -> None:
    for place, line in enumerate(textwrap.wrap(text, WIDTH - _LABEL)):
        click.echo(f"{'' if place else name:<{_LABEL}}{line}".rstrip())
