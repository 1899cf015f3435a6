"""Copies that can be trusted, and a check that finds what is wrong."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from databases import Server, command, entry, snapshot, step, trade
from sqlalchemy import text

from algotrader.storage import queries
from algotrader.storage.backups import backup, restore
from algotrader.storage.checks import MOST, check
from algotrader.storage.database import Database
from algotrader.storage.migrate import migrate
from algotrader.storage.records import Batch, StoreBusy, StoreFailed
from algotrader.storage.sql_store import SqlStore, open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def two_urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """A database to copy, and another one of the same kind; whole ones, for a server's programs copy all schemas."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/one.db", f"sqlite:///{tmp_path}/two/two.db"
    server: Server = request.getfixturevalue("postgresql_server")
    if shutil.which("pg_dump") is None:
        pytest.skip("PostgreSQL's client programs are not installed")
    return server.new_database(), server.new_database()


def filled(url: str) -> SqlStore:
    store = open_store(url)
    batch = step(1)
    batch.trades, batch.snapshot = [trade()], snapshot(3)
    store.commit(batch)
    queries.add_note(store.database, "a-t1", "ok", 1)
    return store


def test_a_copy_made_while_a_session_writes_can_be_restored(two_urls: tuple[str, str], tmp_path: Path) -> None:
    url, other = two_urls
    store = filled(url)
    copied = threading.Event()
    begun = threading.Event()

    def write() -> None:
        while not copied.is_set():
            store.commit(step(store.last_sequence() + 1))
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(30)
    source = Database(url)
    file = tmp_path / "copies" / "monday.backup"
    try:
        size = backup(source, file)
    finally:
        copied.set()
        writer.join()
        source.close()
    assert size == file.stat().st_size
    assert [path.name for path in file.parent.iterdir()] == ["monday.backup"]
    assert restore(file, Database(other)) is None
    again = open_store(other, create=False)
    assert 3 < again.last_sequence() <= store.last_sequence()
    assert list(again.journal(0)) == list(store.journal(0, again.last_sequence()))
    assert [note.note for note in queries.notes(again.database, "a-t1")] == ["ok"]
    assert check(again.database) == []
    # It is a database like any other: it goes on, and its history is still protected.
    again.commit(step(again.last_sequence() + 1))
    with pytest.raises(StoreFailed, match="append-only"), again.database.writing() as connection:
        connection.execute(text("DELETE FROM order_event"))
    again.close()
    store.close()


def test_a_restore_takes_the_place_of_what_is_there_only_when_told(two_urls: tuple[str, str], tmp_path: Path) -> None:
    url, _ = two_urls
    store = filled(url)
    file = tmp_path / "a.backup"
    backup(store.database, file)
    with pytest.raises(StoreFailed, match="is there already; choose another name"):
        backup(store.database, file)
    store.commit(step(4))
    store.close()
    with pytest.raises(StoreFailed, match="--replace"):
        restore(file, Database(url))
    kept = restore(file, Database(url), replace=True)
    again = open_store(url, create=False)
    assert again.last_sequence() == 3
    again.close()
    if kept is not None:
        old = open_store(f"sqlite:///{kept}", create=False)
        assert old.last_sequence() == 6
        old.close()


def test_nothing_is_restored_under_a_running_session(two_urls: tuple[str, str], tmp_path: Path) -> None:
    url, _ = two_urls
    store = filled(url)
    file = tmp_path / "a.backup"
    backup(store.database, file)
    store.commit(step(4))
    with pytest.raises(StoreBusy, match="in use; stop the session first"):
        restore(file, Database(url), replace=True)
    store.commit(step(7))
    assert [each.sequence for each in store.journal(0)] == list(range(1, 10))
    store.close()
    again = open_store(url, create=False)
    assert again.last_sequence() == 9
    again.close()


