"""A venue for tests of the way to it: orders rest until the test says otherwise; every request meets the fault in store for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from algotrader.core.commands import (
    REFUSED_DUPLICATE,
    REFUSED_NOT_FOUND,
    REFUSED_TOO_LATE,
    ApprovedOrder,
    CancelOrder,
    ReplaceOrder,
    SubmitOrder,
)
from algotrader.core.events import Event, OrderAccepted, OrderCancel, OrderFill, OrderReplaced
from algotrader.core.instruments import ALPACA_LIKE, equity
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import FINAL_STATES, OrderRequest, OrderState, OrderType, Side
from algotrader.core.risk import approve
from algotrader.live.clock import Clock
from algotrader.venues.protocols import (
    AccountInfo,
    Broker,
    NotAllowed,
    NotSent,
    OrderStatus,
    Refused,
    Throttled,
    Unanswered,
    VenueFill,
    VenuePosition,
)

AAPL: Final = equity("AAPL")
START: Final = 1_764_167_400 * NS_PER_SECOND

FINE: Final = "fine"
NOT_SENT: Final = "not sent"
LOST: Final = "lost"
ANSWER_LOST: Final = "answer lost"
ARRIVES_LATE: Final = "arrives late"
MUTE: Final = "mute"
MUTE_BUT_DONE: Final = "mute but done"
SLOW: Final = "slow"
THROTTLED: Final = "throttled"
REFUSED: Final = "refused"
NOT_ALLOWED: Final = "not allowed"
BROKEN: Final = "broken"
FAULTS: Final = (
    FINE,
    NOT_SENT,
    LOST,
    ANSWER_LOST,
    ARRIVES_LATE,
    MUTE,
    MUTE_BUT_DONE,
    SLOW,
    THROTTLED,
    REFUSED,
    NOT_ALLOWED,
    BROKEN,
)
_BEFORE: Final = (NOT_SENT, LOST, MUTE, THROTTLED, REFUSED, NOT_ALLOWED, BROKEN, ARRIVES_LATE)


def submit(order_id: str, *, reduce_only: bool = False, quantity: int = 100, side: Side = Side.BUY) -> SubmitOrder:
    """An approved market order."""
    return SubmitOrder(order_id, approve(OrderRequest(order_id, AAPL, side, OrderType.MARKET, quantity, reduce_only=reduce_only)))


def stop(order_id: str, quantity: int = 100) -> SubmitOrder:
    """An approved protective stop."""
    request = OrderRequest(order_id, AAPL, Side.SELL, OrderType.STOP, quantity, stop_raw=980_000, reduce_only=True)
    return SubmitOrder(order_id, approve(request))


def cancel(order_id: str) -> CancelOrder:
    """Ask for an order's end."""
    return CancelOrder(order_id, "AAPL", "v-" + order_id)


def change(old: str, new: str, quantity: int = 100, stop_raw: int = 990_000) -> ReplaceOrder:
    """Ask for a new leg."""
    return ReplaceOrder(old, "AAPL", new, quantity, 0, stop_raw, "v-" + old)


@dataclass(slots=True)
class Script:
    """What happens to the requests of one kind: a fault for each in turn, then the last one for ever; ``seconds`` for slow ones."""

    faults: deque[str] = field(default_factory=deque)
    for_ever: str = FINE
    seconds: float = 3.0
    code: str = "buying_power"
    retry_after: float | None = 2.0

    def next(self) -> str:
        """The fault whose turn it is."""
        return self.faults.popleft() if self.faults else self.for_ever


