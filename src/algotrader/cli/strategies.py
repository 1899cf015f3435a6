"""``algo-trader strategies``: which strategies there are, and what each can be told."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING, Final

import click

from algotrader.cli.mistakes import strategy_mistakes
from algotrader.cli.ui import WIDTH

if TYPE_CHECKING:
    from algotrader.strategies.registry import StrategyType


_BUILT_IN: Final = "algotrader.strategies"
_PROTECTION: Final = {
    "planned": "planned: every entry comes with its own stop",
    "emergency": "emergency: a stop at a percentage of the entry, from the risk policy",
    "none": "none: positions have no stop",
}
_SIZING: Final = {
    "risk": "by risk: from the distance to the stop, with every cap",
    "explicit": "explicit: its own quantities, checked, never resized",
}


@click.command()
@click.argument("name", required=False)
def strategies(name: str | None) -> None:
    """List the strategies, or describe the one called NAME.

    NAME may also be path/to/file.py:Class.
    """
    from algotrader.strategies.registry import load_strategy

    if name is None:
        _list()
        return
    with strategy_mistakes(name):
        _describe(name, load_strategy(name))


def _list() -> None:
    from algotrader.cli.ui import plain_table, print_table
    from algotrader.strategies.registry import UnknownStrategy, load_strategy, strategy_names

    table = plain_table("strategy", "style", "what it does")
    for name in sorted(strategy_names()):
        try:
            found = load_strategy(name)
        except UnknownStrategy as error:
            table.add_row(name, "", f"cannot be loaded: {error}")
        else:
            table.add_row(name, style_of(found), first_line(found))
    print_table(table)
    click.echo()
    click.echo("`algo-trader strategies NAME` shows the parameters of one.")


def style_of(found: StrategyType) -> str:
    """``signal`` or ``algorithm``."""
    from algotrader.strategies.base import SignalStrategy

    return "signal" if issubclass(found, SignalStrategy) else "algorithm"


def first_line(found: type) -> str:
    """What a strategy is, in a line: of its module where it is built in (the module is about it alone), else of its class."""
    module = inspect.getmodule(found)
    built_in = module is not None and found.__module__.startswith(f"{_BUILT_IN}.")
    text = inspect.cleandoc((module.__doc__ if built_in and module is not None else found.__doc__) or "")
    return text.splitlines()[0].replace("``", "") if text else "(no description)"


def _describe(name: str, found: StrategyType) -> None:
    click.echo(f"{name} ({style_of(found)} style, {found.__name__})")
    click.echo()
    for line in textwrap.wrap(first_line(found), WIDTH):
        click.echo(line)
    click.echo()
    _show_parameters(found)
    click.echo()
    facts = declarations(found)
    width = max(len(label) for label, _ in facts)
    for label, text in facts:
        click.echo(f"{label:<{width}}  {text}")


def _show_parameters(found: StrategyType) -> None:
    from algotrader.cli.ui import plain_table, print_table
    from algotrader.strategies.parameters import Parameters, describe_parameters

    kind = getattr(found, "parameters_type", None)
    rows = describe_parameters(kind) if isinstance(kind, type) and issubclass(kind, Parameters) else []
    if not rows:
        click.echo("It has no parameters.")
        return
    table = plain_table("parameter", "default", "bounds", "meaning", right=("default",))
    for row in rows:
        table.add_row(*row)
    print_table(table)


def declarations(found: StrategyType) -> list[tuple[str, str]]:
    """How a strategy declares its protection, its sizing and what it does when a session ends, in words."""
    from algotrader.strategies.base import SignalStrategy

    sizing = _SIZING["explicit"]
    extra = []
    if issubclass(found, SignalStrategy):
        sizing = _SIZING.get(found.sizing, found.sizing)
        extra.append(("hours", "the regular session only" if found.regular_hours else "extended hours too"))
        extra.append(("sides", "long and short" if found.allow_short else f"long only{_unless_asked(found)}"))
    return [
        ("protection", _PROTECTION.get(found.protection, found.protection)),
        ("sizing", sizing),
        ("at the session's end", "closes its positions" if found.close_at_session_end else "keeps its positions"),
        *extra,
    ]


def _unless_asked(found: StrategyType) -> str:
    fields = getattr(getattr(found, "parameters_type", None), "model_fields", {})
    return ", unless allow_short is set" if "allow_short" in fields else ""
