"""The server: trading, data and both kinds of stream on one port, in the event loop of the exchange behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, TextIO

from algotrader.core.market import Bar, Quote
from algotrader.live.paper.exchange import PaperExchange
from algotrader.rehearsal.alpaca import faults
from algotrader.rehearsal.alpaca.account import AccountRules
from algotrader.rehearsal.alpaca.account_routes import AccountRoutes
from algotrader.rehearsal.alpaca.answers import INTERNAL, THROTTLED, ApiError, not_found
from algotrader.rehearsal.alpaca.control import Control
from algotrader.rehearsal.alpaca.data_routes import DataRoutes
from algotrader.rehearsal.alpaca.data_stream import PATHS, DataStream
from algotrader.rehearsal.alpaca.exchange import AlpacaVenue
from algotrader.rehearsal.alpaca.faults import Fault, FaultPlan
from algotrader.rehearsal.alpaca.http import HOST, Listener, NotAnswered, Request, Response, Route, Router, Serve
from algotrader.rehearsal.alpaca.keys import Keys
from algotrader.rehearsal.alpaca.limits import RateLimit
from algotrader.rehearsal.alpaca.market_records import DayBars, bar_record, quote_record, status_record, trade_record
from algotrader.rehearsal.alpaca.order_stream import PATH, OrderStream
from algotrader.rehearsal.alpaca.outlet import Outlet
from algotrader.rehearsal.alpaca.past import DEPOSIT, START, UPDATE, Past
from algotrader.rehearsal.alpaca.sockets import Socket
from algotrader.rehearsal.alpaca.texts import money_text
from algotrader.rehearsal.alpaca.trading_routes import TradingRoutes
from algotrader.rehearsal.alpaca.updates import Ids, Told
from algotrader.venues.protocols import StreamClosed

HELLO: Final = "/_hello"
"""Where the server tells its time and speed, which no real venue has to."""

_FOR_GOOD: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the server meets its clients.

    Attributes:
        port: 0 takes a free one.
        auth_seconds: how long a stream's client may take to authenticate, in seconds of life.
        symbol_limit: subscriptions that a connection of the ``iex`` feed may have; 0 for any number.
        allow_sip: whether the account has the ``sip`` feed.
        control: whether there are routes that plan faults and act at the venue.
        speed: of the exchange's clock, told to clients that ask for it.
    """

    port: int = 0
    auth_seconds: float = 10.0
    symbol_limit: int = 0
    allow_sip: bool = True
    control: bool = False
    speed: float = 1.0


