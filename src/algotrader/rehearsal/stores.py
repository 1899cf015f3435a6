"""A database that somebody else has now and then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from algotrader.rehearsal.faults import SeededFaults
from algotrader.storage.records import Batch, JournalEntry, OrderRow, OutboxEntry, SnapshotRow, Store, StoreBusy


class BusyStore(Store):
    """A store in front of another one, busy as the faults have it."""

    def __init__(self, store: Store, faults: SeededFaults) -> None:
        self._store: Final = store
        self._faults: Final = faults

    def commit(self, batch: Batch) -> None:
        if self._faults.strikes("busy"):
            raise StoreBusy("the database is locked")
        self._store.commit(batch)

    def last_snapshot(self) -> SnapshotRow | None:
        return self._store.last_snapshot()

    def journal(self, after: int, until: int | None = None) -> Iterator[JournalEntry]:
        return self._store.journal(after, until)

    def commands(self, after: int) -> Iterator[OutboxEntry]:
        return self._store.commands(after)

    def last_sequence(self) -> int:
        return self._store.last_sequence()

    def unanswered(self) -> Sequence[OutboxEntry]:
        return self._store.unanswered()

    def orders(self, after: int) -> Sequence[OrderRow]:
        return self._store.orders(after)

    def prune(self, before: int) -> int:
        return self._store.prune(before)

    def close(self) -> None:
        self._store.close()
