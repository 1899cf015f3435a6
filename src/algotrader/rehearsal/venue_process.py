"""The paper venue as a process of its own: it goes on whatever becomes of its clients, and keeps its own log.

Run as ``python -m algotrader.rehearsal.venue_process --port 0 --log venue.jsonl --symbols AAPL,TSLA``. It listens on the loopback
interface only and writes ``listening on 127.0.0.1:PORT`` to its output once it does. The log has a line of JSON for every request
for an order and every event of an order, flushed as it is written. It ends with SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from algotrader.core.instruments import ALPACA_LIKE, GENERIC, Instrument, crypto, equity
from algotrader.core.market import Bar
from algotrader.core.scaled import money
from algotrader.history.calendars import session_of_day
from algotrader.history.catalogue import Catalogue
from algotrader.history.intervals import day_ns
from algotrader.live.clock import NS_PER_SECOND, FastClock
from algotrader.live.paper.exchange import PaperExchange, PaperTiming
from algotrader.live.paper.market import CatalogueMarket, GeneratedMarket, Market
from algotrader.live.paper.streams import Subscription
from algotrader.simulation.commission import NoCommission, PerDollarCommission
from algotrader.simulation.settings import SimulationSettings
from algotrader.venues.protocols import StreamClosed, VenueError
from algotrader.venues.remote.wire import (
    Json,
    error_object,
    event_object,
    instrument_object,
    plain,
    read_replace,
    read_request,
)

HOST: Final = "127.0.0.1"
CAPABILITIES: Final = {"generic": GENERIC, "alpaca-like": ALPACA_LIKE}


class VenueServer:
    """Answers clients of one exchange.

    Args:
        exchange: what it stands for.
        speed: of the exchange's clock, told to clients.
        log: where orders and events are written down.
    """

    def __init__(self, exchange: PaperExchange, speed: float, log: TextIO) -> None:
        self._exchange: Final = exchange
        self._speed: Final = speed
        self._log: Final = log
        self._instruments: Final = {instrument.symbol: instrument for instrument in exchange.instruments}
        exchange.observers.append(lambda event: self._write(event_object(event)))

    def _write(self, entry: Json) -> None:
        self._log.write(json.dumps(entry) + "\n")
        self._log.flush()

    async def handle(self, socket: ServerConnection) -> None:
        """Serve one connection until it ends."""
        path = socket.request.path if socket.request is not None else ""
        try:
            if path == "/requests":
                async for text in socket:
                    await socket.send(json.dumps(self.answer(json.loads(text))))
            elif path == "/orders":
                await self._orders(socket)
            elif path == "/market":
                await self._market(socket)
        except (ConnectionClosed, StreamClosed):
            return

    def answer(self, message: Json) -> Json:
        """What a request is answered with."""
        try:
            return {"id": message["id"], "result": self._do(message["method"], message.get("params", {}))}
        except VenueError as error:
            return {"id": message["id"], "error": error_object(error)}
        except (KeyError, TypeError, ValueError) as error:
            return {"id": message.get("id", 0), "error": {"kind": "BadRequest", "message": repr(error)}}

    def _do(self, method: str, params: Json) -> Any:
        exchange = self._exchange
        if method == "submit":
            return self._submit(params["request"])
        if method == "cancel":
            self._note("cancel", params)
            return exchange.cancel(params["client_order_id"])
        if method == "replace":
            self._note("replace", params["command"])
            return plain(exchange.replace(read_replace(params["command"])))
        if method == "history":
            return self._history(**params)
        if method == "latest_quote":
            return plain(exchange.latest_quote(params["symbol"]))
        if method == "deposit":
            return exchange.deposit(params["amount"])
        if method == "hello":
            return self._hello()
        asked = {
            "order": exchange.order,
            "open_orders": exchange.open_orders,
            "recent_orders": exchange.recent_orders,
            "fills": exchange.fills,
            "positions": exchange.positions,
            "account": exchange.account,
        }
        return plain(asked[method](**params))  # type: ignore[operator]

    def _submit(self, found: Json) -> Json:
        self._note("submit", found)
        answer: Json = plain(self._exchange.submit(read_request(found, self._instruments)))
        return answer

    def _note(self, kind: str, found: Json) -> None:
        """Write a request down, before anything comes of it."""
        self._write({"kind": kind, "time": self._exchange.clock.now(), **found})

    def _history(self, symbol: str, start: int, end: int, seconds: int) -> list[list[int]]:
        bars = self._exchange.history(self._instruments[symbol], start, end, seconds)
        return [_numbers(bar) for bar in bars]

    def _hello(self) -> Json:
        exchange = self._exchange
        return {
            "time": exchange.clock.now(),
            "speed": self._speed,
            "capabilities": plain(exchange.capabilities),
            "instruments": [instrument_object(instrument) for instrument in exchange.instruments],
            "bar_seconds": exchange.market.seconds,
        }

    async def _orders(self, socket: ServerConnection) -> None:
        subscription = self._exchange.orders.subscribe()
        watching = asyncio.create_task(_until_closed(socket, subscription))
        try:
            await socket.send(json.dumps({"ready": True}))
            while True:
                event = await subscription.take(self._exchange.clock)
                if event is not None:
                    await socket.send(json.dumps(event_object(event)))
        finally:
            subscription.close()
            watching.cancel()

    async def _market(self, socket: ServerConnection) -> None:
        wanted: dict[str, None] = {}
        _want(wanted, json.loads(await socket.recv()))
        subscription = self._exchange.bars.subscribe()
        listening = asyncio.create_task(self._listen(socket, wanted, subscription))
        try:
            await socket.send(json.dumps({"ready": True}))
            while True:
                item = await subscription.take(self._exchange.clock)
                if item is not None and item.instrument.symbol in wanted:
                    await socket.send(json.dumps(plain(item)))
        finally:
            subscription.close()
            listening.cancel()

    async def _listen(self, socket: ServerConnection, wanted: dict[str, None], subscription: Subscription[Any]) -> None:
        try:
            async for text in socket:
                _want(wanted, json.loads(text))
        finally:
            subscription.close()


async def _until_closed(socket: ServerConnection, subscription: Subscription[Any]) -> None:
    await socket.wait_closed()
    subscription.close()


def _want(wanted: dict[str, None], message: Json) -> None:
    wanted.update(dict.fromkeys(message.get("subscribe", ())))
    for symbol in message.get("unsubscribe", ()):
        wanted.pop(symbol, None)


def _numbers(bar: Bar) -> list[int]:
    return [bar.open_time, bar.close_time, bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw, bar.volume_raw]


def _instrument(symbol: str) -> Instrument:
    return crypto(symbol) if "/" in symbol else equity(symbol)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="venue_process", description="A paper venue as a process of its own.")
    parser.add_argument("--port", type=int, default=0, help="on the loopback interface; 0 takes a free one")
    parser.add_argument("--log", type=Path, required=True, help="file to write orders and events to; it is added to")
    parser.add_argument("--symbols", default="AAPL,TSLA,AMD")
    parser.add_argument("--day", type=date.fromisoformat, default=date(2024, 3, 5), help="first day traded")
    parser.add_argument("--days", type=int, default=1, help="days until the market is over; 0 for never")
    parser.add_argument("--warm-up-days", type=int, default=5, help="days of history before the first day")
    parser.add_argument("--catalogue", type=Path, help="replay the minute bars of this catalogue instead of made-up ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of the market in a second of life")
    parser.add_argument("--capital", type=Decimal, default=Decimal(25_000))
    parser.add_argument("--capabilities", choices=sorted(CAPABILITIES), default="generic")
    parser.add_argument("--commission", type=Decimal, default=Decimal(0), help="share of a fill's worth, such as 0.001")
    parser.add_argument("--ideal", action="store_true", help="no costs and no volume limit")
    parser.add_argument(
        "--bar-delay", type=float, default=PaperTiming().bar_delay, help="seconds from a bar's close until it is told"
    )
    parser.add_argument(
        "--grace", type=float, help="seconds in which an order counts as there at the open; more when the venue is fast"
    )
    parser.add_argument("--lead", type=float, default=60.0, help="seconds of the market before the first open at which it begins")
    return parser.parse_args(given)


def _market(options: argparse.Namespace, start: int) -> Market:
    symbols = options.symbols.split(",")
    last = options.day + timedelta(days=options.days - 1) if options.days else None
    if options.catalogue is not None:
        end = None if last is None else day_ns(last + timedelta(days=1))
        return CatalogueMarket(Catalogue(options.catalogue), symbols, start, end)
    first = options.day - timedelta(days=options.warm_up_days)
    return GeneratedMarket([_instrument(symbol) for symbol in symbols], first, last, seed=options.seed)


def _costs(options: argparse.Namespace) -> SimulationSettings:
    if options.ideal:
        return SimulationSettings.ideal()
    return SimulationSettings(commission=PerDollarCommission(options.commission) if options.commission else NoCommission())


def _begins(options: argparse.Namespace) -> int:
    """A moment before the first open of the first day; what never closes waits for those that do."""
    calendars = {_instrument(symbol).calendar for symbol in options.symbols.split(",")}
    found = [session for calendar in sorted(calendars) if (session := session_of_day(calendar, options.day)) is not None]
    opens = [session.open_time for session in found if not session.continuous]
    return min(opens, default=day_ns(options.day)) - int(options.lead * NS_PER_SECOND)


async def serve_venue(options: argparse.Namespace) -> None:
    """Run the venue until a signal ends it."""
    start = _begins(options)
    market = _market(options, start)
    # The first slice is made before the clock starts: making up a market takes a moment.
    next(market.slices(start), None)
    clock = FastClock(start, options.speed)
    with options.log.open("a", encoding="utf-8") as log:
        exchange = PaperExchange(
            clock,
            market,
            money(options.capital),
            start=start,
            capabilities=CAPABILITIES[options.capabilities],
            settings=_costs(options),
            timing=PaperTiming(
                options.bar_delay, PaperTiming.at_speed(options.speed).grace if options.grace is None else options.grace
            ),
        )
        server = VenueServer(exchange, options.speed, log)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        async with serve(server.handle, HOST, options.port, compression=None, max_size=None) as listening:
            trading = exchange.start()
            trading.add_done_callback(lambda done: ended.set() if not done.cancelled() and done.exception() is not None else None)
            port = next(iter(listening.sockets)).getsockname()[1]
            sys.stdout.write(f"listening on {HOST}:{port}\n")
            sys.stdout.flush()
            await ended.wait()
        await exchange.stop()


def main(given: Sequence[str] | None = None) -> None:
    """Run as a program."""
    asyncio.run(serve_venue(_arguments(given)))


if __name__ == "__main__":
    main()
