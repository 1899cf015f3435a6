"""Alpaca's data service on this machine for tests: the rehearsal's data routes behind a socket, in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.history.corporate_actions import Dividend, Split
from algotrader.history.intervals import day_ns
from algotrader.live.paper.market import GeneratedMarket, Market
from algotrader.rehearsal.alpaca.data_routes import DataRoutes
from algotrader.rehearsal.alpaca.http import Listener, NotAnswered, Request, Response, Router
from algotrader.venues.alpaca.settings import AlpacaSettings

AAPL = equity("AAPL")
MSFT = equity("MSFT")
BTC = crypto("BTC/USD")
FIRST, LAST = date(2024, 1, 29), date(2024, 2, 2)
NOW = day_ns(date(2024, 2, 5))
KEY, SECRET = "PKTEST", "shh"
ACTIONS = "/v1/corporate-actions"
EVENTS: dict[str, list[Split | Dividend]] = {
    "AAPL": [
        Split(date(2024, 1, 30), 3, 2),
        Dividend(date(2024, 1, 31), Decimal("0.2475")),
        Split(date(2024, 2, 1), 1, 10),
        Dividend(date(2024, 5, 10), Decimal("0.25")),
    ]
}


def market(instruments: Sequence[Instrument] = (AAPL, MSFT, BTC), first: date = FIRST, last: date = LAST) -> Market:
    """Some days of the generated market, on both sides of a month's end."""
    return GeneratedMarket(instruments, first, last, seed=7)


class DataServer:
    """Answers like Alpaca's data host.

    Args:
        routes: what answers.

    Attributes:
        asked: every request's path and query.
        before: is called with each request for market data first; it may give an answer of its own, or raise ``NotAnswered``.
        before_actions: the same with requests for corporate actions.
    """

    def __init__(self, routes: DataRoutes) -> None:
        self._router = Router(routes.routes())
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.before: Callable[[Request], Response | None] = lambda _request: None
        self.before_actions: Callable[[Request], Response | None] = lambda _request: None
        self.url = ""

    async def answer(self, request: Request) -> Response:
        self.asked.append((request.path, request.query))
        given = self.before_actions(request) if request.path == ACTIONS else self.before(request)
        if given is not None:
            return given
        route, request.parameters = self._router.find(request.method, request.path)
        if route is None:
            return Response(404, {"message": "endpoint not found."})
        found = route.handler(request)
        assert isinstance(found, Response)
        return found

    @property
    def settings(self) -> AlpacaSettings:
        """For clients."""
        return AlpacaSettings(KEY, SECRET, data_url=self.url or "http://127.0.0.1:1")

    def client(self) -> httpx.AsyncClient:
        """A client that talks to it within the process, without a socket."""

        async def handle(request: httpx.Request) -> httpx.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            try:
                answer = await self.answer(Request(request.method, request.url.path, dict(request.url.params), headers))
            except NotAnswered:
                raise httpx.ReadError("the connection broke") from None
            body, _ = answer.content()
            return httpx.Response(answer.status, content=body, headers=answer.headers)

        return httpx.AsyncClient(transport=httpx.MockTransport(handle))

    @property
    def pages(self) -> list[dict[str, str]]:
        """The queries for history so far."""
        return [query for path, query in self.asked if path.endswith("/bars")]


@contextmanager
def data_server(
    source: Market | None = None, *, now: int = NOW, per_minute: int = 100_000, sip: bool = False
) -> Iterator[DataServer]:
    """A server while the body runs."""
    server = plain_server(source, now=now, per_minute=per_minute, sip=sip)
    with served(server):
        yield server


def plain_server(
    source: Market | None = None,
    *,
    now: int = NOW,
    per_minute: int = 100_000,
    sip: bool = False,
    wall: Callable[[], float] = time.time,
) -> DataServer:
    """A server without a socket."""
    routes = DataRoutes(
        source or market(),
        lambda: now,
        is_key=lambda *pair: pair == (KEY, SECRET),
        per_minute=per_minute,
        sip=sip,
        wall=wall,
        actions=lambda symbol: EVENTS.get(symbol, []),
    )
    return DataServer(routes)


@contextmanager
def served(server: DataServer) -> Iterator[None]:
    """Put a server behind a socket while the body runs."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        listener = Listener(server.answer, lambda _request: Response(404))
        await listener.open()
        server.url = f"http://127.0.0.1:{listener.port}"
        ready.set()
        await stop.wait()
        await listener.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def digest(folder: Path) -> dict[str, bytes]:
    """Every file of a catalogue by name, but the lock."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
