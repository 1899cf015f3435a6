"""A session's store in SQLite or PostgreSQL."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Connection, delete, func, literal, select, tuple_
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from algotrader.storage import checksums
from algotrader.storage.database import BUSY_MS, Database, for_writing
from algotrader.storage.driver import Send, bring_home, through_driver
from algotrader.storage.failures import connection_lost, explain
from algotrader.storage.records import Batch, JournalEntry, OrderRow, OutboxEntry, SnapshotRow, Store, StoreBusy, StoreFailed
from algotrader.storage.row_forms import CASH, COMMAND, ENTRY, ORDER, ORDER_EVENT, REPORT, SNAPSHOT, TRADE
from algotrader.storage.schema import open_database
from algotrader.storage.statements import statements
from algotrader.storage.tables import PRUNED, journal, meta, order_state, outbox, snapshot

T = TypeVar("T")

SLOW_MS: Final = 50.0
"""A write that takes longer is logged."""

HOME_COMMITS: Final = 300
"""After so many commits one that no order waits for brings the log's pages home: that takes as long as ten commits."""

PAGE: Final = 2_000
"""Journal entries, or commands, that are read at once."""

KEPT_SNAPSHOTS: Final = 10
"""Only the newest is needed; with one a minute, all of them would soon be most of the database."""

_LAST_PLACE: Final = 2**62

_log: Final = logging.getLogger(__name__)


def open_store(
    url: str, *, create: bool = True, durable: bool = True, busy_ms: int = BUSY_MS, timer: Callable[[], float] = time.perf_counter
) -> SqlStore:
    """Open a store by its URL; where there is nothing yet, file and tables are made.

    Args:
        url: ``sqlite:///file`` or ``postgresql://user@host/name``.
        create: make what is missing.
        durable: wait at every commit until the disk has it; only for rehearsals False.
        busy_ms: how long to wait for others, milliseconds.
        timer: measures writes, in seconds.

    Raises:
        StoreBusy, StoreFailed: it cannot be used; the message says why and what to do.
    """
    database = open_database(url, create=create, durable=durable, busy_ms=busy_ms)
    try:
        return SqlStore(database, timer)
    except BaseException:
        database.close()
        raise


