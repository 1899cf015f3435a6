"""What a venue knows, kept by hand: orders, executions, positions and cash, whatever of it our engine has heard.

``Truth`` carries commands out and gives the events that tell of it; a test delivers them or loses them. ``TruthBroker`` answers
questions from it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.events import (
    CancelRejected,
    Event,
    OrderAccepted,
    OrderCancel,
    OrderEvent,
    OrderExpired,
    OrderFill,
    OrderReject,
    OrderReplaced,
    ReplaceRejected,
)
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities
from algotrader.core.orders import FINAL_STATES, OrderState, Side
from algotrader.core.scaled import div_half_even, money
from algotrader.venues.protocols import AccountInfo, AccountPicture, Broker, OrderStatus, VenueFill, VenuePosition


@dataclass(slots=True)
class Record:
    """One order at the venue."""

    name: str
    venue_id: str
    instrument: Instrument
    side: Side
    quantity: int
    reduce_only: bool = False
    state: OrderState = OrderState.ACCEPTED
    filled: int = 0
    value: int = 0
    limit: int = 0
    stop: int = 0
    replaced_by: str = ""
    attached_to: str = ""
    updated: int = 0

    @property
    def open(self) -> bool:
        return self.state not in FINAL_STATES

    @property
    def held(self) -> bool:
        """It waits for its entry."""
        return self.state is OrderState.PENDING_SUBMIT

    @property
    def sign(self) -> int:
        return 1 if self.side is Side.BUY else -1

    def status(self) -> OrderStatus:
        average = div_half_even(self.value, self.filled) if self.filled else 0
        return OrderStatus(
            self.name,
            self.venue_id,
            self.instrument.symbol,
            self.side,
            self.quantity,
            self.filled,
            average,
            self.state,
            self.limit,
            self.stop,
            self.replaced_by,
            self.attached_to,
            "",
            0,
            self.updated,
        )


class Truth:
    """A venue that does what it is told."""

    def __init__(self, instruments: Sequence[Instrument], cash: int = 1_000_000) -> None:
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.cash = money(Decimal(cash))
        self.orders: dict[str, Record] = {}
        self.fills: list[VenueFill] = []
        self.late: list[VenueFill] = []
        self.held: dict[str, int] = {}
        self.now = 0
        self._ids = 0

    # What happens there

    def carry_out(self, command: Command) -> list[OrderEvent]:
        """Do what a command says; gives what is told of it."""
        if isinstance(command, SubmitOrder):
            return self._submit(command)
        if isinstance(command, ReplaceOrder):
            return self._replace(command)
        assert isinstance(command, CancelOrder)
        record = self.orders.get(command.client_order_id)
        if record is None or not record.open:
            return [CancelRejected(self.now, command.client_order_id, "not open")]
        return self.end(record, OrderState.CANCELED)

    def _new(self, record: Record) -> Record:
        self._ids += 1
        record.venue_id = f"v{self._ids}"
        record.updated = self.now
        self.orders[record.name] = record
        return record

    def _submit(self, command: SubmitOrder) -> list[OrderEvent]:
        asked = command.request
        if asked.client_order_id in self.orders:
            return [OrderReject(self.now, asked.client_order_id, "known", "duplicate_id")]
        record = Record(asked.client_order_id, "", asked.instrument, asked.side, asked.quantity_raw, asked.reduce_only)
        record.limit, record.stop = asked.limit_raw, asked.stop_raw
        self._new(record)
        other = Side.SELL if asked.side is Side.BUY else Side.BUY
        for suffix, price in (("-sl", asked.stop_loss_raw), ("-tp", asked.take_profit_raw)):
            if price:
                child = Record(record.name + suffix, "", asked.instrument, other, asked.quantity_raw, True)
                child.state, child.attached_to, child.stop = OrderState.PENDING_SUBMIT, record.name, price
                self._new(child)
        return [OrderAccepted(self.now, record.name, record.venue_id)]

    def _replace(self, command: ReplaceOrder) -> list[OrderEvent]:
        old = self.orders.get(command.client_order_id)
        if old is None or not old.open or command.quantity_raw <= old.filled:
            return [ReplaceRejected(self.now, command.new_client_order_id, "too late", "too_late")]
        new = Record(command.new_client_order_id, "", old.instrument, old.side, command.quantity_raw, old.reduce_only, old.state)
        new.filled, new.value = old.filled, old.value
        new.limit, new.stop = command.limit_raw or old.limit, command.stop_raw or old.stop
        self._new(new)
        old.state, old.replaced_by, old.updated = OrderState.CANCELED, new.name, self.now
        return [OrderReplaced(self.now, old.name, new.name, new.venue_id)]

    def fill(self, record: Record, quantity: int, price: int, commission: int = 0, *, late: bool = False) -> list[OrderEvent]:
        """Execute an order as far as it may be; what reduces never opens. Late ones are among the executions only afterwards."""
        if not record.open or record.held:
            return []
        symbol = record.instrument.symbol
        if record.reduce_only:
            quantity = min(quantity, max(-record.sign * self.held.get(symbol, 0), 0))
            if quantity == 0:
                return self.end(record, OrderState.CANCELED)
        quantity = min(quantity, record.quantity - record.filled)
        record.filled += quantity
        record.value += quantity * price
        record.state = OrderState.FILLED if record.filled == record.quantity else OrderState.PARTIALLY_FILLED
        record.updated = self.now
        events: list[OrderEvent] = [self.execute(record.name, record.venue_id, symbol, record.side, quantity, price, commission)]
        if late:
            self.late.append(self.fills.pop())
        if not record.open:
            events += self._wake(record)
        return events

    def execute(
        self,
        name: str,
        venue_id: str,
        symbol: str,
        side: Side,
        quantity: int,
        price: int,
        commission: int = 0,
        *,
        listed: bool = True,
    ) -> OrderFill:
        """An execution moves position and cash; one that is not listed leaves no trace but these."""
        self._ids += 1
        sign = 1 if side is Side.BUY else -1
        self.held[symbol] = self.held.get(symbol, 0) + sign * quantity
        self.cash -= sign * self.instruments[symbol].notional(price, quantity) + commission
        fill = VenueFill(f"x{self._ids}", name, venue_id, symbol, side, price, quantity, commission, self.now)
        if listed:
            self.fills.append(fill)
        return OrderFill(self.now, name, fill.fill_id, symbol, side, price, quantity, commission, venue_id)

    def list_late(self) -> None:
        """The list of executions has caught up."""
        self.fills += self.late
        self.late = []

    def _wake(self, parent: Record) -> list[OrderEvent]:
        told: list[OrderEvent] = []
        for child in self.orders.values():
            if child.attached_to == parent.name and child.held:
                child.state, child.updated = OrderState.ACCEPTED, self.now
                told.append(OrderAccepted(self.now, child.name, child.venue_id))
        return told

    def end(self, record: Record, state: OrderState) -> list[OrderEvent]:
        """An order's end, and that of what waits for it."""
        record.state, record.updated = state, self.now
        told: list[OrderEvent] = [
            OrderExpired(self.now, record.name)
            if state is OrderState.EXPIRED
            else OrderReject(self.now, record.name, "no")
            if state is OrderState.REJECTED
            else OrderCancel(self.now, record.name)
        ]
        for child in self.orders.values():
            if child.attached_to == record.name and child.held:
                child.state, child.updated = OrderState.CANCELED, self.now
                told.append(OrderCancel(self.now, child.name))
        return told

    # What can be asked

    def working(self) -> list[Record]:
        """Open orders but those that wait for their entry."""
        return [record for record in self.orders.values() if record.open and not record.held]

    def account(self) -> AccountInfo:
        return AccountInfo(money(Decimal(1_000_000)), self.cash, money(Decimal(4_000_000)))

    def positions(self) -> tuple[VenuePosition, ...]:
        return tuple(VenuePosition(symbol, quantity, 1_000_000) for symbol, quantity in self.held.items() if quantity)

    def picture(self, time: int, *, since: int = 0) -> AccountPicture:
        """Everything at once."""
        statuses = [record.status() for record in self.orders.values()]
        return AccountPicture(
            time,
            self.account(),
            self.positions(),
            tuple(status for status in statuses if status.state not in FINAL_STATES),
            tuple(statuses),
            tuple(fill for fill in self.fills if fill.time >= since),
        )


