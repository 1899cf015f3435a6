"""Rows that belong together, for the page: what happened around an order, what is drawn on a chart, bars that the journal has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, delete, func, select

from algotrader.core.events import MarketData
from algotrader.storage.database import Database
from algotrader.storage.queries import Activity
from algotrader.storage.records import JournalEntry, StoreFailed
from algotrader.storage.row_forms import ENTRY, REPORT
from algotrader.storage.tables import activity, journal, order_event, order_state, trade_note

MARKET_DATA: Final = MarketData.__name__
FILLS: Final = ("fill", "partial_fill", "late_fill")


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution with what it was for; prices and quantities are exact text."""

    time: int
    order_id: str
    correlation_id: str
    strategy: str
    role: str
    side: str
    quantity: str
    price: str


def correlated_activity(database: Database, correlation_id: str, limit: int = 200) -> list[Activity]:
    """What was told of one trade, oldest first."""
    wanted = select(*REPORT.columns, activity.c.id).where(activity.c.correlation_id == correlation_id)
    return _activity(database, wanted.order_by(activity.c.id).limit(limit))


def activity_between(
    database: Database, kinds: Sequence[str], symbol: str, since: int, until: int, strategy: str | None = None, limit: int = 500
) -> list[Activity]:
    """What was told of an instrument in a stretch of time, both ends included; the newest where there is too much, oldest first."""
    wanted = select(*REPORT.columns, activity.c.id).where(
        activity.c.kind.in_(kinds), activity.c.symbol == symbol, activity.c.time >= since, activity.c.time <= until
    )
    if strategy is not None:
        wanted = wanted.where(activity.c.strategy == strategy)
    return _activity(database, wanted.order_by(activity.c.id.desc()).limit(limit))[::-1]


def last_activity(database: Database, kinds: Sequence[str], level: str = "") -> Activity | None:
    """The newest thing told of these kinds, at a level or at any."""
    wanted = select(*REPORT.columns, activity.c.id).where(activity.c.kind.in_(kinds))
    if level:
        wanted = wanted.where(activity.c.level == level)
    found = _activity(database, wanted.order_by(activity.c.id.desc()).limit(1))
    return found[0] if found else None


def executions(database: Database, symbol: str, since: int, limit: int = 1000) -> list[Execution]:
    """Executions of our orders in an instrument; the newest where there are too many, oldest first."""
    wanted = (
        select(
            order_event.c.recorded_at,
            order_state.c.local_id,
            order_state.c.correlation_id,
            order_state.c.strategy,
            order_state.c.order_role,
            order_state.c.side,
            order_event.c.qty_filled,
            order_event.c.fill_price,
        )
        .join(order_state, order_state.c.local_id == order_event.c.order_local_id)
        .where(order_state.c.symbol == symbol, order_event.c.event_type.in_(FILLS), order_event.c.recorded_at >= since)
        .order_by(order_event.c.id.desc())
        .limit(limit)
    )
    with database.reading() as connection:
        return [Execution(*row) for row in connection.execute(wanted)][::-1]


def market_data(database: Database, after: int, limit: int) -> list[JournalEntry]:
    """Market data of the journal after an event's number, oldest first."""
    wanted = select(*ENTRY.columns).where(journal.c.sequence > after, journal.c.kind == MARKET_DATA)
    with database.reading() as connection:
        return [ENTRY.row(row) for row in connection.execute(wanted.order_by(journal.c.sequence).limit(limit))]


def journal_end(database: Database) -> int:
    """The number of the last event in the journal; 0 where there is none."""
    with database.reading() as connection:
        return connection.execute(select(func.max(journal.c.sequence))).scalar() or 0


def delete_note(database: Database, note_id: int) -> None:
    """Throw a note away.

    Raises:
        StoreFailed: there is no such note.
    """
    with database.writing() as connection:
        if connection.execute(delete(trade_note).where(trade_note.c.id == note_id)).rowcount == 0:
            raise StoreFailed(f"there is no note {note_id}")


def _activity(database: Database, wanted: Select[Any]) -> list[Activity]:
    with database.reading() as connection:
        found = connection.execute(wanted).all()
    return [Activity(values[-1], REPORT.row(values)) for values in found]
