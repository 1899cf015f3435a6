"""The simulated venue's front: takes commands, lets them travel, and answers with events. What it assumes is written down in
``docs/backtest-assumptions.md``.

Nothing in here draws on a clock or on chance: the caller says what time it is, and the spread of latencies comes from a seed.
"""

from __future__ import annotations

from typing import Final, final

from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.events import Event
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.core.market import Quote, Session, TradeTick
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.simulation.bar_matching import BarMatcher
from algotrader.simulation.book import OrderBook
from algotrader.simulation.execution import Execution
from algotrader.simulation.intake import Intake
from algotrader.simulation.jitter import Jitter
from algotrader.simulation.matching import TradingRange
from algotrader.simulation.quote_matching import QuoteMatcher
from algotrader.simulation.settings import SimulationSettings
from algotrader.simulation.splits import split_order
from algotrader.simulation.working import OpenOrder, WorkingOrder, snapshot

_STOPS: Final = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


@final
class Flight:
    """A command on its way to the venue."""

    def __init__(self, command: Command, arrival: int, index: int) -> None:
        self.command: Final = command
        self.arrival: Final[int] = arrival
        self.index: Final[int] = index


@final
class SimulatedVenue:
    """A venue that enforces ``VenueCapabilities`` and fills orders on bars, or on quotes and prints.

    The loop on bars is: ``execute`` what the engine commands; for each bar of a busy instrument ``match_bar``, hand the events to
    the engine and ``execute`` what it answers, then ``match_again`` once. Instruments are known by their number in the list.

    Attributes:
        busy: per instrument number, whether it has open orders or commands under way; the others need no ``match_bar``.
        positions: net quantity per instrument number, scaled.
        cash: money by currency.
    """

    def __init__(self, instruments: list[Instrument], capabilities: VenueCapabilities, settings: SimulationSettings) -> None:
        self.instruments: Final = instruments
        self.capabilities: Final = capabilities
        self.settings: Final = settings
        self._execution: Final = Execution(instruments, capabilities, settings)
        self._book: Final[OrderBook] = self._execution.book
        self._bars: Final = BarMatcher(self._execution)
        self._quotes: Final = QuoteMatcher(self._execution)
        self._intake: Final = Intake(self._execution, self._quotes)
        self._jitter: Final = Jitter(settings.seed)
        self._index: Final[dict[str, int]] = {instrument.symbol: i for i, instrument in enumerate(instruments)}
        self._in_flight: Final[list[Flight]] = []
        self._last_arrival: int = 0
        self._now: int = 0
        self.busy: Final[list[bool]] = self._book.busy
        self.positions: Final[list[int]] = self._execution.account.positions
        self.cash: Final[dict[str, int]] = self._execution.account.cash

    @property
    def busy_count(self) -> int:
        """How many instruments are busy."""
        return self._book.busy_count

    @property
    def events(self) -> list[Event]:
        """What the venue has said since the caller last took it."""
        return self._execution.events

    @property
    def in_flight(self) -> int:
        """How many commands are under way."""
        return len(self._in_flight)

    def take_events(self) -> list[Event]:
        """Take what the venue has said; it starts an empty list."""
        taken = self._execution.events
        self._execution.events = []
        return taken

    def deposit(self, currency: str, amount: int) -> None:
        """Add money to the account, or take it away when negative. No event is sent."""
        self._execution.account.deposit(currency, amount)

    def mark(self, index: int, price_raw: int) -> None:
        """Tell the last price of an instrument, where no bar is matched; stops are checked against it when they come in."""
        self._execution.last_price[index] = price_raw

    def share_prices(self, prices: list[int]) -> None:
        """Use the caller's own list of last prices, by instrument number, from now on; the venue writes to it as well."""
        if len(prices) != len(self.instruments):
            raise ValueError(f"{len(prices)} prices for {len(self.instruments)} instruments")
        self._execution.last_price = prices

    def last_price(self, index: int) -> int:
        """The last price that the venue has seen, scaled; 0 before any."""
        return self._execution.last_price[index]

    def open_orders(self) -> list[OpenOrder]:
        """What is open, in order of arrival, held attached orders included."""
        found = [order for orders in self._book.orders for order in orders]
        return [snapshot(order) for order in sorted(found, key=_sequence)]

    # Commands

    def execute(self, command: Command, now: int) -> None:
        """Send a command at time ``now``; it reaches the venue after the latency, behind those sent before it.

        A stop sent while its entry's own bar is being handled is there at once: it has to be tested against that bar. Commands
        that ask for data are not for the venue and are passed over.
        """
        self._now = now
        if self.settings.latency_ns == 0 or self._is_for_entry_bar(command):
            self._arrive(command, now)
            return
        index = self._index_of(command)
        if index == -1:
            return
        latency = self._jitter.spread(self.settings.latency_ns, self.settings.latency_jitter_ppm)
        self._last_arrival = max(self._last_arrival, now + latency)
        self._in_flight.append(Flight(command, self._last_arrival, index))
        self._book.expect(index, 1)

    def count_on(self, venue_ids: int, fill_ids: int) -> None:
        """Number orders and executions from after these on."""
        self._execution.count_on(venue_ids, fill_ids)

    def place(self, request: OrderRequest, now: int) -> None:
        """Take an order that is there at once, whoever sends it: where the way to the venue is not simulated here.

        Raises:
            ValueError: the instrument is not traded here.
        """
        self._now = max(self._now, now)
        self._intake.submit(request, self._number(request.symbol), now)

    def advance(self, now: int) -> None:
        """Let the commands arrive that are due at ``now``. ``match_bar`` does this itself up to the bar's open."""
        self._now = max(self._now, now)
        while self._in_flight and self._in_flight[0].arrival <= now:
            flight = self._in_flight.pop(0)
            self._book.expect(flight.index, -1)
            self._arrive(flight.command, flight.arrival)

    def _index_of(self, command: Command) -> int:
        """The instrument a command is about: -1 when it is none for a venue.

        Raises:
            ValueError: the instrument is not traded here; the caller routed the command wrongly.
        """
        if isinstance(command, SubmitOrder):
            symbol = command.request.symbol
        elif isinstance(command, CancelOrder | ReplaceOrder):
            symbol = command.symbol
        else:
            return -1
        return self._number(symbol)

    def _number(self, symbol: str) -> int:
        if symbol not in self._index:
            raise ValueError(f"{symbol} is not traded at this venue; it has {', '.join(self._index)}")
        return self._index[symbol]

    def _is_for_entry_bar(self, command: Command) -> bool:
        if isinstance(command, SubmitOrder):
            request = command.request
            sign = 1 if request.side is Side.BUY else -1
            return request.order_type in _STOPS and self._execution.protects_entry(self._index_of(command), sign)
        if isinstance(command, ReplaceOrder):
            order = self._book.by_id.get(command.client_order_id)
            return order is not None and order.has_stop and self._execution.protects_entry(order.index, order.sign)
        return False

    def _arrive(self, command: Command, now: int) -> None:
        if isinstance(command, SubmitOrder):
            self._intake.submit(command.request, self._index_of(command), now)
        elif isinstance(command, CancelOrder):
            self._intake.cancel(command, now)
        elif isinstance(command, ReplaceOrder):
            self._intake.replace(command, now)

    # Market data

    def match_bar(
        self,
        index: int,
        open_time: int,
        close_time: int,
        open: int,
        high: int,
        low: int,
        close: int,
        volume: int,
        regular: bool = True,
    ) -> None:
        """Match the orders of an instrument against a bar: times in nanoseconds UTC, prices and volume scaled.

        Orders that arrived after the bar's open are left for the next bar. ``regular`` is False for a bar outside the session,
        which only orders for extended hours may meet.
        """
        execution = self._execution
        if self._in_flight:
            self.advance(open_time)
        execution.last_price[index] = close
        if execution.windows[index] is not None:
            execution.windows[index] = None
        book = self._book
        if (high < book.up[index] and low > book.down[index]) or execution.halted[index]:
            return
        tape = TradingRange(index, open_time, close_time, open, high, low, close, volume, True)
        tape.regular = regular
        self._bars.match(tape)

    def match_again(self, index: int) -> None:
        """Test the stops that came in for an entry of the bar just matched against that bar, and close the bar.

        Called once after the events of ``match_bar`` have been handled; when it said nothing there is no need.
        """
        self._bars.match_entry_bar(index)

    def on_quote(self, quote: Quote, now: int) -> None:
        """Match a quote at time ``now``; an instrument gets either bars or quotes and prints, not both."""
        self.advance(now)
        self._quotes.quote(self._index[quote.instrument.symbol], quote, now)

    def on_tick(self, tick: TradeTick, now: int) -> None:
        """Match a print at time ``now``."""
        self.advance(now)
        self._quotes.tick(self._index[tick.instrument.symbol], tick, now)

    # Sessions, halts, splits

    def open_session(self, calendar: str, session: Session) -> None:
        """A session begins for the instruments of a calendar: its first bar takes the orders for the opening auction."""
        self._now = max(self._now, session.open_time)
        for index, instrument in enumerate(self.instruments):
            if instrument.calendar == calendar:
                self._execution.sessions[index] = session

    def close_session(self, calendar: str, session: Session) -> None:
        """A session ends: what was for it alone expires, if it arrived before the close. Called before a later bar is matched."""
        close_time = session.close_time
        self.advance(close_time)
        for index, instrument in enumerate(self.instruments):
            if instrument.calendar == calendar:
                for order in list(self._book.orders[index]):
                    if not order.ended and not order.held:
                        self._end_of_session(order, session.open_time, close_time)

    def _end_of_session(self, order: WorkingOrder, open_time: int, close_time: int) -> None:
        tif = order.time_in_force
        if tif is TimeInForce.GTC or order.arrived >= close_time:
            return
        if tif is TimeInForce.OPG and order.arrived > open_time:
            return
        if tif is TimeInForce.CLS and self._quotes.live[order.index] and not self._execution.halted[order.index]:
            self._quotes.close(order.index, order, close_time)
            if order.ended:
                return
        if tif is TimeInForce.IOC or tif is TimeInForce.FOK:
            self._execution.give_up(order, close_time)
        else:
            self._execution.expire(order, close_time)

    def set_halted(self, index: int, halted: bool) -> None:
        """Halt an instrument or let it trade again. Meanwhile orders are taken and kept, but not matched."""
        self._execution.halted[index] = halted

    def apply_split(self, index: int, numerator: int, denominator: int) -> None:
        """Apply a split of ``numerator`` new for ``denominator`` old shares, before the first bar at the new prices.

        Position and quantities are multiplied, prices divided and rounded away from the market. A fraction of a share is paid out
        at the last price; an order of which less than an increment is left is cancelled.
        """
        execution = self._execution
        last = execution.last_price[index] * denominator // numerator
        execution.last_price[index] = last
        execution.windows[index] = None
        execution.account.split(index, numerator, denominator, last)
        for order in list(self._book.orders[index]):
            if not order.ended:
                split_order(order, numerator, denominator)
                if order.remaining_raw <= 0:
                    execution.cancel(order, self._now, "nothing is left of it after the split")
        self._book.refresh(index)


def _sequence(order: WorkingOrder) -> int:
    return order.sequence
