"""What a database's refusals mean: busy for now, or failed for good, in words for people."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from algotrader.storage.records import StoreBusy, StoreFailed

# Of the classes of SQLSTATE: somebody holds a lock, a deadlock, a server that starts, stops or cannot take more.
_BUSY_STATES: Final = ("55P03", "40001", "40P01", "57P01", "57P02", "57P03", "53300")
_FULL_STATE: Final = "53100"
_LOST_STATES: Final = ("57P01", "57P02", "08")

_SQLITE: Final = {
    "SQLITE_FULL": "the disk is full; make room, nothing that was committed is lost",
    "SQLITE_IOERR": "the disk gives errors; check it and the file system before anything else",
    "SQLITE_CORRUPT": "the file is damaged; restore a backup with `algo-trader db restore`",
    "SQLITE_NOTADB": "the file is not a database, or its beginning is damaged; restore a backup with `algo-trader db restore`",
    "SQLITE_READONLY": "the file may not be written; check its owner and rights",
    "SQLITE_CANTOPEN": "the file cannot be opened; check that its folder exists and may be written",
    "SQLITE_AUTH": "the file may not be opened; check its owner and rights",
    "SQLITE_PERM": "the file may not be opened; check its owner and rights",
}


def explain(error: SQLAlchemyError, name: str) -> StoreBusy | StoreFailed:
    """The error of ours for one of a database.

    Args:
        error: what the database or its driver raised.
        name: of the database, for the message.
    """
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        return explain_sqlite(cause, name)
    state = getattr(cause, "sqlstate", None) or ""
    first = _first_line(cause if cause is not None else error)
    if state in _BUSY_STATES:
        return StoreBusy(f"{name} is busy: {first}")
    if state == _FULL_STATE:
        return StoreFailed(f"{name}: the server's disk is full; make room, nothing that was committed is lost")
    if isinstance(error, IntegrityError):
        return StoreFailed(f"{name} refuses: {first}; does another session write to it?")
    return StoreFailed(f"{name}: {first}")


def connection_lost(error: DBAPIError) -> bool:
    """Whether the server went away, so that nobody knows what became of the last request."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state.startswith(_LOST_STATES)


def explain_sqlite(cause: sqlite3.Error, name: str) -> StoreBusy | StoreFailed:
    """The error of ours for one of SQLite itself."""
    code = getattr(cause, "sqlite_errorname", "")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy(f"{name} is busy: another process has it; stop that one, or try again")
    for start, meaning in _SQLITE.items():
        if code.startswith(start):
            return StoreFailed(f"{name}: {meaning}")
    if code.startswith(("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")):
        return StoreFailed(f"{name} refuses: {_first_line(cause)}; does another session write to it?")
    return StoreFailed(f"{name} refuses: {_first_line(cause)}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
