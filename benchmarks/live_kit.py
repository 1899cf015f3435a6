"""What the measurements of a live session share: a broker that does all at once, a feed that is fed by hand, a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import Field

from algotrader.assembly import Assembly, plan_routes
from algotrader.core.commands import ReplaceOrder, SubmitOrder
from algotrader.core.events import (
    ConnectionChanged,
    Event,
    OrderAccepted,
    OrderCancel,
    OrderFill,
    OrderReplaced,
)
from algotrader.core.instruments import GENERIC, Instrument
from algotrader.core.market import Bar, Quote
from algotrader.core.orders import FINAL_STATES, OrderRequest, OrderState, OrderType, Side
from algotrader.core.reports import Report
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.live.clock import Clock
from algotrader.live.kernel import Outgoing
from algotrader.live.observers import Observers
from algotrader.live.parts import PAPER, Parts
from algotrader.live.rows import AccountRows
from algotrader.live.session import Session
from algotrader.live.writer import ThreadWriter, Writer
from algotrader.storage.sql_store import SqlStore
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.parameters import Parameters
from algotrader.strategies.scanners import Route, StaticScanner
from algotrader.venues.protocols import AccountInfo, Broker, MarketFeed, OrderStatus, Refused, VenueFill, VenuePosition

CAPITAL: Final = money(Decimal(10_000_000))


class Busy(SignalStrategy):
    """Enters on every so many bars of its symbol, moves its stop, leaves; it looks at nothing, so that only the engine costs."""

    class BusyParameters(Parameters):
        """How often, in bars; 0 for never."""

        every: int = Field(20, ge=0, description="enters and leaves on one of so many bars")
        offset: int = Field(0, ge=0, description="on which one")

    name: ClassVar[str] = "busy"
    sizing: ClassVar[str] = "explicit"
    close_at_session_end: ClassVar[bool] = False
    parameters_type: ClassVar[type[Parameters]] = BusyParameters
    seen = 0

    @property
    def required_history(self) -> int:
        """None."""
        return 1

    def _turn(self, place: int) -> bool:
        every = self.parameters.every
        return bool(every) and (self.seen + self.parameters.offset) % every == place

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """On its turn."""
        self.seen += 1
        return self._turn(0)

    def stop_loss_price(self, bar: Bar, indicators: Any) -> Any:
        """Far below."""
        return bar.close * Decimal("0.8")

    def should_update_stop(self, bar: Bar, indicators: Any) -> Any:
        """Now and then."""
        self.seen += 1
        return bar.close * (Decimal("0.8") + Decimal(self.seen % 100) / 10_000) if self._turn(2) else None

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        """Half a turn later."""
        return self._turn(self.parameters.every // 2)

    def quantity(self, bar: Bar, indicators: Any) -> object:
        """One."""
        return Decimal(1)


class InstantBroker(Broker):
    """Accepts everything at once and fills market orders at the last price; stops rest until they are cancelled."""

    def __init__(self, clock: Clock, prices: dict[str, int]) -> None:
        self.name = "instant"
        self.capabilities = GENERIC
        self._clock: Final = clock
        self._prices: Final = prices
        self._events: Final[asyncio.Queue[Event]] = asyncio.Queue()
        self._open: Final[dict[str, OrderStatus]] = {}
        self._held: Final[dict[str, int]] = {}
        self._fills: list[VenueFill] = []
        self._cash = CAPITAL
        self._count = 0
        self.orders = 0

    async def connect(self) -> None:
        """Nothing to be done."""

    async def disconnect(self) -> None:
        """Nothing to be done."""

    async def events(self) -> AsyncIterator[Event]:
        """What happens."""
        yield ConnectionChanged(self._clock.now(), self.name, connected=True)
        while True:
            yield await self._events.get()

    def _tell(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def submit(self, command: SubmitOrder) -> OrderStatus:
        """Accept it, and fill it when it is at market."""
        asked, now = command.request, self._clock.now()
        self._count += 1
        self.orders += 1
        status = OrderStatus(
            asked.client_order_id,
            f"v{self._count}",
            asked.symbol,
            asked.side,
            asked.quantity_raw,
            0,
            0,
            OrderState.ACCEPTED,
            asked.limit_raw,
            asked.stop_raw,
            submitted_time=now,
            updated_time=now,
        )
        self._tell(OrderAccepted(now, asked.client_order_id, status.venue_order_id))
        if asked.order_type is not OrderType.MARKET:
            self._open[asked.client_order_id] = status
            return status
        self._fill(asked, status)
        return status

    def _fill(self, asked: OrderRequest, status: OrderStatus) -> None:
        now, price = self._clock.now(), self._prices[asked.symbol]
        sign = 1 if asked.side is Side.BUY else -1
        self._held[asked.symbol] = self._held.get(asked.symbol, 0) + sign * asked.quantity_raw
        self._cash -= sign * asked.instrument.notional(price, asked.quantity_raw)
        fill = VenueFill(
            f"x{self._count}",
            status.client_order_id,
            status.venue_order_id,
            asked.symbol,
            asked.side,
            price,
            asked.quantity_raw,
            0,
            now,
        )
        self._fills = [*self._fills[-200:], fill]
        self._tell(
            OrderFill(
                now, fill.client_order_id, fill.fill_id, fill.symbol, fill.side, price, fill.quantity_raw, 0, fill.venue_order_id
            )
        )

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> None:
        """End it."""
        if self._open.pop(client_order_id, None) is None:
            raise Refused("not open", "too_late")
        self._tell(OrderCancel(self._clock.now(), client_order_id))

    async def replace(self, command: ReplaceOrder) -> OrderStatus:
        """Change it."""
        old = self._open.pop(command.client_order_id, None)
        if old is None:
            raise Refused("not open", "too_late")
        self._count += 1
        name = command.new_client_order_id
        changed = replace(
            old,
            client_order_id=name,
            venue_order_id=f"v{self._count}",
            quantity_raw=command.quantity_raw,
            stop_raw=command.stop_raw or old.stop_raw,
            updated_time=self._clock.now(),
        )
        self._open[name] = changed
        self._tell(OrderReplaced(self._clock.now(), command.client_order_id, name, changed.venue_order_id))
        return changed

    async def order(self, client_order_id: str, symbol: str) -> OrderStatus | None:
        """Only open ones are remembered."""
        return self._open.get(client_order_id)

    async def open_orders(self) -> Sequence[OrderStatus]:
        """All of them."""
        return [status for status in self._open.values() if status.state not in FINAL_STATES]

    async def recent_orders(self, since: int) -> Sequence[OrderStatus]:
        """The open ones."""
        return list(self._open.values())

    async def fills(self, since: int) -> Sequence[VenueFill]:
        """The last of them."""
        return [fill for fill in self._fills if fill.time >= since]

    async def positions(self) -> Sequence[VenuePosition]:
        """What is held."""
        return [VenuePosition(symbol, held, self._prices[symbol]) for symbol, held in self._held.items() if held]

    async def account(self) -> AccountInfo:
        """Cash, and what positions are worth at cost."""
        return AccountInfo(self._cash, self._cash, CAPITAL)


class HandFeed(MarketFeed):
    """Gives nothing by itself: the measurement puts its bars into the inbox."""

    name = "hand"

    async def connect(self) -> None:
        """Nothing to be done."""

    async def disconnect(self) -> None:
        """Nothing to be done."""

    async def subscribe(self, symbols: Sequence[str]) -> None:
        """Nothing to be done."""

    async def unsubscribe(self, symbols: Sequence[str]) -> None:
        """Nothing to be done."""

    async def stream(self) -> AsyncIterator[Bar | Quote]:
        """Wait for ever."""
        await asyncio.Event().wait()
        for bar in list[Bar]():
            yield bar

    async def history(self, instrument: Instrument, start: int, end: int, seconds: int) -> Sequence[Bar]:
        """There is no past."""
        return []

    async def latest_quote(self, instrument: Instrument) -> Quote | None:
        """There is none."""
        return None


def routes(strategies: int, every: int) -> list[Route]:
    """So many strategies that enter on every so many bars, each on bars of its own."""
    return [Route(StaticScanner(), Busy, {"every": every, "offset": number}) for number in range(strategies)]


def make_session(
    instruments: list[Instrument],
    wanted: list[tuple[Route, list[str]]],
    store: SqlStore,
    clock: Clock,
    broker: Broker,
    source: MarketFeed,
    *,
    writer: Writer | None = None,
    sending: Callable[[Outgoing], None] = lambda outgoing: None,
    measure: Callable[[int], None] = lambda took: None,
    tell: Callable[[str, str, str, str], None] = lambda kind, level, subject, message: None,
    told: Callable[[list[Report]], None] = lambda reports: None,
    observers: Observers | None = None,
) -> Session:
    """A session as ``algo-trader start`` makes one, with every route on its own symbols."""
    plans = []
    for number, (route, symbols) in enumerate(wanted):
        (plan,) = plan_routes([route], symbols, None)
        plan.owner = f"{plan.owner}-{number + 1}"
        plans.append(plan)
    assembly = Assembly(instruments, plans, "1m", RiskPolicy(max_open_positions=10_000), broker.capabilities, id_prefix="b-")
    writer = writer or ThreadWriter(store, clock, tell)
    writer.measure = measure
    parts = Parts(
        mode=PAPER,
        clock=clock,
        engine=assembly.engine,
        instruments={instrument.symbol: instrument for instrument in instruments},
        store=store,
        writer=writer,
        broker=broker,
        source=source,
        rows=AccountRows,
        told=told,
        tell=tell,
        build="benchmark",
        sending=sending,
        observers=observers,
    )
    return Session(parts)


def folder_size(folder: Path) -> float:
    """Megabytes of the files in a folder."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) / 1e6
