"""What people read: orders, round trips, notes, activity, cash, changed settings. For the command line and the web page.

Every function opens a transaction of its own, so that it can be called beside a running session and never holds it up. Times are
nanoseconds since the epoch, UTC, like in ``records.py``; ``since`` is included, ``until`` is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Select, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from algotrader.storage.database import SQLITE, Database
from algotrader.storage.records import CashRow, OrderEventRow, OrderRow, ReportRow, StoreFailed, TradeRow
from algotrader.storage.row_forms import CASH, ORDER, ORDER_EVENT, REPORT, TRADE, RowForm
from algotrader.storage.tables import activity, cash_movement, order_event, order_state, settings_override, trade, trade_note

PAGE: Final = 100
"""Rows that are given where nobody says how many."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Note:
    """A person's note on a round trip."""

    id: int
    trade_id: str
    note: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that was told, with its number: newer ones have larger numbers."""

    id: int
    report: ReportRow


@dataclass(frozen=True, slots=True)
class Override:
    """A setting that was changed while the program ran; ``previous_value`` is None where there was no change before."""

    key: str
    value: str
    updated_at: int
    previous_value: str | None


_NOTE: Final = RowForm(trade_note, Note)
_OVERRIDE: Final = RowForm(settings_override, Override)


def orders(
    database: Database,
    *,
    states: Sequence[str] = (),
    symbol: str | None = None,
    strategy: str | None = None,
    correlation_id: str | None = None,
    limit: int = PAGE,
    offset: int = 0,
) -> list[OrderRow]:
    """Orders, newest first. No states means all of them."""
    wanted = _narrow(ORDER.select(), order_state, symbol=symbol, strategy=strategy, correlation_id=correlation_id)
    if states:
        wanted = wanted.where(order_state.c.state.in_(states))
    return _rows(
        database, ORDER, wanted.order_by(order_state.c.created_at.desc(), order_state.c.id.desc()).limit(limit).offset(offset)
    )


def order(database: Database, local_id: str) -> OrderRow | None:
    """The order with an id of ours."""
    return _first(_rows(database, ORDER, ORDER.select().where(order_state.c.local_id == local_id)))


def order_by_broker_id(database: Database, broker_id: str) -> OrderRow | None:
    """The order with an id of the venue's; its row names role, correlation and our id."""
    return _first(_rows(database, ORDER, ORDER.select().where(order_state.c.broker_id == broker_id)))


def correlated_orders(database: Database, correlation_id: str) -> list[OrderRow]:
    """The orders of one trade: entry, stop and exit, oldest first."""
    wanted = ORDER.select().where(order_state.c.correlation_id == correlation_id)
    return _rows(database, ORDER, wanted.order_by(order_state.c.created_at, order_state.c.id))


def order_events(database: Database, local_id: str) -> list[OrderEventRow]:
    """What happened to an order, oldest first."""
    wanted = ORDER_EVENT.select().where(order_event.c.order_local_id == local_id)
    return _rows(database, ORDER_EVENT, wanted.order_by(order_event.c.id))


def round_trips(
    database: Database,
    *,
    since: int | None = None,
    until: int | None = None,
    strategy: str | None = None,
    symbol: str | None = None,
    limit: int | None = PAGE,
    offset: int = 0,
) -> list[TradeRow]:
    """Round trips by the time of their exit, newest first. ``times.day_bounds`` gives the bounds of a day."""
    wanted = _between(_narrow(TRADE.select(), trade, symbol=symbol, strategy=strategy), trade.c.exit_at, since, until)
    return _rows(database, TRADE, wanted.order_by(trade.c.exit_at.desc(), trade.c.id.desc()).limit(limit).offset(offset))