class AlpacaServer:
    """Speaks for one exchange; ``async with`` opens and closes it.

    Args:
        exchange: the venue behind it, made with ``CAPABILITIES``; it is not started here.
        keys: who may speak to it.
        rules: of the account.
        settings: how it meets its clients.
        plan: what goes wrong.
        data_routes: what answers requests for historical data, and checks keys and counts requests itself; by default what the
            exchange's market holds.
        log: where requests for orders and trade updates are written down, a line of JSON each.
        seed: of the ids.
        past: where another process with this log left off.

    Attributes:
        venue: the account and its orders.
        plan: what goes wrong.
    """

    def __init__(
        self,
        exchange: PaperExchange,
        keys: Keys,
        *,
        rules: AccountRules | None = None,
        settings: ServerSettings | None = None,
        plan: FaultPlan | None = None,
        data_routes: Sequence[Route] | None = None,
        log: TextIO | None = None,
        seed: int = 0,
        past: Past | None = None,
    ) -> None:
        self.exchange: Final = exchange
        self.settings: Final = settings or ServerSettings()
        self.plan: Final = plan or FaultPlan()
        self.venue: Final = AlpacaVenue(exchange, rules, seed, past)
        self._keys: Final = keys
        self._log: Final = log
        self._limit: Final = RateLimit(exchange.clock)
        self._orders: Final = OrderStream(keys, self.plan, self.settings.auth_seconds)
        limits = (self.settings.auth_seconds, self.settings.symbol_limit)
        self._data: Final = DataStream(keys, self.plan, *limits, allow_sip=self.settings.allow_sip)
        self._days: Final = DayBars()
        self._trades = 0
        self._listener: Final = Listener(self._answer, self._admit)
        self._router: Final = Router([*TradingRoutes(self.venue).routes(), *AccountRoutes(self.venue).routes()])
        self._past: Final = Router(self._history() if data_routes is None else data_routes)
        self._request_ids: Final = Ids(f"{seed}-requests")
        control = Control(self).routes() if self.settings.control else []
        self._own: Final = Router([Route("GET", HELLO, self._hello), *control])
        self._instruments: Final = {instrument.symbol: instrument for instrument in exchange.instruments}
        self._pump: asyncio.Task[None] | None = None
        self.venue.book.updates.recorders.append(self._record)
        self.venue.book.updates.listeners.append(self._orders.publish)
        self._write(START, {"account_id": self.venue.book.account_id, "cash": self._cash()})
        self.venue.restore()

    def _history(self) -> list[Route]:
        """What answers requests for historical data."""
        limit = self.venue.rules.rate_limit
        exchange, sip = self.exchange, self.settings.allow_sip
        made = DataRoutes(exchange.market, exchange.clock.now, is_key=self._keys.fit, per_minute=limit, sip=sip)
        return made.routes()

    # Its life

    async def open(self) -> None:
        """Begin to listen."""
        await self._listener.open(self.settings.port)
        self._pump = asyncio.get_running_loop().create_task(self._keep_publishing(), name="alpaca server: market data")

    async def close(self) -> None:
        """Break every connection."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
            self._pump = None
        await self._listener.close()

    async def __aenter__(self) -> AlpacaServer:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Address for requests, of trading and of data."""
        return f"http://{HOST}:{self.port}"

    @property
    def stream_url(self) -> str:
        """Address of the trade updates."""
        return f"ws://{HOST}:{self.port}{PATH}"

    @property
    def data_stream_url(self) -> str:
        """Address of the data streams, to which the feed's path is added."""
        return f"ws://{HOST}:{self.port}"

    # What it is told to do

    def halt(self, symbol: str, *, halted: bool = True) -> None:
        """Halt an instrument, or let it trade again, and tell so."""
        self.exchange.set_halted(symbol, halted)
        self.send_data(status_record(self._instruments[symbol], self.exchange.clock.now(), halted=halted))

    def deposit(self, amount: int) -> None:
        """Money (scaled) comes in, or leaves when negative; nobody is told."""
        name = self.venue.deposit(amount)
        self._write(DEPOSIT, {"amount": money_text(amount), "name": name, "cash": self._cash()})

    def send_data(self, *records: dict[str, Any]) -> None:
        """Send any records of market data, such as corrections, to those who have subscribed to their channel."""
        self._data.publish(self._instruments, records)

    def send_update(self, update: dict[str, Any]) -> None:
        """Send any trade update, such as a bust, to those who listen; the account stays as it is."""
        self._orders.publish(update)

    def strike(self, kind: str, where: str, seconds: float = 0.0) -> None:
        """Do something at once to the open connections of a stream (``orders`` or ``data``)."""
        fault = Fault(kind, where, seconds=seconds)
        for outlet in self.outlets(where):
            outlet.strike(fault)
            self.plan.struck.append((kind, where))

    def outlets(self, where: str) -> list[Outlet]:
        """The open connections of a stream."""
        if where == faults.ORDERS:
            return [self._orders.connected] if self._orders.connected is not None else []
        return [listener.outlet for listener in self._data.connected.values()]

    # Requests

    def _hello(self, request: Request) -> Response:
        return Response(200, {"time": self.exchange.clock.now(), "speed": self.settings.speed})

    async def _answer(self, request: Request) -> Response:
        if request.path.startswith("/_"):
            return await _answered(self._own, request)
        name = f"{request.method} {request.path}"
        fault = self.plan.take(faults.REST, name)
        self._write("request", {"name": name, **_body(request)}, request.method)
        if fault is not None and (early := await _before(fault)) is not None:
            return early
        response = await self._checked(request)
        self._write("response", {"name": name, "status": response.status, "body": response.body}, request.method)
        return response if fault is None else _after(fault, response)

    async def _checked(self, request: Request) -> Response:
        if self._past.find(request.method, request.path)[0] is not None:
            return await _answered(self._past, request)
        allowed, headers = self._limit.take(self.venue.rules.rate_limit)
        try:
            self._keys.check(request)
            if not allowed:
                raise ApiError(429, THROTTLED, "rate limit exceeded")
            response = await _answered(self._router, request)
        except ApiError as refusal:
            response = refusal.response()
        response.headers = {**headers, **response.headers, "X-Request-ID": self._request_ids.new().replace("-", "")}
        return response

    def _admit(self, request: Request) -> Serve | Response:
        """What serves a websocket, or what its request is refused with."""
        path = request.path
        if path != PATH and path not in PATHS:
            return not_found("endpoint not found.").response()
        where = faults.ORDERS if path == PATH else faults.DATA
        fault = self.plan.take(where + faults.CONNECT, path)
        if fault is None:
            return self._orders.serve if path == PATH else self._data.serve
        if fault.kind == faults.MUTE:
            return partial(_say_nothing, fault.seconds or _FOR_GOOD)
        return partial(_say_nothing, 0.0) if fault.kind == faults.DROP else _instead(fault)

    # Streams

    async def _keep_publishing(self) -> None:
        """Pass the market's bars on, all that close at a moment together."""
        subscription = self.exchange.bars.subscribe()
        clock = self.exchange.clock
        try:
            while True:
                found = [await subscription.take(clock)]
                while (more := await subscription.take(clock, 1)) is not None:
                    found.append(more)
                self.send_data(*(record for item in found for record in self._records(item)))
        except StreamClosed:
            return

    def _records(self, item: Bar | Quote | None) -> list[dict[str, Any]]:
        if not isinstance(item, Bar):
            return []
        self._trades += 1
        return [trade_record(item, self._trades), quote_record(item), bar_record(item), self._days.add(item)]

    # Its log

    def _record(self, told: list[Told]) -> None:
        """Write down what belongs together in one go, before anybody hears of it."""
        if self._log is None:
            return
        head = {"kind": UPDATE, "time": self.exchange.clock.now(), "cash": self._cash()}
        lines = [json.dumps({**head, **update, "raw": raw}) for update, raw in told]
        self._log.write("".join(f"{line}\n" for line in lines))
        self._log.flush()

    def _write(self, kind: str, entry: dict[str, Any], method: str = "") -> None:
        """Write down what is asked and answered; questions alone change nothing."""
        if self._log is None or method == "GET":
            return
        self._log.write(json.dumps({"kind": kind, "time": self.exchange.clock.now(), **entry}, default=str) + "\n")
        self._log.flush()

    def _cash(self) -> str:
        return money_text(self.exchange.account().cash)


