"""Changing the tables of a database from one version to another, up or down, with everything in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from algotrader.storage import schema
from algotrader.storage.database import SQLITE, Database, for_writing
from algotrader.storage.records import StoreFailed

BASE: Final = "base"
"""The version of a database without tables."""

_FOLDER: Final = Path(__file__).parent / "migrations"


def migrate(database: Database, target: str = schema.HEAD) -> tuple[str, str]:
    """Bring a database to a version, in one transaction.

    Args:
        database: whatever version it has; one without tables gets them.
        target: one of ``schema.REVISIONS``, or ``BASE``, which takes all tables away.

    Returns:
        The version before and the one after; ``BASE`` for none.

    Raises:
        StoreBusy, StoreFailed: it could not be done, and nothing has changed.
    """
    if target not in (BASE, *schema.REVISIONS):
        raise StoreFailed(f"there is no schema {target}; there are {', '.join(schema.REVISIONS)}")
    with database.errors(), database.engine.connect() as connection:
        _foreign_keys(connection, "OFF")
        try:
            with for_writing(connection).begin():
                before = schema.revision_of(connection) or BASE
                if before not in (BASE, *schema.REVISIONS):
                    schema.check_revision(before, database.name)
                _run(connection, before, target)
                _check_references(connection, database)
        finally:
            _foreign_keys(connection, "ON")
    return before, target


def scripts() -> ScriptDirectory:
    """The revisions there are, for Alembic."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def _run(connection: Connection, before: str, target: str) -> None:
    known = scripts()
    places = (BASE, *schema.REVISIONS)
    if before == target:
        return
    upwards = places.index(target) > places.index(before)

    def steps(revision: Any, context: Any) -> Any:
        walk: Any = known._upgrade_revs if upwards else known._downgrade_revs
        return walk(target, revision)

    with EnvironmentContext(Config(), known, fn=steps, destination_rev=target) as environment:
        environment.configure(connection=connection, render_as_batch=True, transactional_ddl=True)
        environment.run_migrations()


def _foreign_keys(connection: Connection, state: str) -> None:
    """SQLite changes a table by copying it and dropping the old one, which references to it must not see."""
    if connection.dialect.name == SQLITE:
        raw: Any = connection.connection.dbapi_connection
        raw.execute(f"PRAGMA foreign_keys = {state}")


def _check_references(connection: Connection, database: Database) -> None:
    if connection.dialect.name == SQLITE and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise StoreFailed(f"{database.name}: rows would lose what they refer to; nothing was changed")
