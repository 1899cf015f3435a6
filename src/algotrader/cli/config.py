"""``algo-trader config``: every setting, its value and where the value came from."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from algotrader.cli.settings import settings_of_process
from algotrader.cli.ui import WIDTH
from algotrader.errors import did_you_mean

if TYPE_CHECKING:
    from algotrader.config.loading import Settings, Value

INDENT: Final = "    "


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="YAML", help="Read this file too.")
@click.option("--changed", is_flag=True, help="Show only what is not at its default.")
@click.option("--env-example", "example", is_flag=True, help="Print a .env file with every variable instead.")
def config(names: tuple[str, ...], file: Path | None, changed: bool, example: bool) -> None:
    """Show settings (all, or those whose names begin with NAME) and where their values come from.

    An option on the command line wins over an override in the database, that over an environment variable, then come the .env
    file, the YAML file, the risk profile and the default. Secrets are not shown.
    """
    if example:
        from algotrader.config.example import env_example

        click.echo(env_example(), nl=False)
        return
    settings = settings_of_process(os.environ, file)
    wanted = [value for value in settings.values if _is_wanted(value, names)]
    shown = [value for value in wanted if not changed or not settings.is_default(value.setting.name)]
    for value in shown:
        _show(value)
    if not wanted:
        click.echo(f"warning: {_nothing(names, settings)}", err=True)
    for text in settings.unknown:
        click.echo(f"warning: {text}", err=True)


def _is_wanted(value: Value, names: tuple[str, ...]) -> bool:
    return not names or any(value.setting.name == name or value.setting.name.startswith(f"{name}.") for name in names)


def _nothing(names: tuple[str, ...], settings: Settings) -> str:
    known = [value.setting.name for value in settings.values]
    sections = [name.partition(".")[0] for name in known]
    return f"no setting begins with {names[0]}; {did_you_mean(names[0], known + sections)}".rstrip("; ")


def _show(value: Value) -> None:
    from algotrader.config.values import DEFAULT

    source = "default" if value.source == DEFAULT else f"from {value.source}"
    text = value.text or "(empty)"
    line = f"{value.setting.name} = {text}   ({source})"
    if len(line) <= WIDTH:
        click.echo(line)
    else:
        for part in textwrap.wrap(f"{value.setting.name} = {text}", WIDTH, subsequent_indent=INDENT):
            click.echo(part)
        click.echo(f"{INDENT}({source})")
    allowed = f" ({value.setting.allowed})" if value.setting.allowed else ""
    said = f"{value.setting.meaning}{allowed} [{value.setting.variable}]"
    for part in textwrap.wrap(said, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False):
        click.echo(part)
