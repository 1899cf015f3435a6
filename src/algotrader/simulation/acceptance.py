"""What the venue refuses, and why: its capabilities, its increments, and what the account holds."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.commands import (
    REFUSED_BUYING_POWER,
    REFUSED_DUPLICATE,
    REFUSED_INSUFFICIENT_QUANTITY,
    REFUSED_OPPOSING_ORDER,
    REFUSED_REDUCE_ONLY,
    REFUSED_SHORT,
    REFUSED_THROUGH_MARKET,
    REFUSED_TOO_LATE,
    REFUSED_UNSUPPORTED,
    ReplaceOrder,
)
from algotrader.core.instruments import Instrument
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.simulation.costs import charged
from algotrader.simulation.execution import Execution
from algotrader.simulation.matching import beyond
from algotrader.simulation.working import WorkingOrder

_TRIGGERED_TYPES: Final = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


@mypyc_attr(acyclic=True)
@final
class Refusal:
    """Why a request is refused: a sentence for people and a code of ``commands.REFUSALS``."""

    def __init__(self, code: str, reason: str) -> None:
        self.code: Final = code
        self.reason: Final = reason


@final
class Acceptance:
    """Checks requests against the venue's rules, cheapest first; the first fault found is the answer."""

    def __init__(self, execution: Execution) -> None:
        self.execution: Final = execution
        self.capabilities: Final = execution.capabilities

    def refusal(self, request: OrderRequest, index: int) -> Refusal | None:
        """Why a new order is refused; None when it is accepted."""
        if self.execution.book.knows(request.client_order_id):
            return Refusal(REFUSED_DUPLICATE, f"the id {request.client_order_id} was used before")
        fault = self._unsupported(request) or self._unsupported_extras(request) or off_grid(request)
        if fault:
            return Refusal(REFUSED_UNSUPPORTED, fault)
        sign = 1 if request.side is Side.BUY else -1
        fault = self._too_small(request, index, sign)
        if fault:
            return Refusal(REFUSED_UNSUPPORTED, fault)
        if self._through_market(index, sign, request.order_type, request.stop_raw):
            return Refusal(REFUSED_THROUGH_MARKET, self._through_text(request.instrument, index, request.stop_raw))
        return (
            self._opposing(index, sign)
            or self._reduce_only(request, index, sign)
            or self.holding_refusal(index, sign, request.quantity_raw, request.oco_group, None)
            or self._buying_power(index, sign, request.quantity_raw, request.limit_raw, request.stop_raw, None)
        )

    def replace_refusal(self, command: ReplaceOrder, order: WorkingOrder) -> Refusal | None:
        """Why a change of a working order is refused; None when it is accepted."""
        if not self.capabilities.atomic_replace:
            return Refusal(REFUSED_UNSUPPORTED, "this venue does not change orders; cancel and send a new one")
        if self.execution.book.knows(command.new_client_order_id):
            return Refusal(REFUSED_DUPLICATE, f"the id {command.new_client_order_id} was used before")
        if command.quantity_raw <= order.filled_raw or (order.triggered and not order.is_limit):
            return Refusal(REFUSED_TOO_LATE, "the order is filled that far already, or its stop has been triggered")
        instrument = order.instrument
        if not self.capabilities.can_replace(instrument, order.quantity_raw, command.quantity_raw):
            return Refusal(
                REFUSED_UNSUPPORTED, "the quantity of an order with a fraction cannot be changed; cancel it and send a new one"
            )
        fault = off_tick(instrument, command.limit_raw) or off_tick(instrument, command.stop_raw)
        fault = fault or off_increment(instrument, command.quantity_raw)
        if fault:
            return Refusal(REFUSED_UNSUPPORTED, fault)
        moved = order.waits_for_trigger and not order.held and command.stop_raw not in (0, order.stop_raw)
        if moved and self._through_market(order.index, order.sign, order.order_type, command.stop_raw):
            return Refusal(REFUSED_THROUGH_MARKET, self._through_text(instrument, order.index, command.stop_raw))
        return self._replaced_size(command, order)

    def _replaced_size(self, command: ReplaceOrder, order: WorkingOrder) -> Refusal | None:
        remaining = command.quantity_raw - order.filled_raw
        if order.held or command.quantity_raw <= order.quantity_raw:
            return None
        limit, stop = command.limit_raw or order.limit_raw, command.stop_raw or order.stop_raw
        return self.holding_refusal(order.index, order.sign, remaining, order.oco_group, order) or self._buying_power(
            order.index, order.sign, remaining, limit, stop, order
        )

    def _unsupported(self, request: OrderRequest) -> str:
        capabilities = self.capabilities
        kind, tif = request.order_type, request.time_in_force
        if kind.value not in capabilities.order_types:
            return f"{capabilities.name} does not take {kind.value} orders"
        if tif.value not in capabilities.times_in_force:
            return f"{capabilities.name} does not take {tif.value} orders"
        if kind in _TRIGGERED_TYPES and tif not in (TimeInForce.DAY, TimeInForce.GTC):
            return f"a {kind.value} order cannot be {tif.value}; use day or gtc"
        if request.extended_hours:
            if kind is OrderType.LIMIT and capabilities.extended_hours:
                return ""
            if kind not in _TRIGGERED_TYPES or not capabilities.stops_outside_session:
                return f"a {kind.value} order cannot work outside the regular session here"
        return ""

    def _unsupported_extras(self, request: OrderRequest) -> str:
        capabilities = self.capabilities
        attached = request.stop_loss_raw > 0 or request.take_profit_raw > 0
        if attached and not capabilities.attached_stops:
            return f"{capabilities.name} does not take orders with attached orders"
        pair = request.stop_loss_raw > 0 and request.take_profit_raw > 0
        if (request.oco_group or pair) and not capabilities.oco:
            return f"{capabilities.name} does not take one-cancels-other orders"
        simple = not attached and not request.oco_group
        if capabilities.day_only(request.instrument, request.quantity_raw):
            if not simple or request.time_in_force is not TimeInForce.DAY:
                return "a quantity with a fraction must be a simple day order"
        elif capabilities.simple_only(request.instrument, request.quantity_raw) and not simple:
            return "crypto is traded in simple orders only"
        return ""

    def _too_small(self, request: OrderRequest, index: int, sign: int) -> str:
        if self.execution.account.positions[index] * sign < 0:
            return ""
        instrument = request.instrument
        if request.quantity_raw < instrument.min_quantity:
            return f"the smallest quantity is {instrument.quantity(instrument.min_quantity)}"
        price = request.limit_raw or request.stop_raw or self.execution.last_price[index]
        if price and instrument.notional(price, request.quantity_raw) < instrument.min_notional:
            return "the value is below the smallest that the venue takes"
        return ""

    def _through_market(self, index: int, sign: int, kind: OrderType, stop_raw: int) -> bool:
        if kind is not OrderType.STOP and kind is not OrderType.STOP_LIMIT:
            return False
        last = self.execution.last_price[index]
        # A stop set for an entry of the bar at hand was sent inside that bar, whose close it could not know.
        if last == 0 or self.execution.protects_entry(index, sign):
            return False
        # At the last price it is not through: an entry may be set at the close, and triggers with the next print.
        return last != stop_raw and beyond(sign, last, stop_raw)

    def _through_text(self, instrument: Instrument, index: int, stop_raw: int) -> str:
        last = self.execution.last_price[index]
        return f"a stop at {instrument.price(stop_raw)} is through the market, last price {instrument.price(last)}"

    def _opposing(self, index: int, sign: int) -> Refusal | None:
        if not self.capabilities.refuses_opposing:
            return None
        for order in self.execution.book.orders[index]:
            if not order.held and order.sign != sign:
                return Refusal(REFUSED_OPPOSING_ORDER, f"our own order {order.client_order_id} works on the other side")
        return None

    def _reduce_only(self, request: OrderRequest, index: int, sign: int) -> Refusal | None:
        if request.reduce_only and self.capabilities.reduce_only and self.execution.account.positions[index] * sign >= 0:
            return Refusal(REFUSED_REDUCE_ONLY, "there is no position that a reduce-only order of this side could reduce")
        return None

    def holding_refusal(self, index: int, sign: int, quantity: int, group: str, but: WorkingOrder | None) -> Refusal | None:
        """Why an order asks for more than the holding has free, or would sell short where that is not allowed."""
        capabilities = self.capabilities
        position = self.execution.account.positions[index]
        if capabilities.reserves_holdings and position * sign < 0:
            free = abs(position) - self.execution.book.reserved(index, sign, group, but)
            if quantity > free:
                text = f"insufficient quantity: {quantity} asked, {max(free, 0)} of {abs(position)} not reserved (scaled)"
                return Refusal(REFUSED_INSUFFICIENT_QUANTITY, text)
        if sign < 0 and not capabilities.short_selling and quantity > max(position, 0):
            return Refusal(REFUSED_SHORT, "this venue does not sell short")
        return None

    def _buying_power(
        self, index: int, sign: int, quantity: int, limit_raw: int, stop_raw: int, but: WorkingOrder | None
    ) -> Refusal | None:
        """Buys must be covered by the cash that other working buys leave; what closes a short needs none."""
        execution = self.execution
        if not execution.settings.check_buying_power or sign < 0:
            return None
        instrument = execution.instruments[index]
        cover = max(-execution.account.positions[index], 0)
        price = limit_raw or stop_raw or execution.last_price[index]
        needed = buy_cost(execution, instrument, price, max(quantity - cover, 0))
        for orders in execution.book.orders:
            for order in orders:
                if order.sign > 0 and not order.held and order is not but and order.instrument.currency == instrument.currency:
                    reserve_price = order.limit_raw or order.stop_raw or execution.last_price[order.index]
                    needed += buy_cost(execution, order.instrument, reserve_price, order.remaining_raw)
        if needed > execution.account.cash.get(instrument.currency, 0):
            return Refusal(REFUSED_BUYING_POWER, f"not enough cash in {instrument.currency} for this and the buys that are working")
        return None


