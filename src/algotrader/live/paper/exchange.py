"""The paper venue itself: a simulated venue that lives with a clock, keeps records, and tells what happens to all who listen.

At each close of bars, in this order: the phases of the session that are due, what the bars do to working orders, a moment in
which a stop sent for a new entry still counts for the entry's own bar, and then the bars themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import Final

from algotrader.core.commands import (
    REFUSED_DUPLICATE,
    REFUSED_NOT_FOUND,
    REFUSED_TOO_LATE,
    REFUSED_UNSUPPORTED,
    CancelOrder,
    ReplaceOrder,
)
from algotrader.core.events import CancelRejected, Event, OrderReject, ReplaceRejected
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities
from algotrader.core.market import NS_PER_DAY, Bar, Quote, Session
from algotrader.core.orders import OrderRequest, Side
from algotrader.history.calendars import sessions
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.paper.faults import Faults
from algotrader.live.paper.market import Market, Slice
from algotrader.live.paper.records import Holding, OrderRecord, Records
from algotrader.live.paper.stamps import stamped
from algotrader.live.paper.streams import Channel
from algotrader.simulation.settings import SimulationSettings
from algotrader.simulation.venue import SimulatedVenue
from algotrader.simulation.working import OpenOrder
from algotrader.venues.protocols import AccountInfo, OrderStatus, Refused, VenueFill, VenuePosition

_CALENDAR_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class PaperTiming:
    """When things reach each other at the paper venue, in seconds of the session.

    Attributes:
        bar_delay: how long after their close bars are told to listeners.
        grace: an order that comes in so soon after a bar's open counts as there when it opened, as in a backtest; a later market
            order fills at that bar's close, a later order of another kind waits for the next bar.
    """

    bar_delay: float = 0.5
    grace: float = 1.5

    @staticmethod
    def at_speed(speed: float) -> PaperTiming:
        """For a clock that goes faster than life: clients keep 30 ms of life to answer a bar, up to three quarters of a minute."""
        return PaperTiming(grace=min(max(1.5, 0.5 + 0.03 * speed), 45.0))


class PaperExchange:
    """A venue with one account. It goes on whatever becomes of its clients.

    Args:
        clock: of the session, or of the venue's own process.
        market: where its bars come from.
        capital: money of the account at the start (``scaled.money``), in the currency of the first instrument.
        start: bars that close after it are traded, nanoseconds UTC; what lies before is history. 0 for the clock's time.
        capabilities: what it allows.
        settings: costs and volume limit; its latency is not used, that is the client's way to the venue.
        timing: when bars are told.
        faults: what goes wrong.

    Attributes:
        orders: what happens to orders, for whoever listens.
        bars: closed bars, for whoever listens.
        observers: called with every event of ``orders`` before any listener has it.
        phase_observers: called when a session opens or closes, once the orders that go with it are gone.
        records: everything that ever happened.
    """

    def __init__(
        self,
        clock: Clock,
        market: Market,
        capital: int,
        *,
        start: int = 0,
        capabilities: VenueCapabilities = GENERIC,
        settings: SimulationSettings | None = None,
        timing: PaperTiming | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.clock: Final = clock
        self.market: Final = market
        self.instruments: Final[list[Instrument]] = market.instruments
        self.capabilities: Final = capabilities
        self.faults: Final = faults or Faults()
        self.timing: Final = timing or PaperTiming()
        self.orders: Final = Channel[Event]()
        self.bars: Final = Channel[Bar | Quote]()
        self.observers: Final[list[Callable[[Event], None]]] = []
        self.phase_observers: Final[list[Callable[[Phase], None]]] = []
        self.records: Final = Records()
        self.currency: Final = self.instruments[0].currency
        self._index: Final = {instrument.symbol: number for number, instrument in enumerate(self.instruments)}
        self._venue: Final = SimulatedVenue(self.instruments, capabilities, replace(settings or SimulationSettings(), latency_ns=0))
        self._venue.deposit(self.currency, capital)
        self._start: Final = start or clock.now()
        self._sessions: Final[dict[str, Session]] = {}
        self._last_bars: Final[dict[str, Bar]] = {}
        self._published = self._start
        self._persons = 0
        self._reserved: Final[dict[str, None]] = {}
        self._running: asyncio.Task[None] | None = None

    # Its life

    def start(self) -> asyncio.Task[None]:
        """Open for business in a task of its own, which ends with the market; a second call changes nothing."""
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self.run(), name="paper exchange")
        return self._running

    async def stop(self) -> None:
        """Close for good, and raise what went wrong meanwhile."""
        task, self._running = self._running, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (fault := task.exception()) is not None:
                raise fault

    async def run(self) -> None:
        """Trade bar after bar as the clock comes to them, until the market is over."""
        phases = _Phases(self.instruments, self._start)
        for item in self.market.slices(self._start):
            await self._live_until(phases, item.close_time)
            await self.trade(item)
        if self.market.end:
            await self._live_until(phases, self.market.end)

    async def _live_until(self, phases: _Phases, moment: int) -> None:
        while (phase := phases.due(moment)) is not None:
            await self.clock.sleep_until(phase.time)
            self.enter(phase)
        await self.clock.sleep_until(moment)
        # A clock that is ahead of us never waits; clients must have their turn all the same.
        await asyncio.sleep(0)

    def enter(self, phase: Phase) -> None:
        """A session opens or closes; with the close go the orders that were for this session only."""
        session = phase.session
        if phase.opens:
            self._sessions[session.calendar] = session
            self._venue.open_session(session.calendar, session)
        else:
            self._sessions.pop(session.calendar, None)
            self._venue.close_session(session.calendar, session)
            self._tell()
        for observer in self.phase_observers:
            observer(phase)

    async def trade(self, item: Slice) -> None:
        """What the bars of a moment do to working orders, and then the bars themselves."""
        busy = []
        for index, bar in item.bars:
            if self._venue.busy[index]:
                self._match(index, bar, await self.faults.volume(bar))
                busy.append(index)
            else:
                self._venue.mark(index, bar.close_raw)
        await self.clock.sleep_until(item.close_time + round(self.timing.bar_delay * NS_PER_SECOND))
        for index in busy:
            self._venue.match_again(index)
            self._tell()
        self._published = item.close_time
        for _, bar in item.bars:
            self._last_bars[bar.symbol] = bar
            self.bars.publish(bar)

    def _match(self, index: int, bar: Bar, volume: int) -> None:
        session = self._sessions.get(bar.instrument.calendar)
        regular = session is not None and session.contains(bar.open_time)
        prices = (bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw)
        self._venue.match_bar(index, bar.open_time, bar.close_time, *prices, volume, regular)
        self._tell()

    # Requests, as they arrive

    def submit(self, request: OrderRequest) -> OrderStatus:
        """Take a new order.

        Raises:
            Refused: with the reason; an id that was ever used before is refused for ever.
        """
        now, name = self.clock.now(), request.client_order_id
        if request.symbol not in self._index:
            raise Refused(f"{request.symbol} is not traded here", REFUSED_UNSUPPORTED)
        if name in self.records.orders or name in self._reserved:
            raise Refused(f"the id {name} was used before", REFUSED_DUPLICATE)
        record = self.records.add(request, now)
        self._venue.place(request, self._arrival(now))
        self._tell()
        return record.status()

    def cancel(self, client_order_id: str) -> None:
        """Take the wish for an order's end.

        Raises:
            Refused: there is no such order, or it is over.
        """
        record = self._known(client_order_id)
        self._venue.execute(CancelOrder(client_order_id, record.request.symbol), self._arrival(self.clock.now()))
        self._tell()

    def replace(self, command: ReplaceOrder) -> OrderStatus:
        """Take the wish for a change.

        Raises:
            Refused: with the reason.
        """
        self._known(command.client_order_id)
        new = command.new_client_order_id
        if new in self.records.orders:
            raise Refused(f"the id {new} was used before", REFUSED_DUPLICATE)
        self._venue.execute(command, self._arrival(self.clock.now()))
        self._tell()
        leg = self.records.orders[new]
        leg.quantity_raw = command.quantity_raw
        leg.limit_raw, leg.stop_raw = command.limit_raw or leg.limit_raw, command.stop_raw or leg.stop_raw
        return leg.status()

    def _known(self, client_order_id: str) -> OrderRecord:
        record = self.records.orders.get(client_order_id)
        if record is None:
            raise Refused(f"no order {client_order_id} is known here", REFUSED_NOT_FOUND)
        return record

    def _arrival(self, now: int) -> int:
        """When an order counts as there: at the open of the bar that has just begun, or now."""
        opened = now - now % (self.market.seconds * NS_PER_SECOND)
        return opened if now - opened <= self.timing.grace * NS_PER_SECOND else now

    def _tell(self) -> None:
        """Record what the simulated venue has said, and pass on what is not the answer to a request.

        Raises:
            Refused: it was a refusal.
        """
        now = self.clock.now()
        for event in self._venue.take_events():
            self.records.apply(event, now)
            if isinstance(event, OrderReject | ReplaceRejected):
                raise Refused(event.reason, event.code)
            if isinstance(event, CancelRejected):
                raise Refused(event.reason, REFUSED_TOO_LATE)
            told = stamped(event, now)
            for observer in self.observers:
                observer(told)
            self.orders.publish(told)

    # Where the last process left off

    def place_position(self, symbol: str, quantity_raw: int, average_raw: int) -> None:
        """Hold something from the beginning; the money for it has been paid already."""
        self._venue.positions[self._index[symbol]] = quantity_raw
        self.records.holdings[symbol] = Holding(quantity_raw, quantity_raw * average_raw)

    def mark(self, symbol: str, price_raw: int) -> None:
        """Begin with a last price."""
        self._venue.mark(self._index[symbol], price_raw)

    def reserve_ids(self, ids: Iterable[str]) -> None:
        """Refuse these ids from now on; what became of the orders is not known here."""
        self._reserved.update(dict.fromkeys(ids))

    def count_on(self, venue_ids: int, fill_ids: int) -> None:
        """Number orders and executions from after these on; see ``SimulatedVenue.count_on``."""
        self._venue.count_on(venue_ids, fill_ids)

    def restore_order(self, request: OrderRequest, filled_raw: int, filled_value: int, venue_order_id: str, now: int) -> None:
        """Work an order that was taken before; ``request`` is what is left of it, the rest was filled then."""
        record = self.records.add(request, now)
        self._venue.place(request, now)
        self._tell()
        record.quantity_raw, record.filled_raw, record.filled_value = request.quantity_raw + filled_raw, filled_raw, filled_value
        record.venue_order_id = venue_order_id or record.venue_order_id

    # What others do

    def person_order(self, request: OrderRequest) -> OrderStatus:
        """A person places an order of their own in the account."""
        return self.submit(request)

    def deposit(self, amount: int, currency: str = "") -> None:
        """Money comes in, or leaves when negative. Nobody is told."""
        self._venue.deposit(currency or self.currency, amount)

    def set_halted(self, symbol: str, halted: bool) -> None:
        """Halt an instrument, or let it trade again."""
        self._venue.set_halted(self._index[symbol], halted)

    # What it tells when asked

    def order(self, client_order_id: str) -> OrderStatus | None:
        """One order; None when it never had it."""
        record = self.records.orders.get(client_order_id)
        return None if record is None else self._status(record, self._by_id())

    def open_orders(self) -> list[OrderStatus]:
        """Every order that is not final, oldest first."""
        working = self._by_id()
        return [self._status(record, working) for record in self.records.open.values()]

    def working(self) -> list[OpenOrder]:
        """What the simulated venue itself has open, held orders included."""
        return self._venue.open_orders()

    def recent_orders(self, since: int) -> list[OrderStatus]:
        """Orders updated at or after a time, in the order in which they came in."""
        working = self._by_id()
        return [self._status(record, working) for record in self.records.orders.values() if record.updated >= since]

    def _by_id(self) -> dict[str, OpenOrder]:
        return {order.client_order_id: order for order in self._venue.open_orders()}

    def _status(self, record: OrderRecord, open_orders: dict[str, OpenOrder]) -> OrderStatus:
        """Trailing stops move and pairs shrink without a word: what is open is asked anew."""
        status = record.status()
        working = open_orders.get(record.client_order_id)
        if working is None or record.client_order_id not in self.records.open:
            return status
        if (working.quantity_raw, working.stop_raw) == (status.quantity_raw, status.stop_raw):
            return status
        return replace(status, quantity_raw=working.quantity_raw, stop_raw=working.stop_raw)

    def last_price(self, instrument: Instrument) -> int:
        """The last price of an instrument, scaled; 0 before any."""
        return self._venue.last_price(self._index[instrument.symbol])

    def fills(self, since: int) -> list[VenueFill]:
        """Executions at or after a time, oldest first."""
        return [fill for fill in self.records.fills if fill.time >= since]

    def positions(self) -> list[VenuePosition]:
        """Positions that are not flat."""
        return [
            VenuePosition(symbol, holding.quantity_raw, holding.average_raw)
            for symbol, holding in self.records.holdings.items()
            if holding.quantity_raw
        ]

    def account(self) -> AccountInfo:
        """The money in the account's currency; buying power is cash less what working buys would take."""
        cash, reserved = self._venue.cash.get(self.currency, 0), 0
        equity = cash
        for index, instrument in enumerate(self.instruments):
            if instrument.currency == self.currency:
                equity += instrument.notional(self._venue.last_price(index), self._venue.positions[index])
        for order in self._venue.open_orders():
            index = self._index[order.symbol]
            if order.side is Side.BUY and not order.held and self.instruments[index].currency == self.currency:
                price = order.limit_raw or order.stop_raw or self._venue.last_price(index)
                reserved += self.instruments[index].notional(price, order.quantity_raw - order.filled_raw)
        return AccountInfo(equity, cash, max(cash - reserved, 0), self.currency)

    def history(self, instrument: Instrument, start: int, end: int, seconds: int) -> Sequence[Bar]:
        """Closed bars of the past, as far as they have been told.

        Raises:
            Refused: there are no bars of this length.
        """
        if seconds != self.market.seconds:
            raise Refused(f"there are no bars of {seconds} s here, only of {self.market.seconds} s", REFUSED_UNSUPPORTED)
        return self.market.past(self.instruments[self._index[instrument.symbol]], start, min(end, self._published), seconds)

    def latest_quote(self, symbol: str) -> Quote | None:
        """The last close as bid and offer; None before any bar."""
        bar = self._last_bars.get(symbol)
        if bar is None:
            return None
        price = bar.close_raw
        return Quote(bar.instrument, bar.close_time, price, price, 0, 0, price, bar.volume_raw)


