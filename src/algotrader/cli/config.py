"""``algo-trader config``: every setting, its value and where the value came from."""

from __future__ import annotations

import os

import click

from algotrader.cli.settings import settings_of_process
from algotrader.config import DEFAULT


@click.command()
def config() -> None:
    """Show every setting and where its value comes from.

    An option on the command line wins over an environment variable, a variable over the default.
    """
    settings = settings_of_process(os.environ)
    for value in settings.values:
        source = "default" if value.source == DEFAULT else "from the environment"
        click.echo(f"{value.setting.name} = {value.text}   ({source})")
        click.echo(f"    {value.setting.meaning} [{value.setting.variable}]")
    for text in settings.unknown:
        click.echo(f"warning: {text}", err=True)
