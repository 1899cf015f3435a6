"""One session at a time: a lock beside the database, held for the life of a session and gone with its process."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from algotrader.storage.database import Database
from algotrader.storage.records import StoreBusy, StoreFailed

ENDING: Final = ".lock"
"""What the name of the lock's file has more than that of the database; the file stays, empty."""

_KEY: Final = 0x616C676F
"""Of the advisory lock: one for each PostgreSQL database."""


class SessionLock:
    """Taken when it is made.

    Args:
        database: whose sessions exclude each other.

    Raises:
        StoreBusy: another session has it.
        StoreFailed: the lock cannot be had at all.
    """

    def __init__(self, database: Database) -> None:
        self._file: sqlite3.Connection | None = None
        self._server: Connection | None = None
        if database.path is not None:
            self._file = _take_file(f"{database.path}{ENDING}", database.name)
        else:
            self._server = _take_on_server(database)

    def release(self) -> None:
        """Let the next session have it; a second call does nothing."""
        if self._file is not None:
            self._file.close()
        if self._server is not None:
            # The lock would outlive a connection that only went back to its pool; a broken one has let go of it.
            with suppress(SQLAlchemyError):
                self._server.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})
            self._server.close()
        self._file = self._server = None


def _take_file(path: str, name: str) -> sqlite3.Connection:
    """SQLite's own lock on a file of its own: the system lets go of it when the process ends, on every system alike."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
            raise _busy(name) from None
        raise StoreFailed(f"the lock {path} cannot be had: {error}") from None
    return connection


def _take_on_server(database: Database) -> Connection:
    connection = database.connect().execution_options(isolation_level="AUTOCOMMIT")
    with database.errors():
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar()
    if not taken:
        connection.close()
        raise _busy(database.name)
    return connection


def _busy(name: str) -> StoreBusy:
    return StoreBusy(f"another session is running on {name}")
