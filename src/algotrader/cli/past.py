"""Rows of the past: of the session that runs, and from the database when none does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from algotrader.cli.place import database_name
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.storage.sql_store import SqlStore


def ask(database: str, what: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Items of ``/api/<what>``.

    Raises:
        UserError: what is wanted is impossible, or there is neither a session nor a database.
    """
    from algotrader.cli.client import SessionClient

    with SessionClient(database) as session:
        items: list[dict[str, Any]] = session.get(f"/api/{what}", **wanted)["items"]
        return items


@contextmanager
def stored(database: str) -> Iterator[SqlStore]:
    """The database, for reading, while the body runs; a session may write to it meanwhile.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    from algotrader.storage.records import StoreBusy, StoreFailed
    from algotrader.storage.sql_store import open_store

    try:
        store = open_store(database, create=False)
        try:
            yield store
        finally:
            store.close()
    except StoreBusy as error:
        raise UserError(f"{database_name(database)} is busy: {error}", "try again in a moment") from None
    except StoreFailed as error:
        raise UserError(str(error), "--database names another one") from None
