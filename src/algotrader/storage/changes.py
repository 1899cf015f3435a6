"""Changes that people make to settings while the program runs: kept with the values before, and told as activity, in one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert
from sqlalchemy.dialects import postgresql, sqlite

from algotrader.storage.database import SQLITE, Database
from algotrader.storage.records import ReportRow
from algotrader.storage.tables import activity, settings_override


def record_changes(database: Database, values: Mapping[str, str | None], told: Sequence[ReportRow], now: int) -> None:
    """Keep changed settings, each with what it was changed from; whether they make sense was checked before.

    Args:
        values: text by the name of the setting; None takes the change back.
        told: what people read about it.
        now: nanoseconds UTC.

    Raises:
        StoreBusy, StoreFailed: nothing was written.
    """
    new = (sqlite.insert if database.kind == SQLITE else postgresql.insert)(settings_override)
    with database.writing() as connection:
        for key, value in values.items():
            if value is None:
                connection.execute(delete(settings_override).where(settings_override.c.key == key))
                continue
            changes = {"value": value, "updated_at": now, "previous_value": settings_override.c.value}
            row = new.values(key=key, value=value, updated_at=now, previous_value=None)
            connection.execute(row.on_conflict_do_update(index_elements=["key"], set_=changes))
        if told:
            connection.execute(insert(activity), [asdict(row) for row in told])
