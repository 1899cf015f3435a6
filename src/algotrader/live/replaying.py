"""The journal of an account once more, offline: the engines that made it are assembled again and get the very same events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from algotrader.assembly import Assembly
from algotrader.live.recovery import Difference, Step, replay
from algotrader.live.setup import Stretch, stretches
from algotrader.storage.records import StoreFailed
from algotrader.storage.snapshots import freeze, restore
from algotrader.storage.sql_store import SqlStore


@dataclass(slots=True)
class Verdict:
    """What a replay found; ``difference`` is the first one, at which it stops."""

    events: int = 0
    commands: int = 0
    difference: Difference | None = None


class Replay:
    """A replay of some of an account's events.

    Args:
        store: the account's database; a session may go on writing to it.
        first: number of the first event that is compared; earlier ones are only handled, from the newest snapshot before them on.
        last: number of the last event; None for the last that there is now.

    Attributes:
        assembly: the engine at the moment with all that belongs to it; None before the first event.
        stretch: of the journal, the one at work.
        verdict: so far.

    Raises:
        StoreFailed: it is not known what the sessions were made of.
    """

    def __init__(self, store: SqlStore, first: int = 1, last: int | None = None) -> None:
        self._store: Final = store
        self._stretches: Final = stretches(store)
        self.first: Final = max(first, 1)
        end = store.last_sequence()
        self.last: Final = end if last is None else min(last, end)
        self.assembly: Assembly | None = None
        self.stretch: Stretch | None = None
        self.verdict: Final = Verdict()
        if not self._stretches:
            raise StoreFailed(f"{store.database.name}: no session has written down what it was made of")

    def steps(self) -> Iterator[Step]:
        """Every event that is compared, after the engine has handled it; the last one is the first with a difference.

        Raises:
            StoreFailed: the journal is damaged, or begins too late.
            CannotRestore: a snapshot does not fit what the engine is made of now.
            UserError, UnknownStrategy, ParameterError: a strategy cannot be had any more.
        """
        # Only the last snapshots are kept; without one, everything runs from the first event on.
        known = self.first > 1 and self._store.snapshot_until(self.first - 1) is not None
        before: bytes | None = None
        ends = [stretch.after for stretch in self._stretches[1:]] + [self.last]
        for stretch, end in zip(self._stretches, ends, strict=True):
            end = min(end, self.last)
            begin = max(stretch.after, self.first - 1) if known else stretch.after
            if begin >= end:
                continue
            self.stretch = stretch
            for step in self._stretch(stretch, begin, end, before):
                if step.entry.sequence < self.first:
                    continue
                self.verdict.events += 1
                self.verdict.commands += step.commands
                self.verdict.difference = step.difference
                yield step
                if step.difference is not None:
                    return
            before = None if self.assembly is None else freeze(self.assembly.engine)

    def _stretch(self, stretch: Stretch, begin: int, end: int, before: bytes | None) -> Iterator[Step]:
        """One engine from where a session took it up, as a recovery does: from a snapshot, else from what went before."""
        self.assembly = assembly = stretch.setup.assemble()
        snapshot = self._store.snapshot_until(begin) if begin else None
        after = 0
        if snapshot is not None:
            restore(assembly.engine, snapshot.payload)
            after = snapshot.sequence
        elif before is not None:
            restore(assembly.engine, before)
            after = begin
        instruments = {instrument.symbol: instrument for instrument in assembly.instruments}
        for step in replay(assembly.engine, self._store, after, instruments, end):
            if step.entry.sequence > begin:
                yield step
