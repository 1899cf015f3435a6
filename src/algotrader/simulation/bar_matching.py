"""All orders of an instrument against one bar, in the order in which the bar could have met them at worst."""

from __future__ import annotations

from typing import Final, final

from algotrader.core.orders import OrderType
from algotrader.simulation.execution import Execution
from algotrader.simulation.matching import (
    ARRIVED_INSIDE,
    AT_CLOSE_AUCTION,
    AT_OPEN,
    AT_OPEN_MARKET,
    LIMIT_INSIDE,
    NOT_REACHED,
    TradingRange,
    eligible,
    entry_bar_touch,
    phase,
    rank,
    volume_allowance,
    within_limit,
)
from algotrader.simulation.settings import IGNORE
from algotrader.simulation.working import WorkingOrder


@final
class BarMatcher:
    """Matches bars."""

    def __init__(self, execution: Execution) -> None:
        self.execution: Final = execution
        self._ignores_entry_bar: Final[bool] = execution.settings.entry_bar_stop == IGNORE

    def match(self, tape: TradingRange) -> None:
        """Match all orders of the instrument that a bar may match."""
        execution = self.execution
        index = tape.index
        session = execution.sessions[index]
        if session is not None:
            tape.session_open = session.open_time
            tape.session_close = session.close_time
        tape.allowance = volume_allowance(tape.volume, execution.volume_limit_ppm, execution.instruments[index].quantity_increment)
        present = [order for order in execution.book.orders[index] if eligible(order, tape)]
        for order, order_phase in self._queue(present, tape):
            if not order.ended:
                self._act(order, order_phase, tape)
        for order in present:
            if not order.ended:
                order.rested = True
                if order.order_type is OrderType.TRAILING_STOP:
                    # Only now: within the bar the best price may have come after the worst.
                    order.see(tape.low if order.sign > 0 else tape.high)
        execution.book.refresh(index)

    def _queue(self, present: list[WorkingOrder], tape: TradingRange) -> list[tuple[WorkingOrder, int]]:
        """The orders that act on the bar with their phases: by phase, exits before entries, older before newer."""
        position = self.execution.account.positions[tape.index]
        queue: list[tuple[int, int, WorkingOrder, int]] = []
        for order in present:
            order.on_entry_bar = False
            if order.order_type is OrderType.TRAILING_STOP and order.best_raw == 0:
                order.see(tape.open)
            order_phase = phase(order, tape)
            if order_phase != NOT_REACHED:
                queue.append((rank(order_phase, order.sign, position), order.sequence, order, order_phase))
        if len(queue) > 1:
            queue.sort()
        return [(order, order_phase) for _, _, order, order_phase in queue]

    def _act(self, order: WorkingOrder, order_phase: int, tape: TradingRange) -> None:
        trade = self.execution.trade
        if order_phase == AT_OPEN_MARKET:
            trade(order, tape, tape.open, tape.open_time, True, False)
        elif order_phase == ARRIVED_INSIDE:
            trade(order, tape, tape.close, tape.close_time, True, False)
        elif order_phase == LIMIT_INSIDE:
            trade(order, tape, order.limit_raw, tape.close_time, False, True)
        elif order_phase == AT_CLOSE_AUCTION:
            if not order.is_limit or within_limit(order.sign, tape.close, order.limit_raw):
                trade(order, tape, tape.close, tape.close_time, False, False)
        elif order.waits_for_trigger:
            touch = tape.open if order_phase == AT_OPEN else order.stop_raw
            self.execution.trigger(order, tape, touch, tape.open_time if order_phase == AT_OPEN else tape.close_time)
        elif within_limit(order.sign, tape.open, order.limit_raw):
            trade(order, tape, tape.open, tape.open_time, False, order.rested)
        if order.is_brief and not order.ended:
            self.execution.give_up(order, tape.open_time)

    def match_entry_bar(self, index: int) -> None:
        """Match the stops that were set for an entry of the bar just matched against that bar, and leave the bar behind."""
        execution = self.execution
        tape = execution.windows[index]
        execution.windows[index] = None
        for order in list(execution.book.orders[index]):
            if order.on_entry_bar and not order.ended:
                order.on_entry_bar = False
                if tape is not None and not self._ignores_entry_bar and not execution.halted[index]:
                    self._test_on_entry_bar(order, tape)
        execution.book.refresh(index)

    def _test_on_entry_bar(self, order: WorkingOrder, tape: TradingRange) -> None:
        if tape.regular or order.extended_hours:
            touch = entry_bar_touch(order.sign, order.stop_raw, tape)
            if touch and order.waits_for_trigger:
                at_open = touch == tape.open and tape.entry_price == tape.open and order.arrived <= tape.open_time
                self.execution.trigger(order, tape, touch, tape.open_time if at_open else tape.close_time)
        if order.order_type is OrderType.TRAILING_STOP and not order.ended:
            # Of this bar only the close is sure to have come after the entry.
            order.see(tape.close)