async def _say_nothing(seconds: float, socket: Socket) -> None:
    """Leave a new connection without a word, and break it in the end."""
    await asyncio.sleep(seconds)
    socket.abort()


def _body(request: Request) -> dict[str, Any]:
    """What a request asks for, as far as it can be written down."""
    return {"query": request.query, "body": request.body.decode("utf-8", "replace")}


async def _answered(router: Router, request: Request) -> Response:
    route, request.parameters = router.find(request.method, request.path)
    if route is None:
        return not_found("endpoint not found.").response()
    try:
        response = route.handler(request)
        return await response if isinstance(response, Awaitable) else response
    except ApiError as refusal:
        return refusal.response()


async def _before(fault: Fault) -> Response | None:
    """What goes wrong before a request is done; a response stands for its answer."""
    if fault.kind == faults.DELAY:
        await asyncio.sleep(fault.seconds)
    elif fault.kind == faults.DROP:
        raise NotAnswered
    elif fault.kind in (faults.HALF_OPEN, faults.MUTE):
        raise NotAnswered(half_open=True)
    elif fault.kind in (faults.THROTTLE, faults.ERROR):
        return _instead(fault)
    return None


def _instead(fault: Fault) -> Response:
    if fault.kind == faults.THROTTLE:
        response = ApiError(429, THROTTLED, "rate limit exceeded").response()
        response.headers["Retry-After"] = str(max(round(fault.seconds), 1))
        return response
    return ApiError(500, INTERNAL, "internal server error occurred").response()


def _after(fault: Fault, response: Response) -> Response:
    """What goes wrong once a request is done."""
    if fault.kind == faults.LOST_ANSWER:
        return Response(504, "<html><head><title>504 Gateway Time-out</title></head></html>")
    if fault.kind == faults.DROP_ANSWER:
        raise NotAnswered
    if fault.kind == faults.GARBAGE:
        return Response(200, '{"id": "cut off in the midd', {"content-type": "application/json"})
    return response
