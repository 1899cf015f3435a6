"""The gate before real money: a live session starts only after its account's name was typed, or given with ``--consent``."""

from __future__ import annotations

import sys
from typing import Final

import click

from algotrader.errors import UserError
from algotrader.live.launch_settings import PAPER_VENUE

PAPER_VARIABLE: Final = "ALGO_BROKER__PAPER"


def check_paper_setting(paper: bool, source: str, live: bool) -> None:
    """Refuse to start where settings and command line do not agree about real money.

    Args:
        paper: the setting ``broker.paper``.
        source: where it comes from.
        live: whether ``--live`` was given.

    Raises:
        UserError: only one of them speaks of real money.
    """
    if not paper and not live:
        place = source if source == PAPER_VARIABLE else f"{source}, {PAPER_VARIABLE}"
        message = f"broker.paper is false ({place}): this would trade real money"
        raise UserError(message, f"set {PAPER_VARIABLE}=true; real money needs --live, --account, consent")
    if paper and live:
        raise UserError("--live was given and broker.paper is true", "real money needs ALGO_BROKER__PAPER=false as well")


def ask_consent(venue: str, account: str, given: str | None) -> str:
    """Have the name of a live account typed.

    Args:
        venue: where it is.
        account: its name, from ``--account``.
        given: the text of ``--consent``; None to ask at the keyboard.

    Returns:
        What was typed, which is the account's name.

    Raises:
        UserError: it is another text, nobody is there to be asked, or there can be no real money.
    """
    if venue == PAPER_VENUE:
        raise UserError("the paper venue has no real money", "leave --live away, or choose a broker with --venue")
    if not account:
        raise UserError("--live needs the name of the account", "write it like --live --account NAME")
    if given is None:
        if not sys.stdin.isatty():
            raise UserError("real money needs consent and nobody is at the keyboard", f'give it as --consent "{account}"')
        click.echo(f"This session will trade REAL MONEY in the account {account} at {venue}.", err=True)
        given = click.prompt("Type the account's name to go on", prompt_suffix=": ", default="", show_default=False, err=True)
    if given.strip() != account:
        raise UserError(f"no consent: {given.strip()!r} is not the account's name", f"it is {account}; nothing was started")
    return account