class TruthBroker(Broker):
    """Answers from the truth; ``faults`` are raised by the next questions, one each."""

    def __init__(self, truth: Truth, capabilities: VenueCapabilities = GENERIC) -> None:
        self.name = "TRUTH"
        self.capabilities = capabilities
        self.truth = truth
        self.faults: list[Exception] = []
        self.asked: list[str] = []

    def _ask(self, question: str) -> Truth:
        self.asked.append(question)
        if self.faults:
            raise self.faults.pop(0)
        return self.truth

    async def connect(self) -> None:
        pass

    async def disconnect(self) -> None:
        pass

    async def events(self) -> AsyncIterator[Event]:
        for event in list[Event]():
            yield event

    async def submit(self, command: SubmitOrder) -> OrderStatus:
        self._ask("submit").carry_out(command)
        return self.truth.orders[command.client_order_id].status()

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> None:
        self._ask("cancel").carry_out(CancelOrder(client_order_id, symbol, venue_order_id))

    async def replace(self, command: ReplaceOrder) -> OrderStatus:
        self._ask("replace").carry_out(command)
        return self.truth.orders[command.new_client_order_id].status()

    async def order(self, client_order_id: str, symbol: str) -> OrderStatus | None:
        record = self._ask("order").orders.get(client_order_id)
        return None if record is None else record.status()

    async def open_orders(self) -> Sequence[OrderStatus]:
        return self._ask("open_orders").picture(0).open_orders

    async def recent_orders(self, since: int) -> Sequence[OrderStatus]:
        return [status for status in self._ask("recent_orders").picture(0).recent_orders if status.updated_time >= since]

    async def fills(self, since: int) -> Sequence[VenueFill]:
        return self._ask("fills").picture(0, since=since).fills

    async def positions(self) -> Sequence[VenuePosition]:
        return self._ask("positions").positions()

    async def account(self) -> AccountInfo:
        return self._ask("account").account()
