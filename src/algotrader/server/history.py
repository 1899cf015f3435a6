"""Rows of the past from the database, as pages for JSON. Called from threads, never from the session's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from algotrader.server.documents import Document, row_document
from algotrader.server.questions import states_of
from algotrader.storage import lookups, queries
from algotrader.storage.changes import record_changes
from algotrader.storage.database import Database
from algotrader.storage.records import JournalEntry, OrderEventRow, OrderRow, ReportRow
from algotrader.storage.schema import open_database


def page(items: Sequence[Document], limit: int, **more: Any) -> Document:
    """A page of what was asked for; ``items`` holds one more than wanted where there is more."""
    return {"items": list(items[:limit]), "more": len(items) > limit, "limit": limit, **more}


class History:
    """The past of one database. All calls may come from several threads at once.

    Args:
        database: open, with the newest tables; closed with the history.
    """

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the past at a URL.

        Raises:
            StoreBusy, StoreFailed: there is none, or it cannot be read.
        """
        return cls(open_database(url))

    def orders(
        self, symbol: str = "", strategy: str = "", state: str = "", correlation_id: str = "", limit: int = 100, offset: int = 0
    ) -> Document:
        """Orders, newest first; ``state`` is one of ``questions.STATES`` or empty."""
        found = queries.orders(
            self._database,
            states=states_of(state),
            symbol=symbol or None,
            strategy=strategy or None,
            correlation_id=correlation_id or None,
            limit=limit + 1,
            offset=offset,
        )
        return page([row_document(row) for row in found], limit, offset=offset)

    def round_trips(self, symbol: str = "", strategy: str = "", since: int = 0, limit: int = 100, offset: int = 0) -> Document:
        """Round trips, the last to end first; ``since`` is in nanoseconds UTC."""
        found = queries.round_trips(
            self._database,
            since=since or None,
            symbol=symbol or None,
            strategy=strategy or None,
            limit=limit + 1,
            offset=offset,
        )
        return page([row_document(row) for row in found], limit, offset=offset)

    def activity(self, symbol: str = "", kind: str = "", before: int | None = None, limit: int = 100) -> Document:
        """What happened, newest first, from the activity before a number on."""
        kinds = (kind,) if kind else ()
        found = queries.recent_activity(self._database, kinds=kinds, symbol=symbol or None, before=before, limit=limit + 1)
        return page([{"id": one.id, **row_document(one.report)} for one in found], limit)

    def order(self, local_id: str) -> OrderRow | None:
        """The order with an id of ours."""
        return queries.order(self._database, local_id)

    def order_events(self, local_id: str) -> list[OrderEventRow]:
        """What happened to an order, oldest first."""
        return queries.order_events(self._database, local_id)

    def correlated_orders(self, correlation_id: str) -> list[OrderRow]:
        """The orders of one trade, oldest first."""
        return queries.correlated_orders(self._database, correlation_id)

    def correlated_activity(self, correlation_id: str) -> list[queries.Activity]:
        """What was told of one trade, oldest first."""
        return lookups.correlated_activity(self._database, correlation_id)

    def activity_between(
        self, kinds: Sequence[str], symbol: str, since: int, until: int, strategy: str | None = None
    ) -> list[queries.Activity]:
        """What was told of an instrument in a stretch of time, oldest first."""
        return lookups.activity_between(self._database, kinds, symbol, since, until, strategy)

    def last_activity(self, kinds: Sequence[str], level: str = "") -> queries.Activity | None:
        """The newest thing told of these kinds, at a level or at any."""
        return lookups.last_activity(self._database, kinds, level)

    def executions(self, symbol: str, since: int) -> list[lookups.Execution]:
        """Executions of our orders in an instrument, oldest first."""
        return lookups.executions(self._database, symbol, since)

    def market_data(self, after: int, limit: int) -> list[JournalEntry]:
        """Market data of the journal after an event's number, oldest first."""
        return lookups.market_data(self._database, after, limit)

    def journal_end(self) -> int:
        """The number of the journal's last event."""
        return lookups.journal_end(self._database)

    def notes(self, trade_id: str) -> list[queries.Note]:
        """The notes on a round trip, oldest first."""
        return queries.notes(self._database, trade_id)

    def add_note(self, trade_id: str, text: str, now: int) -> queries.Note:
        """Write a note; raises ``StoreFailed`` where there is no such round trip."""
        return queries.add_note(self._database, trade_id, text, now)

    def edit_note(self, note_id: int, text: str, now: int) -> queries.Note:
        """Write a note anew; raises ``StoreFailed`` where there is no such note."""
        return queries.edit_note(self._database, note_id, text, now)

    def delete_note(self, note_id: int) -> None:
        """Throw a note away; raises ``StoreFailed`` where there is no such note."""
        lookups.delete_note(self._database, note_id)

    def cash(self, limit: int) -> list[Document]:
        """Cash that moved without a trade, newest first."""
        return [row_document(row) for row in queries.cash_movements(self._database, limit=limit)]

    def overrides(self) -> dict[str, str]:
        """Settings that were changed while the program ran, as text by their names."""
        return {one.key: one.value for one in queries.overrides(self._database)}

    def record_changes(self, values: Mapping[str, str | None], told: Sequence[ReportRow], now: int) -> None:
        """Keep changed settings and tell of them; None takes a change back. ``now`` is in nanoseconds UTC."""
        record_changes(self._database, values, told, now)

    def take_back(self, key: str) -> None:
        """Let a changed setting be what it was before the last change."""
        last = next((one for one in queries.overrides(self._database) if one.key == key), None)
        if last is not None:
            record_changes(self._database, {key: last.previous_value}, (), last.updated_at)

    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
        self._database.close()