class SqlStore(Store):
    """The store of one account. It may be opened in one thread and used in another, by one at a time.

    Args:
        database: open, with the newest tables; closed with the store.
        timer: measures writes, in seconds.

    Raises:
        StoreBusy, StoreFailed: the journal's end cannot be read.
    """

    def __init__(self, database: Database, timer: Callable[[], float] = time.perf_counter) -> None:
        self.database: Final = database
        self._timer: Final = timer
        self._sql: Final = statements(database.kind)
        self._connection: Connection | None = None
        self._connected_once = False
        self._closed = False
        self._uncertain = False
        self._since_home = 0
        self._last = self._read_last()

    def commit(self, batch: Batch) -> None:
        if batch.is_empty or (self._uncertain and self._was_written(batch)):
            return
        self._check_order(batch)
        began = self._timer()
        with self._transaction(through_driver, can_be_found=bool(batch.journal)) as send:
            self._write(send, batch)
        if batch.journal:
            self._last = batch.journal[-1].sequence
        self._since_home += 1
        if self._since_home >= HOME_COMMITS and not batch.outbox:
            self._since_home = 0
            bring_home(self._connected())
        taken = (self._timer() - began) * 1000
        if taken > SLOW_MS:
            # A session warns of it by itself, with the time of its own clock: its clock may not be the machine's.
            _log.debug("a write took %.0f ms: %d events, %d commands", taken, len(batch.journal), len(batch.outbox))

    def last_snapshot(self) -> SnapshotRow | None:
        return self.snapshot_until(None)

    def snapshot_until(self, sequence: int | None) -> SnapshotRow | None:
        """The newest snapshot that knows of no event after a number; None for the newest of all.

        Raises:
            StoreFailed: it is damaged.
        """
        newest = select(*SNAPSHOT.columns, snapshot.c.checksum).order_by(snapshot.c.sequence.desc(), snapshot.c.id.desc()).limit(1)
        if sequence is not None:
            newest = newest.where(snapshot.c.sequence <= sequence)
        with self.database.reading() as connection:
            found = connection.execute(newest).first()
        if found is None:
            return None
        row = SNAPSHOT.row(found)
        if checksums.of_snapshot(row) != found[-1]:
            raise StoreFailed(f"{self.database.name}: the snapshot of event {row.sequence} is damaged; restore a backup")
        return row

    def journal(self, after: int, until: int | None = None) -> Iterator[JournalEntry]:
        with self.database.reading() as connection:
            pruned = pruned_up_to(connection)
        if after < pruned:
            raise StoreFailed(f"{self.database.name}: the journal was pruned up to entry {pruned}, and {after + 1} was asked for")
        end = self._expected_end() if until is None else min(until, self._expected_end())
        expected = after + 1
        while page := self._page(expected - 1, until):
            for entry, checksum in page:
                if entry.sequence != expected:
                    raise self._missing(expected)
                if checksums.of_entry(entry) != checksum:
                    raise StoreFailed(f"{self.database.name}: journal entry {expected} is damaged; restore a backup")
                yield entry
                expected += 1
        if expected <= end:
            raise self._missing(expected)

    def last_sequence(self) -> int:
        return self._last

    def commands(self, after: int) -> Iterator[OutboxEntry]:
        key, place = after, _LAST_PLACE
        while page := self._commands(tuple_(outbox.c.sequence, outbox.c.place) > tuple_(literal(key), literal(place)), PAGE):
            yield from page
            key, place = page[-1].key

    def unanswered(self) -> Sequence[OutboxEntry]:
        return self._commands(outbox.c.answered_time == 0, None)

    def orders(self, after: int) -> Sequence[OrderRow]:
        changed = (
            select(*ORDER.columns).where(order_state.c.version > after).order_by(order_state.c.created_at, order_state.c.local_id)
        )
        with self.database.reading() as connection:
            return [ORDER.row(found) for found in connection.execute(changed)]

    def prune(self, before: int) -> int:
        with self._transaction(_begin) as connection:
            newest = connection.execute(select(func.max(snapshot.c.sequence))).scalar()
            if newest is None or newest < before - 1:
                covered = "no snapshot is there" if newest is None else f"the newest snapshot is of event {newest}"
                raise StoreFailed(f"{self.database.name}: the journal cannot be pruned before event {before}: {covered}")
            if before - 1 > pruned_up_to(connection):
                connection.exec_driver_sql(self._sql.set_fact, (PRUNED, str(before - 1)))
            gone = connection.execute(delete(journal).where(journal.c.sequence < before)).rowcount
            connection.execute(delete(outbox).where(outbox.c.sequence < before, outbox.c.answered_time != 0))
            connection.execute(delete(snapshot).where(snapshot.c.sequence < min(before, newest)))
        return gone

    def close(self) -> None:
        self._closed = True
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()
        self.database.close()

    def fact(self, key: str) -> str | None:
        """A fact about this account that was written down, such as the prefix of its order ids; None when it never was."""
        with self.database.reading() as connection:
            found = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
        return None if found is None else str(found)

    def set_fact(self, key: str, value: str) -> None:
        """Write a fact down, over what was there.

        Raises:
            ValueError: the key is the store's own.
        """
        if key == PRUNED:
            raise ValueError(f"{key} belongs to the store")
        with self._transaction(_begin) as connection:
            connection.exec_driver_sql(self._sql.set_fact, (key, value))

    def _write(self, send: Send, batch: Batch) -> None:
        if batch.journal:
            send(self._sql.entry, [(*ENTRY.values(each), checksums.of_entry(each)) for each in batch.journal])
        if batch.outbox:
            send(self._sql.command, [(*COMMAND.values(each), checksums.of_command(each)) for each in batch.outbox])
        if batch.sent:
            send(self._sql.mark_sent, [(moment, sequence, place) for sequence, place, moment in batch.sent])
        if batch.answered:
            send(self._sql.mark_answered, [(moment, sequence, place) for sequence, place, moment in batch.answered])
        if batch.orders:
            send(self._sql.order, [ORDER.values(each) for each in batch.orders])
        if batch.order_events:
            send(self._sql.order_event, [ORDER_EVENT.values(each) for each in batch.order_events])
        if batch.trades:
            send(self._sql.trade, [TRADE.values(each) for each in batch.trades])
        if batch.cash:
            send(self._sql.cash, [CASH.values(each) for each in batch.cash])
        if batch.reports:
            send(self._sql.report, [REPORT.values(each) for each in batch.reports])
        if batch.snapshot is not None:
            send(self._sql.snapshot, [(*SNAPSHOT.values(batch.snapshot), checksums.of_snapshot(batch.snapshot))])
            send(self._sql.forget_snapshots, [(KEPT_SNAPSHOTS,)])

    def _check_order(self, batch: Batch) -> None:
        """Refuse what would leave a gap: it could never be replayed."""
        last = self._last
        for entry in batch.journal:
            if entry.sequence != last + 1:
                raise StoreFailed(f"{self.database.name}: journal entry {entry.sequence} does not follow {last}")
            last = entry.sequence
        if batch.snapshot is not None and batch.snapshot.sequence > last:
            raise StoreFailed(
                f"{self.database.name}: a snapshot of event {batch.snapshot.sequence}, and the journal ends at {last}"
            )

    @contextmanager
    def _transaction(self, begin: Callable[[Connection], AbstractContextManager[T]], *, can_be_found: bool = False) -> Iterator[T]:
        """A transaction that writes, on the store's own connection.

        Args:
            begin: begins it, gives what it is written with, and commits it at the end of a body that raises nothing.
            can_be_found: what is written has numbers by which it is found again, if the server goes away at the very end.
        """
        connection = self._connected()
        at_end = False
        try:
            with begin(connection) as written_with:
                yield written_with
                at_end = True
        except SQLAlchemyError as error:
            if not (isinstance(error, DBAPIError) and connection_lost(error)):
                raise explain(error, self.database.name) from error
            self._drop_connection()
            if at_end and not can_be_found:
                raise StoreFailed(
                    f"{self.database.name}: the server went away, and the last write may be lost; start again"
                ) from error
            self._uncertain = self._uncertain or at_end
            raise StoreBusy(f"{self.database.name}: the server went away; trying again") from error

    def _connected(self) -> Connection:
        if self._closed:
            raise StoreFailed(f"{self.database.name} is closed")
        if self._connection is None:
            try:
                self._connection = for_writing(self.database.connect())
            except StoreFailed as failure:
                if not self._connected_once:
                    raise
                raise StoreBusy(str(failure)) from failure
            self._connected_once = True
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.invalidate()
            connection.close()

    def _was_written(self, batch: Batch) -> bool:
        """Whether a batch is there already, after a write whose end nobody saw."""
        self._last = self._read_last()
        self._uncertain = False
        return bool(batch.journal) and batch.journal[-1].sequence <= self._last

    def _page(self, after: int, until: int | None) -> list[tuple[JournalEntry, int]]:
        wanted = select(*ENTRY.columns, journal.c.checksum).where(journal.c.sequence > after)
        if until is not None:
            wanted = wanted.where(journal.c.sequence <= until)
        with self.database.reading() as connection:
            found = connection.execute(wanted.order_by(journal.c.sequence).limit(PAGE)).all()
        return [(ENTRY.row(values), values[-1]) for values in found]

    def _commands(self, which: ColumnElement[bool], limit: int | None) -> list[OutboxEntry]:
        wanted = select(*COMMAND.columns, outbox.c.checksum).where(which).order_by(outbox.c.sequence, outbox.c.place).limit(limit)
        with self.database.reading() as connection:
            found = connection.execute(wanted).all()
        entries = []
        for values in found:
            entry = COMMAND.row(values)
            if checksums.of_command(entry) != values[-1]:
                raise StoreFailed(f"{self.database.name}: command {entry.sequence}/{entry.place} is damaged; restore a backup")
            entries.append(entry)
        return entries

    def _read_last(self) -> int:
        with self.database.reading() as connection:
            last = connection.execute(select(func.max(journal.c.sequence))).scalar()
            return max(last or 0, pruned_up_to(connection))

    def _expected_end(self) -> int:
        """The number that the journal must reach: others speak of it."""
        with self.database.reading() as connection:
            others = [connection.execute(select(func.max(table.c.sequence))).scalar() or 0 for table in (snapshot, outbox)]
        return max(self._last, *others)

    def _missing(self, sequence: int) -> StoreFailed:
        return StoreFailed(f"{self.database.name}: journal entry {sequence} is missing; restore a backup")


@contextmanager
def _begin(connection: Connection) -> Iterator[Connection]:
    with connection.begin():
        yield connection


def pruned_up_to(connection: Connection) -> int:
    """The number of the last journal entry that was pruned away; 0 when none was."""
    found = connection.execute(select(meta.c.value).where(meta.c.key == PRUNED)).scalar()
    return 0 if found is None else int(found)
