"""The engine rig, with the rows that every event leads to."""

from __future__ import annotations

from typing import Any

from engine_rig import Rig

from algotrader.core.events import Event
from algotrader.core.inbox_order import Stamped
from algotrader.live.rows import AccountRows
from algotrader.storage.records import Batch, OrderEventRow, OrderRow, OutboxEntry


class RowsRig(Rig):
    """Gathers all rows in one batch, numbered as a kernel would number the events."""

    def __init__(self, *positional: Any, **arguments: Any) -> None:
        super().__init__(*positional, **arguments)
        self.engine.take_reports()
        self.rows = AccountRows(self.engine)
        self.batch = Batch()
        self.sequence = 0

    def send(self, event: Event) -> None:
        self.sequence += 1
        before = len(self.engine.state.commands)
        self.engine.handle(event)
        self.now = max(self.now, event.time)
        reports = self.engine.take_reports()
        self.reports += reports
        for place, command in enumerate(self.engine.state.commands[before:]):
            self.batch.outbox.append(OutboxEntry(self.sequence, place, command.name, command.client_order_id, b""))
        self.rows.add(self.batch, Stamped(self.sequence, self.now, event), reports)

    def restart(self) -> None:
        """Begin anew with the rows that are written, as after a replay of the journal."""
        self.rows = AccountRows(self.engine)

    def row(self, order_id: str) -> OrderRow:
        """An order's newest row."""
        return [row for row in self.batch.orders if row.local_id == order_id][-1]

    def story(self, order_id: str) -> list[str]:
        """What happened to an order: name, old and new state."""
        return [f"{row.event_type} {row.old_state or '-'}>{row.new_state or '-'}" for row in self.events(order_id)]

    def names(self, order_id: str) -> list[str]:
        """What happened to an order: names only."""
        return [row.event_type for row in self.events(order_id)]

    def events(self, order_id: str) -> list[OrderEventRow]:
        """The rows of what happened to an order."""
        return [row for row in self.batch.order_events if row.order_local_id == order_id]
