"""``algo-trader positions``, ``orders`` and ``round-trips``: as a table, as CSV or as JSON.

A running session answers; without one the database does, for what it knows.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import click

from algotrader.cli.place import database_option

Items = Sequence[dict[str, Any]]
Column = tuple[str, str, Callable[[Any], str]]
"""A header, the field, and how its value is shown."""

_POSITION_FIELDS: Final = (
    "symbol",
    "owner",
    "side",
    "qty",
    "avg_entry_price",
    "current_price",
    "unrealized_pnl",
    "opened_at",
    "protection",
    "protection_level",
    "stop_price",
    "take_profit_price",
    "adopted",
    "halted",
)


def short_number(text: Any) -> str:
    """A number for a table: grouped, at most four decimal places, no needless zeros beyond two."""
    if text is None:
        return "-"
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return str(text)
    places = 2 if value == value.quantize(Decimal("0.01")) else 4
    return f"{value:,.{places}f}"


def quantity(text: Any) -> str:
    """A quantity for a table, without zeros at its end."""
    value = Decimal(str(text))
    return f"{value.normalize():,f}" if value else "0"


def when(text: Any) -> str:
    """A time for a table: day and time without the year, UTC."""
    return "-" if not text else str(text)[5:19].replace("T", " ")


def words(value: Any) -> str:
    """A word for a table."""
    return "-" if value in (None, "") else str(value).replace("_", " ")


POSITIONS: Final[tuple[Column, ...]] = (
    ("symbol", "symbol", str),
    ("owner", "owner", str),
    ("side", "side", str),
    ("qty", "qty", quantity),
    ("entry", "avg_entry_price", short_number),
    ("last", "current_price", short_number),
    ("P&L", "unrealized_pnl", short_number),
    ("stop", "stop_price", short_number),
    ("protected", "protection_level", words),
)
ORDERS: Final[tuple[Column, ...]] = (
    ("id", "local_id", str),
    ("symbol", "symbol", str),
    ("side", "side", str),
    ("role", "order_role", words),
    ("qty", "qty_requested", quantity),
    ("filled", "qty_filled", quantity),
    ("average", "avg_fill_price", short_number),
    ("state", "state", words),
    ("made (UTC)", "created_at", when),
)
TRIPS: Final[tuple[Column, ...]] = (
    ("symbol", "symbol", str),
    ("strategy", "strategy", str),
    ("side", "side", str),
    ("qty", "qty", quantity),
    ("entry", "entry_price", short_number),
    ("exit", "exit_price", short_number),
    ("P&L", "pnl", short_number),
    ("closed (UTC)", "exit_at", when),
)
_RIGHT: Final = ("qty", "filled", "average", "entry", "exit", "last", "P&L", "stop")


def show(items: Items, columns: tuple[Column, ...], as_csv: bool, as_json: bool, nothing: str, fields: Sequence[str] = ()) -> None:
    """Print rows in the form that was asked for; CSV and JSON have every field, exact."""
    if as_json:
        click.echo(json.dumps(list(items), indent=2, ensure_ascii=False))
    elif as_csv:
        _csv(items, fields)
    elif not items:
        click.echo(nothing)
    else:
        _table(items, columns)


def _csv(items: Items, fields: Sequence[str]) -> None:
    writer = csv.DictWriter(sys.stdout, list(fields or (items[0] if items else ())), lineterminator="\n", extrasaction="ignore")
    if writer.fieldnames:
        writer.writeheader()
        writer.writerows(items)


def _table(items: Items, columns: tuple[Column, ...]) -> None:
    from algotrader.cli.ui import plain_table, print_table

    table = plain_table(*(name for name, _, _ in columns), right=_RIGHT)
    for item in items:
        table.add_row(*(form(item.get(field)) for _, field, form in columns))
    print_table(table)


def _forms(command: Any) -> Any:
    """Give a command the options that choose the form."""
    command = click.option("--json", "as_json", is_flag=True, help="As JSON.")(command)
    return click.option("--csv", "as_csv", is_flag=True, help="As CSV.")(command)


@click.command(short_help="Show what is held, and its stops.")
@database_option
@click.option("--symbol", default="", help="Only this one.")
@_forms
def positions(database: str, symbol: str, as_csv: bool, as_json: bool) -> None:
    """Show what a running session holds, with the stop of each position and how well it is protected."""
    from algotrader.cli.client import SessionClient

    with SessionClient(database) as session:
        items = session.get("/api/positions", symbol=symbol)["items"]
    show(items, POSITIONS, as_csv, as_json, "no positions", _POSITION_FIELDS)


@click.command(short_help="Show orders.")
@database_option
@click.option("--symbol", default="", help="Only of this one.")
@click.option("--strategy", default="", help="Only of this one.")
@click.option("--state", default="", help="open, final, or one state such as filled.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most, newest first.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave out so many of the newest.")
@_forms
def orders(database: str, as_csv: bool, as_json: bool, **wanted: Any) -> None:
    """Show orders, newest first."""
    from algotrader.cli.past import ask

    show(ask(database, "orders", wanted), ORDERS, as_csv, as_json, "no orders")


@click.command("round-trips", short_help="Show round trips and their profit.")
@database_option
@click.option("--symbol", default="", help="Only of this one.")
@click.option("--strategy", default="", help="Only of this one.")
@click.option("--since", default="", metavar="TIME", help="Closed at or after, such as 2025-11-26T14:30:00Z.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most, newest first.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave out so many of the newest.")
@_forms
def round_trips(database: str, as_csv: bool, as_json: bool, **wanted: Any) -> None:
    """Show positions that were opened and closed again, the last to close first."""
    from algotrader.cli.past import ask

    show(ask(database, "round-trips", wanted), TRIPS, as_csv, as_json, "no round trips")
