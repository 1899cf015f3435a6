"""What happens to orders at the venue: executions, ends, attached orders and one-cancels-other groups, told as events."""

from __future__ import annotations

from typing import Final, final

from algotrader.core.events import Event, OrderAccepted, OrderCancel, OrderExpired, OrderFill, OrderTriggered
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.core.market import Session
from algotrader.core.orders import OrderType, TimeInForce
from algotrader.simulation.account import Account
from algotrader.simulation.book import OrderBook
from algotrader.simulation.costs import slipped_price, volume_limit_of
from algotrader.simulation.matching import UNLIMITED, TradingRange, clamp, within_limit
from algotrader.simulation.settings import SimulationSettings
from algotrader.simulation.working import WorkingOrder


@final
class Execution:
    """The state of the venue, and the few acts that change it.

    Attributes:
        last_price: last price seen of each instrument; 0 before any.
        windows: the bar of which fills are being handled, where an entry filled in it; protective stops are live on it.
        sessions: the trading session of each instrument, once one was opened.
    """

    def __init__(self, instruments: list[Instrument], capabilities: VenueCapabilities, settings: SimulationSettings) -> None:
        count = len(instruments)
        self.instruments: Final = instruments
        self.capabilities: Final = capabilities
        self.settings: Final = settings
        self.book: Final = OrderBook(count)
        self.account: Final = Account(instruments, settings.commission)
        self.events: list[Event] = []
        self.last_price: list[int] = [0] * count
        self.halted: Final[list[bool]] = [False] * count
        self.windows: Final[list[TradingRange | None]] = [None] * count
        self.sessions: Final[list[Session | None]] = [None] * count
        self.volume_limit_ppm: Final[int] = stricter(settings.volume_limit_ppm, volume_limit_of(settings.slippage))
        self._venue_ids: int = 0
        self._fill_ids: int = 0
        self._sequence: int = 0

    def count_on(self, venue_ids: int, fill_ids: int) -> None:
        """Number orders and executions from after these on: those before were given out in an earlier life of the venue."""
        self._venue_ids = max(self._venue_ids, venue_ids)
        self._fill_ids = max(self._fill_ids, fill_ids)

    def next_venue_id(self) -> str:
        """The venue's own id for an order, from a counter."""
        self._venue_ids += 1
        return f"v{self._venue_ids}"

    def next_sequence(self) -> int:
        """The priority of a new order."""
        self._sequence += 1
        return self._sequence

    def accept(self, order: WorkingOrder, time: int) -> None:
        """Take an order to work."""
        self.start_trail(order)
        order.on_entry_bar = order.has_stop and self.protects_entry(order.index, order.sign)
        self.book.add(order)
        self.events.append(OrderAccepted(time, order.client_order_id, order.venue_order_id))

    def start_trail(self, order: WorkingOrder) -> None:
        """A trailing stop starts from the entry that it protects, or from the last price."""
        if order.order_type is OrderType.TRAILING_STOP:
            window = self.windows[order.index]
            start = self.last_price[order.index] if window is None else window.entry_price
            if start:
                order.see(start)

    def protects_entry(self, index: int, sign: int) -> bool:
        """Whether an order of this side would reduce a position whose entry filled on the bar that is being handled."""
        window = self.windows[index]
        return window is not None and window.entry_sign * sign < 0 and self.account.positions[index] * sign < 0

    def trade(self, order: WorkingOrder, tape: TradingRange, touch: int, time: int, slips: bool, is_maker: bool) -> None:
        """Fill as much of an order as may be had at a touched price."""
        quantity = self._available(order, time)
        if tape.allowance != UNLIMITED:
            quantity = min(quantity, tape.allowance)
        if quantity == 0 or (order.time_in_force is TimeInForce.FOK and quantity < order.remaining_raw):
            return
        price = touch
        if slips:
            price = slipped_price(self.settings.slippage, order.sign, touch, quantity, tape.volume, order.instrument)
            price = clamp(price, tape.low, tape.high)
        if tape.allowance != UNLIMITED:
            tape.allowance -= quantity
        self._fill(order, tape, price, quantity, time, is_maker)

    def trigger(self, order: WorkingOrder, tape: TradingRange, touch: int, time: int) -> None:
        """A stop is reached at ``touch``: it trades as a market order, or as a limit order where its limit allows the price."""
        order.triggered = True
        if order.is_limit:
            self.events.append(OrderTriggered(time, order.client_order_id))
            if within_limit(order.sign, touch, order.limit_raw):
                self.trade(order, tape, touch, time, False, False)
            order.rested = True
            return
        if tape.allowance != UNLIMITED and tape.allowance < order.remaining_raw:
            self.events.append(OrderTriggered(time, order.client_order_id))
        self.trade(order, tape, touch, time, True, False)

    def _available(self, order: WorkingOrder, time: int) -> int:
        """What an order may trade: all that is left, or what there is to reduce where it must not open a position."""
        bounded = order.reduces or (order.sign < 0 and not self.capabilities.short_selling)
        if not bounded:
            return order.remaining_raw
        held = max(-order.sign * self.account.positions[order.index], 0)
        if held == 0:
            self.cancel(order, time, "nothing is left to reduce")
            return 0
        if held < order.remaining_raw:
            order.quantity_raw = order.filled_raw + held
            order.cut = True
        return order.remaining_raw

    def _fill(self, order: WorkingOrder, tape: TradingRange, price: int, quantity: int, time: int, is_maker: bool) -> None:
        commission = self.account.book(order, price, quantity, is_maker)
        if tape.is_bar and self.account.positions[order.index] * order.sign > 0:
            tape.note_entry(order.sign, tape.open if time == tape.open_time else price)
            self.windows[order.index] = tape
        self._fill_ids += 1
        self.events.append(
            OrderFill(
                time,
                order.client_order_id,
                f"x{self._fill_ids}",
                order.instrument.symbol,
                order.request.side,
                price,
                quantity,
                commission,
                order.venue_order_id,
            )
        )
        if order.remaining_raw == 0:
            self._complete(order, time)
        if order.oco_group:
            self._one_cancels_other(order, quantity, time)

    def _complete(self, order: WorkingOrder, time: int) -> None:
        """Nothing is left: the order goes, and what was attached to it comes to life for what was filled."""
        order.ended = True
        self.book.remove(order, "filled")
        if order.cut:
            self.events.append(OrderCancel(time, order.client_order_id, "its quantity was reduced; the rest is cancelled"))
        for child in order.children:
            if not child.ended:
                child.held = False
                child.quantity_raw = order.filled_raw
                child.arrived = time
                child.venue_order_id = self.next_venue_id()
                child.on_entry_bar = child.has_stop and self.protects_entry(child.index, child.sign)
                self.events.append(OrderAccepted(time, child.client_order_id, child.venue_order_id))
        self.book.refresh(order.index)

    def _one_cancels_other(self, order: WorkingOrder, quantity: int, time: int) -> None:
        for other in self.book.group(order.oco_group, order):
            other.quantity_raw -= quantity
            other.cut = True
            if order.ended or other.remaining_raw <= 0:
                self.cancel(other, time, "the other order of its group was filled")

    def cancel(self, order: WorkingOrder, time: int, reason: str) -> None:
        """End an order by a cancel."""
        self._end(order, time, "cancelled")
        self.events.append(OrderCancel(time, order.client_order_id, reason))
        self._drop_children(order, time)

    def expire(self, order: WorkingOrder, time: int) -> None:
        """End an order because its time in force ran out."""
        self._end(order, time, "expired")
        self.events.append(OrderExpired(time, order.client_order_id))
        self._drop_children(order, time)

    def give_up(self, order: WorkingOrder, time: int) -> None:
        """An order that had its one chance ends: one for the opening auction expires, others are cancelled."""
        if order.time_in_force is TimeInForce.OPG:
            self.expire(order, time)
        else:
            self.cancel(order, time, f"{order.time_in_force.value}: no more could be filled at once")

    def _end(self, order: WorkingOrder, time: int, fate: str) -> None:
        order.ended = True
        self.book.remove(order, fate)

    def _drop_children(self, order: WorkingOrder, time: int) -> None:
        for child in order.children:
            if not child.ended:
                self.cancel(child, time, "its entry ended without being filled completely")


def stricter(one_ppm: int, other_ppm: int) -> int:
    """The smaller of two limits of which 0 means none."""
    if one_ppm == 0 or other_ppm == 0:
        return max(one_ppm, other_ppm)
    return min(one_ppm, other_ppm)
