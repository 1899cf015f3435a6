"""The rows that people read, from what each event did: orders as they stand, what happened to them, round trips, cash, activity.

They go into the batch of the event that they follow from, so that they are in the database together with it or not at all. What
has been written before is kept in mind; after a restart that is what the engine knows once its journal has been replayed.
"""

from __future__ import annotations

from typing import Final

from algotrader.core.engine import Engine
from algotrader.core.events import LANE_MARKET, LANE_TIMERS, CashMovement, Dividend, Event, OrderEvent, Split
from algotrader.core.inbox_order import Stamped
from algotrader.core.ledger import RoundTrip
from algotrader.core.orders import Order
from algotrader.core.reports import TRADE_REVISED, Report
from algotrader.core.scaled import from_money
from algotrader.core.state import EXTERNAL
from algotrader.live.activity import Activity
from algotrader.live.order_rows import Known, happenings, known, order_row, plain, stranger_row
from algotrader.live.trade_rows import trade_row
from algotrader.storage.records import Batch, CashRow

FORGET_BEYOND: Final = 1_000
"""How many orders may be kept in mind that the engine has forgotten."""


class AccountRows:
    """Adds rows to the batches of one engine's kernel.

    Args:
        engine: set up, and brought to where the journal ends; what it knows by then is in the database already.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine: Final = engine
        self._orders: dict[str, Known] = {}
        self._trips: dict[str, RoundTrip] = {}
        self._cash: dict[tuple[str, str], int] = {}
        self._booked = 0
        self._activity: Final = Activity()
        self.prime()

    def prime(self) -> None:
        """Take what the engine knows now for written."""
        state = self._engine.state
        self._orders = {order.client_order_id: known(order) for order in state.orders.values()}
        self._trips = {trip.trip_id: trip for trip in state.ledger.trips if trip.owner != EXTERNAL}
        self._cash = dict(state.ledger.cash)
        self._booked = state.ledger.sequence

    def add(self, batch: Batch, stamped: Stamped, reports: list[Report]) -> None:
        """Add what an event led to; called after the engine has handled it and its commands are in the batch's outbox."""
        lane = stamped.event.lane
        quiet = lane in (LANE_MARKET, LANE_TIMERS)
        sent = _sent_by(batch, stamped.sequence)
        if quiet and not reports and not sent:
            return
        self._add_orders(batch, stamped, reports, sent)
        self._add_trades(batch, stamped.sequence, reports)
        if not quiet:
            self._add_cash(batch, stamped)
        for report in reports:
            row = self._activity.row(report)
            if row is not None:
                batch.reports.append(row)

    # ------------------------------------------------------------------ orders

    def _add_orders(self, batch: Batch, stamped: Stamped, reports: list[Report], sent: list[str]) -> None:
        event = stamped.event
        subject = self._engine.state.orders.get(event.client_order_id) if isinstance(event, OrderEvent) else None
        if subject is None and isinstance(event, OrderEvent):
            batch.order_events.append(stranger_row(event, stamped))
        for order in self._touched(event, reports, sent):
            before, now = self._orders.get(order.client_order_id), known(order)
            batch.order_events += happenings(order, before, now, stamped, order is subject)
            if before != now:
                batch.orders.append(order_row(order, stamped))
                self._orders[order.client_order_id] = now
        if len(self._orders) > len(self._engine.state.orders) + FORGET_BEYOND:
            self._orders = {name: kept for name, kept in self._orders.items() if name in self._engine.state.orders}

    def _touched(self, event: Event, reports: list[Report], sent: list[str]) -> list[Order]:
        """Orders that may have changed, each once, those that the event is about first."""
        state = self._engine.state
        names = [event.client_order_id] if isinstance(event, OrderEvent) else []
        found: dict[str, Order] = {}
        for name in [*names, *[report.order_id for report in reports], *sent]:
            order = state.orders.get(name)
            if order is not None:
                self._take(found, order)
        if not names and event.lane not in (LANE_MARKET, LANE_TIMERS):
            for order in list(state.live_orders.values()):
                found.setdefault(order.client_order_id, order)
        return list(found.values())

    def _take(self, found: dict[str, Order], order: Order) -> None:
        """An order, and what is attached to it: that follows it without a word of its own."""
        found.setdefault(order.client_order_id, order)
        for suffix in ("-sl", "-tp"):
            child = self._engine.state.orders.get(order.client_order_id + suffix)
            if child is not None:
                found.setdefault(child.client_order_id, child)

    # ------------------------------------------------------------------ round trips and cash

    def _add_trades(self, batch: Batch, sequence: int, reports: list[Report]) -> None:
        ledger = self._engine.state.ledger
        if ledger.sequence != self._booked:
            ended: list[RoundTrip] = []
            for trip in reversed(ledger.trips):
                if trip.sequence <= self._booked:
                    break
                ended.append(trip)
            self._booked = ledger.sequence
            for trip in reversed(ended):
                self._add_trade(batch, trip, sequence)
        for report in reports:
            if report.kind == TRADE_REVISED:
                position = ledger.positions.get((report.owner, report.symbol))
                for trip in position.trips if position is not None else ():
                    self._add_trade(batch, trip, sequence)

    def _add_trade(self, batch: Batch, trip: RoundTrip, sequence: int) -> None:
        """Write a round trip that is new, or whose executions were changed; rows that are there already stay as they are."""
        # What a person opened and closed is no trade of ours.
        if trip.owner == EXTERNAL:
            return
        if self._trips.get(trip.trip_id) == trip:
            return
        self._trips[trip.trip_id] = trip
        batch.trades.append(trade_row(trip, sequence))

    def _add_cash(self, batch: Batch, stamped: Stamped) -> None:
        """Whatever moved cash and was not an execution."""
        event, cash = stamped.event, self._engine.state.ledger.cash
        if not isinstance(event, OrderEvent):
            for (venue, currency), amount in cash.items():
                moved = amount - self._cash.get((venue, currency), 0)
                if moved:
                    symbol = getattr(event, "symbol", "")
                    batch.cash.append(CashRow(stamped.time, _kind_of_cash(event), currency, plain(from_money(moved)), symbol))
        self._cash = dict(cash)


def _sent_by(batch: Batch, sequence: int) -> list[str]:
    """Ids in the commands of an event, in their order."""
    names: list[str] = []
    for entry in reversed(batch.outbox):
        if entry.sequence != sequence:
            break
        names.append(entry.client_order_id)
    return names[::-1]


def _kind_of_cash(event: Event) -> str:
    if isinstance(event, CashMovement):
        return event.kind
    if isinstance(event, Dividend):
        return "dividend"
    return "cash_in_lieu" if isinstance(event, Split) else "reconciliation"
