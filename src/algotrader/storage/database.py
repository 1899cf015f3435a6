"""A database by its URL, SQLite in WAL mode or PostgreSQL: connections, transactions, and errors that people understand."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from algotrader.storage.failures import explain
from algotrader.storage.records import StoreFailed

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
BUSY_MS: Final = 5_000
"""How long a transaction waits for another one before it gives up."""

SMALL_CAPITAL: Final = Decimal(2_000)
"""Above this much money a server with backups of its own is worth its trouble."""

PAGE_BYTES: Final = 1_024
"""Of a new file's page. An order's commit touches a page in each of some fifteen tables and indexes, and all of them go to the disk
before the order may leave: with SQLite's usual 4,096 bytes the slowest hundredth of commits takes about half as long again. A file
that is there keeps what it was made with."""

CHECKPOINT_PAGES: Final = 32_000
"""Pages in SQLite's log after which whichever commit comes next brings them home; a session does it sooner, when no order waits."""

_WRITING: Final = "writing"


def read_url(text: str) -> URL:
    """Read a database's URL: ``sqlite:///file``, or ``postgresql://user@host/name``, whose driver is psycopg.

    Raises:
        StoreFailed: it is not such a URL; a password in it is not shown.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreFailed("the database's URL cannot be read; write sqlite:///file or postgresql://user@host/name") from None
    if url.drivername == SQLITE and url.database not in (None, "", ":memory:"):
        return url
    if url.drivername in ("postgres", POSTGRESQL, "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    raise StoreFailed(f"{url.render_as_string()} is no database for us; write sqlite:///file or postgresql://user@host/name")


def advice(capital: Decimal, text: str) -> str | None:
    """A recommendation for the database at a URL when so much money is traded; None where there is nothing to say."""
    if capital <= SMALL_CAPITAL or read_url(text).get_backend_name() != SQLITE:
        return None
    return (
        f"with more than {SMALL_CAPITAL:,} at stake a PostgreSQL server is recommended for the database "
        "(postgresql://user@host/name); SQLite works all the same"
    )


class Database:
    """An open database. Nothing is asked of it before the first transaction.

    Args:
        text: its URL.
        durable: wait at every commit until the disk has it; rehearsals on throw-away databases need not.
        busy_ms: how long to wait for others, milliseconds.

    Raises:
        StoreFailed: the URL is of no use, or the driver for it is not installed.
    """

    def __init__(self, text: str, *, durable: bool = True, busy_ms: int = BUSY_MS) -> None:
        self.url: Final = read_url(text)
        self.kind: Final = self.url.get_backend_name()
        self.name: Final = str(self.path) if self.path is not None else self.url.render_as_string()
        self._durable: Final = durable
        self._busy_ms: Final = busy_ms
        self.engine: Final = self._make_engine()

    @property
    def path(self) -> Path | None:
        """The file; None for a server."""
        return Path(self.url.database or "") if self.url.get_backend_name() == SQLITE else None

    def connect(self) -> Connection:
        """A connection of one's own.

        Raises:
            StoreBusy, StoreFailed: there is none to be had.
        """
        with self.errors():
            return self.engine.connect()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the driver's errors within the body into ours."""
        try:
            yield
        except SQLAlchemyError as error:
            raise explain(error, self.name) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads, on a connection of its own; it sees one state of the database and holds nobody up."""
        with self.errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, on a connection of its own: all of it or nothing."""
        with self.errors(), self.engine.connect() as connection, for_writing(connection).begin():
            yield connection

    def close(self) -> None:
        """Close every connection; a second call does nothing."""
        self.engine.dispose()

    def _make_engine(self) -> Engine:
        if self.kind == SQLITE:
            engine = create_engine(self.url, connect_args={"check_same_thread": False, "timeout": self._busy_ms / 1000})
            event.listen(engine, "connect", self._prepare_sqlite)
            event.listen(engine, "begin", _begin)
            return engine
        if importlib.util.find_spec("psycopg") is None:
            raise StoreFailed("PostgreSQL needs a driver: pip install 'algo-trader[postgres]'")
        engine = create_engine(self.url, connect_args={"connect_timeout": 10})
        event.listen(engine, "connect", self._prepare_postgresql)
        return engine

    def _prepare_sqlite(self, connection: Any, _record: object) -> None:
        # The driver must not begin transactions on its own: what it begins is never one for writing.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {self._busy_ms}")
        cursor.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    def _prepare_postgresql(self, connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {self._busy_ms}")
        if not self._durable:
            cursor.execute("SET synchronous_commit = off")
        connection.commit()
        cursor.close()


def for_writing(connection: Connection) -> Connection:
    """Let the transactions of a connection take the lock for writing at their beginning, so that none fails half way for it."""
    return connection.execution_options(**{_WRITING: True})


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITING) else "BEGIN")