@dataclass(frozen=True, slots=True)
class Phase:
    """A session opens or closes. The close, and the open of what never closes, come after the bars that close at the time."""

    time: int
    opens: bool
    session: Session

    @property
    def key(self) -> tuple[int, bool, bool]:
        """Sort key: time, after the bars, opens after closes."""
        return (self.time, not self.opens or self.session.continuous, self.opens)


class _Phases:
    """The phases of every calendar of the instruments, in order, from a moment on."""

    def __init__(self, instruments: Sequence[Instrument], start: int) -> None:
        calendars = dict.fromkeys(instrument.calendar for instrument in instruments)
        self._coming: Final = merge(*(_phases_of(calendar, start) for calendar in calendars), key=lambda phase: phase.key)
        self._next: Phase | None = next(self._coming, None)

    def due(self, moment: int) -> Phase | None:
        """Take the next phase that comes before the bars that close at a moment."""
        phase = self._next
        if phase is None or phase.key[:2] > (moment, False):
            return None
        self._next = next(self._coming, None)
        return phase


def _phases_of(calendar: str, start: int) -> Iterator[Phase]:
    """Opens and closes of a calendar from a moment on, as far as it is known."""
    moment = start
    while True:
        found = [day for day in sessions(calendar, moment, moment + _CALENDAR_DAYS * NS_PER_DAY) if day.close_time > moment]
        if not found:
            return
        for day in found:
            yield Phase(max(day.open_time, start), True, day)
            yield Phase(day.close_time, False, day)
        moment = found[-1].close_time
