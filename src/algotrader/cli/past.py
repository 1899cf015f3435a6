"""Rows of the past: of the session that runs, and from the database when none does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from algotrader.cli.database import database_errors
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.storage.sql_store import SqlStore


def ask(database: str, what: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Items of ``/api/<what>``: from the session that runs, else from the database.

    Raises:
        UserError: what is wanted is impossible, or there is neither a session nor a database.
    """
    from algotrader.cli.client import NotRunning, SessionClient

    try:
        with SessionClient(database) as session:
            items: list[dict[str, Any]] = session.get(f"/api/{what}", **wanted)["items"]
            return items
    except NotRunning:
        return _ask_database(database, what, wanted)


def _ask_database(database: str, what: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    from algotrader.server.history import History
    from algotrader.server.questions import check_state, read_since
    from algotrader.server.refusal import Refusal

    try:
        if what == "orders":
            check_state(wanted["state"])
        else:
            wanted = wanted | {"since": read_since(wanted["since"])}
    except Refusal as no:
        raise UserError(no.message, no.hint) from None
    with database_errors():
        history = History.open(database)
        try:
            ask_for = history.orders if what == "orders" else history.round_trips
            items: list[dict[str, Any]] = ask_for(**wanted | {"symbol": wanted["symbol"].upper()})["items"]
        finally:
            history.close()
    return items


@contextmanager
def stored(database: str) -> Iterator[SqlStore]:
    """The database, for reading, while the body runs; a session may write to it meanwhile.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    from algotrader.storage.sql_store import open_store

    with database_errors():
        store = open_store(database, create=False)
    try:
        with database_errors():
            yield store
    finally:
        store.close()
