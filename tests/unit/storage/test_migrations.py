"""Versions of the tables: up and down with rows in them, the same as made at once, and told when they do not fit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import Server, snapshot, step, trade
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

from algotrader.storage import migrate as migrate_module
from algotrader.storage import schema
from algotrader.storage.database import Database
from algotrader.storage.migrate import BASE, migrate, scripts
from algotrader.storage.records import StoreFailed
from algotrader.storage.sql_store import open_store
from algotrader.storage.tables import METADATA
from algotrader.storage.triggers import APPEND_ONLY

TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal "
    "AND relnamespace = current_schema()::regnamespace",
}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def triggers(connection: Connection) -> list[str]:
    return sorted(row[0] for row in connection.exec_driver_sql(TRIGGERS[connection.dialect.name]))


def picture(connection: Connection) -> dict[str, Any]:
    """All that can be known of the tables: columns, keys, indexes, checks, triggers."""
    found = inspect(connection)
    seen: dict[str, Any] = {"triggers": triggers(connection)}
    for table in sorted(found.get_table_names()):
        if table == schema.VERSION_TABLE:
            continue
        seen[table] = (
            [(column["name"], str(column["type"]), column["nullable"], column["default"]) for column in found.get_columns(table)],
            found.get_pk_constraint(table),
            sorted((index["name"], index["column_names"], index["unique"]) for index in found.get_indexes(table)),
            sorted(map(str, found.get_unique_constraints(table))),
            sorted((check["name"], check["sqltext"]) for check in found.get_check_constraints(table)),
            sorted((key["name"], key["constrained_columns"], key["referred_table"]) for key in found.get_foreign_keys(table)),
        )
    return seen


def rows(connection: Connection) -> dict[str, list[Any]]:
    """Every row of every table of ours."""
    names = [name for name in inspect(connection).get_table_names() if name != schema.VERSION_TABLE]
    return {name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1")] for name in sorted(names)}


@pytest.mark.covers("A183", "A186", "A192")
def test_step_by_step_or_at_once_the_tables_are_the_same(database: Database, postgresql_server: Server, tmp_path: object) -> None:
    other = f"sqlite:///{tmp_path}/at-once.db" if database.kind == "sqlite" else postgresql_server.new_schema()
    open_store(other).close()
    migrate(database)
    at_once = Database(other)
    with database.reading() as one, at_once.reading() as two:
        assert picture(one) == picture(two)
        assert compare_metadata(MigrationContext.configure(one), METADATA) == []
        assert len(triggers(one)) == len(APPEND_ONLY) * (2 if database.kind == "sqlite" else 3)
        indexes = {name: [each["column_names"] for each in inspect(one).get_indexes(name)] for name in ("order_state", "trade")}
    at_once.close()
    for columns in (["broker_id"], ["correlation_id"], ["state"], ["symbol", "created_at"], ["parent_id"]):
        assert columns in indexes["order_state"]
    for columns in (["symbol", "exit_at"], ["correlation_id"], ["strategy", "exit_at"]):
        assert columns in indexes["trade"]


def fill_first_version(connection: Connection) -> None:
    """Rows as the first version had them."""
    send = connection.exec_driver_sql

    def number(table: str) -> str:
        return "NULL" if connection.dialect.name == "sqlite" else f"nextval(pg_get_serial_sequence('{table}', 'id'))"

    moment = "'2024-01-02T14:30:00.000000000Z'"
    order = "'a-1', 'v-1', 'c-1', 'AAPL', 'buy', 'market', 'entry', 'velez', '10', '10', '185.1', 'filled', 3, NULL, 1, '', '184'"
    send(f"INSERT INTO order_state SELECT {number('order_state')}, {order}, {moment}, {moment}")
    for kind in ("submitted", "fill"):
        send(
            f"INSERT INTO order_event SELECT {number('order_event')}, 'a-1', '{kind}', NULL, 'filled', "
            f"'10', '185.1', 'v-1', '', {moment}"
        )
    values = f"'t-1', 'c-1', 'AAPL', 'long', '10', '185.1', '186', {moment}, {moment}, '9', '0.01', 'velez', 90, '0'"
    send(f"INSERT INTO trade SELECT {number('trade')}, {values}")
    send(f"INSERT INTO trade_note SELECT {number('trade_note')}, 't-1', 'well done', {moment}, {moment}")
    send(f"INSERT INTO settings_override SELECT 'risk.max', '0.02', {moment}, '0.03'")


def refuses_change(database: Database, table: str) -> bool:
    try:
        with database.engine.connect() as connection, connection.begin():
            connection.exec_driver_sql(f"DELETE FROM {table}")
    except DBAPIError as error:
        return f"{table} is append-only" in str(error)
    return False


@pytest.mark.covers("A192")
def test_up_and_down_with_rows_in_the_tables(database: Database) -> None:
    assert migrate(database, "r0001") == (BASE, "r0001")
    with database.writing() as connection:
        fill_first_version(connection)
    with database.reading() as connection:
        first, looked = rows(connection), picture(connection)
    assert migrate(database) == ("r0001", "r0002")
    with database.reading() as connection:
        second = rows(connection)
    assert second["order_event"] == [(*row, 0) for row in first["order_event"]]
    assert {name: second[name] for name in first if name != "order_event"} == {
        name: first[name] for name in first if name != "order_event"
    }
    assert all(refuses_change(database, name) for name in ("order_event", "trade"))
    store = open_store(database.url.render_as_string(hide_password=False), create=False)
    batch = step(1)
    batch.trades, batch.snapshot = [trade("t-2")], snapshot(3)
    store.commit(batch)
    store.close()
    assert migrate(database, "r0001") == ("r0002", "r0001")
    with database.reading() as connection:
        third = rows(connection)
        assert picture(connection) == looked
    assert third["order_event"][:2] == first["order_event"]
    assert [len(third[name]) for name in ("order_state", "order_event", "trade", "trade_note")] == [2, 3, 2, 1]
    assert all(refuses_change(database, name) for name in ("order_event", "trade"))
    assert migrate(database) == ("r0001", "r0002")
    assert migrate(database) == ("r0002", "r0002")
    assert migrate(database, BASE) == ("r0002", BASE)
    with database.reading() as connection:
        assert rows(connection) == {}
        assert triggers(connection) == []
    open_store(database.url.render_as_string(hide_password=False)).close()


def test_a_migration_that_fails_changes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(database, "r0001")
    with database.writing() as connection:
        fill_first_version(connection)
        connection.exec_driver_sql("CREATE TABLE activity (id INTEGER)")
    with database.reading() as connection:
        before, looked = rows(connection), picture(connection)
    with pytest.raises(StoreFailed, match="activity"):
        migrate(database)
    with database.reading() as connection:
        assert schema.revision_of(connection) == "r0001"
        assert rows(connection) == before
        assert picture(connection) == looked


NEXT = """
from algotrader.storage.migrations.steps import changing

