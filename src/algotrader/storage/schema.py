"""The version of a database's tables: told, checked, and made from nothing. Changes of what is there are in ``migrate.py``."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, inspect
from sqlalchemy.schema import CreateIndex, CreateTable

from algotrader.storage import triggers
from algotrader.storage.database import Database
from algotrader.storage.records import StoreFailed
from algotrader.storage.statements import positional
from algotrader.storage.tables import METADATA

REVISIONS: Final = ("r0001", "r0002")
"""Every version there was, oldest first."""

HEAD: Final = REVISIONS[-1]
"""The version that this program reads and writes."""

VERSION_TABLE: Final = "alembic_version"


def revision_of(connection: Connection) -> str | None:
    """The version of the tables; None for a database without any.

    Raises:
        StoreFailed: it holds tables that are not ours.
    """
    names = inspect(connection).get_table_names()
    if VERSION_TABLE in names:
        found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
        return None if found is None else str(found)
    if names:
        raise StoreFailed(f"the database holds tables of something else ({', '.join(sorted(names)[:3])}); choose another one")
    return None


def check_revision(found: str | None, name: str) -> None:
    """Make sure that this program understands the tables.

    Raises:
        StoreFailed: there are none, or they are of another version; the message says what to do.
    """
    if found == HEAD:
        return
    if found is None:
        raise StoreFailed(f"{name} is empty; `algo-trader db migrate` makes the tables")
    if found in REVISIONS:
        raise StoreFailed(f"{name} has the older schema {found}, and {HEAD} is needed; run `algo-trader db migrate`")
    raise StoreFailed(f"{name} has the schema {found} of a newer version of this program, which knows up to {HEAD}; update it")


def open_database(text: str, *, create: bool = False, durable: bool = True, busy_ms: int | None = None) -> Database:
    """Open a database and check its tables.

    Args:
        text: its URL.
        create: make the file and the tables where there are none.
        durable: see ``Database``.
        busy_ms: see ``Database``.

    Raises:
        StoreBusy, StoreFailed: it cannot be used; the message says why and what to do.
    """
    database = Database(text, durable=durable) if busy_ms is None else Database(text, durable=durable, busy_ms=busy_ms)
    try:
        _prepare_file(database, create)
        with database.reading() as connection:
            found = revision_of(connection)
        if found is None and create:
            with database.writing() as connection:
                found = revision_of(connection) or create_tables(connection)
        check_revision(found, database.name)
    except BaseException:
        database.close()
        raise
    return database


def create_tables(connection: Connection) -> str:
    """Make the newest tables in an empty database; as the revisions would, one after the other, but in a moment."""
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
    return HEAD


@lru_cache
def _statements(kind: str) -> tuple[str, ...]:
    dialect = positional(kind)
    made = []
    for table in METADATA.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)))
        # Sorted, as a table holds its indexes in a set.
        made += [
            str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=lambda each: str(each.name))
        ]
    made += triggers.functions(kind) + triggers.journal_functions(kind)
    for name in triggers.APPEND_ONLY:
        made += triggers.guard(name, kind)
    made.append(f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    made.append(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{HEAD}')")
    return tuple(made)


def demand_file(database: Database) -> None:
    """Make sure that a database in a file is there: SQLite would make an empty one.

    Raises:
        StoreFailed: it is not.
    """
    if database.path is not None and not database.path.is_file():
        raise StoreFailed(f"there is no database at {database.path}; --database names another one")


def _prepare_file(database: Database, create: bool) -> None:
    path = database.path
    if path is None:
        return
    if not create:
        demand_file(database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFailed(f"the folder for {path} cannot be made: {error.strerror or error}") from None
