"""Death in the middle of a commit leaves all of it or nothing; what was answered as written is there."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from typing import Any

import pytest
from databases import look_into_commits, snapshot, step, trade

from algotrader.storage import sql_store
from algotrader.storage.checks import check
from algotrader.storage.database import Database
from algotrader.storage.records import Batch
from algotrader.storage.sql_store import open_store

_FORK = multiprocessing.get_context("fork")
_WAIT_SECONDS = 60
ROUNDS = 12


def run(work: Callable[..., None], *arguments: object) -> int:
    """Run something in a process of its own, and give how it ended."""
    process = _FORK.Process(target=work, args=arguments)
    process.start()
    process.join(_WAIT_SECONDS)
    assert process.exitcode is not None
    return process.exitcode


def full_step(first: int) -> Batch:
    batch = step(first)
    batch.trades, batch.snapshot = [trade(f"t-{first}")], snapshot(first + 2)
    batch.sent, batch.answered = [(first + 2, 0, 5)], [(first + 2, 0, 6)]
    return batch


def die_at(url: str, number: int) -> None:
    """Commit, and be killed before a certain statement of the second commit; the last of them is the commit itself."""
    store = open_store(url)
    store.commit(full_step(1))
    left = [number]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_store, "through_driver", look_into_commits(count, count))
        store.commit(full_step(4))


def sizes(url: str) -> list[int]:
    database = Database(url)
    with database.reading() as connection:
        names = ("journal", "outbox", "order_state", "order_event", "trade", "snapshot")
        found = [int(connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()) for name in names]
    assert check(database) == []
    database.close()
    return found


def clear(url: str) -> None:
    from algotrader.storage.migrate import BASE, migrate

    database = Database(url)
    migrate(database, BASE)
    database.close()


@pytest.mark.covers("A150", "B39")
def test_death_before_any_statement_of_a_commit_leaves_nothing_of_it(database_url: str) -> None:
    one = [3, 1, 1, 1, 1, 1]
    for number in range(1, 50):
        ended = run(die_at, database_url, number)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        assert sizes(database_url) == one
        clear(database_url)
    assert sizes(database_url) == [2 * size for size in one]
    # A statement for each of the kinds of rows, one that forgets old snapshots, and the commit.
    assert number - 1 == 10


def write_steadily(url: str, told: Pipe) -> None:
    store = open_store(url)
    while True:
        first = store.last_sequence() + 1
        store.commit(full_step(first))
        told.send(store.last_sequence())


def wait_for_backends(url: str) -> None:
    """A server finishes what a dead client had asked for; until then the end of the journal is not settled."""
    database = Database(url)
    others = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    while database.kind == "postgresql":
        with database.reading() as connection:
            if not connection.exec_driver_sql(others).scalar():
                break
    database.close()


def test_what_was_answered_survives_deaths_at_any_moment(database_url: str) -> None:
    open_store(database_url).close()
    last = 0
    for number in range(ROUNDS):
        here, there = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=write_steadily, args=(database_url, there))
        process.start()
        there.close()
        for _ in range(number + 1):
            assert here.poll(_WAIT_SECONDS)
            last = here.recv()
        process.kill()
        process.join(_WAIT_SECONDS)
        wait_for_backends(database_url)
        while here.poll():
            try:
                last = here.recv()
            except EOFError:
                break
        batches = sizes(database_url)[1]
        assert batches * 3 in (last, last + 3)
        assert sizes(database_url) == [3 * batches, *[batches] * 5]
        last = batches * 3
    store = open_store(database_url)
    assert store.last_sequence() == last
    store.close()
