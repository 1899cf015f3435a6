"""What an account did after its last snapshot, brought into its books without the strategies that decided it.

Every event of the journal is handled by an engine without strategies, whose order stream counts as down, so that it asks for
nothing; the orders and requests that really left are those of the outbox, and they are entered as they were stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final

from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.events import ConnectionChanged, Event, OperatorCommand
from algotrader.core.instruments import Instrument
from algotrader.core.orders import Leg, Order, OrderRequest, OrderRole
from algotrader.core.state import EXTERNAL, PROTECT_EMERGENCY, PROTECT_NONE, Holding
from algotrader.storage.codec import decode_command, decode_event
from algotrader.storage.records import JournalEntry, OrderRow, OutboxEntry, Store, StoreFailed
from algotrader.storage.shapes import DamagedRecord
from algotrader.storage.stored_books import Books


def event_of(entry: JournalEntry, instruments: Mapping[str, Instrument]) -> Event:
    """The event of an entry.

    Raises:
        StoreFailed: this program cannot read it.
    """
    try:
        return decode_event(entry.kind, entry.payload, instruments)
    except DamagedRecord as error:
        raise StoreFailed(f"journal entry {entry.sequence} cannot be read: {error}; restore a backup") from error


def command_of(entry: OutboxEntry, instruments: Mapping[str, Instrument]) -> Command:
    """The command of an entry.

    Raises:
        StoreFailed: this program cannot read it.
    """
    try:
        return decode_command(entry.kind, entry.payload, instruments)
    except DamagedRecord as error:
        raise StoreFailed(f"the command of event {entry.sequence} cannot be read: {error}; restore a backup") from error


def add_tail(books: Books, store: Store, after: int, instruments: Mapping[str, Instrument]) -> JournalEntry | None:
    """Bring books to where the journal ends; gives its last entry.

    Args:
        books: as of the snapshot.
        store: the account's database.
        after: number of the last event that the books know.
        instruments: those of the session, besides those of the books.

    Raises:
        StoreFailed: the journal is damaged.
    """
    state = books.engine.state
    known = {**instruments, **{track.instrument.symbol: track.instrument for track in state.tracks}}
    said = {key: list(group) for key, group in groupby(store.commands(after), key=lambda entry: entry.sequence)}
    desk = _StoredDesk(books, store.orders(after))
    state.connected = False
    last: JournalEntry | None = None
    for last in store.journal(after):
        event = event_of(last, known)
        _switch(books, event)
        if not isinstance(event, ConnectionChanged):
            books.engine.handle(event)
        for entry in said.get(last.sequence, []):
            desk.enter(command_of(entry, known), last.time)
        # The engine's own wishes came to nothing: what left is in the outbox.
        books.engine.take_commands()
        books.engine.take_reports()
    return last


def _switch(books: Books, event: Event) -> None:
    if isinstance(event, OperatorCommand) and event.action in ("enable", "disable"):
        books.disabled = [owner for owner in books.disabled if owner != event.owner]
        if event.action == "disable":
            books.disabled.append(event.owner)


class _StoredDesk:
    """Enters commands that have left into books."""

    def __init__(self, books: Books, rows: Sequence[OrderRow]) -> None:
        self._engine: Final = books.engine
        self._state: Final = books.engine.state
        self._rows: Final = {row.local_id: row for row in rows}

    def enter(self, command: Command, time: int) -> None:
        """Enter one command; what the books know already stays as it is."""
        if isinstance(command, SubmitOrder):
            self._submit(command.request, time)
        elif isinstance(command, CancelOrder):
            self._cancel(command)
        elif isinstance(command, ReplaceOrder):
            self._replace(command)

    def _submit(self, request: OrderRequest, time: int) -> None:
        row, state = self._rows.get(request.client_order_id), self._state
        if row is None or request.client_order_id in state.orders:
            return
        holding = self._holding(row.strategy, request)
        order = Order(request, row.strategy, OrderRole(row.order_role), row.correlation_id, time)
        order.submit_attempts = 1
        if row.planned_stop_price:
            order.planned_stop_raw = request.instrument.price_raw(Decimal(row.planned_stop_price))
        # What is attached to it may have no price of its own in its row.
        order.planned_take_raw = request.take_profit_raw
        self._engine.desk.register(order, holding)
        self._engine.desk.attach(order, holding)
        _take_up(holding, order)
        state.order_count = max(state.order_count, _number(request.client_order_id, state.id_prefix))
        state.correlation_count = max(state.correlation_count, _number(row.correlation_id, f"{state.id_prefix}c"))

    def _holding(self, owner: str, request: OrderRequest) -> Holding:
        track = self._state.by_symbol[request.symbol]
        return self._state.holding(None, owner, track, PROTECT_NONE if owner == EXTERNAL else PROTECT_EMERGENCY)

    def _cancel(self, command: CancelOrder) -> None:
        order = self._state.orders.get(command.client_order_id)
        if order is None:
            return
        if order.is_final:
            order.recalled = True
        else:
            order.cancel_requested, order.cancel_leg = True, command.client_order_id
            order.cancel_attempts += 1

    def _replace(self, command: ReplaceOrder) -> None:
        state = self._state
        order = state.orders.get(command.client_order_id)
        if order is None or command.new_client_order_id in state.orders:
            return
        order.replacements = max(order.replacements, _number(command.new_client_order_id, f"{order.client_order_id}-r"))
        order.wish_quantity, order.wish_limit, order.wish_stop = command.quantity_raw, command.limit_raw, command.stop_raw
        order.pending_leg = Leg(command.new_client_order_id, command.quantity_raw, command.limit_raw, command.stop_raw)
        state.orders[command.new_client_order_id] = order
        holding = state.order_holding[order.client_order_id]
        if order is holding.stop_order:
            holding.stop_raw = command.stop_raw
        elif order is holding.take_order:
            holding.take_raw = command.limit_raw


def _take_up(holding: Holding, order: Order) -> None:
    """Give an order its place in the holding that it works for."""
    if order.role is OrderRole.ENTRY:
        holding.entry_order = order
        holding.leaving = False
    elif order.role is OrderRole.STOP_LOSS:
        holding.stop_order = order
        holding.stop_raw = order.stop_raw
        holding.stop_attempts += 1
    elif order.role is OrderRole.TAKE_PROFIT:
        holding.take_order = order
        holding.take_raw = order.limit_raw
        holding.take_attempts += 1
    elif order.role is OrderRole.EXIT:
        holding.exit_order = order
        holding.exit_reason = holding.exit_reason or "exit"
        holding.exit_quantity_raw = max(holding.exit_quantity_raw, order.quantity_raw)
    else:
        holding.plain_orders.append(order)


def _number(name: str, start: str) -> int:
    """The number at the end of an id that we have made; 0 for any other."""
    rest = name.removeprefix(start)
    return int(rest) if name.startswith(start) and rest.isdigit() else 0