def test_a_damaged_copy_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    store = filled(url)
    store.commit(step(4, 300))
    file = tmp_path / "a.backup"
    backup(store.database, file)
    store.close()
    with file.open("r+b") as damaged:
        damaged.seek(5 * 4096)
        damaged.write(b"\xff" * 8192)
    with pytest.raises(StoreFailed, match=r"a\.backup.*damaged"):
        restore(file, Database(url), replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.backup", "one.db"]
    again = open_store(url)
    assert again.last_sequence() == 303
    again.close()


def test_a_damaged_database_is_not_copied(tmp_path: Path) -> None:
    store = filled(f"sqlite:///{tmp_path}/one.db")
    with store.database.writing() as connection:
        connection.execute(text("UPDATE snapshot SET build = 'x'"))
    with pytest.raises(StoreFailed, match=r"a\.backup is damaged: snapshot: that of event 3 is damaged"):
        backup(store.database, tmp_path / "copies" / "a.backup")
    assert list((tmp_path / "copies").iterdir()) == []
    store.close()


def test_a_copy_of_something_else_is_refused(tmp_path: Path) -> None:
    target = Database(f"sqlite:///{tmp_path}/one.db")
    for content, said in ((b"PGDMP...", "is a backup of PostgreSQL"), (b"a diary", "not a database")):
        (tmp_path / "a.backup").write_bytes(content)
        with pytest.raises(StoreFailed, match=said):
            restore(tmp_path / "a.backup", target)
    with pytest.raises(StoreFailed, match="cannot be read"):
        restore(tmp_path / "none", target)
    assert not (tmp_path / "one.db").exists()


@pytest.mark.parametrize("whole", [True, False])
def test_a_restore_over_a_damaged_file_does_not_mix_them(tmp_path: Path, whole: bool) -> None:
    """The log beside a damaged file mends it or goes out of the way, and is never applied to the one that takes its place."""
    path = tmp_path / "one.db"
    store = filled(f"sqlite:///{path}")
    file = tmp_path / "a.backup"
    backup(store.database, file)
    store.commit(step(4))
    logs = {ending: Path(f"{path}{ending}").read_bytes() for ending in ("-wal", "-shm")}
    store.close()
    for ending, content in logs.items():
        Path(f"{path}{ending}").write_bytes(content if whole else b"")
    path.write_bytes(b"\x55" * 4096)
    kept = restore(file, Database(f"sqlite:///{path}"), replace=True)
    assert kept is not None
    assert not Path(f"{path}-wal").exists()
    assert Path(f"{kept}-wal").exists() is not whole
    again = open_store(f"sqlite:///{path}", create=False)
    assert again.last_sequence() == 3
    assert check(again.database) == []
    again.close()


def test_a_copy_of_an_older_version_can_be_restored_and_migrated(tmp_path: Path) -> None:
    old = Database(f"sqlite:///{tmp_path}/old.db")
    migrate(old, "r0001")
    backup(old, tmp_path / "a.backup")
    old.close()
    new = Database(f"sqlite:///{tmp_path}/new.db")
    restore(tmp_path / "a.backup", new)
    migrate(new)
    assert check(new) == []
    new.close()


def test_a_server_without_its_client_programs(postgresql_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(postgresql_server.new_schema())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreFailed, match="pg_dump is not installed; install PostgreSQL's client programs"):
        backup(database, tmp_path / "a.backup")
    assert list(tmp_path.iterdir()) == []
    database.close()


UNGUARD = {
    "sqlite": ["DROP TRIGGER journal_no_update", "DROP TRIGGER journal_no_delete"],
    "postgresql": ["ALTER TABLE journal DISABLE TRIGGER USER"],
}
FINDINGS = {
    "sound": ("SELECT 1", []),
    "damaged entry": ("UPDATE journal SET kind = 'x' WHERE sequence = 2", ["journal: entry 2 is damaged"]),
    "gap": (
        "DELETE FROM journal WHERE sequence IN (2, 3)",
        ["journal: entries 2 to 3 are missing", "outbox: commands of event 3, "],
    ),
    "end": (
        "DELETE FROM journal WHERE sequence > 5",
        ["journal: entry 6 is missing, of which snapshot speaks", "outbox: commands of event 6, which is not in the journal"],
    ),
    "damaged command": ("UPDATE outbox SET kind = 'x' WHERE sequence = 3", ["outbox: command 3/0 is damaged"]),
    "lost command": ("DELETE FROM outbox WHERE sequence = 6 AND place = 1", ["outbox: command 6/1 is missing"]),
    "lost first command": ("DELETE FROM outbox WHERE sequence = 6 AND place = 0", ["outbox: command 6/0 is missing"]),
    "damaged snapshot": ("UPDATE snapshot SET reason = 'x'", ["snapshot: that of event 6 is damaged"]),
}


@pytest.mark.parametrize(("statement", "said"), FINDINGS.values(), ids=list(FINDINGS))
def test_a_check_finds_what_is_wrong(store: SqlStore, statement: str, said: list[str]) -> None:
    store.commit(Batch(journal=[entry(n) for n in range(1, 7)], outbox=[command(3), *(command(6, place) for place in range(3))]))
    store.commit(Batch(snapshot=snapshot(6)))
    with store.database.writing() as connection:
        for each in [*UNGUARD[store.database.kind], statement]:
            connection.execute(text(each))
    found = check(store.database)
    assert len(found) == len(said), found
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True)), found


def test_a_pruned_journal_is_sound(store: SqlStore) -> None:
    store.commit(Batch(journal=[entry(n) for n in range(1, 7)], outbox=[command(2, place, answered=place) for place in range(3)]))
    store.commit(Batch(snapshot=snapshot(6)))
    store.prune(5)
    assert [each.key for each in store.unanswered()] == [(2, 0)]
    assert check(store.database) == []
    store.prune(7)
    assert check(store.database) == []


def test_many_findings_are_cut_short(store: SqlStore) -> None:
    store.commit(Batch(journal=[entry(n) for n in range(1, 41)]))
    with store.database.writing() as connection:
        for each in [*UNGUARD[store.database.kind], "UPDATE journal SET time = 0"]:
            connection.execute(text(each))
    found = check(store.database)
    assert len(found) == MOST + 1
    assert found[-1] == f"… and {40 - MOST} more of that kind"


def test_lost_references_are_found(tmp_path: Path) -> None:
    store = filled(f"sqlite:///{tmp_path}/one.db")
    with closing(sqlite3.connect(tmp_path / "one.db")) as connection:
        connection.execute("UPDATE trade_note SET trade_id = 'x'")
        connection.commit()
    assert check(store.database) == ["trade_note: row 1 refers to a row of trade that is not there"]
    store.close()