def buy_cost(execution: Execution, instrument: Instrument, price_raw: int, quantity_raw: int) -> int:
    """Money that a buy is expected to take, commission included; 0 when there is nothing to buy or no price."""
    if price_raw == 0 or quantity_raw == 0:
        return 0
    commission = charged(execution.settings.commission, instrument, price_raw, quantity_raw, 0, 0, False)
    return instrument.notional(price_raw, quantity_raw) + commission


def off_tick(instrument: Instrument, price_raw: int) -> str:
    """Say that a price is not on the price increment, or give an empty text."""
    if price_raw % instrument.tick(price_raw):
        return f"{instrument.price(price_raw)} is not a multiple of the price increment"
    return ""


def off_increment(instrument: Instrument, quantity_raw: int) -> str:
    """Say that a quantity is not on the quantity increment, or give an empty text."""
    if quantity_raw % instrument.quantity_increment:
        return f"{instrument.quantity(quantity_raw)} is not a multiple of the quantity increment"
    return ""


def off_grid(request: OrderRequest) -> str:
    """Say which price or quantity of a request is off the instrument's increments, or give an empty text."""
    for price_raw in (request.limit_raw, request.stop_raw, request.stop_loss_raw, request.take_profit_raw):
        fault = off_tick(request.instrument, price_raw)
        if fault:
            return fault
    return off_increment(request.instrument, request.quantity_raw)
