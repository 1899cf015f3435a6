"""The order desk: the one place that makes orders, cancels them and changes them. What it decides leaves as commands."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core import reports
from algotrader.core.commands import CancelOrder, ReplaceOrder, SubmitOrder
from algotrader.core.orders import Leg, Order, OrderRequest, OrderRole, OrderType, Side, TimeInForce
from algotrader.core.risk import approve
from algotrader.core.state import EngineState, Holding

MAX_CANCEL_ATTEMPTS: Final = 3


@mypyc_attr(acyclic=True)
@final
class Draft:
    """An order to be made. Prices and quantity are scaled integers, 0 means none; the time in force may be left to the market."""

    def __init__(self, side: Side, order_type: OrderType, quantity_raw: int, role: OrderRole) -> None:
        self.side: Final = side
        self.order_type: Final = order_type
        self.quantity_raw: Final = quantity_raw
        self.role: Final = role
        self.time_in_force: TimeInForce | None = None
        self.limit_raw: int = 0
        self.stop_raw: int = 0
        self.trail_raw: int = 0
        self.reduce_only: bool = False
        self.extended_hours: bool = False
        self.attached_stop_raw: int = 0
        self.attached_take_raw: int = 0
        self.oco_group: str = ""
        self.planned_stop_raw: int = 0
        self.planned_take_raw: int = 0


def default_time_in_force(holding: Holding, role: OrderRole) -> TimeInForce:
    """DAY where the market has sessions; good till cancelled around the clock and for protective orders."""
    if role in (OrderRole.STOP_LOSS, OrderRole.TAKE_PROFIT) or holding.instrument.calendar == "24/7":
        return TimeInForce.GTC
    return TimeInForce.DAY


@final
class OrderDesk:
    """Makes, cancels and replaces orders; at most one request is in flight for each."""

    def __init__(self, state: EngineState) -> None:
        self.state: Final = state

    def submit(self, holding: Holding, draft: Draft, correlation_id: str) -> Order:
        """Send an order that the risk checks let pass; it is registered before the command leaves."""
        state = self.state
        request = OrderRequest(
            state.next_order_id(),
            holding.instrument,
            draft.side,
            draft.order_type,
            draft.quantity_raw,
            self._time_in_force(holding, draft),
            draft.limit_raw,
            draft.stop_raw,
            draft.trail_raw,
            draft.reduce_only,
            draft.extended_hours,
            draft.attached_stop_raw,
            draft.attached_take_raw,
            draft.oco_group,
        )
        order = Order(request, holding.owner, draft.role, correlation_id, state.now)
        if draft.role is OrderRole.ENTRY:
            holding.leaving = False
        order.planned_stop_raw = draft.planned_stop_raw
        order.planned_take_raw = draft.planned_take_raw
        self.register(order, holding)
        self.attach(order, holding)
        state.commands.append(SubmitOrder(order.client_order_id, approve(request)))
        order.submit_attempts = 1
        if state.account is not None and not draft.reduce_only and order.sign * holding.quantity_raw >= 0:
            price = draft.limit_raw or max(draft.stop_raw, holding.track.last_raw)
            state.account_spent += draft.quantity_raw * price * holding.instrument.money_factor
        state.report_words(reports.ORDER_SUBMITTED, holding, SubmittedWords(request, draft.role), order)
        return order

    def _time_in_force(self, holding: Holding, draft: Draft) -> TimeInForce:
        if draft.time_in_force is not None:
            return draft.time_in_force
        # Where fractions can only be traded for the day, a protective order for a fraction is placed anew each session.
        if self.state.capabilities.day_only(holding.instrument, draft.quantity_raw):
            return TimeInForce.DAY
        return default_time_in_force(holding, draft.role)

    def register(self, order: Order, holding: Holding) -> None:
        """Make an order known under its id, so that whatever the venue says about it finds it."""
        state = self.state
        state.orders[order.client_order_id] = order
        state.live_orders[order.client_order_id] = order
        holding.track.live_orders += 1
        state.order_holding[order.client_order_id] = holding

    def attach(self, order: Order, holding: Holding) -> None:
        """Make the orders known that come to life with an entry."""
        if order.request.stop_loss_raw:
            holding.stop_order = self._child(order, holding, "-sl", OrderRole.STOP_LOSS)
        if order.request.take_profit_raw:
            holding.take_order = self._child(order, holding, "-tp", OrderRole.TAKE_PROFIT)

    def _child(self, parent: Order, holding: Holding, suffix: str, role: OrderRole) -> Order:
        is_stop = role is OrderRole.STOP_LOSS
        request = OrderRequest(
            parent.client_order_id + suffix,
            holding.instrument,
            Side.SELL if parent.side is Side.BUY else Side.BUY,
            OrderType.STOP if is_stop else OrderType.LIMIT,
            parent.quantity_raw,
            TimeInForce.GTC,
            limit_raw=0 if is_stop else parent.request.take_profit_raw,
            stop_raw=parent.request.stop_loss_raw if is_stop else 0,
            reduce_only=True,
            oco_group=parent.client_order_id if parent.request.take_profit_raw and parent.request.stop_loss_raw else "",
        )
        order = Order(request, holding.owner, role, parent.correlation_id, self.state.now)
        order.parent_id = parent.client_order_id
        order.attached = True
        self.register(order, holding)
        return order

    def cancel(self, order: Order) -> None:
        """Want an order's end; the request leaves as soon as none about it is in flight. An attached order ends with its entry."""
        if order.is_final or order.cancel_requested or (order.attached and not self.state.orders[order.parent_id].is_final):
            return
        order.cancel_requested = True
        self.pursue(order)

    def replace(self, order: Order, quantity_raw: int, limit_raw: int, stop_raw: int) -> None:
        """Want an order changed; a newer wish overwrites one that still waits for the answer to an older request."""
        if order.is_final or order.cancel_requested:
            return
        order.wish_quantity = quantity_raw
        order.wish_limit = limit_raw
        order.wish_stop = stop_raw
        self.pursue(order)

    def pursue(self, order: Order) -> None:
        """Send what is wanted of an order and not asked for yet: its end before its change, one request at a time."""
        if order.is_final or order.is_unknown or order.attached or order.request_in_flight or not self.state.connected:
            return
        if order.cancel_requested:
            order.cancel_leg = order.working_leg.leg_id
            order.cancel_attempts += 1
            self.send_cancel(order, order.working_leg)
        elif order.wish_quantity:
            self._send_wish(order)
        else:
            return
        order.changed_time = self.state.now

    def pursue_all(self) -> None:
        """Send what had to wait while the venue's order stream was down."""
        for order in list(self.state.live_orders.values()):
            self.pursue(order)

    def send_cancel(self, order: Order, leg: Leg) -> None:
        """Ask the venue to end one leg."""
        self.state.commands.append(CancelOrder(leg.leg_id, order.symbol, leg.venue_order_id))

    def _send_wish(self, order: Order) -> None:
        leg = order.working_leg
        if order.target == (leg.quantity_raw, leg.limit_raw, leg.stop_raw):
            order.wish_quantity = 0
            return
        order.replacements += 1
        new = Leg(f"{order.client_order_id}-r{order.replacements}", order.wish_quantity, order.wish_limit, order.wish_stop)
        order.pending_leg = new
        self.state.orders[new.leg_id] = order
        self.state.commands.append(
            ReplaceOrder(
                leg.leg_id,
                order.symbol,
                new.leg_id,
                new.quantity_raw,
                new.limit_raw,
                new.stop_raw,
                venue_order_id=leg.venue_order_id,
            )
        )

    def exiting_quantity(self, holding: Holding) -> int:
        """Quantity that working, in-flight and unknown reducing orders may still take off a position; each OCO group once."""
        total = 0
        counted: list[str] = []
        for order in self.state.live_orders.values():
            if self.state.order_holding[order.client_order_id] is not holding or order.attached:
                continue
            if order.sign * holding.quantity_raw >= 0:
                continue
            group = order.request.oco_group
            if group and group in counted:
                continue
            counted.append(group)
            total += order.remaining_raw
        return total


@mypyc_attr(acyclic=True)
@final
class SubmittedWords(reports.Words):
    """One line that says what an order is."""

    def __init__(self, request: OrderRequest, role: OrderRole) -> None:
        self.request: Final = request
        self.role: Final = role

    def text(self) -> str:
        """Such as ``stop_loss sell 10 AAPL stop 165.40 day``."""
        asked = self.request
        price = asked.instrument.price
        words = [self.role.value, asked.side.value, str(asked.quantity), asked.symbol]
        if asked.order_type is OrderType.MARKET:
            words.append("at market")
        elif asked.order_type is OrderType.TRAILING_STOP:
            words.append(f"trailing stop by {price(asked.trail_raw)}")
        if asked.stop_raw:
            words.append(f"stop {price(asked.stop_raw)}")
        if asked.limit_raw:
            words.append(f"limit {price(asked.limit_raw)}")
        return " ".join([*words, asked.time_in_force.value])
