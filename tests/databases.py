"""Real databases for tests: files of SQLite, and a PostgreSQL server of our own where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from algotrader.storage.driver import Send, through_driver
from algotrader.storage.records import Batch, JournalEntry, OrderEventRow, OrderRow, OutboxEntry, SnapshotRow, TradeRow

KINDS = ("sqlite", "postgresql")
_PATIENCE_SECONDS = 60
_BINARIES = "/usr/lib/postgresql/*/bin"
_USERS = ("postgres", "nobody")


class Server:
    """A PostgreSQL server with a folder of its own, listening on a socket in it and nowhere else."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # Under the system's own folder: the path of a socket must be short, and another user must reach it.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user = self._account()
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._made = 0
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def _account() -> pwd.struct_passwd | None:
        """Whom to run as: PostgreSQL refuses to be root."""
        if os.getuid() != 0:
            return None
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        return next(known[name] for name in _USERS if name in known)

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        user = self._user
        log = (self.folder.with_suffix(".log")).open("ab")
        return subprocess.Popen(
            [str(self._programs / program), *arguments],
            cwd=self.folder,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            stdout=log,
            stderr=log,
        )

    def start(self) -> None:
        """Make a cluster where there is none, start the server and wait until it answers."""
        data = self.folder / "data"
        if not data.exists():
            done = self._start("initdb", "-D", str(data), "-U", "algo", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            assert done.wait(_PATIENCE_SECONDS) == 0, self.folder.with_suffix(".log").read_text()
        quick = ("-c", "fsync=off", "-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}")
        self._process = self._start("postgres", "-D", str(data), *quick)
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                psycopg.connect(self.address("postgres")).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, self.folder.with_suffix(".log").read_text()
                assert time.monotonic() < until, "PostgreSQL did not start in time"
                time.sleep(0.05)
            else:
                return

    def stop(self, *, at_once: bool = False) -> None:
        """End the server: in order, or as if the machine had failed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(_PATIENCE_SECONDS)
            self._process = None

    def remove(self) -> None:
        """End the server and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder)
        self.folder.with_suffix(".log").unlink(missing_ok=True)

    def address(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://algo@/{name}?host={self.folder}"

    def new_schema(self) -> str:
        """Make a schema and give the URL under which it is all there is; much quicker than a database."""
        self._made += 1
        name = f"schema_{self._made}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self.address('postgres')}&options=-csearch_path%3D{name}"

    def new_database(self) -> str:
        """Make an empty database and give its URL."""
        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        return self.address(name)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A running PostgreSQL; a test that wants one is skipped where none is installed."""
    found = shutil.which("postgres")
    folders = sorted(Path("/").glob(_BINARIES.lstrip("/")))
    programs = Path(found).resolve().parent if found else folders[-1] if folders else None
    if programs is None or not (programs / "initdb").exists():
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    server = Server(programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables: one of each kind, in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'trading.db'}"
    server: Server = request.getfixturevalue("postgresql_server")
    return server.new_schema()


MOMENT = 1_704_205_800_123_456_789


def entry(sequence: int, payload: bytes = b"{}", kind: str = "Bar") -> JournalEntry:
    return JournalEntry(sequence, MOMENT + sequence, kind, payload)


def command(sequence: int, place: int = 0, name: str = "a-1", answered: int = 0) -> OutboxEntry:
    return OutboxEntry(sequence, place, "SubmitOrder", name, b'{"quantity": 5}', MOMENT + sequence, 0, answered)


def order(local_id: str = "a-1", version: int = 1, **changes: object) -> OrderRow:
    values: dict[str, object] = {
        "local_id": local_id,
        "broker_id": f"venue-{local_id}",
        "correlation_id": "a-c1",
        "symbol": "AAPL",
        "side": "buy",
        "order_type": "market",
        "order_role": "entry",
        "strategy": "velez",
        "qty_requested": "10",
        "qty_filled": "0",
        "avg_fill_price": None,
        "state": "submitted",
        "version": version,
        "parent_id": None,
        "submit_attempts": 1,
        "last_error": "",
        "planned_stop_price": "184.25",
        "created_at": MOMENT,
        "updated_at": MOMENT + version,
    }
    return OrderRow(**{**values, **changes})  # type: ignore[arg-type]


def order_event(local_id: str = "a-1", kind: str = "submitted", at: int = MOMENT) -> OrderEventRow:
    return OrderEventRow(local_id, kind, "pending_submit", "submitted", None, None, f"venue-{local_id}", "", at, 1)


def trade(trade_id: str = "a-t1", **changes: object) -> TradeRow:
    values: dict[str, object] = {
        "trade_id": trade_id,
        "correlation_id": "a-c1",
        "symbol": "AAPL",
        "side": "long",
        "qty": "10",
        "entry_price": "185.10",
        "exit_price": "186.0000000000000001",
        "entry_at": MOMENT,
        "exit_at": MOMENT + 90_000_000_000,
        "pnl": "9.000000000000001",
        "pnl_pct": "0.0048622366",
        "strategy": "velez",
        "duration_seconds": 90,
        "commission": "0",
    }
    return TradeRow(**{**values, **changes})  # type: ignore[arg-type]


def snapshot(sequence: int) -> SnapshotRow:
    return SnapshotRow(sequence, MOMENT + sequence, "build-1", "minute", b"state of %d" % sequence)


def step(first: int, count: int = 3) -> Batch:
    """What some events usually lead to: entries of the journal, a command, and an order twice."""
    last = first + count - 1
    return Batch(
        journal=[entry(sequence) for sequence in range(first, last + 1)],
        outbox=[command(last, name=f"a-{last}")],
        orders=[order(f"a-{last}", 1), order(f"a-{last}", 2, state="accepted")],
        order_events=[order_event(f"a-{last}")],
    )


def look_into_commits(
    before_statement: Callable[[Connection], None] = lambda connection: None,
    before_end: Callable[[Connection], None] = lambda connection: None,
) -> Callable[[Connection], AbstractContextManager[Send]]:
    """A transaction for ``sql_store.through_driver`` that lets a test act before each statement and before the commit itself."""

    @contextmanager
    def looked_into(connection: Connection) -> Iterator[Send]:
        with through_driver(connection) as send:

            def sent(statement: str, rows: list[tuple[Any, ...]]) -> None:
                before_statement(connection)
                send(statement, rows)

            yield sent
            before_end(connection)

    return looked_into