def recent_activity(
    database: Database, *, kinds: Sequence[str] = (), symbol: str | None = None, before: int | None = None, limit: int = PAGE
) -> list[Activity]:
    """What was told, newest first; ``before`` is the number of an activity, to read on from there."""
    wanted = _narrow(select(*REPORT.columns, activity.c.id), activity, symbol=symbol)
    if kinds:
        wanted = wanted.where(activity.c.kind.in_(kinds))
    if before is not None:
        wanted = wanted.where(activity.c.id < before)
    with database.reading() as connection:
        found = connection.execute(wanted.order_by(activity.c.id.desc()).limit(limit)).all()
    return [Activity(values[-1], REPORT.row(values)) for values in found]


def cash_movements(
    database: Database, *, since: int | None = None, until: int | None = None, limit: int | None = PAGE
) -> list[CashRow]:
    """Deposits, dividends, fees and the like, newest first."""
    wanted = _between(CASH.select(), cash_movement.c.time, since, until)
    return _rows(database, CASH, wanted.order_by(cash_movement.c.time.desc(), cash_movement.c.id.desc()).limit(limit))


def notes(database: Database, trade_id: str) -> list[Note]:
    """The notes on a round trip, oldest first."""
    return _rows(database, _NOTE, _NOTE.select().where(trade_note.c.trade_id == trade_id).order_by(trade_note.c.id))


def add_note(database: Database, trade_id: str, text: str, now: int) -> Note:
    """Write a note on a round trip.

    Raises:
        StoreFailed: there is no such round trip.
    """
    with database.writing() as connection:
        if connection.execute(select(trade.c.id).where(trade.c.trade_id == trade_id)).first() is None:
            raise StoreFailed(f"there is no round trip {trade_id}")
        values = {"trade_id": trade_id, "note": text, "created_at": now, "updated_at": now}
        number = connection.execute(insert(trade_note).values(values).returning(trade_note.c.id)).scalar_one()
    return Note(number, trade_id, text, now, now)


def edit_note(database: Database, note_id: int, text: str, now: int) -> Note:
    """Write a note anew.

    Raises:
        StoreFailed: there is no such note.
    """
    with database.writing() as connection:
        connection.execute(update(trade_note).where(trade_note.c.id == note_id).values(note=text, updated_at=now))
        found = connection.execute(_NOTE.select().where(trade_note.c.id == note_id)).first()
    if found is None:
        raise StoreFailed(f"there is no note {note_id}")
    return _NOTE.row(found)


def overrides(database: Database) -> list[Override]:
    """Every setting that was changed, by name."""
    return _rows(database, _OVERRIDE, _OVERRIDE.select().order_by(settings_override.c.key))


def set_override(database: Database, key: str, value: str, now: int) -> Override:
    """Change a setting, and keep what it was changed from. Whether the value makes sense was checked before."""
    new = (sqlite.insert if database.kind == SQLITE else postgresql.insert)(settings_override)
    with_values = new.values(key=key, value=value, updated_at=now, previous_value=None)
    changes = {"value": value, "updated_at": now, "previous_value": settings_override.c.value}
    with database.writing() as connection:
        connection.execute(with_values.on_conflict_do_update(index_elements=["key"], set_=changes))
        found = connection.execute(_OVERRIDE.select().where(settings_override.c.key == key)).one()
    return _OVERRIDE.row(found)


def clear_override(database: Database, key: str) -> bool:
    """Let a setting have its value from the configuration again; False when it was not changed."""
    with database.writing() as connection:
        return connection.execute(delete(settings_override).where(settings_override.c.key == key)).rowcount > 0


def _narrow(wanted: Select[Any], table: Table, **values: str | None) -> Select[Any]:
    for name, value in values.items():
        if value is not None:
            wanted = wanted.where(table.c[name] == value)
    return wanted


def _between(wanted: Select[Any], column: Any, since: int | None, until: int | None) -> Select[Any]:
    if since is not None:
        wanted = wanted.where(column >= since)
    return wanted if until is None else wanted.where(column < until)


def _rows(database: Database, form: RowForm[R], wanted: Select[Any]) -> list[R]:
    with database.reading() as connection:
        return [form.row(found) for found in connection.execute(wanted)]


def _first(rows: list[R]) -> R | None:
    return rows[0] if rows else None
