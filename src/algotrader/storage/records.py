"""What goes into the database and comes out of it, as plain values; ``Store`` says what a database can do for a session.

One commit takes all that follows from some events: the events themselves, the commands that they set off, and the rows that people
read. Either all of it is there afterwards or nothing. Times are nanoseconds since the epoch, UTC.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

REGULAR: Final = "regular"
"""The reason of a snapshot that is taken every so often; old ones are forgotten."""


class StoreBusy(Exception):
    """Somebody else has the database; trying again may help."""


class StoreFailed(Exception):
    """The database refuses for good: a full disk, a damaged file, another schema. The message is for people."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One event as it was handled: its number, the engine's time then, its kind and its encoded form."""

    sequence: int
    time: int
    kind: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One command: ``sequence`` is that of the event that set it off, ``place`` counts the commands of that event from 0."""

    sequence: int
    place: int
    kind: str
    client_order_id: str
    payload: bytes
    time: int = 0
    sent_time: int = 0
    answered_time: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from all others."""
        return self.sequence, self.place


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as it stands now; prices, quantities and money are exact decimal text, absent ones None."""

    local_id: str
    broker_id: str
    correlation_id: str
    symbol: str
    side: str
    order_type: str
    order_role: str
    strategy: str
    qty_requested: str
    qty_filled: str
    avg_fill_price: str | None
    state: str
    version: int
    parent_id: str | None
    submit_attempts: int
    last_error: str
    planned_stop_price: str | None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class OrderEventRow:
    """Something that happened to an order; never changed afterwards."""

    order_local_id: str
    event_type: str
    old_state: str | None
    new_state: str | None
    qty_filled: str | None
    fill_price: str | None
    broker_id: str
    detail: str
    recorded_at: int
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A round trip; never changed afterwards."""

    trade_id: str
    correlation_id: str
    symbol: str
    side: str
    qty: str
    entry_price: str
    exit_price: str
    entry_at: int
    exit_at: int
    pnl: str
    pnl_pct: str
    strategy: str
    duration_seconds: int
    commission: str


@dataclass(frozen=True, slots=True)
class CashRow:
    """Cash that moved without a trade."""

    time: int
    kind: str
    currency: str
    amount: str
    symbol: str


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Something that the engine told: the activity that people read."""

    time: int
    kind: str
    level: str
    strategy: str
    symbol: str
    message: str
    order_id: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """The whole state after the event ``sequence``; ``build`` names the code and parameters that made it."""

    sequence: int
    time: int
    build: str
    reason: str
    payload: bytes


@dataclass(slots=True)
class Batch:
    """What one commit takes. ``sent`` and ``answered`` are keys of outbox entries and the time of the mark."""

    journal: list[JournalEntry] = field(default_factory=list)
    outbox: list[OutboxEntry] = field(default_factory=list)
    sent: list[tuple[int, int, int]] = field(default_factory=list)
    answered: list[tuple[int, int, int]] = field(default_factory=list)
    orders: list[OrderRow] = field(default_factory=list)
    order_events: list[OrderEventRow] = field(default_factory=list)
    trades: list[TradeRow] = field(default_factory=list)
    cash: list[CashRow] = field(default_factory=list)
    reports: list[ReportRow] = field(default_factory=list)
    snapshot: SnapshotRow | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        lists = (
            self.journal,
            self.outbox,
            self.sent,
            self.answered,
            self.orders,
            self.order_events,
            self.trades,
            self.cash,
            self.reports,
        )
        return self.snapshot is None and not any(lists)


class Store(ABC):
    """A database that keeps one account's sessions. All calls are synchronous and come from one thread at a time."""

    @abstractmethod
    def commit(self, batch: Batch) -> None:
        """Write a batch in one transaction, durably.

        Raises:
            StoreBusy: somebody else has the database; nothing was written.
            StoreFailed: it cannot be written; nothing was.
        """

    @abstractmethod
    def last_snapshot(self) -> SnapshotRow | None:
        """The newest snapshot."""

    @abstractmethod
    def journal(self, after: int, until: int | None = None) -> Iterator[JournalEntry]:
        """The journal's entries after a sequence number, in order.

        Raises:
            StoreFailed: an entry is damaged or missing; the message says which.
        """

    @abstractmethod
    def last_sequence(self) -> int:
        """The number of the last event in the journal; 0 for an empty one."""

    @abstractmethod
    def commands(self, after: int) -> Iterator[OutboxEntry]:
        """The commands of the events after a sequence number, in order, answered or not."""

    @abstractmethod
    def unanswered(self) -> Sequence[OutboxEntry]:
        """Commands without an answer, in order."""

    @abstractmethod
    def orders(self, after: int) -> Sequence[OrderRow]:
        """The orders that events after a sequence number changed last, as they stand; in the order of their making."""

    @abstractmethod
    def prune(self, before: int) -> int:
        """Forget the journal, the answered commands and the snapshots before a sequence number that a snapshot covers.

        Gives how many entries went. Audit tables keep everything.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
