"""The account at a venue that is a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from algotrader.core.commands import ReplaceOrder, SubmitOrder
from algotrader.core.events import ConnectionChanged, Event
from algotrader.venues.protocols import AccountInfo, Broker, OrderStatus, VenueFill, VenuePosition
from algotrader.venues.remote.connection import TIMEOUT, Requests, StreamSocket
from algotrader.venues.remote.hello import Hello
from algotrader.venues.remote.wire import Json, plain, read_account, read_event, read_fill, read_position, read_status


class Time(Protocol):
    """The clock of a session, as far as it is needed here."""

    def now(self) -> int:
        """Nanoseconds UTC."""
        ...


class RemoteBroker(Broker):
    """A client of a venue process. Order events are listened to from ``connect`` on, or from the first wait on ``events``.

    Args:
        hello: what the venue said of itself.
        clock: of the session; it should follow the venue's, see ``Hello``.
        timeout: seconds of the machine until a request counts as unanswered.
    """

    def __init__(self, hello: Hello, clock: Time, timeout: float = TIMEOUT) -> None:
        self.name = "paper"
        self.capabilities = hello.capabilities
        self.ids_unique_for_ever = True
        self._address: Final = hello.address
        self._clock: Final = clock
        self._requests: Final = Requests(hello.address, timeout)
        self._stream: StreamSocket[Event] | None = None

    async def connect(self) -> None:
        await self._requests.open()
        await self._open_stream().open()

    async def disconnect(self) -> None:
        await self._requests.close()
        if self._stream is not None:
            await self._stream.close()

    def _open_stream(self) -> StreamSocket[Event]:
        if self._stream is None or self._stream.closed:
            self._stream = StreamSocket(self._address, "orders", self._event, greeting=self._opened)
        return self._stream

    def _event(self, found: Json) -> Event:
        return read_event(found, self._clock.now())

    def _opened(self) -> Event:
        return ConnectionChanged(self._clock.now(), self.name, connected=True)

    def events(self) -> AsyncIterator[Event]:
        return self._open_stream()

    async def submit(self, command: SubmitOrder) -> OrderStatus:
        return read_status(await self._requests.call("submit", request=plain(command.request)))

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> None:
        await self._requests.call("cancel", client_order_id=client_order_id)

    async def replace(self, command: ReplaceOrder) -> OrderStatus:
        return read_status(await self._requests.call("replace", command=plain(command)))

    async def order(self, client_order_id: str, symbol: str) -> OrderStatus | None:
        found = await self._requests.call("order", client_order_id=client_order_id)
        return None if found is None else read_status(found)

    async def open_orders(self) -> Sequence[OrderStatus]:
        return [read_status(found) for found in await self._requests.call("open_orders")]

    async def recent_orders(self, since: int) -> Sequence[OrderStatus]:
        return [read_status(found) for found in await self._requests.call("recent_orders", since=since)]

    async def fills(self, since: int) -> Sequence[VenueFill]:
        return [read_fill(found) for found in await self._requests.call("fills", since=since)]

    async def positions(self) -> Sequence[VenuePosition]:
        return [read_position(found) for found in await self._requests.call("positions")]

    async def account(self) -> AccountInfo:
        return read_account(await self._requests.call("account"))
