"""Back to where the last process was: the newest snapshot, then the journal's tail through the engine.

What the engine commands meanwhile has been stored with the events; it is compared, not sent. Where code, parameters, strategies or
instruments have changed since, the events cannot be replayed: then the stored books count, and strategies start anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

import msgspec

from algotrader.core.engine import Engine
from algotrader.core.events import Event
from algotrader.core.instruments import Instrument
from algotrader.core.reports import Report
from algotrader.live.books import day_of, stored_books
from algotrader.live.carry import carry_over
from algotrader.live.tail import event_of
from algotrader.storage.codec import encode_command
from algotrader.storage.records import JournalEntry, OutboxEntry, SnapshotRow, Store, StoreFailed
from algotrader.storage.snapshots import CannotRestore, restore

FRESH: Final = "fresh"
REPLAYED: Final = "replayed"
OTHER_BUILD: Final = "other build"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place at which a replay commanded something else than the session did."""

    entry: JournalEntry
    stored: tuple[str, ...]
    replayed: tuple[str, ...]

    def __str__(self) -> str:
        stored, replayed = ", ".join(self.stored) or "nothing", ", ".join(self.replayed) or "nothing"
        return f"event {self.entry.sequence} ({self.entry.kind}): the session commanded {stored}; the replay commands {replayed}"


@dataclass(slots=True)
class Recovered:
    """How the engine was brought back: the last event's number and time, and what the venue may not have answered.

    ``notes`` are for people. ``day_equity`` (money) is what the account was worth when the trading day of ``day_open`` began; both
    are 0 unless strategies start anew.
    """

    how: str
    sequence: int = 0
    time: int = 0
    replayed: int = 0
    snapshot_time: int = 0
    open_commands: list[OutboxEntry] = field(default_factory=list)
    difference: Difference | None = None
    notes: list[str] = field(default_factory=list)
    day_equity: int = 0
    day_open: int = 0


def recover(engine: Engine, store: Store, build: str, instruments: Mapping[str, Instrument]) -> Recovered:
    """Bring a freshly assembled engine to where the journal ends.

    Args:
        engine: with its strategies, nothing handled yet.
        store: the account's database.
        build: names the code and the parameters of this process.
        instruments: by symbol.

    Raises:
        StoreFailed: the journal or the snapshot is damaged, or the engine lacks an instrument of which something is held.
    """
    snapshot = store.last_snapshot()
    if snapshot is None or snapshot.build == build:
        found = _again(engine, store, snapshot, instruments)
    else:
        found = _anew(engine, store, snapshot, instruments)
    found.open_commands = list(store.unanswered())
    return found


def _again(engine: Engine, store: Store, snapshot: SnapshotRow | None, instruments: Mapping[str, Instrument]) -> Recovered:
    """The same program goes on: its state, and what it did since, once more."""
    found = Recovered(FRESH)
    if snapshot is not None:
        try:
            restore(engine, snapshot.payload)
        except CannotRestore as error:
            raise StoreFailed(f"the state after event {snapshot.sequence} cannot be restored: {error}") from error
        found = Recovered(REPLAYED, snapshot.sequence, snapshot.time, snapshot_time=snapshot.time)
    for step in replay(engine, store, found.sequence, instruments):
        found.sequence, found.time = step.entry.sequence, step.entry.time
        found.replayed += 1
        found.how = REPLAYED
        found.difference = found.difference or step.difference
    return found


def _anew(engine: Engine, store: Store, snapshot: SnapshotRow, instruments: Mapping[str, Instrument]) -> Recovered:
    """Another program goes on with the books of the last one."""
    found = Recovered(OTHER_BUILD, snapshot.sequence, snapshot.time, snapshot_time=snapshot.time)
    stored = stored_books(store, snapshot, list(instruments.values()), engine)
    if stored.last is not None:
        found.replayed = stored.last.sequence - stored.after
        found.sequence, found.time = stored.last.sequence, stored.last.time
    found.time = max(found.time, stored.books.engine.state.now)
    found.notes = [*stored.notes, *carry_over(stored.books, engine)]
    found.day_equity, found.day_open = day_of(stored.books.engine)
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a replay, after the engine has handled it."""

    entry: JournalEntry
    event: Event
    difference: Difference | None
    reports: list[Report]
    commands: int


def replay(
    engine: Engine, store: Store, after: int, instruments: Mapping[str, Instrument], until: int | None = None
) -> Iterator[Step]:
    """Run the journal after a sequence number through an engine, and compare what it commands with what is stored.

    Args:
        engine: as it was after that event.
        store: the account's database.
        after: sequence number.
        instruments: by symbol.
        until: the last event; None for the journal's end.
    """
    stored = {key: list(group) for key, group in groupby(store.commands(after), key=lambda entry: entry.sequence)}
    for entry in store.journal(after, until):
        event = event_of(entry, instruments)
        engine.handle(event)
        again = [encode_command(command) for command in engine.take_commands()]
        reports = engine.take_reports()
        before = [(command.kind, command.payload) for command in stored.get(entry.sequence, [])]
        different = None if again == before else Difference(entry, _named(before), _named(again))
        yield Step(entry, event, different, reports, len(again))


def _named(commands: list[tuple[str, bytes]]) -> tuple[str, ...]:
    return tuple(f"{kind} {' '.join(_fields(msgspec.msgpack.decode(payload)))}" for kind, payload in commands)


def _fields(content: object, name: str = "") -> Iterator[str]:
    """What a command says, field by field; what is empty is left out."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _fields(value, str(key))
    elif content not in ("", None, 0) and name != "v":
        yield f"{name}={content}"
