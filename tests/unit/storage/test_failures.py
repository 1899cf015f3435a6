"""A database that is busy, full, damaged, away or not ours: told in one line, with nothing half done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from databases import Server, look_into_commits, order_event, step
from sqlalchemy import Connection

from algotrader.storage import sql_store
from algotrader.storage.database import Database, advice, read_url
from algotrader.storage.records import Batch, StoreBusy, StoreFailed
from algotrader.storage.sql_store import SqlStore, open_store


@contextmanager
def held(url: str) -> Iterator[None]:
    """Somebody else writes meanwhile."""
    other = Database(url)
    with other.writing() as connection:
        if other.kind == "postgresql":
            connection.exec_driver_sql("LOCK TABLE journal")
        yield
    other.close()


def test_a_busy_database_is_told_and_nothing_is_written(database_url: str) -> None:
    store = open_store(database_url, busy_ms=50)
    store.commit(step(1))
    with held(database_url):
        for _ in range(2):
            with pytest.raises(StoreBusy, match="busy"):
                store.commit(step(4))
        assert store.last_sequence() == 3
    store.commit(step(4))
    assert [each.sequence for each in store.journal(0)] == [1, 2, 3, 4, 5, 6]
    store.close()


def sqlite_store(folder: Path) -> SqlStore:
    return open_store(f"sqlite:///{folder / 'trading.db'}")


@pytest.mark.parametrize(
    ("pragma", "undo", "said"),
    [
        ("PRAGMA max_page_count = 50", "PRAGMA max_page_count = 100000", "the disk is full; make room"),
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF", "the file may not be written"),
    ],
)
def test_a_disk_that_takes_no_more(tmp_path: Path, pragma: str, undo: str, said: str) -> None:
    store = sqlite_store(tmp_path)
    store.commit(step(1))
    assert store._connection is not None
    raw: Any = store._connection.connection.dbapi_connection
    raw.execute(pragma)
    with pytest.raises(StoreFailed, match=said):
        store.commit(step(4, 10_000))
    assert store.last_sequence() == 3
    assert len(list(store.journal(0))) == 3
    raw.execute(undo)
    store.commit(step(4, 10_000))
    assert store.last_sequence() == 10_003
    store.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "trading.db"
    path.write_text("a diary " * 1000)
    with pytest.raises(StoreFailed, match=r"trading.db: the file is not a database, .* restore a backup"):
        open_store(f"sqlite:///{path}")


def test_a_file_whose_pages_are_damaged(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path)
    store.commit(step(1, 500))
    store.close()
    path = tmp_path / "trading.db"
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xa5" * (path.stat().st_size - 3 * 4096))
    with pytest.raises(StoreFailed, match=r"trading.db.*damaged"):
        list(sqlite_store(tmp_path).journal(0))


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match=r"the folder for .* cannot be made"):
        open_store(f"sqlite:///{tmp_path}/file/trading.db")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreFailed, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/folder")
    with pytest.raises(StoreFailed, match="there is no database at"):
        open_store(f"sqlite:///{tmp_path}/none.db", create=False)
    assert not (tmp_path / "none.db").exists()


def test_an_empty_file_has_no_tables(tmp_path: Path) -> None:
    (tmp_path / "trading.db").touch()
    with pytest.raises(StoreFailed, match="is empty; `algo-trader db migrate` makes the tables"):
        open_store(f"sqlite:///{tmp_path}/trading.db", create=False)


@pytest.mark.parametrize("url", ["nonsense", "mysql://me:secret@host/x", "sqlite://", "sqlite:///:memory:", ""])
def test_urls_that_are_of_no_use(url: str) -> None:
    with pytest.raises(StoreFailed, match="sqlite:///file or postgresql://user@host/name") as caught:
        read_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_urls_of_servers(scheme: str) -> None:
    assert read_url(f"{scheme}://me@host/x").drivername == "postgresql+psycopg"


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    with pytest.raises(StoreFailed) as caught:
        open_store("postgresql://me:secret@127.0.0.1:1/trading")
    told = str(caught.value)
    assert "refused" in told
    assert "secret" not in told
    assert "\n" not in told


def end_connection(server: Server, store: SqlStore) -> None:
    """What an administrator does, or a server that restarts."""
    assert store._connection is not None
    raw: Any = store._connection.connection.dbapi_connection
    other = Database(server.address("postgres"))
    with other.writing() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({raw.info.backend_pid}, 10000)")
    other.close()


def test_a_server_that_restarts_is_busy_meanwhile(postgresql_server: Server) -> None:
    url = postgresql_server.new_schema()
    store = open_store(url)
    store.commit(step(1))
    postgresql_server.stop(at_once=True)
    for _ in range(2):
        with pytest.raises(StoreBusy):
            store.commit(step(4))
    postgresql_server.start()
    store.commit(step(4))
    assert [each.sequence for each in store.journal(0)] == [1, 2, 3, 4, 5, 6]
    store.close()


@pytest.mark.parametrize("written", [True, False])
def test_a_connection_lost_at_the_very_end(postgresql_server: Server, monkeypatch: pytest.MonkeyPatch, written: bool) -> None:
    """Nobody answers the commit. Whether it was carried out is asked before anything is written again."""
    store = open_store(postgresql_server.new_schema())
    store.commit(step(1))
    deaths = iter([True])

    def die(connection: Connection) -> None:
        if next(deaths, False):
            raw: Any = connection.connection.dbapi_connection
            if written:
                raw.commit()
                raw.execute("SELECT 1")
            end_connection(postgresql_server, store)

    monkeypatch.setattr(sql_store, "through_driver", look_into_commits(before_end=die))
    with pytest.raises(StoreBusy, match="the server went away"):
        store.commit(step(4))
    store.commit(step(4))
    store.commit(step(7))
    assert [each.sequence for each in store.journal(0)] == list(range(1, 10))
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM order_event").scalar() == 3
    store.close()


def test_a_write_without_a_number_is_not_tried_twice(postgresql_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(postgresql_server.new_schema())
    store.commit(step(1))
    end = look_into_commits(before_end=lambda _: end_connection(postgresql_server, store))
    monkeypatch.setattr(sql_store, "through_driver", end)
    with pytest.raises(StoreFailed, match="may be lost; start again"):
        store.commit(Batch(order_events=[order_event()]))
    store.close()


@pytest.mark.covers("C28")
@pytest.mark.parametrize(
    ("capital", "url", "recommended"),
    [
        ("2000", "sqlite:///a.db", False),
        ("2000.01", "sqlite:///a.db", True),
        ("25000", "postgresql://me@host/x", False),
        ("1000", "postgresql://me@host/x", False),
    ],
)
def test_a_server_is_recommended_for_more_money(capital: str, url: str, recommended: bool) -> None:
    told = advice(Decimal(capital), url)
    assert (told is not None) is recommended
    if told is not None:
        assert "PostgreSQL server is recommended" in told


def test_a_backup_tool_of_sqlite_reads_our_files(tmp_path: Path) -> None:
    """The triggers and the types are SQLite's own: any program can read the tables."""
    store = sqlite_store(tmp_path)
    store.commit(step(1))
    with closing(sqlite3.connect(tmp_path / "trading.db")) as connection:
        assert connection.execute("SELECT state FROM order_state").fetchall() == [("accepted",)]
        with pytest.raises(sqlite3.IntegrityError, match="order_event is append-only"):
            connection.execute("DELETE FROM order_event")
    store.close()
