"""Checksums of what the program itself reads again: journal, outbox and snapshots."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from algotrader.storage.records import JournalEntry, OutboxEntry, SnapshotRow

_NEVER: Final = -1


def of_entry(entry: JournalEntry) -> int:
    """The checksum of a journal entry, over everything in it."""
    return _sum(f"{entry.sequence}|{entry.time}|{entry.kind}", entry.payload)


def of_command(entry: OutboxEntry) -> int:
    """The checksum of a command, over everything but its marks, which change."""
    return _sum(f"{entry.sequence}|{entry.place}|{entry.kind}|{entry.client_order_id}|{entry.time}", entry.payload)


def of_snapshot(row: SnapshotRow) -> int:
    """The checksum of a snapshot, over everything in it."""
    return _sum(f"{row.sequence}|{row.time}|{row.build}|{row.reason}", row.payload)


def _sum(head: str, payload: object) -> int:
    # A damaged file of SQLite may hold text, or nothing, where bytes were written.
    return crc32(payload, crc32(head.encode())) if isinstance(payload, bytes) else _NEVER
