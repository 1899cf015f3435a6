"""What an account has according to its database, whoever wrote it: the books of the newest snapshot and what happened since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from algotrader.core.engine import Engine
from algotrader.core.instruments import GENERIC, Instrument
from algotrader.core.market import Session
from algotrader.core.state import EXTERNAL
from algotrader.live.carry import needed_symbols
from algotrader.live.tail import add_tail
from algotrader.storage.records import JournalEntry, SnapshotRow, Store, StoreFailed
from algotrader.storage.snapshots import CannotRestore
from algotrader.storage.stored_books import Books, read_books


@dataclass(slots=True)
class StoredBooks:
    """Books as of the journal's end, whose last entry is ``last``; ``after`` is the event of the snapshot that they begin with."""

    books: Books
    after: int
    last: JournalEntry | None
    notes: list[str] = field(default_factory=list)


def stored_books(store: Store, snapshot: SnapshotRow, instruments: Sequence[Instrument], engine: Engine) -> StoredBooks:
    """The account's books from its database.

    Args:
        store: the database.
        snapshot: the newest one.
        instruments: those of the session.
        engine: of the session, for the rules of its venue; it stays as it is.

    Raises:
        StoreFailed: the journal is damaged, or begins too late to do without a snapshot that cannot be read.
    """
    capabilities, notes = engine.state.capabilities, []
    try:
        books, after = read_books(snapshot.payload, capabilities), snapshot.sequence
    except CannotRestore as error:
        _need_whole_journal(store, snapshot, error)
        notes.append(f"the snapshot of event {snapshot.sequence} is of no use ({error}); the whole journal is read instead")
        empty = Engine(list(instruments), engine.base_seconds, None, capabilities, engine.state.id_prefix)
        books, after = Books(empty, []), 0
    last = add_tail(books, store, after, {instrument.symbol: instrument for instrument in instruments})
    return StoredBooks(books, after, last, notes)


def _need_whole_journal(store: Store, snapshot: SnapshotRow, error: CannotRestore) -> None:
    try:
        next(store.journal(0, 1), None)
    except StoreFailed:
        message = f"the snapshot of event {snapshot.sequence} cannot be read, and the journal before it is gone ({error})"
        raise StoreFailed(f"{message}; start the version that wrote it, or restore a backup") from error


def held_symbols(store: Store) -> tuple[str, ...]:
    """The instruments that a session has to follow whatever its strategies trade; none where no snapshot tells of any.

    Raises:
        StoreFailed: the journal is damaged.
    """
    snapshot = store.last_snapshot()
    if snapshot is None:
        return ()
    try:
        books = read_books(snapshot.payload, GENERIC)
    except CannotRestore:
        return ()
    add_tail(books, store, snapshot.sequence, {})
    return needed_symbols(books)


def day_of(engine: Engine) -> tuple[int, int]:
    """What the account was worth when the trading day of the breaker began (money), and when that was (nanoseconds UTC)."""
    session = _session(engine)
    return (0, 0) if session is None else (engine.state.breaker.start_equity, session.open_time)


def _session(engine: Engine) -> Session | None:
    return engine.state.tracks[0].session if engine.state.tracks else None


def profits_today(engine: Engine, open_time: int) -> tuple[int, ...]:
    """What today's round trips of our strategies brought (money), in the order of their exits."""
    return tuple(trip.profit for trip in engine.state.ledger.trips if trip.exit_time >= open_time and trip.owner != EXTERNAL)
