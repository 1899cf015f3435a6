"""Whether a database is sound: its pages, its references, and what the program itself has to rely on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, func, select

from algotrader.storage import checksums, schema
from algotrader.storage.database import SQLITE, Database
from algotrader.storage.records import StoreFailed
from algotrader.storage.row_forms import COMMAND, ENTRY, SNAPSHOT
from algotrader.storage.sql_store import PAGE, pruned_up_to
from algotrader.storage.tables import journal, outbox, snapshot

MOST: Final = 20
"""Findings of one kind that are given; a damaged disk has thousands."""


def check(database: Database, *, older: bool = False) -> list[str]:
    """Look at everything and give what is wrong, a line each; an empty list for a sound database.

    Args:
        database: what to look at.
        older: be content with an older schema, of which only pages and references are looked at.

    Raises:
        StoreBusy, StoreFailed: it cannot be read at all, or has another schema.
    """
    found: list[str] = []
    with database.reading() as connection:
        if database.kind == SQLITE:
            found += _pages(connection)
        revision = schema.revision_of(connection)
        if older and revision in schema.REVISIONS[:-1]:
            return found
        schema.check_revision(revision, database.name)
        for look in (_journal, _outbox, _snapshots):
            findings = list(look(connection))
            found += findings[:MOST]
            if len(findings) > MOST:
                found.append(f"… and {len(findings) - MOST} more of that kind")
    return found


def demand_sound(database: Database, *, older: bool = False) -> None:
    """Make sure that a database is sound; see ``check``.

    Raises:
        StoreBusy, StoreFailed: it is not; the message has the first finding.
    """
    if found := check(database, older=older):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise StoreFailed(f"{database.name} is damaged: {found[0]}{more}")


def _pages(connection: Connection) -> list[str]:
    told = [str(row[0]) for row in connection.exec_driver_sql(f"PRAGMA integrity_check({MOST})")]
    lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    pages = [] if told == ["ok"] else told
    return pages + [f"{table}: row {row} refers to a row of {target} that is not there" for table, row, target, _ in lost[:MOST]]


def _journal(connection: Connection) -> Iterator[str]:
    last = pruned_up_to(connection)
    wanted = select(*ENTRY.columns, journal.c.checksum)
    while page := connection.execute(wanted.where(journal.c.sequence > last).order_by(journal.c.sequence).limit(PAGE)).all():
        for values in page:
            entry = ENTRY.row(values)
            if entry.sequence != last + 1:
                yield f"journal: {_span(last + 1, entry.sequence - 1)} missing"
            if checksums.of_entry(entry) != values[-1]:
                yield f"journal: entry {entry.sequence} is damaged"
            last = entry.sequence
    for table in (snapshot, outbox):
        end = connection.execute(select(func.max(table.c.sequence))).scalar() or 0
        if end > last:
            yield f"journal: {_span(last + 1, end)} missing, of which {table.name} speaks"
            last = end


def _outbox(connection: Connection) -> Iterator[str]:
    pruned = pruned_up_to(connection)
    before, place = 0, -1
    for values in connection.execute(select(*COMMAND.columns, outbox.c.checksum).order_by(outbox.c.sequence, outbox.c.place)):
        entry = COMMAND.row(values)
        if checksums.of_command(entry) != values[-1]:
            yield f"outbox: command {entry.sequence}/{entry.place} is damaged"
        # Of what was pruned, only commands without an answer are left.
        place = place + 1 if entry.sequence == before else 0
        if entry.sequence > pruned and entry.place != place:
            yield f"outbox: command {entry.sequence}/{place} is missing"
        before, place = entry.key
    alone = select(outbox.c.sequence).where(outbox.c.sequence > pruned, outbox.c.sequence.not_in(select(journal.c.sequence)))
    yield from (f"outbox: commands of event {row[0]}, which is not in the journal" for row in connection.execute(alone.distinct()))


def _snapshots(connection: Connection) -> Iterator[str]:
    for values in connection.execute(select(*SNAPSHOT.columns, snapshot.c.checksum).order_by(snapshot.c.id)):
        row = SNAPSHOT.row(values)
        if checksums.of_snapshot(row) != values[-1]:
            yield f"snapshot: that of event {row.sequence} is damaged"


def _span(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
