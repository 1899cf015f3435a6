"""Commands that have reached the venue: new orders with what is attached to them, cancels and changes."""

from __future__ import annotations

from typing import Final, final

from algotrader.core.commands import REFUSED_NOT_FOUND, REFUSED_TOO_LATE, CancelOrder, ReplaceOrder
from algotrader.core.events import CancelRejected, OrderReject, OrderReplaced, ReplaceRejected
from algotrader.core.orders import OrderRequest, OrderType, TimeInForce, opposite
from algotrader.core.scaled import MAX_SCALED
from algotrader.simulation.acceptance import Acceptance
from algotrader.simulation.execution import Execution
from algotrader.simulation.matching import TradingRange
from algotrader.simulation.quote_matching import QuoteMatcher
from algotrader.simulation.settings import AT_CLOSE
from algotrader.simulation.working import WorkingOrder


@final
class Intake:
    """Answers every command with an event, and gives new orders their first chance where they have one at once."""

    def __init__(self, execution: Execution, quotes: QuoteMatcher) -> None:
        self._execution: Final = execution
        self._quotes: Final = quotes
        self._book: Final = execution.book
        self._acceptance: Final = Acceptance(execution)
        self._at_close: Final[bool] = execution.settings.fill == AT_CLOSE

    def submit(self, request: OrderRequest, index: int, now: int) -> None:
        """Accept or refuse a new order for the instrument of number ``index``."""
        refusal = self._acceptance.refusal(request, index)
        if refusal is not None:
            self._execution.events.append(OrderReject(now, request.client_order_id, refusal.reason, refusal.code))
            return
        execution = self._execution
        order = WorkingOrder(request, index, execution.next_sequence(), now, execution.next_venue_id())
        order.reduces = request.reduce_only and self._execution.capabilities.reduce_only
        execution.accept(order, now)
        self._attach(order, now)
        if execution.halted[index]:
            return
        if self._at_close and fills_at_close(request) and execution.last_price[index]:
            self._fill_at_last_price(order, now)
        elif self._quotes.live[index]:
            self._quotes.match_quote(index, now)

    def _attach(self, entry: WorkingOrder, now: int) -> None:
        """Keep the attached orders until the entry is filled."""
        request = entry.request
        if request.stop_loss_raw:
            self._hold(entry, OrderType.STOP, "-sl", 0, request.stop_loss_raw, now)
        if request.take_profit_raw:
            self._hold(entry, OrderType.LIMIT, "-tp", request.take_profit_raw, 0, now)

    def _hold(self, entry: WorkingOrder, kind: OrderType, suffix: str, limit_raw: int, stop_raw: int, now: int) -> None:
        request = OrderRequest(
            entry.root_id + suffix,
            entry.instrument,
            opposite(entry.request.side),
            kind,
            entry.quantity_raw,
            TimeInForce.GTC,
            limit_raw,
            stop_raw,
            reduce_only=True,
            oco_group=f"{entry.root_id}-oco",
        )
        child = WorkingOrder(request, entry.index, self._execution.next_sequence(), now, "")
        child.reduces = self._execution.capabilities.reduce_only
        child.held = True
        entry.children.append(child)
        self._book.add(child)

    def _fill_at_last_price(self, order: WorkingOrder, now: int) -> None:
        price = self._execution.last_price[order.index]
        lowest = order.instrument.tick(1)
        tape = TradingRange(order.index, now, now, price, MAX_SCALED, lowest, price, 0, False)
        self._execution.trade(order, tape, price, now, True, False)

    def cancel(self, command: CancelOrder, now: int) -> None:
        """Cancel a working or held order, or say that there is none."""
        order = self._book.by_id.get(command.client_order_id)
        if order is None:
            fate = self._book.ended.get(command.client_order_id, "not known here")
            self._execution.events.append(CancelRejected(now, command.client_order_id, f"the order is {fate}"))
        else:
            self._execution.cancel(order, now, "")

    def replace(self, command: ReplaceOrder, now: int) -> None:
        """Change an order in place, which keeps its priority, or say why not."""
        execution = self._execution
        order = self._book.by_id.get(command.client_order_id)
        if order is None:
            fate = self._book.ended.get(command.client_order_id, "")
            code = REFUSED_TOO_LATE if fate else REFUSED_NOT_FOUND
            reason = f"the order is {fate or 'not known here'}"
            execution.events.append(ReplaceRejected(now, command.new_client_order_id, reason, code))
            return
        refusal = self._acceptance.replace_refusal(command, order)
        if refusal is not None:
            execution.events.append(ReplaceRejected(now, command.new_client_order_id, refusal.reason, refusal.code))
            return
        order.quantity_raw = command.quantity_raw
        order.limit_raw = command.limit_raw or order.limit_raw
        if order.order_type is not OrderType.TRAILING_STOP:
            order.stop_raw = command.stop_raw or order.stop_raw
        order.cut = False
        order.venue_order_id = execution.next_venue_id()
        order.on_entry_bar = order.has_stop and not order.held and execution.protects_entry(order.index, order.sign)
        self._book.rename(order, command.new_client_order_id)
        self._book.refresh(order.index)
        execution.events.append(OrderReplaced(now, command.client_order_id, command.new_client_order_id, order.venue_order_id))


def fills_at_close(request: OrderRequest) -> bool:
    """Whether an order is one that the optimistic fill at the close is for: a market order outside the auctions."""
    tif = request.time_in_force
    return request.order_type is OrderType.MARKET and tif is not TimeInForce.OPG and tif is not TimeInForce.CLS
