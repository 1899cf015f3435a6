"""A broker of ours at the rehearsal server, in one event loop: time stands still until the test lets a bar pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from alpaca_rig import KEY, SECRET, Stage, make_server
from alpaca_servers import CALM

from algotrader.core.commands import ApprovedOrder, ReplaceOrder, RiskSeal, SubmitOrder
from algotrader.core.events import ConnectionChanged, Event
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.rehearsal.alpaca.server import AlpacaServer
from algotrader.venues.alpaca.broker import AlpacaBroker
from algotrader.venues.alpaca.settings import AlpacaSettings, Patience, loopback_settings

SEAL = RiskSeal("algotrader.core.risk")
SIDES = {"buy": Side.BUY, "sell": Side.SELL}


class Desk:
    """One account with its server, and clients of ours.

    Attributes:
        broker: the client that the test uses.
        said: what its stream has told.
    """

    def __init__(self, stage: Stage, server: AlpacaServer, patience: Patience) -> None:
        self.stage, self.server = stage, server
        self.settings = settings_for(server, patience)
        self.broker = self.fresh()
        self.said: list[Event] = []
        self._listening: asyncio.Task[None] | None = None

    def fresh(self, settings: AlpacaSettings | None = None, **options: Any) -> AlpacaBroker:
        """A client that knows nothing yet, as after a restart."""
        return AlpacaBroker(settings or self.settings, self.stage.instruments[:2], self.stage.clock.now, **options)

    async def listen(self) -> None:
        """Follow the broker's stream from now on."""
        self._listening = asyncio.create_task(self._follow())
        await self.until(lambda: any(isinstance(event, ConnectionChanged) for event in self.said))

    async def _follow(self) -> None:
        async for event in self.broker.events():
            self.said.append(event)

    async def ended(self) -> BaseException | None:
        """How following the stream ended."""
        assert self._listening is not None
        await asyncio.wait([self._listening], timeout=10)
        return self._listening.exception()

    async def heard(self, kind: type[Event], count: int = 1) -> list[Any]:
        """The events of a kind, once there are so many."""
        await self.until(lambda: sum(isinstance(event, kind) for event in self.said) >= count)
        return [event for event in self.said if isinstance(event, kind)]

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not reached():
                assert self._listening is None or not self._listening.done(), self._listening
                await asyncio.sleep(0.001)

    def command(self, name: str, side: str, quantity: int, symbol: str = "AAPL", **more: Any) -> SubmitOrder:
        """A new order; prices are scaled."""
        instrument = next(one for one in self.stage.instruments if one.symbol == symbol)
        kind = OrderType.STOP_LIMIT if {"limit_raw", "stop_raw"} <= set(more) else OrderType.MARKET
        kind = more.pop("order_type", OrderType.LIMIT if set(more) & {"limit_raw"} and "stop_raw" not in more else kind)
        kind = OrderType.STOP if "stop_raw" in more and "limit_raw" not in more else kind
        force = more.pop("time_in_force", TimeInForce.GTC)
        request = OrderRequest(name, instrument, SIDES[side], kind, quantity, force, **more)
        return SubmitOrder(name, ApprovedOrder(request, SEAL))

    @staticmethod
    def change(old: str, new: str, quantity: int, symbol: str = "AAPL", **more: Any) -> ReplaceOrder:
        return ReplaceOrder(old, symbol, new, quantity, **more)

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        await self.broker.disconnect()


def settings_for(server: AlpacaServer, patience: Patience = CALM, **changes: Any) -> AlpacaSettings:
    return replace(loopback_settings(f"127.0.0.1:{server.port}", KEY, SECRET, patience=patience), **changes)


@asynccontextmanager
async def desk(stage: Stage | None = None, patience: Patience = CALM, **settings: Any) -> AsyncIterator[Desk]:
    chosen = stage or Stage(rate_limit=0)
    async with make_server(chosen, **settings) as server:
        found = Desk(chosen, server, patience)
        try:
            yield found
        finally:
            await found.close()


def at_desk(
    script: Callable[[Desk], Awaitable[None]], stage: Stage | None = None, patience: Patience = CALM, **settings: Any
) -> None:
    """Run a script at a desk."""

    async def main() -> None:
        async with desk(stage, patience, **settings) as found:
            await script(found)

    asyncio.run(main())