class ScriptedBroker(Broker):
    """Keeps orders in memory. ``log`` has every request as (time, kind, id); ``worked`` every id that it took, in order."""

    name = "scripted"
    capabilities = ALPACA_LIKE

    def __init__(self, clock: Clock, put: Callable[[Event], None] | None = None, *, unique: bool = True) -> None:
        self.clock = clock
        self.put = put
        self.ids_unique_for_ever = unique
        self.scripts: dict[str, Script] = {}
        self.orders: dict[str, OrderStatus] = {}
        self.executions: list[VenueFill] = []
        self.hidden_fills = 0
        self.fills_at_once: int = 0
        self.log: list[tuple[int, str, str]] = []
        self.worked: list[str] = []
        self.asked: dict[str, OrderRequest] = {}
        self.at_once = 0
        self.most_at_once = 0
        self.info = AccountInfo(1, 1, 1)
        self.late: list[asyncio.Task[None]] = []

    # what a test says

    def script(self, kind: str, *faults: str, for_ever: str = FINE, seconds: float = 3.0, code: str = "buying_power") -> None:
        """Put faults in store for ``submit``, ``cancel``, ``replace``, ``order``, ``fills``, ``account`` or ``positions``."""
        self.scripts[kind] = Script(deque(faults), for_ever, seconds, code)

    def fill(self, order_id: str, quantity: int, *, told: bool = True, fill_id: str = "") -> None:
        """Execute a part of an order."""
        old = self.orders[order_id]
        name = fill_id or f"f{len(self.executions) + 1}"
        now = self.clock.now()
        self.executions.append(VenueFill(name, order_id, old.venue_order_id, old.symbol, old.side, 1_000_000, quantity, 0, now))
        filled = old.filled_raw + quantity
        state = OrderState.FILLED if filled >= old.quantity_raw else OrderState.PARTIALLY_FILLED
        state = old.state if old.state in FINAL_STATES else state
        self.orders[order_id] = replace(old, filled_raw=filled, average_raw=1_000_000, state=state)
        if told:
            self.tell(OrderFill(now, order_id, name, old.symbol, old.side, 1_000_000, quantity, 0, old.venue_order_id))

    def end(self, order_id: str, state: OrderState, *, told: bool = True, replaced_by: str = "") -> None:
        """End an order."""
        self.orders[order_id] = replace(self.orders[order_id], state=state, replaced_by=replaced_by)
        if told and state is OrderState.CANCELED:
            self.tell(OrderCancel(self.clock.now(), order_id))

    def tell(self, event: Event) -> None:
        """Say something on the order stream."""
        if self.put is not None:
            self.put(event)

    # requests

    async def _meet(self, kind: str, order_id: str, act: Callable[[], None] = lambda: None) -> None:
        """Let a request meet its fault."""
        self.log.append((self.clock.now(), kind, order_id))
        script = self.scripts.get(kind) or Script()
        fault = script.next()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if fault not in _BEFORE:
                act()
            await self._suffer(fault, script, act)
        finally:
            self.at_once -= 1

    async def _suffer(self, fault: str, script: Script, act: Callable[[], None]) -> None:
        if fault in (MUTE, MUTE_BUT_DONE):
            await self.clock.sleep(86_400)
        if fault == SLOW:
            await self.clock.sleep(script.seconds)
        if fault == ARRIVES_LATE:
            self.late.append(asyncio.create_task(self._later(script.seconds, act)))
        errors: dict[str, Exception] = {
            NOT_SENT: NotSent("no connection"),
            LOST: Unanswered("connection reset"),
            ANSWER_LOST: Unanswered("connection reset"),
            ARRIVES_LATE: Unanswered("502"),
            THROTTLED: Throttled("too many", script.retry_after),
            REFUSED: Refused("no", script.code),
            NOT_ALLOWED: NotAllowed("401"),
            BROKEN: KeyError("status"),
        }
        if fault in errors:
            raise errors[fault]

    async def _later(self, seconds: float, act: Callable[[], None]) -> None:
        await self.clock.sleep(seconds)
        try:
            act()
        except Refused:
            return

    async def connect(self) -> None:
        return

    async def disconnect(self) -> None:
        return

    async def events(self) -> AsyncIterator[Event]:
        nothing: list[Event] = []
        for event in nothing:
            yield event

    async def submit(self, command: SubmitOrder) -> OrderStatus:
        assert isinstance(command.order, ApprovedOrder)
        await self._meet("submit", command.client_order_id, lambda: self._accept(command))
        return self.orders[command.client_order_id]

    def _accept(self, command: SubmitOrder) -> None:
        name, asked = command.client_order_id, command.request
        if name in self.orders:
            raise Refused("client order id must be unique", REFUSED_DUPLICATE)
        self.worked.append(name)
        self.asked[name] = asked
        self.orders[name] = OrderStatus(
            name, "v-" + name, asked.symbol, asked.side, asked.quantity_raw, 0, 0, OrderState.ACCEPTED, 0, asked.stop_raw
        )
        self.tell(OrderAccepted(self.clock.now(), name, "v-" + name))
        if self.fills_at_once:
            self.fill(name, self.fills_at_once)

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> None:
        await self._meet("cancel", client_order_id, lambda: self._cancel(client_order_id))

    def _cancel(self, order_id: str) -> None:
        order = self.orders.get(order_id)
        if order is None:
            raise Refused("no such order", REFUSED_NOT_FOUND)
        if order.state in FINAL_STATES:
            raise Refused("it is over", REFUSED_TOO_LATE)
        self.end(order_id, OrderState.CANCELED)

    async def replace(self, command: ReplaceOrder) -> OrderStatus:
        await self._meet("replace", command.new_client_order_id, lambda: self._replace(command))
        return self.orders[command.new_client_order_id]

    def _replace(self, command: ReplaceOrder) -> None:
        old, new = command.client_order_id, command.new_client_order_id
        if new in self.orders:
            raise Refused("client order id must be unique", REFUSED_DUPLICATE)
        if old not in self.orders:
            raise Refused("no such order", REFUSED_NOT_FOUND)
        if self.orders[old].state in FINAL_STATES:
            raise Refused("it is over", REFUSED_TOO_LATE)
        self.worked.append(new)
        self.orders[new] = replace(
            self.orders[old],
            client_order_id=new,
            venue_order_id="v-" + new,
            quantity_raw=command.quantity_raw,
            stop_raw=command.stop_raw,
        )
        self.end(old, OrderState.CANCELED, told=False, replaced_by=new)
        self.tell(OrderReplaced(self.clock.now(), old, new, "v-" + new))

    async def order(self, client_order_id: str, symbol: str) -> OrderStatus | None:
        await self._meet("order", client_order_id)
        return self.orders.get(client_order_id)

    async def open_orders(self) -> Sequence[OrderStatus]:
        return [order for order in self.orders.values() if order.state not in FINAL_STATES]

    async def recent_orders(self, since: int) -> Sequence[OrderStatus]:
        return list(self.orders.values())

    async def fills(self, since: int) -> Sequence[VenueFill]:
        await self._meet("fills", "")
        shown = self.executions
        if self.hidden_fills:
            self.hidden_fills -= 1
            shown = shown[:-1]
        return [fill for fill in shown if fill.time >= since]

    async def positions(self) -> Sequence[VenuePosition]:
        await self._meet("positions", "")
        return []

    async def account(self) -> AccountInfo:
        await self._meet("account", "")
        return self.info

    # what a test reads

    def requests(self, kind: str) -> list[str]:
        """The ids of the requests of one kind, in order."""
        return [name for _, what, name in self.log if what == kind]

    def seconds(self, kind: str, since: int = START) -> list[float]:
        """When requests of one kind came, in seconds since the start."""
        return [round((time - since) / NS_PER_SECOND, 3) for time, what, _ in self.log if what == kind]
