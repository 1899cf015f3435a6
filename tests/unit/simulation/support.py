"""A desk for the tests of the simulated venue: orders by words, bars by minute, events as lines of text.

Bar ``k`` opens at minute ``k`` and closes at minute ``k + 1``; an order sent at minute ``k`` can meet bar ``k`` at the earliest.
"""

from __future__ import annotations

from decimal import Decimal

from algotrader.core.commands import ApprovedOrder, CancelOrder, ReplaceOrder, RiskSeal, SubmitOrder
from algotrader.core.events import (
    CancelRejected,
    Event,
    OrderAccepted,
    OrderCancel,
    OrderExpired,
    OrderFill,
    OrderReject,
    OrderReplaced,
    OrderTriggered,
    ReplaceRejected,
)
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities, equity
from algotrader.core.market import NS_PER_MINUTE, Quote, Session, TradeTick
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.core.scaled import from_money, money
from algotrader.simulation.settings import SimulationSettings
from algotrader.simulation.venue import SimulatedVenue

SEAL = RiskSeal("algotrader.core.risk")
AAPL = equity("AAPL")
MSFT = equity("MSFT")
PLENTY = 1_000_000
CAPITAL = money(Decimal(1_000_000))

Bar = tuple[str, str, str, str]


def minute(time: int) -> str:
    """A time as minutes with as few decimals as needed."""
    return f"{Decimal(time) / NS_PER_MINUTE:f}"


def words(event: Event) -> str:
    """An event as a short line that starts with its minute."""
    at = minute(event.time)
    if isinstance(event, OrderFill):
        price = Decimal(event.price_raw) / 10_000
        cost = f" costs {from_money(event.commission)}" if event.commission else ""
        return f"{at} {event.client_order_id} {event.side.value} {event.quantity_raw} @ {price:.2f}{cost}"
    if isinstance(event, OrderAccepted):
        return f"{at} {event.client_order_id} accepted"
    if isinstance(event, OrderReject):
        return f"{at} {event.client_order_id} refused {event.code}"
    if isinstance(event, OrderCancel):
        return f"{at} {event.client_order_id} cancelled"
    if isinstance(event, OrderExpired):
        return f"{at} {event.client_order_id} expired"
    if isinstance(event, OrderTriggered):
        return f"{at} {event.client_order_id} triggered"
    if isinstance(event, OrderReplaced):
        return f"{at} {event.client_order_id} replaced by {event.new_client_order_id}"
    if isinstance(event, ReplaceRejected):
        return f"{at} {event.client_order_id} replace refused {event.code}"
    assert isinstance(event, CancelRejected)
    return f"{at} {event.client_order_id} cancel refused"


