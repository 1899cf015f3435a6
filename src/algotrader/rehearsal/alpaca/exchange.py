"""Alpaca's rules around the paper exchange: what the account may do, what it has, and what it is worth."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, Final

from algotrader.core.commands import ReplaceOrder
from algotrader.core.instruments import AssetClass, Instrument, VenueCapabilities
from algotrader.core.market import NS_PER_DAY
from algotrader.core.orders import Side
from algotrader.live.paper.exchange import PaperExchange, Phase
from algotrader.live.paper.records import Holding
from algotrader.rehearsal.alpaca import orders as states
from algotrader.rehearsal.alpaca.account import AccountRules, Money
from algotrader.rehearsal.alpaca.answers import ApiError, not_found, unprocessable
from algotrader.rehearsal.alpaca.auctions import check_auction
from algotrader.rehearsal.alpaca.book import Book, Json
from algotrader.rehearsal.alpaca.changes import replacement
from algotrader.rehearsal.alpaca.checks import (
    check_account,
    check_buying_power,
    check_holding,
    check_opposing,
    cost_of,
    held_for_orders,
    refusal_of,
)
from algotrader.rehearsal.alpaca.intake import Intake
from algotrader.rehearsal.alpaca.orders import AlpacaOrder
from algotrader.rehearsal.alpaca.past import Past, restore
from algotrader.rehearsal.alpaca.texts import decimal_text, joined, read_number
from algotrader.venues.protocols import Refused

CAPABILITIES: Final = VenueCapabilities(name="alpaca", reduce_only=False)
"""What the paper exchange itself enforces behind the server; what Alpaca adds is checked here, and said in Alpaca's words."""

_LOOK_BACK: Final = 5 * NS_PER_DAY
_ON_THE_WAY: Final = (states.ACCEPTED, states.PENDING_NEW, states.PENDING_CANCEL, states.PENDING_REPLACE)
"""An order that is not at the exchange, or about to leave it, cannot be replaced."""


