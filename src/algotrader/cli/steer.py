"""Steers a running session: ``stop``, ``halt``, ``resume``, ``flatten``, ``emergency-stop``, and what is done to one position."""

from __future__ import annotations

import getpass
import sys
import time
from typing import Any, Final

import click

from algotrader.cli.place import database_option
from algotrader.errors import UserError
from algotrader.server import phrases

_POLL_SECONDS: Final = 0.2


def _reason_option(command: Any) -> Any:
    return click.option("--reason", default="by hand", show_default=True, help="Why; it is kept with the event.")(command)


_owner_option = click.option("--owner", default="", metavar="STRATEGY", help="Whose position, where several hold the symbol.")

_yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def operator() -> str:
    """The name of whoever is at the keyboard."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "operator"


def confirm(phrase: str, question: str, given: str | None = None) -> None:
    """Have a phrase typed.

    Args:
        phrase: what has to be typed.
        question: what is about to happen.
        given: what an option says instead; None to ask at the keyboard.

    Raises:
        UserError: something else was typed, or nobody is there to be asked.
    """
    if given is None:
        if not sys.stdin.isatty():
            raise UserError(f'this has to be confirmed with "{phrase}" and nobody is at the keyboard', "give it as an option")
        click.echo(question)
        given = click.prompt(f'Type "{phrase}" to go on', prompt_suffix=": ", default="", show_default=False)
    if not phrases.same(given, phrase):
        raise UserError("not confirmed: nothing was done", f'type exactly "{phrase}"')


def _send(database: str, path: str, **body: Any) -> None:
    from algotrader.cli.client import SessionClient

    with SessionClient(database) as session:
        answer = session.post(path, operator=operator(), **body)
    click.echo(answer["message"])


@click.command(short_help="End a running session in order.")
@database_option
@_reason_option
@click.option("--flatten", is_flag=True, help="Close every position first.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it has ended.")
@click.option("--timeout", type=click.FloatRange(min=0), default=90.0, show_default=True, help="Seconds to wait at most.")
def stop(database: str, reason: str, flatten: bool, wait: bool, timeout: float) -> None:
    """End the session that runs: no new entries, orders in flight are waited for, positions keep their stops."""
    from algotrader.cli.client import NotRunning, SessionClient

    with SessionClient(database) as session:
        click.echo(session.post("/api/shutdown", operator=operator(), reason=reason, flatten=flatten)["message"])
    until = time.monotonic() + timeout
    while wait:
        try:
            SessionClient(database).__exit__(None, None, None)
        except NotRunning:
            click.echo("stopped")
            return
        except UserError:
            pass  # it is on its way down and may break off an answer
        if time.monotonic() >= until:
            raise UserError(f"the session still runs after {timeout:g} s", "see `algo-trader status`, or use --timeout")
        time.sleep(_POLL_SECONDS)


@click.command(short_help="Take no new entries.")
@database_option
@_reason_option
def halt(database: str, reason: str) -> None:
    """Take no new entries until `resume`. Positions keep their stops, exits go on."""
    _send(database, "/api/halt", reason=reason)


@click.command(short_help="Take new entries again.")
@database_option
@_reason_option
@click.option("--confirm", "typed", metavar="PHRASE", help=f'"{phrases.RESUME}", for scripts; else it is asked for.')
def resume(database: str, reason: str, typed: str | None) -> None:
    """Take new entries again after `halt` or `emergency-stop`; has to be confirmed."""
    from algotrader.cli.client import SessionClient

    with SessionClient(database) as session:
        confirm(phrases.RESUME, "Strategies may open positions again.", typed)
        answer = session.post("/api/resume", operator=operator(), reason=reason, confirm=phrases.RESUME)
    click.echo(answer["message"])


@click.command(short_help="Close every position.")
@database_option
@_reason_option
@_yes_option
def flatten(database: str, reason: str, yes: bool) -> None:
    """Close every position of ours at market. What a person opened is left alone unless it was adopted to be managed."""
    from algotrader.cli.client import SessionClient

    with SessionClient(database) as session:
        held = session.get("/api/positions")["items"]
        if not yes:
            confirm(phrases.FLATTEN, f"{len(held)} positions: {', '.join(p['symbol'] for p in held) or 'none'}.")
        answer = session.post("/api/flatten", operator=operator(), reason=reason)
    click.echo(answer["message"])


@click.command(short_help="Close the positions in one symbol.")
@click.argument("symbol")
@_owner_option
@database_option
@_reason_option
def close(symbol: str, owner: str, database: str, reason: str) -> None:
    """Close our positions in SYMBOL at market, or the one of an owner only."""
    _send(database, "/api/close", reason=reason, symbol=symbol, owner=owner)


@click.command(short_help="Close a part of a position.")
@click.argument("symbol")
@click.option("--quantity", metavar="N", required=True, help="How much to close; no more than is held.")
@_owner_option
@database_option
@_reason_option
def reduce(symbol: str, quantity: str, owner: str, database: str, reason: str) -> None:
    """Close a part of our position in SYMBOL at market. Its stop shrinks with it."""
    _send(database, "/api/reduce", reason=reason, symbol=symbol, qty=quantity, owner=owner)


@click.command(short_help="Move the stop of a position closer.")
@click.argument("symbol")
@click.argument("price")
@_owner_option
@database_option
@_reason_option
def restop(symbol: str, price: str, owner: str, database: str, reason: str) -> None:
    """Move the stop of our position in SYMBOL to PRICE. A stop is only ever tightened, and not through the market."""
    _send(database, "/api/restop", reason=reason, symbol=symbol, stop_price=price, owner=owner)


@click.command(short_help="Look after what a person opened.")
@click.argument("symbol")
@click.option("--mode", type=click.Choice(["protect", "manage"]), required=True, help="Only a stop, or closed with ours too.")
@database_option
@_reason_option
def adopt(symbol: str, mode: str, database: str, reason: str) -> None:
    """Look after the position in SYMBOL that was not opened here; adopting never closes anything."""
    _send(database, "/api/adopt", reason=reason, symbol=symbol, mode=mode)


@click.command(short_help="Leave alone again what was adopted.")
@click.argument("symbol")
@database_option
@_reason_option
def release(symbol: str, database: str, reason: str) -> None:
    """Let go of the position in SYMBOL that `adopt` took over."""
    _send(database, "/api/release", reason=reason, symbol=symbol)


@click.command("emergency-stop", short_help="Cancel everything, close everything, stay halted.")
@database_option
@_reason_option
def emergency_stop(database: str, reason: str) -> None:
    """Cancel every order, close every position, and take no entries until a typed `resume`. It does not ask."""
    _send(database, "/api/emergency-stop", reason=reason)
