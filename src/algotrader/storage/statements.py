"""The statements of a commit as the driver takes them: made once for a kind of database, then sent with rows of values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BigInteger, Dialect, bindparam, delete, func, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import UpdateBase

from algotrader.storage.database import SQLITE
from algotrader.storage.records import REGULAR
from algotrader.storage.row_forms import CASH, COMMAND, ENTRY, ORDER, ORDER_EVENT, REPORT, SNAPSHOT, TRADE, RowForm
from algotrader.storage.tables import meta, order_state, outbox, snapshot

CHECKSUM: Final = "checksum"


def positional(kind: str) -> Dialect:
    """The dialect of a kind of database whose parameters go by their place."""
    if kind == SQLITE:
        return sqlite.dialect()
    # As it is, the driver would want named ones.
    return postgresql.psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]


@lru_cache
def statements(kind: str) -> Statements:
    """The statements for a kind of database; made once, for it takes longer than opening a database."""
    return Statements(kind)


class Statements:
    """Texts of SQL with places for values.

    A row's values come in the order of its form's names; behind those of an entry, a command and a snapshot comes the checksum.
    """

    def __init__(self, kind: str) -> None:
        self._dialect: Final = positional(kind)
        self._dialect_insert: Final = sqlite.insert if kind == SQLITE else postgresql.insert
        self.entry: Final = self._insert(ENTRY, CHECKSUM)
        self.command: Final = self._insert(COMMAND, CHECKSUM)
        self.snapshot: Final = self._insert(SNAPSHOT, CHECKSUM)
        self.forget_snapshots: Final = self._forget_snapshots()
        self.order: Final = self._upsert_order(ORDER.names)
        self.order_event: Final = self._insert(ORDER_EVENT)
        self.trade: Final = self._insert(TRADE)
        self.cash: Final = self._insert(CASH)
        self.report: Final = self._insert(REPORT)
        self.mark_sent: Final = self._mark("sent_time")
        self.mark_answered: Final = self._mark("answered_time")
        self.set_fact: Final = self._set_fact()

    def _insert(self, form: RowForm[Any], *more: str) -> str:
        names = (*form.names, *more)
        return self._text(insert(form.table).values(_binds(names)), names)

    def _upsert_order(self, names: Sequence[str]) -> str:
        """Insert an order, or write over it unless a newer version is there; when it came into being is kept."""
        new = self._dialect_insert(order_state).values(_binds(names))
        changes = {name: new.excluded[name] for name in names if name not in ("local_id", "created_at")}
        not_older = new.excluded.version >= order_state.c.version
        return self._text(new.on_conflict_do_update(index_elements=["local_id"], set_=changes, where=not_older), names)

    def _forget_snapshots(self) -> str:
        """Delete regular snapshots but the last ones; the value is how many are kept.

        What a session began or ended with stays: a replay of another set-up begins there.
        """
        newest = select(func.max(snapshot.c.id)).scalar_subquery()
        return self._text(
            delete(snapshot).where(
                snapshot.c.reason == literal_column(f"'{REGULAR}'"),
                snapshot.c.id <= newest - bindparam("kept", type_=BigInteger),
            ),
            ("kept",),
        )

    def _set_fact(self) -> str:
        """Write a key and its value, over what was there."""
        names = ("key", "value")
        new = self._dialect_insert(meta).values(_binds(names))
        return self._text(new.on_conflict_do_update(index_elements=["key"], set_={"value": new.excluded.value}), names)

    def _mark(self, name: str) -> str:
        """Mark a command; the values are time, sequence, place."""
        change = update(outbox).values({name: bindparam("mark")})
        wanted = change.where(outbox.c.sequence == bindparam("number"), outbox.c.place == bindparam("its_place"))
        return self._text(wanted, ("mark", "number", "its_place"))

    def _text(self, statement: UpdateBase, names: Sequence[str]) -> str:
        compiled: Any = statement.compile(dialect=self._dialect)
        if compiled.positiontup != list(names):
            raise AssertionError(f"{compiled.positiontup} are not {names}")
        return str(compiled)


def _binds(names: Sequence[str]) -> dict[str, Any]:
    return {name: bindparam(name) for name in names}
