"""The store: what is committed is there, whole and unchanged; what is damaged is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from databases import MOMENT, command, entry, order, order_event, snapshot, step, trade
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from algotrader.storage import database as database_module
from algotrader.storage import sql_store
from algotrader.storage.database import Database
from algotrader.storage.driver import bring_home
from algotrader.storage.records import REGULAR, Batch, CashRow, OrderRow, ReportRow, StoreFailed
from algotrader.storage.row_forms import ORDER, ORDER_EVENT, TRADE
from algotrader.storage.sql_store import KEPT_SNAPSHOTS, SqlStore, open_store

NOTHING = Batch()


def execute(store: SqlStore, statement: str) -> None:
    with store.database.engine.connect() as connection, connection.begin():
        connection.execute(text(statement))


def unprotected(store: SqlStore, statement: str) -> None:
    """Do what the triggers forbid, as a failing disk would."""
    if store.database.kind == "sqlite":
        execute(store, "DROP TRIGGER journal_no_update")
        execute(store, "DROP TRIGGER journal_no_delete")
    else:
        execute(store, "ALTER TABLE journal DISABLE TRIGGER USER")
    execute(store, statement)


def orders(store: SqlStore) -> list[OrderRow]:
    with store.database.reading() as connection:
        return [ORDER.row(found) for found in connection.execute(ORDER.select())]


def count(store: SqlStore, table: str) -> int:
    with store.database.reading() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def test_an_empty_store(store: SqlStore) -> None:
    assert store.last_sequence() == 0
    assert store.last_snapshot() is None
    assert list(store.journal(0)) == []
    assert list(store.unanswered()) == []
    store.commit(NOTHING)
    assert store.last_sequence() == 0


def test_everything_of_a_batch_is_there_after_a_restart(database_url: str) -> None:
    batch = step(1)
    batch.snapshot = snapshot(3)
    batch.trades = [trade()]
    store = open_store(database_url)
    store.commit(batch)
    store.close()
    store.close()
    again = open_store(database_url, create=False)
    assert list(again.journal(0)) == batch.journal
    assert list(again.journal(1, until=2)) == batch.journal[1:2]
    assert list(again.unanswered()) == batch.outbox
    assert again.last_sequence() == 3
    assert again.last_snapshot() == batch.snapshot
    assert orders(again) == [batch.orders[1]]
    with again.database.reading() as connection:
        assert [ORDER_EVENT.row(found) for found in connection.execute(ORDER_EVENT.select())] == batch.order_events
        assert [TRADE.row(found) for found in connection.execute(TRADE.select())] == batch.trades
    again.close()


@pytest.mark.covers("A182")
def test_money_and_times_are_text_for_people(store: SqlStore) -> None:
    store.commit(Batch(orders=[order(avg_fill_price="0.1000000000000000055")]))
    with store.database.reading() as connection:
        row = connection.exec_driver_sql("SELECT avg_fill_price, qty_requested, created_at, updated_at FROM order_state").one()
    assert tuple(row) == (
        "0.1000000000000000055",
        "10",
        "2024-01-02T14:30:00.123456789Z",
        "2024-01-02T14:30:00.123456790Z",
    )
    with pytest.raises(StoreFailed):
        store.commit(Batch(orders=[order(side="long")]))


@pytest.mark.covers("A184")
def test_an_older_version_never_writes_over_a_newer_one(store: SqlStore) -> None:
    store.commit(Batch(orders=[order(version=5, state="filled", submit_attempts=2, last_error="slow", parent_id="a-0")]))
    store.commit(Batch(orders=[order(version=4, state="accepted")]))
    (kept,) = orders(store)
    assert (kept.version, kept.state, kept.submit_attempts, kept.last_error, kept.parent_id) == (5, "filled", 2, "slow", "a-0")
    store.commit(Batch(orders=[order(version=6, state="canceled", created_at=MOMENT + 7)]))
    (kept,) = orders(store)
    assert (kept.version, kept.state, kept.created_at) == (6, "canceled", MOMENT)


def test_marks_of_commands(store: SqlStore) -> None:
    store.commit(Batch(journal=[entry(1), entry(2)], outbox=[command(1, 0), command(1, 1), command(2, 0)]))
    store.commit(Batch(sent=[(1, 0, 70), (1, 1, 71)], answered=[(1, 1, 90)]))
    assert [(each.key, each.sent_time) for each in store.unanswered()] == [((1, 0), 70), ((2, 0), 0)]
    assert [(each.key, each.sent_time, each.answered_time) for each in store.commands(0)] == [
        ((1, 0), 70, 0),
        ((1, 1), 71, 90),
        ((2, 0), 0, 0),
    ]
    assert [each.key for each in store.commands(1)] == [(2, 0)]


def test_long_journals_come_in_pages(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algotrader.storage.sql_store.PAGE", 3)
    store.commit(Batch(journal=[entry(n) for n in range(1, 12)], outbox=[command(n // 2 + 1, n % 2) for n in range(20)]))
    assert [each.sequence for each in store.journal(2)] == list(range(3, 12))
    assert [each.sequence for each in store.journal(2, 6)] == [3, 4, 5, 6]
    assert [each.key for each in store.commands(4)] == [(n // 2 + 1, n % 2) for n in range(8, 20)]


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (Batch(journal=[entry(5)]), "entry 5 does not follow 3"),
        (Batch(journal=[entry(3)]), "entry 3 does not follow 3"),
        (Batch(journal=[entry(4), entry(6)]), "entry 6 does not follow 4"),
        (Batch(snapshot=snapshot(4)), "snapshot of event 4"),
    ],
)
def test_what_would_leave_a_gap_is_refused(store: SqlStore, batch: Batch, said: str) -> None:
    store.commit(step(1))
    with pytest.raises(StoreFailed, match=said):
        store.commit(batch)
    assert (store.last_sequence(), count(store, "journal")) == (3, 3)


def test_all_of_a_batch_or_nothing(store: SqlStore) -> None:
    store.commit(Batch(trades=[trade()]))
    batch = step(1)
    batch.trades = [trade()]
    with pytest.raises(StoreFailed, match="refuses"):
        store.commit(batch)
    assert store.last_sequence() == 0
    assert [count(store, name) for name in ("journal", "outbox", "order_state", "order_event")] == [0, 0, 0, 0]
    batch.trades = []
    store.commit(batch)
    assert store.last_sequence() == 3


def test_a_second_session_on_the_same_account_is_refused(database_url: str) -> None:
    first, second = open_store(database_url), open_store(database_url)
    first.commit(step(1))
    with pytest.raises(StoreFailed, match="another session"):
        second.commit(step(1))
    assert count(first, "journal") == 3
    first.close()
    second.close()


DAMAGES = {
    "payload": ("UPDATE journal SET payload = '\\x00' WHERE sequence = 4", "entry 4 is damaged"),
    "time": ("UPDATE journal SET time = time + 1 WHERE sequence = 4", "entry 4 is damaged"),
    "kind": ("UPDATE journal SET kind = 'Quote' WHERE sequence = 4", "entry 4 is damaged"),
    "gap": ("DELETE FROM journal WHERE sequence = 4", "entry 4 is missing"),
    "end": ("DELETE FROM journal WHERE sequence >= 4", "entry 4 is missing"),
}


@pytest.mark.parametrize(("statement", "said"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_journal_is_told(store: SqlStore, statement: str, said: str) -> None:
    store.commit(step(1))
    store.commit(step(4))
    unprotected(store, statement)
    with pytest.raises(StoreFailed, match=said):
        list(store.journal(0))
    with pytest.raises(StoreFailed, match=said):
        list(store.journal(2, until=5))
    assert [each.sequence for each in store.journal(0, until=3)] == [1, 2, 3]


@pytest.mark.parametrize("table", ["journal", "outbox", "snapshot"])
def test_a_lost_end_is_told_after_a_restart_too(database_url: str, table: str) -> None:
    store = open_store(database_url)
    store.commit(Batch(journal=[entry(1), entry(2)]))
    store.commit(Batch(journal=[entry(3)], outbox=[command(3)] if table == "outbox" else [], snapshot=snapshot(3)))
    unprotected(store, "DELETE FROM journal WHERE sequence = 3")
    store.close()
    again = open_store(database_url)
    with pytest.raises(StoreFailed, match="entry 3 is missing"):
        list(again.journal(0))
    again.close()


def test_damaged_commands_and_snapshots_are_told(store: SqlStore) -> None:
    batch = step(1)
    batch.snapshot = snapshot(3)
    store.commit(batch)
    execute(store, "UPDATE outbox SET client_order_id = 'b-1'")
    execute(store, "UPDATE snapshot SET build = 'other'")
    with pytest.raises(StoreFailed, match="command 3/0 is damaged"):
        store.unanswered()
    with pytest.raises(StoreFailed, match="snapshot of event 3 is damaged"):
        store.last_snapshot()


def filled(store: SqlStore) -> None:
    store.commit(
        Batch(
            journal=[entry(1)],
            order_events=[order_event()],
            trades=[trade()],
            cash=[CashRow(MOMENT, "deposit", "USD", "100", "")],
            reports=[ReportRow(MOMENT, "session", "info", "", "", "open", "", "")],
        )
    )


APPEND_ONLY = ("order_event", "trade", "journal", "activity", "cash_movement")


@pytest.mark.covers("A185", "A186")
@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET {}", "DELETE FROM {}"])
def test_what_was_written_cannot_be_changed(store: SqlStore, table: str, change: str) -> None:
    filled(store)
    column = {"order_event": "detail = 'x'", "trade": "pnl = '1'", "journal": "kind = 'x'", "activity": "kind = 'x'"}
    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        execute(store, change.format(table, column.get(table, "amount = '1'")))
    if store.database.kind == "postgresql":
        with pytest.raises(DBAPIError):
            execute(store, f"TRUNCATE {table} CASCADE")
    assert count(store, table) == 1


def test_pruning(database_url: str) -> None:
    store = open_store(database_url)
    for first in (1, 4, 7):
        batch = step(first)
        batch.snapshot = snapshot(first + 2)
        store.commit(batch)
    store.commit(Batch(answered=[(3, 0, 5), (9, 0, 5)]))
    with pytest.raises(StoreFailed, match="newest snapshot is of event 9"):
        store.prune(11)
    assert store.prune(7) == 6
    assert store.prune(7) == 0
    assert store.prune(2) == 0
    assert [each.sequence for each in store.journal(6)] == [7, 8, 9]
    assert [each.key for each in store.unanswered()] == [(6, 0)]
    assert [each.key for each in store.commands(0)] == [(6, 0), (9, 0)]
    assert [count(store, name) for name in ("snapshot", "order_event")] == [1, 3]
    with pytest.raises(StoreFailed, match="pruned up to entry 6, and 6 was asked for"):
        next(store.journal(5))
    assert store.prune(10) == 3
    store.close()
    again = open_store(database_url)
    assert again.last_sequence() == 9
    assert again.last_snapshot() == snapshot(9)
    assert list(again.journal(9)) == []
    again.commit(step(10))
    assert [each.sequence for each in again.journal(9)] == [10, 11, 12]
    again.close()


def test_only_the_last_regular_snapshots_are_kept(store: SqlStore) -> None:
    store.commit(step(1))
    store.commit(Batch(snapshot=replace(snapshot(3), reason="start")))
    for number in range(KEPT_SNAPSHOTS + 5):
        row = replace(snapshot(3), time=MOMENT + number, reason=REGULAR)
        store.commit(Batch(snapshot=row))
    assert store.last_snapshot() == row
    assert count(store, "snapshot") == KEPT_SNAPSHOTS + 1


def test_nothing_is_pruned_without_a_snapshot(store: SqlStore) -> None:
    store.commit(step(1))
    with pytest.raises(StoreFailed, match="no snapshot is there"):
        store.prune(2)
    # Not even when somebody says that it was pruned.
    execute(store, "INSERT INTO meta (key, value) VALUES ('journal_pruned', '3')")
    with pytest.raises(DBAPIError, match="journal is append-only"):
        execute(store, "DELETE FROM journal")


def test_facts(store: SqlStore) -> None:
    assert store.fact("id_prefix") is None
    store.set_fact("id_prefix", "k7")
    store.set_fact("id_prefix", "k8")
    assert store.fact("id_prefix") == "k8"
    with pytest.raises(ValueError, match="belongs to the store"):
        store.set_fact("journal_pruned", "5")


def test_opened_in_one_thread_and_used_in_another(store: SqlStore) -> None:
    store.commit(step(1))
    caught: list[BaseException] = []

    def work(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - the thread's end; the test looks at it
            caught.append(error)

    for call in (lambda: store.commit(step(4)), lambda: list(store.journal(0)), store.unanswered, store.last_snapshot):
        thread = threading.Thread(target=work, args=(call,))
        thread.start()
        thread.join()
    assert caught == []
    store.commit(step(7))
    assert store.last_sequence() == 9


@pytest.mark.covers("A191")
def test_slow_writes_are_logged(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    moments = iter([0.0, 0.049, 1.0, 1.051])
    store = open_store(database_url, timer=lambda: next(moments))
    with caplog.at_level(logging.DEBUG, "algotrader.storage.sql_store"):
        store.commit(step(1))
        assert caplog.messages == []
        store.commit(step(4))
    assert caplog.messages == ["a write took 51 ms: 3 events, 1 commands"]
    assert {record.levelname for record in caplog.records} == {"DEBUG"}
    store.close()


@pytest.mark.covers("A191")
def test_sqlite_keeps_a_log_ahead_and_waits_for_the_disk(tmp_path: object) -> None:
    for durable, level in ((True, 2), (False, 0)):
        database = Database(f"sqlite:///{tmp_path}/a.db", durable=durable, busy_ms=1234)
        with database.reading() as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys", "wal_autocheckpoint", "page_size")
            ]
        assert found == ["wal", level, 1234, 1, 32_000, 1_024]
        database.close()


def test_a_file_of_other_pages_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with monkeypatch.context() as before:
        before.setattr(database_module, "PAGE_BYTES", 4_096)
        store = open_store(url)
        store.commit(step(1))
        store.close()
    store = open_store(url)
    store.commit(step(4))
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA page_size").scalar() == 4_096
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("SELECT count(*) FROM journal").scalar() == len(step(1).journal) + len(step(4).journal)
    store.close()


@pytest.mark.parametrize(("orders", "home"), [(False, True), (True, False)])
def test_the_log_is_brought_home_when_no_order_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orders: bool, home: bool
) -> None:
    monkeypatch.setattr(sql_store, "HOME_COMMITS", 3)
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    before = (tmp_path / "a.db").stat().st_size
    for first in (1, 4, 7):
        batch = step(first)
        if not orders:
            batch.outbox = []
        batch.reports = [ReportRow(MOMENT, "session", "info", "", "", "x" * 2_000, "", "")] * 50
        store.commit(batch)
    assert ((tmp_path / "a.db").stat().st_size > before) is home
    store.close()


def test_a_log_that_cannot_be_brought_home_hinders_nobody(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    connection = store._connected()
    bring_home(connection)
    connection.connection.dbapi_connection.close()  # type: ignore[union-attr]  # it is there
    bring_home(connection)
    store.close()


def test_a_closed_store_refuses(store: SqlStore) -> None:
    store.close()
    with pytest.raises(StoreFailed, match="is closed"):
        store.commit(step(1))
