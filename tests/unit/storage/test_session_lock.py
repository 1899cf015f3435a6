"""Two sessions on one database exclude each other, for as long as the first lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from algotrader.storage.records import StoreBusy, StoreFailed
from algotrader.storage.session_lock import ENDING, SessionLock
from algotrader.storage.sql_store import SqlStore, open_store

HOLD = """
import sys
from algotrader.storage.database import Database
from algotrader.storage.session_lock import SessionLock
lock = SessionLock(Database(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_one_is_told_so(store: SqlStore, database_url: str) -> None:
    first = SessionLock(store.database)
    other = open_store(database_url)
    with pytest.raises(StoreBusy, match="another session is running on"):
        SessionLock(other.database)
    store.set_fact("beside", "the lock keeps nobody from reading and writing")
    assert other.fact("beside")
    first.release()
    first.release()
    SessionLock(other.database).release()
    other.close()


def test_a_killed_session_leaves_no_lock(store: SqlStore, database_url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusy):
            SessionLock(store.database)
        process.kill()
        process.wait()
        taken = None
        while taken is None:
            try:
                taken = SessionLock(store.database)
            except StoreBusy:
                # A server notices the end of a connection a moment later.
                assert "postgresql" in database_url
        taken.release()


def test_a_lock_that_cannot_be_had_is_told_in_a_line(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'account.db'}")
    (tmp_path / f"account.db{ENDING}").mkdir()
    with pytest.raises(StoreFailed, match="cannot be had"):
        SessionLock(store.database)
    store.close()