class Desk:
    """A venue with one or more instruments and a deposit of a million; prices and quantities are written as text."""

    def __init__(
        self,
        settings: SimulationSettings | None = None,
        capabilities: VenueCapabilities = GENERIC,
        instruments: list[Instrument] | None = None,
    ) -> None:
        self.instruments = instruments or [AAPL]
        self.venue = SimulatedVenue(self.instruments, capabilities, settings or SimulationSettings.ideal())
        self.venue.deposit("USD", CAPITAL)
        self.log: list[str] = []

    def take(self) -> list[str]:
        """What the venue has said since last asked, kept in the log as well."""
        said = [words(event) for event in self.venue.take_events()]
        self.log += said
        return said

    def send(self, at: float, text: str, *, index: int = 0, **extra: object) -> list[str]:
        """Send an order such as ``a buy 10 limit 99.50 gtc``, ``b sell 5 stop 98``, ``c buy 5 stop_limit 101 102 day``."""
        self.venue.execute(submit(text, self.instruments[index], **extra), int(at * NS_PER_MINUTE))
        return self.take()

    def cancel(self, at: float, order_id: str, index: int = 0) -> list[str]:
        """Ask for a cancel."""
        self.venue.execute(CancelOrder(order_id, self.instruments[index].symbol), int(at * NS_PER_MINUTE))
        return self.take()

    def replace(self, at: float, old: str, new: str, quantity: int, limit: str = "", stop: str = "") -> list[str]:
        """Ask for a change."""
        command = ReplaceOrder(old, self.instruments[0].symbol, new, quantity, raw(limit), raw(stop))
        self.venue.execute(command, int(at * NS_PER_MINUTE))
        return self.take()

    def bar(
        self, at: int, open_: str, high: str, low: str, close: str, volume: int = PLENTY, *, index: int = 0, regular: bool = True
    ) -> list[str]:
        """Match bar ``at`` and let stops be tested on the bar of their entry, as the loop does."""
        said = self.open_bar(at, open_, high, low, close, volume, index=index, regular=regular)
        return said + self.again(index)

    def open_bar(
        self, at: int, open_: str, high: str, low: str, close: str, volume: int = PLENTY, *, index: int = 0, regular: bool = True
    ) -> list[str]:
        """Match bar ``at`` only."""
        opens, closes = at * NS_PER_MINUTE, (at + 1) * NS_PER_MINUTE
        prices = (raw(open_), raw(high), raw(low), raw(close))
        self.venue.match_bar(index, opens, closes, *prices, volume, regular)
        return self.take()

    def again(self, index: int = 0) -> list[str]:
        """Test the stops of the bar's entries."""
        self.venue.match_again(index)
        return self.take()

    def bars(self, first: int, bars: list[Bar], volume: int = PLENTY) -> list[str]:
        """Match bars one after the other."""
        said: list[str] = []
        for number, bar in enumerate(bars):
            said += self.bar(first + number, *bar, volume=volume)
        return said

    def quote(self, at: float, bid: str, ask: str, bid_size: int = 0, ask_size: int = 0) -> list[str]:
        """A quote comes in."""
        now = int(at * NS_PER_MINUTE)
        self.venue.on_quote(Quote(self.instruments[0], now, raw(bid), raw(ask), bid_size, ask_size), now)
        return self.take()

    def tick(self, at: float, price: str, size: int = PLENTY) -> list[str]:
        """A print comes in."""
        now = int(at * NS_PER_MINUTE)
        self.venue.on_tick(TradeTick(self.instruments[0], now, raw(price), size), now)
        return self.take()

    def mark(self, price: str) -> None:
        """Tell the last price."""
        self.venue.mark(0, raw(price))

    def open_session(self, first: int, last: int, calendar: str = "XNYS") -> list[str]:
        """A session from minute ``first`` to minute ``last`` begins."""
        self.venue.open_session(calendar, session(first, last, calendar))
        return self.take()

    def close_session(self, first: int, last: int, calendar: str = "XNYS") -> list[str]:
        """It ends."""
        self.venue.close_session(calendar, session(first, last, calendar))
        return self.take()

    @property
    def cash(self) -> Decimal:
        """Cash gained or lost since the deposit."""
        return from_money(self.venue.cash["USD"] - CAPITAL)


def session(first: int, last: int, calendar: str = "XNYS") -> Session:
    """A session from minute to minute."""
    return Session(calendar, f"{first}-{last}", first * NS_PER_MINUTE, last * NS_PER_MINUTE)


def raw(price: str) -> int:
    """A price at four decimal places; nothing is 0."""
    return int(Decimal(price) * 10_000) if price else 0


def submit(text: str, instrument: Instrument, **extra: object) -> SubmitOrder:
    """The command that sends an order, past risk control."""
    request = parse(text, instrument, **extra)
    return SubmitOrder(request.client_order_id, ApprovedOrder(request, SEAL))


def parse(text: str, instrument: Instrument, **extra: object) -> OrderRequest:
    """Read ``<id> <side> <quantity> <type> [prices] [time in force]``; without a time in force it is gtc."""
    order_id, side, quantity, kind, *rest = text.split()
    tif = TimeInForce(rest.pop()) if rest and rest[-1].isalpha() else TimeInForce.GTC
    order_type = OrderType(kind)
    prices = [raw(word) for word in rest]
    stop = prices.pop(0) if order_type in (OrderType.STOP, OrderType.STOP_LIMIT) else 0
    trail = prices.pop(0) if order_type is OrderType.TRAILING_STOP else 0
    limit = prices.pop(0) if order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT) else 0
    return OrderRequest(
        order_id,
        instrument,
        Side(side),
        order_type,
        int(quantity),
        tif,
        limit,
        stop,
        trail,
        reduce_only=bool(extra.get("reduce_only", False)),
        extended_hours=bool(extra.get("extended_hours", False)),
        stop_loss_raw=raw(str(extra.get("stop_loss", ""))),
        take_profit_raw=raw(str(extra.get("take_profit", ""))),
        oco_group=str(extra.get("oco_group", "")),
    )