revision = "r0003"
down_revision = "r0002"


def upgrade():
    with changing("trade") as batch:
        batch.alter_column("commission", nullable=True)


def downgrade():
    with changing("trade") as batch:
        batch.alter_column("commission", nullable=False)
"""


@pytest.mark.covers("A192")
def test_a_table_that_others_refer_to_can_be_changed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the next revision may want: round trips are copied, with notes on them, conditions and triggers."""
    migrate(database, "r0001")
    with database.writing() as connection:
        fill_first_version(connection)
    migrate(database)
    with database.reading() as connection:
        filled, looked = rows(connection), picture(connection)
    folder = tmp_path / "migrations"
    shutil.copytree(migrate_module._FOLDER, folder)
    (folder / "versions" / "r0003_next.py").write_text(NEXT)
    monkeypatch.setattr(migrate_module, "_FOLDER", folder)
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "r0003"))
    assert migrate(database, "r0003") == ("r0002", "r0003")
    with database.reading() as connection:
        assert rows(connection) == filled
        changed = picture(connection)
    assert {name for name, seen in changed.items() if seen != looked[name]} == {"trade"}
    assert changed["trade"][1:] == looked["trade"][1:]
    assert refuses_change(database, "trade")
    assert migrate(database, "r0002") == ("r0003", "r0002")
    with database.reading() as connection:
        assert (rows(connection), picture(connection)) == (filled, looked)


def test_every_revision_is_known() -> None:
    assert [each.revision for each in scripts().walk_revisions()] == list(reversed(schema.REVISIONS))


@pytest.mark.parametrize(
    ("revision", "said"),
    [("r0001", "older schema r0001, and r0002 is needed; run `algo-trader db migrate`"), ("r0099", "r0099 of a newer version")],
)
def test_another_schema_is_told(database_url: str, revision: str, said: str) -> None:
    open_store(database_url).close()
    database = Database(database_url)
    with database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    with pytest.raises(StoreFailed, match=said):
        open_store(database_url)
    if revision == "r0099":
        with pytest.raises(StoreFailed, match=said):
            migrate(database)
    database.close()


def test_a_database_of_something_else_is_left_alone(database: Database, database_url: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE photos (id INTEGER)")
    for attempt in (lambda: open_store(database_url), lambda: migrate(database)):
        with pytest.raises(StoreFailed, match=r"something else \(photos\)"):
            attempt()


def test_an_unknown_version_is_told(database: Database) -> None:
    with pytest.raises(StoreFailed, match="there is no schema r7"):
        migrate(database, "r7")
