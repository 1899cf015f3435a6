"""Checksums of what the program itself reads again: journal, outbox and snapshots."""

from __future__ import annotations

from zlib import crc32

from algotrader.storage.records import JournalEntry, OutboxEntry, SnapshotRow


def of_entry(entry: JournalEntry) -> int:
    """The checksum of a journal entry, over everything in it."""
    return crc32(entry.payload, crc32(f"{entry.sequence}|{entry.time}|{entry.kind}".encode()))


def of_command(entry: OutboxEntry) -> int:
    """The checksum of a command, over everything but its marks, which change."""
    head = f"{entry.sequence}|{entry.place}|{entry.kind}|{entry.client_order_id}|{entry.time}"
    return crc32(entry.payload, crc32(head.encode()))


def of_snapshot(row: SnapshotRow) -> int:
    """The checksum of a snapshot, over everything in it."""
    return crc32(row.payload, crc32(f"{row.sequence}|{row.time}|{row.build}|{row.reason}".encode()))
