"""A commit straight through the driver: what SQLAlchemy does for each statement would be a third of an order's commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from algotrader.storage.database import SQLITE

Values = tuple[Any, ...]
Send = Callable[[str, list[Values]], None]
"""Sends a statement once for each row of values."""


@contextmanager
def through_driver(connection: Connection) -> Iterator[Send]:
    """A transaction that writes: all of it or nothing.

    Args:
        connection: with no transaction under way; used for nothing else meanwhile.

    Raises:
        DBAPIError: what SQLAlchemy would have raised.
    """
    dialect = connection.dialect
    errors = dialect.loaded_dbapi.Error
    driver: Any = connection.connection.dbapi_connection
    cursor = None
    try:
        cursor = driver.cursor()
        try:
            if dialect.name == SQLITE:
                # The lock for writing is taken at the beginning, so that nothing fails half way for it.
                cursor.execute("BEGIN IMMEDIATE")
            yield _sender(cursor)
            driver.commit()
        except BaseException:
            _roll_back(driver, errors)
            raise
        finally:
            cursor.close()
    except errors as error:
        gone = dialect.is_disconnect(error, driver, cursor)
        raise DBAPIError.instance(None, None, error, errors, connection_invalidated=gone, dialect=dialect) from error


def _sender(cursor: Any) -> Send:
    def send(statement: str, rows: list[Values]) -> None:
        if len(rows) == 1:
            cursor.execute(statement, rows[0])
        else:
            cursor.executemany(statement, rows)

    return send


def _roll_back(driver: Any, errors: type[Exception]) -> None:
    try:
        driver.rollback()
    except errors:
        # The connection is gone, and the transaction with it; the first error says so.
        return


def bring_home(connection: Connection) -> None:
    """Carry the pages of SQLite's log into its file, as far as nobody reads the old ones; other databases do so by themselves.

    What goes wrong is left to the next time: nothing depends on it but the size of the log.
    """
    dialect = connection.dialect
    if dialect.name != SQLITE:
        return
    driver: Any = connection.connection.dbapi_connection
    with suppress(dialect.loaded_dbapi.Error):
        driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
