"""Rows of the past from the database, as pages for JSON. Called from threads, never from the session's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

from algotrader.server.documents import Document, row_document
from algotrader.server.questions import states_of
from algotrader.storage import queries
from algotrader.storage.database import Database
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

    def orders(self, symbol: str = "", strategy: str = "", state: str = "", limit: int = 100, offset: int = 0) -> Document:
        """Orders, newest first; ``state`` is one of ``questions.STATES`` or empty."""
        found = queries.orders(
            self._database,
            states=states_of(state),
            symbol=symbol or None,
            strategy=strategy or None,
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

    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
        self._database.close()
