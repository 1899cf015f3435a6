"""Orders against quotes and prints, for paper trading: buys meet the offer, sells the bid."""

from __future__ import annotations

from typing import Final, final

from algotrader.core.market import Quote, TradeTick
from algotrader.core.orders import OrderType, TimeInForce
from algotrader.core.scaled import MAX_SCALED
from algotrader.simulation.execution import Execution
from algotrader.simulation.matching import UNLIMITED, TradingRange, beyond, volume_allowance, within_limit
from algotrader.simulation.working import WorkingOrder


@final
class QuoteMatcher:
    """Keeps the last quote of each instrument and matches quotes and prints.

    ``live`` tells which instruments have had any; those fill market orders on arrival when a quote is known.
    """

    def __init__(self, execution: Execution) -> None:
        count = len(execution.instruments)
        self.execution: Final = execution
        self.live: Final[list[bool]] = [False] * count
        self._bid: Final[list[TradingRange | None]] = [None] * count
        self._ask: Final[list[TradingRange | None]] = [None] * count

    def quote(self, index: int, quote: Quote, now: int) -> None:
        """Take over a quote and match against it."""
        execution = self.execution
        self.live[index] = True
        if quote.last_raw:
            execution.last_price[index] = quote.last_raw
        elif quote.bid_raw and quote.ask_raw:
            execution.last_price[index] = (quote.bid_raw + quote.ask_raw) // 2
        self._bid[index] = self._side(index, quote.bid_raw, quote.bid_size_raw, now)
        self._ask[index] = self._side(index, quote.ask_raw, quote.ask_size_raw, now)
        self.match_quote(index, now)

    def _side(self, index: int, price_raw: int, size_raw: int, now: int) -> TradingRange | None:
        """One side of a quote. With a volume limit no more is filled on it than the size it shows, where it shows any."""
        if price_raw == 0:
            return None
        shown = self._single_price(index, price_raw, now)
        if self.execution.volume_limit_ppm and size_raw:
            increment = self.execution.instruments[index].quantity_increment
            shown.allowance = size_raw // increment * increment
        return shown

    def _single_price(self, index: int, price_raw: int, now: int) -> TradingRange:
        lowest = self.execution.instruments[index].tick(1)
        tape = TradingRange(index, now, now, price_raw, MAX_SCALED, lowest, price_raw, 0, False)
        tape.allowance = UNLIMITED
        return tape

    def match_quote(self, index: int, now: int) -> None:
        """Match the working orders against the last quote, where one is known."""
        self._match(index, now, self._ask[index], self._bid[index], True)

    def tick(self, index: int, tick: TradeTick, now: int) -> None:
        """Match a print. Market orders wait for the next quote where quotes are known: the print may be on the wrong side."""
        execution = self.execution
        self.live[index] = True
        execution.last_price[index] = tick.price_raw
        tape = self._single_price(index, tick.price_raw, now)
        increment = execution.instruments[index].quantity_increment
        tape.allowance = volume_allowance(tick.size_raw, execution.volume_limit_ppm, increment)
        self._match(index, now, tape, tape, self._ask[index] is None and self._bid[index] is None)

    def close(self, index: int, order: WorkingOrder, now: int) -> None:
        """Fill an order for the closing auction at the last price, as its limit allows."""
        price = self.execution.last_price[index]
        if price and (not order.is_limit or within_limit(order.sign, price, order.limit_raw)):
            self.execution.trade(order, self._single_price(index, price, now), price, now, False, False)

    def _match(self, index: int, now: int, buys: TradingRange | None, sells: TradingRange | None, markets: bool) -> None:
        execution = self.execution
        if execution.halted[index] or not execution.book.orders[index]:
            return
        position = execution.account.positions[index]
        present = [order for order in execution.book.orders[index] if self._eligible(order, now)]
        exits = [order for order in present if order.sign * position < 0]
        for order in exits + [order for order in present if order.sign * position >= 0]:
            tape = buys if order.sign > 0 else sells
            if tape is not None and not order.ended and (markets or order.is_limit or order.waits_for_trigger):
                self._act(order, tape, now)
        execution.book.refresh(index)

    def _eligible(self, order: WorkingOrder, now: int) -> bool:
        if order.held or order.arrived > now or order.time_in_force is TimeInForce.CLS:
            return False
        session = self.execution.sessions[order.index]
        if session is None:
            return order.time_in_force is not TimeInForce.OPG
        if order.time_in_force is TimeInForce.OPG and order.arrived > session.open_time:
            return False
        return order.extended_hours or session.contains(now)

    def _act(self, order: WorkingOrder, tape: TradingRange, now: int) -> None:
        execution, price = self.execution, tape.open
        if order.waits_for_trigger:
            if order.stop_raw and beyond(order.sign, price, order.stop_raw):
                execution.trigger(order, tape, price, now)
        elif not order.is_limit:
            execution.trade(order, tape, price, now, True, False)
        elif within_limit(order.sign, price, order.limit_raw):
            # A resting order is filled at its own price when the market comes to it; only on arrival does it get the quote.
            execution.trade(order, tape, order.limit_raw if order.rested else price, now, False, order.rested)
        if order.ended:
            return
        if order.is_brief:
            execution.give_up(order, now)
            return
        order.rested = True
        if order.order_type is OrderType.TRAILING_STOP:
            order.see(price)