class AlpacaVenue:
    """One account at Alpaca.

    Args:
        exchange: matches the orders; made with ``CAPABILITIES``.
        rules: of the account; may be changed at any time.
        seed: of the ids.
        past: where another process left off; the exchange has its cash already.

    Attributes:
        book: its orders.
    """

    def __init__(self, exchange: PaperExchange, rules: AccountRules | None = None, seed: int = 0, past: Past | None = None) -> None:
        self.exchange: Final = exchange
        self.rules: Final = rules or AccountRules()
        # Ids that were given before must not be given again.
        self.book: Final = Book(exchange, f"{seed}-{past.lines if past else 0}", past.account_id if past else "")
        self.created: Final = exchange.clock.now()
        self._symbols: Final[dict[str, Instrument]] = {}
        for instrument in exchange.instruments:
            self._symbols[instrument.symbol] = self._symbols[joined(instrument)] = instrument
        self._last_equity = exchange.account().equity
        self._lastday: Final[dict[str, int]] = {}
        self._intake: Final = Intake(self.instrument, exchange.last_price, self.book.new_id)
        exchange.phase_observers.append(self._phase)
        self._past: Final = past

    def restore(self) -> None:
        """Go on where the other process left off; what is told of it reaches those who listen by now."""
        if self._past is not None:
            restore(self._past, self.book, self.instrument)
            self._mark()
            self._last_equity = self.exchange.account().equity

    def _mark(self) -> None:
        """Know the last prices before now; only the orders that come from now on are measured against them."""
        exchange, now = self.exchange, self.exchange.clock.now()
        for instrument in exchange.instruments:
            if bars := exchange.market.past(instrument, now - _LOOK_BACK, now, exchange.market.seconds):
                exchange.mark(instrument.symbol, bars[-1].close_raw)

    # What it has

    def instrument(self, symbol: str) -> Instrument | None:
        """The instrument of a symbol, pairs with the stroke or without; None when it is not traded here."""
        return self._symbols.get(symbol)

    def holding(self, instrument: Instrument) -> Holding:
        """What is held of an instrument."""
        return self.exchange.records.holdings.get(instrument.symbol) or Holding()

    def held(self) -> list[Instrument]:
        """The instruments of which something is held."""
        return [instrument for instrument in self.exchange.instruments if self.holding(instrument).quantity_raw]

    def available(self, instrument: Instrument) -> int:
        """What of a holding no order has taken; signed as the holding."""
        held = self.holding(instrument).quantity_raw
        side = Side.SELL if held > 0 else Side.BUY
        free = max(abs(held) - held_for_orders(self.book.working(instrument), side), 0)
        return free if held > 0 else -free

    def money(self) -> Money:
        """What the account is worth."""
        info = self.exchange.account()
        long = short = 0
        for instrument in self.exchange.instruments:
            value = instrument.notional(self.exchange.last_price(instrument), self.holding(instrument).quantity_raw)
            long, short = long + max(value, 0), short + min(value, 0)
        return Money(info.cash, long, short, info.buying_power, self._last_equity)

    def lastday(self, instrument: Instrument) -> int:
        """The price (scaled) with which an instrument ended the last session; the last price before there was one."""
        return self._lastday.get(instrument.symbol) or self.exchange.last_price(instrument)

    def _phase(self, phase: Phase) -> None:
        if phase.opens:
            return
        self._last_equity = self.exchange.account().equity
        for instrument in self.exchange.instruments:
            if instrument.calendar == phase.session.calendar:
                self._lastday[instrument.symbol] = self.exchange.last_price(instrument)

    # Requests

    def submit(self, body: Any) -> Json:
        """Take a new order; gives its record as it was when it came in.

        Raises:
            ApiError: it is refused.
        """
        order = self._intake.order(body, self.exchange.clock.now())
        check_auction(order)
        self._check(order, [])
        closes = self.holding(order.instrument).quantity_raw * order.sign < 0
        order.closes = closes
        return self.book.start(order)

    def _check(self, order: AlpacaOrder, but: list[AlpacaOrder]) -> None:
        self.book.check_client_id(order.client_order_id)
        check_account(self.rules, order)
        others = [other for other in self.book.working(order.instrument) if other not in but]
        check_opposing(order, others)
        held = self.holding(order.instrument).quantity_raw
        check_holding(order, held, others, self.rules)
        back = sum(cost_of(other, held, 0) for other in but[:1])
        cost = cost_of(order, held, self.exchange.last_price(order.instrument))
        check_buying_power(cost, self.exchange.account().buying_power + back)

    def cancel(self, order: AlpacaOrder) -> None:
        """End an order, and those that belong to it.

        Raises:
            ApiError: it is over.
        """
        _check_open(order)
        for each in [order, *(other for other in order.family() if other is not order)]:
            if each.open:
                self.book.cancel(each)

    def replace(self, order: AlpacaOrder, body: Any) -> Json:
        """Put a new order in the place of one that works; gives the new one's record as it was when it came in.

        Raises:
            ApiError: it is refused; the old order goes on.
        """
        _check_open(order)
        if order.status in _ON_THE_WAY:
            raise unprocessable(f"cannot replace order in {order.status} status")
        if not isinstance(body, dict):
            raise ApiError(400, 40010000, "request body format is invalid")
        self.book.refresh()
        now, last = self.exchange.clock.now(), self.exchange.last_price(order.instrument)
        new = replacement(order, body, self.book.new_id, now, last, keeps_fills=self.rules.replace_keeps_fills)
        if new.quantity_raw <= new.filled_raw:
            raise unprocessable("qty must be > filled_qty")
        if not order.working:
            self.book.check_client_id(new.client_order_id)
            self.book.replaced(order, new)
            return {**new.record(nested=True), "status": states.HELD}
        self._check(new, [order, *(other for other in order.family() if other is not order and order.group)])
        if self.rules.replace_seconds:
            self._replace_later(order, new)
        else:
            self._change(order, new)
            self.book.replaced(order, new)
        return {**new.record(nested=True), "status": states.ACCEPTED}

    def _replace_later(self, old: AlpacaOrder, new: AlpacaOrder) -> None:
        """The answer promises nothing: what happens to the old order until the new one is there decides."""
        status = old.status
        self.book.announce(old, new)
        wait = self.exchange.clock.seconds(self.rules.replace_seconds)
        asyncio.get_running_loop().call_later(wait, self.finish_replacement, old, new, status)

    def finish_replacement(self, old: AlpacaOrder, new: AlpacaOrder, status: str) -> None:
        """A replacement gets to the exchange, where the old order may be over by now."""
        if self.rules.replace_keeps_fills:
            new.filled_raw, new.filled_value = old.filled_raw, old.filled_value
        if not (old.open and old.working and new.open) or new.quantity_raw <= new.filled_raw:
            self.book.not_replaced(old, new, status)
            return
        if old.status == states.PENDING_REPLACE:
            old.status = status
        try:
            self._change(old, new)
        except ApiError:
            self.book.not_replaced(old, new, status)
        else:
            self.book.replaced(old, new)

    def _change(self, old: AlpacaOrder, new: AlpacaOrder) -> None:
        """The exchange's order goes on under the new id; its own quantity includes all that it has ever filled."""
        if new.time_in_force is not old.time_in_force or new.trail_raw != old.trail_raw:
            self.book.move(old, new)
            return
        new.base = new.filled_raw - (old.filled_raw - old.base)
        total = new.quantity_raw - new.base
        command = ReplaceOrder(old.id, old.instrument.symbol, new.id, total, new.limit_raw, new.stop_raw)
        try:
            self.exchange.replace(command)
        except Refused as refusal:
            raise refusal_of(refusal, old) from refusal

    def close(self, symbol: str, quantity: str = "", percentage: str = "") -> Json:
        """Close a position at market, or a part of it; gives the order's record.

        Raises:
            ApiError: there is none, or orders hold it.
        """
        instrument = self.instrument(symbol)
        held = self.holding(instrument).quantity_raw if instrument else 0
        if instrument is None or not held:
            raise not_found("position does not exist")
        raw = abs(held)
        if percentage:
            raw = instrument.round_quantity_down(int(raw * _share(percentage)))
        asked = quantity or decimal_text(instrument.quantity(raw))
        is_crypto = instrument.asset_class is AssetClass.CRYPTO
        body = {
            "symbol": instrument.symbol,
            "qty": asked,
            "side": "sell" if held > 0 else "buy",
            "type": "market",
            "time_in_force": "gtc" if is_crypto else "day",
        }
        return self.submit(body)

    def deposit(self, amount: int) -> str:
        """Money (scaled) comes in, or leaves when negative; gives the name of the entry."""
        name = self.book.new_id()
        self.exchange.deposit(amount)
        self.book.activities.transfer(amount, name, self.exchange.clock.now())
        return name


def _share(percentage: str) -> Decimal:
    """A percentage as a share of one."""
    try:
        share = (read_number(percentage) or Decimal(0)) / 100
    except ValueError:
        share = Decimal(0)
    if not 0 < share <= 1:
        raise unprocessable("percentage must be above 0 and not above 100")
    return share


def _check_open(order: AlpacaOrder) -> None:
    if not order.open:
        raise unprocessable(f'order is already in "{order.status}" state')
