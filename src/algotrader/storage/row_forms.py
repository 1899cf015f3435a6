"""Rows of ``records.py`` as values of a table's columns, and back; the column of a field has the field's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Column, Row, Select, Table, select

from algotrader.storage import tables
from algotrader.storage.records import CashRow, JournalEntry, OrderEventRow, OrderRow, OutboxEntry, ReportRow, SnapshotRow, TradeRow
from algotrader.storage.times import UtcTime, to_iso

R = TypeVar("R")


class RowForm(Generic[R]):
    """How rows of one type lie in a table.

    Args:
        table: where.
        kind: the type of the rows, a dataclass.
    """

    def __init__(self, table: Table, kind: type[R]) -> None:
        self.table: Final = table
        self.names: Final = tuple(field.name for field in fields(kind))  # type: ignore[arg-type]
        self._kind: Final[Callable[..., R]] = kind
        self._values: Final = attrgetter(*self.names)
        self._times: Final = [place for place, name in enumerate(self.names) if isinstance(table.c[name].type, UtcTime)]

    def values(self, row: R) -> tuple[Any, ...]:
        """A row as the driver takes it, in the order of ``names``."""
        found: tuple[Any, ...] = self._values(row)
        if not self._times:
            return found
        changed = list(found)
        for place in self._times:
            changed[place] = to_iso(changed[place])
        return tuple(changed)

    @property
    def columns(self) -> list[Column[Any]]:
        """The columns, in the order of ``names``."""
        return [self.table.c[name] for name in self.names]

    def select(self) -> Select[Any]:
        """A query for whole rows, to be narrowed."""
        return select(*self.columns)

    def row(self, found: Row[Any] | Sequence[Any]) -> R:
        """A row of a ``select``; what comes after its columns is left out."""
        return self._kind(*found[: len(self.names)])


ENTRY: Final = RowForm(tables.journal, JournalEntry)
COMMAND: Final = RowForm(tables.outbox, OutboxEntry)
SNAPSHOT: Final = RowForm(tables.snapshot, SnapshotRow)
ORDER: Final = RowForm(tables.order_state, OrderRow)
ORDER_EVENT: Final = RowForm(tables.order_event, OrderEventRow)
TRADE: Final = RowForm(tables.trade, TradeRow)
CASH: Final = RowForm(tables.cash_movement, CashRow)
REPORT: Final = RowForm(tables.activity, ReportRow)
