"""What a broker and a market-data feed are: the interfaces that every venue's folder implements, and what they answer with.

A broker carries requests out and tells what it knows; it decides nothing. What happens to orders comes back as events through
``Broker.events``, for answers to requests are lost too easily to be the only word. Quantities and prices are scaled integers of the
instrument, money is scaled by ``scaled.MONEY_SCALE``, times are nanoseconds since the epoch, UTC.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from algotrader.core.commands import ReplaceOrder, SubmitOrder
from algotrader.core.events import Event, TradingStatus
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.core.market import Bar, Quote
from algotrader.core.orders import OrderState, Side


class VenueError(Exception):
    """Base of what can go wrong at a venue."""


class NotSent(VenueError):
    """The request certainly never left: nothing was written to the socket. Safe to send again."""


class Unanswered(VenueError):
    """A timeout, a broken connection or a server error after the request may have left: nobody knows its fate."""


class Throttled(VenueError):
    """Too many requests; the venue did not take this one. ``retry_after`` is in seconds, None when it does not say."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(VenueError):
    """The venue said no. ``code`` is one of ``commands.REFUSALS``, or empty; sending again would be refused again."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotAllowed(VenueError):
    """Keys are missing, wrong, or lack the right: nothing will work until a person changes them."""


class StreamClosed(VenueError):
    """A stream ended or fell silent; it has to be opened again."""


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """One order (one leg of a chain of replacements) as the venue knows it.

    ``state`` is the venue's word in our terms; ``average_raw`` is the mean fill price (0 before any). ``replaced_by`` names the leg
    that took its place, ``attached_to`` the entry that it came with; both are client order ids and may be empty.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    quantity_raw: int
    filled_raw: int
    average_raw: int
    state: OrderState
    limit_raw: int = 0
    stop_raw: int = 0
    replaced_by: str = ""
    attached_to: str = ""
    reason: str = ""
    submitted_time: int = 0
    updated_time: int = 0


@dataclass(frozen=True, slots=True)
class VenueFill:
    """One execution as the venue's records have it."""

    fill_id: str
    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    price_raw: int
    quantity_raw: int
    commission: int
    time: int


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """What the account holds of an instrument: signed quantity and average entry price."""

    symbol: str
    quantity_raw: int
    average_raw: int


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """The account: money, and whether it is one for practice."""

    equity: int
    cash: int
    buying_power: int
    currency: str = "USD"
    margin_used: int = 0
    is_paper: bool = True


@dataclass(frozen=True, slots=True)
class AccountPicture:
    """All that a reconciliation compares, asked for in one go; ``time`` is our clock before the first question was asked."""

    time: int
    account: AccountInfo
    positions: tuple[VenuePosition, ...] = ()
    open_orders: tuple[OrderStatus, ...] = ()
    recent_orders: tuple[OrderStatus, ...] = ()
    fills: tuple[VenueFill, ...] = field(default=())


class Broker(ABC):
    """One account at one venue.

    Every method that asks something raises ``NotSent``, ``Unanswered``, ``Throttled``, ``Refused`` or ``NotAllowed``, and nothing
    else on account of the venue. None of them retries: that is the executor's business.
    """

    name: str
    capabilities: VenueCapabilities
    ids_unique_for_ever: bool = True
    """Whether the venue refuses an id that it has ever seen; protective orders may then be sent again at once under the same id."""

    @abstractmethod
    async def connect(self) -> None:
        """Open the connection and check the keys; may be called again after ``disconnect``."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close everything; a second call does nothing."""

    @abstractmethod
    def events(self) -> AsyncIterator[Event]:
        """Open the stream of order events and give them as they come, stamped with our clock; no fill is ever dropped.

        As soon as it is open it gives ``ConnectionChanged(connected=True)``, so that a reconciliation can begin without a gap.

        Raises:
            StreamClosed: the stream broke; the caller opens it again and reconciles.
        """

    @abstractmethod
    async def submit(self, command: SubmitOrder) -> OrderStatus:
        """Send a new order and give the venue's first word on it."""

    @abstractmethod
    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> None:
        """Ask for an order's end; only an event confirms it."""

    @abstractmethod
    async def replace(self, command: ReplaceOrder) -> OrderStatus:
        """Ask to change an order and give the venue's first word on the new leg."""

    @abstractmethod
    async def order(self, client_order_id: str, symbol: str) -> OrderStatus | None:
        """One order by our id; None when the venue denies that it ever had it."""

    @abstractmethod
    async def open_orders(self) -> Sequence[OrderStatus]:
        """Every order that is not final."""

    @abstractmethod
    async def recent_orders(self, since: int) -> Sequence[OrderStatus]:
        """Orders updated at or after a time, final ones included."""

    @abstractmethod
    async def fills(self, since: int) -> Sequence[VenueFill]:
        """Executions at or after a time, oldest first."""

    @abstractmethod
    async def positions(self) -> Sequence[VenuePosition]:
        """Positions that are not flat."""

    @abstractmethod
    async def account(self) -> AccountInfo:
        """The account's money."""

    async def time(self) -> int | None:
        """What the venue's clock shows; None when it does not tell."""
        return None


class MarketFeed(ABC):
    """Live and past market data of one venue; the errors are those of ``Broker``."""

    name: str

    @abstractmethod
    async def connect(self) -> None:
        """Open the connection and check the keys."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close everything; a second call does nothing."""

    @abstractmethod
    async def subscribe(self, symbols: Sequence[str]) -> None:
        """Want live data of these symbols from now on, besides those wanted before."""

    @abstractmethod
    async def unsubscribe(self, symbols: Sequence[str]) -> None:
        """Want no more of these."""

    @abstractmethod
    def stream(self) -> AsyncIterator[Bar | Quote | TradingStatus]:
        """Open the stream and give closed bars, quotes and halts of the subscribed symbols as they come.

        Raises:
            StreamClosed: the stream broke.
        """

    @abstractmethod
    async def history(self, instrument: Instrument, start: int, end: int, seconds: int) -> Sequence[Bar]:
        """Closed bars that open at or after ``start`` and close at or before ``end`` (nanoseconds UTC), oldest first.

        ``seconds`` is their length.
        """

    @abstractmethod
    async def latest_quote(self, instrument: Instrument) -> Quote | None:
        """The last quote; None when there is none."""
