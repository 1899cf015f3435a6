"""The server's orders: how the exchange's word changes them, and the trade update that is told of every change.

The paper exchange matches; it knows each order by Alpaca's own id, and none of its legs before they come to life. What happens is
told at once, before the request that caused it is answered.
"""

from __future__ import annotations

from typing import Any, Final

from algotrader.core.events import Event, OrderAccepted, OrderCancel, OrderEvent, OrderExpired, OrderFill
from algotrader.core.instruments import Instrument
from algotrader.core.market import Session
from algotrader.core.orders import OrderRequest, OrderType, TimeInForce
from algotrader.history.calendars import sessions
from algotrader.live.paper.exchange import PaperExchange, Phase
from algotrader.rehearsal.alpaca import orders as states
from algotrader.rehearsal.alpaca.activities import Activities
from algotrader.rehearsal.alpaca.answers import ApiError, not_found
from algotrader.rehearsal.alpaca.checks import refusal_of
from algotrader.rehearsal.alpaca.orders import BRACKET, OCO, OTO, AlpacaOrder
from algotrader.rehearsal.alpaca.texts import price_text, quantity_text
from algotrader.rehearsal.alpaca.updates import Ids, Updates
from algotrader.venues.protocols import Refused

Json = dict[str, Any]


class Book:
    """Every order that the account ever had.

    Args:
        exchange: matches the orders.
        seed: of the ids.
        account_id: of the account; a new one when empty.

    Attributes:
        orders: every order by its id, oldest first.
        activities: the account's log.
        updates: what is told of them.
    """

    def __init__(self, exchange: PaperExchange, seed: int | str = 0, account_id: str = "") -> None:
        self.exchange: Final = exchange
        self.orders: Final[dict[str, AlpacaOrder]] = {}
        self._ids: Final = Ids(seed)
        self.updates: Final = Updates(exchange.clock, self._ids)
        self.account_id: Final = account_id or self.new_id()
        self.activities: Final = Activities(self.account_id)
        self._by_client: Final[dict[str, AlpacaOrder]] = {}
        self._working: Final[dict[str, AlpacaOrder]] = {}
        self._open: Final = _open_sessions(exchange)
        self._moving = ""
        exchange.observers.append(self._told)
        exchange.phase_observers.append(self._phase)

    def new_id(self) -> str:
        """A new id, from the seed."""
        return self._ids.new()

    # What it knows

    def order(self, order_id: str) -> AlpacaOrder:
        """An order by its id.

        Raises:
            ApiError: there is none.
        """
        order = self.orders.get(order_id)
        if order is None:
            raise not_found(f"order not found for {order_id[:64]}")
        return order

    def order_by_client_id(self, name: str) -> AlpacaOrder:
        """An order by the client's id.

        Raises:
            ApiError: there is none.
        """
        order = self._by_client.get(name)
        if order is None:
            raise not_found(f"order not found for {name[:128]}")
        return order

    def check_client_id(self, name: str) -> None:
        """Check that an id is new.

        Raises:
            ApiError: it was used before.
        """
        if name in self._by_client:
            raise ApiError(422, 40010001, "client_order_id must be unique")

    def working(self, instrument: Instrument | None = None) -> list[AlpacaOrder]:
        """Orders that are not final, of one instrument or of all, oldest first, as they are now."""
        self.refresh()
        return [order for order in self._working.values() if instrument is None or order.instrument is instrument]

    def refresh(self) -> None:
        """Take over what changes at the exchange without a word: trailing stops move and pairs shrink."""
        for found in self.exchange.working():
            order = self._working.get(found.client_order_id)
            if order is not None:
                order.quantity_raw = order.base + found.quantity_raw
                order.stop_raw = found.stop_raw or order.stop_raw

    def trades(self, order: AlpacaOrder) -> bool:
        """Whether an order goes to market now, and not at the next open."""
        return order.extended_hours or order.instrument.calendar in self._open

    # Orders come and go

    def start(self, order: AlpacaOrder) -> Json:
        """Take a new order to work; gives its record as it was when it came in.

        Raises:
            ApiError: the exchange refuses it, and nobody hears of it.
        """
        for each in order.family():
            self._remember(each)
        order.status = states.PENDING_NEW if self.trades(order) else states.ACCEPTED
        answer = order.record(nested=True)
        try:
            with self.updates.together():
                self.updates.tell(order, order.status)
                self._send(order)
                for leg in order.legs:
                    if order.order_class == OCO:
                        self._send(leg)
                    else:
                        self.updates.tell(leg, states.HELD)
        except ApiError:
            self._forget(order)
            raise
        return answer

    def _remember(self, order: AlpacaOrder) -> None:
        order.updated = order.submitted = order.created
        self.know(order)

    def know(self, order: AlpacaOrder) -> None:
        """Have an order among the others; one that may still be filled is among those at work."""
        self.orders[order.id] = self._by_client[order.client_order_id] = order
        if order.open:
            self._working[order.id] = order

    def _forget(self, order: AlpacaOrder) -> None:
        for each in order.family():
            for known in (self.orders, self._working):
                known.pop(each.id, None)
            self._by_client.pop(each.client_order_id, None)

    def _send(self, order: AlpacaOrder) -> None:
        order.working = True
        stop = 0 if order.order_type is OrderType.TRAILING_STOP else order.stop_raw
        request = OrderRequest(
            order.id,
            order.instrument,
            order.side,
            order.order_type,
            order.quantity_raw - order.base,
            order.time_in_force,
            order.limit_raw,
            stop,
            order.trail_raw,
            extended_hours=order.extended_hours,
            oco_group=order.group,
        )
        try:
            self.exchange.submit(request)
        except Refused as refusal:
            order.working = False
            raise refusal_of(refusal, order) from refusal

    def cancel(self, order: AlpacaOrder) -> None:
        """End an order that is open, and tell so."""
        order.status = states.PENDING_CANCEL
        self.updates.tell(order, states.PENDING_CANCEL)
        if not order.working:
            self._end(order, states.CANCELED)
            return
        try:
            self.exchange.cancel(order.id)
        except Refused as refusal:
            raise refusal_of(refusal, order) from refusal

    def move(self, old: AlpacaOrder, new: AlpacaOrder) -> None:
        """Do at the exchange what it cannot change in an order: it gets a new one, and the old one goes without a word.

        Raises:
            ApiError: the new one is refused; the old one is gone all the same, and that is told.
        """
        self._moving = old.id
        try:
            self.exchange.cancel(old.id)
            new.base = new.filled_raw
            self._send(new)
        except (ApiError, Refused) as refusal:
            self._end(old, states.CANCELED)
            raise refusal if isinstance(refusal, ApiError) else refusal_of(refusal, old) from refusal
        finally:
            self._moving = ""

    def announce(self, old: AlpacaOrder, new: AlpacaOrder) -> None:
        """A new order is to take the place of an old one, which works on until then."""
        new.status = states.ACCEPTED
        self._remember(new)
        old.status = states.PENDING_REPLACE
        self.updates.tell(old, states.PENDING_REPLACE)

    def not_replaced(self, old: AlpacaOrder, new: AlpacaOrder, status: str) -> None:
        """What was announced came to nothing; the old order has the status it had, if it is not over."""
        with self.updates.together():
            new.failed = self.exchange.clock.now()
            if new.open:
                self._end(new, states.REJECTED)
            if old.status == states.PENDING_REPLACE:
                old.status = status
            self.updates.tell(old, "order_replace_rejected")

    def replaced(self, old: AlpacaOrder, new: AlpacaOrder) -> None:
        """A new order has taken the place of an old one."""
        with self.updates.together():
            self._pass_on(old, new)

    def _pass_on(self, old: AlpacaOrder, new: AlpacaOrder) -> None:
        now, was_working, status = self.exchange.clock.now(), old.working, old.status
        if new.id not in self.orders:
            old.status = states.PENDING_REPLACE
            self.updates.tell(old, states.PENDING_REPLACE)
        new.created = now
        self._take_place(old, new)
        self._remember(new)
        old.replaced, old.replaced_by = now, new.id
        self._end(old, states.REPLACED)
        new.working = was_working
        if new.filled_raw:
            new.status = states.PARTIALLY_FILLED
        else:
            new.status = status if status in (states.ACCEPTED, states.HELD) else states.NEW
        self.updates.tell(new, states.NEW if new.status == states.PARTIALLY_FILLED else new.status)

    def _take_place(self, old: AlpacaOrder, new: AlpacaOrder) -> None:
        new.parent, new.legs, old.legs = old.parent, old.legs, []
        if new.parent is not None:
            new.parent.legs = [new if leg is old else leg for leg in new.parent.legs]
        for leg in new.legs:
            leg.parent = new
            if leg.open and not leg.working:
                leg.quantity_raw = new.quantity_raw

    # Where another process left off

    def take_up(self, order: AlpacaOrder) -> None:
        """Go on with an order that another process had taken; what is still to be filled of it goes to the exchange.

        What that process was about to do is done now, and told.
        """
        order.base = order.filled_raw
        lapsed = order.open and order.status != states.HELD and self._has_lapsed(order)
        if order.open and order.status != states.HELD and not lapsed:
            try:
                self._send(order)
            except ApiError:
                lapsed = True
        if order.status in (states.PENDING_NEW, states.PENDING_CANCEL, states.PENDING_REPLACE):
            order.status = states.NEW if self.trades(order) else states.ACCEPTED
        self.know(order)
        if lapsed:
            self._end(order, states.EXPIRED)

    def settle(self) -> None:
        """Once all orders are taken up: let entries that are over wake their legs, or take them with them."""
        for order in list(self.orders.values()):
            replaced = self.orders.get(order.replaces)
            if order.open and replaced is not None and replaced.status != states.REPLACED:
                self.cancel(order)
            for leg in order.legs:
                if leg.status == states.HELD and order.status == states.FILLED:
                    self._activate(order, leg)
                elif leg.status == states.HELD and not order.open:
                    self._end(leg, states.CANCELED)
            ended = [each for each in order.family() if each.group and each.status == states.FILLED]
            for each in order.family() if ended and order.parent is None else ():
                if each.open and each.group:
                    self.cancel(each)

    def _has_lapsed(self, order: AlpacaOrder) -> bool:
        """Whether the session that an order was for has closed meanwhile."""
        if order.time_in_force is TimeInForce.GTC:
            return False
        now = self.exchange.clock.now()
        return any(day.close_time <= now for day in sessions(order.instrument.calendar, order.submitted, now + 1))

    # What the exchange says

    def _told(self, event: Event) -> None:
        order = self.orders.get(event.client_order_id) if isinstance(event, OrderEvent) else None
        if order is None or order.id == self._moving:
            return
        if isinstance(event, OrderFill):
            self._filled(order, event)
        elif not order.open:
            return
        elif isinstance(event, OrderAccepted):
            self._accepted(order)
        elif isinstance(event, OrderCancel):
            self._end(order, states.CANCELED)
        elif isinstance(event, OrderExpired):
            self._end(order, states.EXPIRED)

    def _accepted(self, order: AlpacaOrder) -> None:
        if self.trades(order):
            self._set(order, states.NEW)
        elif order.status == states.HELD:
            self._set(order, states.ACCEPTED)

    def _set(self, order: AlpacaOrder, status: str) -> None:
        order.status, order.updated = status, self.exchange.clock.now()
        self.updates.tell(order, status)

    def _filled(self, order: AlpacaOrder, event: OrderFill) -> None:
        now, made, fill_id = self.exchange.clock.now(), order.instrument, self.new_id()
        order.filled_raw += event.quantity_raw
        order.filled_value += event.quantity_raw * event.price_raw
        order.updated = order.filled = now
        order.status = states.PARTIALLY_FILLED if order.remaining_raw else states.FILLED
        if not order.remaining_raw:
            self._done(order)
        price, quantity = str(price_text(made, event.price_raw)), quantity_text(made, event.quantity_raw)
        self.activities.fill(order, fill_id, price, quantity, now)
        holding = self.exchange.records.holdings.get(made.symbol)
        position = quantity_text(made, holding.quantity_raw if holding else 0)
        kind = "partial_fill" if order.remaining_raw else "fill"
        self.updates.tell(order, kind, execution_id=fill_id, price=price, qty=quantity, position_qty=position)
        if not order.remaining_raw and order.order_class in (BRACKET, OTO) and order.parent is None:
            for leg in list(order.legs):
                self._activate(order, leg)

    def _activate(self, order: AlpacaOrder, leg: AlpacaOrder) -> None:
        """The entry is filled: what was attached to it comes to life for what was filled."""
        if not leg.open or leg.working:
            return
        leg.quantity_raw = order.filled_raw
        try:
            self._send(leg)
        except ApiError:
            leg.failed = self.exchange.clock.now()
            self._end(leg, states.REJECTED)

    def _done(self, order: AlpacaOrder) -> None:
        order.working = False
        self._working.pop(order.id, None)

    def _end(self, order: AlpacaOrder, status: str) -> None:
        """An order is over before it is filled, and with it what waits for it."""
        now = self.exchange.clock.now()
        order.status, order.updated = status, now
        if status == states.CANCELED:
            order.canceled = now
        elif status == states.EXPIRED:
            order.expired = now
        self._done(order)
        self.updates.tell(order, status)
        for leg in order.legs:
            if leg.open and not leg.working:
                self._end(leg, states.CANCELED)

    def _phase(self, phase: Phase) -> None:
        """A session has opened, and orders that waited for it go to market; or it has closed."""
        calendar = phase.session.calendar
        if not phase.opens:
            self._open.pop(calendar, None)
            return
        self._open[calendar] = phase.session
        for order in list(self._working.values()):
            if order.status == states.ACCEPTED and order.working and order.instrument.calendar == calendar:
                self._set(order, states.NEW)


def _open_sessions(exchange: PaperExchange) -> dict[str, Session]:
    """The sessions of the exchange's instruments that are under way, by calendar."""
    now = exchange.clock.now()
    calendars = dict.fromkeys(instrument.calendar for instrument in exchange.instruments)
    return {calendar: found[0] for calendar in calendars if (found := sessions(calendar, now, now + 1))}
