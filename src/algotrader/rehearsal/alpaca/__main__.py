"""The server as a process of its own.

Run as ``python -m algotrader.rehearsal.alpaca --port 0 --symbols AAPL,TSLA --key K --secret-env NAME``, with the secret in the
environment variable. It listens on the loopback interface only and writes ``listening on 127.0.0.1:PORT`` to its output once it
does. It ends with SIGTERM or SIGINT; with ``--resume`` it goes on where a process that wrote the log left off, however that ended.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.scaled import money
from algotrader.errors import UserError
from algotrader.history.calendars import session_of_day
from algotrader.history.catalogue import Catalogue
from algotrader.history.intervals import day_ns
from algotrader.live.alpaca import need_extra
from algotrader.live.clock import NS_PER_SECOND, FastClock
from algotrader.live.paper.exchange import PaperExchange, PaperTiming
from algotrader.live.paper.market import CatalogueMarket, GeneratedMarket, Market
from algotrader.rehearsal.alpaca.account import AccountRules
from algotrader.rehearsal.alpaca.data_routes import DataRoutes
from algotrader.rehearsal.alpaca.exchange import CAPABILITIES
from algotrader.rehearsal.alpaca.faults import FaultPlan
from algotrader.rehearsal.alpaca.http import HOST
from algotrader.rehearsal.alpaca.keys import Keys
from algotrader.rehearsal.alpaca.past import Past, open_log, read_past
from algotrader.simulation.settings import SimulationSettings

if TYPE_CHECKING:
    from algotrader.rehearsal.alpaca.server import AlpacaServer


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="algotrader.rehearsal.alpaca", description="A loopback server that speaks as Alpaca does."
    )
    parser.add_argument("--port", type=int, default=0, help="on the loopback interface; 0 takes a free one")
    parser.add_argument("--key", default="rehearsal", help="key id that clients must have")
    parser.add_argument("--secret-env", default="", help="environment variable with the secret; without one it is 'rehearsal'")
    parser.add_argument("--log", type=Path, help="file to write requests and trade updates to; it is added to")
    parser.add_argument("--resume", action="store_true", help="go on where the log ends; without one begin anew")
    parser.add_argument("--symbols", default="AAPL,TSLA,AMD")
    parser.add_argument("--day", type=date.fromisoformat, default=date(2024, 3, 5), help="first day traded")
    parser.add_argument("--days", type=int, default=1, help="days until the market is over; 0 for never")
    parser.add_argument("--warm-up-days", type=int, default=5, help="days of history before the first day")
    parser.add_argument("--catalogue", type=Path, help="replay the minute bars of this catalogue instead of made-up ones")
    parser.add_argument("--fractional", action="store_true", help="shares can be traded in millionths")
    parser.add_argument("--seed", type=int, default=1, help="of the market, the ids and the faults")
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of the market in a second of life")
    parser.add_argument("--capital", type=Decimal, default=Decimal(25_000))
    parser.add_argument("--ideal", action="store_true", help="no slippage and no volume limit")
    parser.add_argument("--no-shorting", action="store_true")
    parser.add_argument("--live", action="store_true", help="give the account a number as of real money")
    parser.add_argument("--rate-limit", type=int, default=200, help="requests in a minute of the market; 0 for any number")
    parser.add_argument("--replace-seconds", type=float, default=0.0, help="of the market, until a replacement is at the exchange")
    parser.add_argument("--fresh-replacements", action="store_true", help="replacements do not count what was filled before them")
    parser.add_argument("--symbol-limit", type=int, default=0, help="subscriptions on the iex feed; 0 for any number")
    parser.add_argument("--auth-seconds", type=float, default=10.0, help="how long a stream's client may take to authenticate")
    parser.add_argument("--no-sip", action="store_true", help="the account has no sip feed")
    parser.add_argument(
        "--bar-delay", type=float, default=PaperTiming().bar_delay, help="seconds from a bar's close until it is told"
    )
    parser.add_argument("--grace", type=float, help="seconds in which an order counts as there at the open; more when it is fast")
    parser.add_argument("--lead", type=float, default=60.0, help="seconds of the market before the first open at which it begins")
    parser.add_argument("--control", action="store_true", help="open the routes that plan faults")
    return parser.parse_args(given)


def _instrument(symbol: str, options: argparse.Namespace) -> Instrument:
    return crypto(symbol) if "/" in symbol else equity(symbol, fractional=options.fractional)


def _market(options: argparse.Namespace, start: int) -> Market:
    symbols = options.symbols.split(",")
    last = options.day + timedelta(days=options.days - 1) if options.days else None
    if options.catalogue is not None:
        end = None if last is None else day_ns(last + timedelta(days=1))
        return CatalogueMarket(Catalogue(options.catalogue), symbols, start, end)
    first = options.day - timedelta(days=options.warm_up_days)
    return GeneratedMarket([_instrument(symbol, options) for symbol in symbols], first, last, seed=options.seed)


def _begins(options: argparse.Namespace) -> int:
    """A moment before the first open of the first day; what never closes waits for those that do."""
    calendars = {_instrument(symbol, options).calendar for symbol in options.symbols.split(",")}
    found = [session for calendar in sorted(calendars) if (session := session_of_day(calendar, options.day)) is not None]
    opens = [session.open_time for session in found if not session.continuous]
    return min(opens, default=day_ns(options.day)) - int(options.lead * NS_PER_SECOND)


def make_exchange(options: argparse.Namespace, past: Past | None = None) -> PaperExchange:
    """The venue behind the server, not started yet; its clock has gone on since the past."""
    start = _begins(options) if past is None else past.now(options.speed)
    market = _market(options, start)
    # The first slice is made before the clock starts: making up a market takes a moment.
    next(market.slices(start), None)
    grace = PaperTiming.at_speed(options.speed).grace if options.grace is None else options.grace
    return PaperExchange(
        FastClock(start, options.speed),
        market,
        money(options.capital) if past is None else past.cash,
        start=start,
        capabilities=CAPABILITIES,
        settings=SimulationSettings.ideal() if options.ideal else None,
        timing=PaperTiming(options.bar_delay, grace),
    )


def make_server(options: argparse.Namespace, exchange: PaperExchange, log: TextIO | None, past: Past | None = None) -> AlpacaServer:
    """The server for an exchange.

    Raises:
        UserError: a package is missing.
    """
    need_extra()
    from algotrader.rehearsal.alpaca.server import AlpacaServer, ServerSettings

    secret = os.environ.get(options.secret_env, "") if options.secret_env else "rehearsal"
    if not secret:
        raise SystemExit(f"the environment variable {options.secret_env} has no secret")
    keys = Keys(options.key, secret)
    # The server counts requests for orders by itself; questions about the past are not counted there.
    past_bars = DataRoutes(exchange.market, exchange.clock.now, is_key=keys.fit, per_minute=0, sip=not options.no_sip)
    return AlpacaServer(
        exchange,
        keys,
        data_routes=past_bars.routes(),
        rules=AccountRules(
            no_shorting=options.no_shorting,
            rate_limit=options.rate_limit,
            live=options.live,
            replace_keeps_fills=not options.fresh_replacements,
            replace_seconds=options.replace_seconds,
        ),
        settings=ServerSettings(
            options.port,
            options.auth_seconds,
            options.symbol_limit,
            allow_sip=not options.no_sip,
            control=options.control,
            speed=options.speed,
        ),
        plan=FaultPlan(options.seed),
        log=log,
        seed=options.seed,
        past=past,
    )


async def serve(options: argparse.Namespace) -> None:
    """Run the server until a signal ends it."""
    past = read_past(options.log) if options.resume and options.log else None
    exchange = make_exchange(options, past)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    with ExitStack() as stack:
        log = stack.enter_context(open_log(options.log)) if options.log else None
        async with make_server(options, exchange, log, past) as server:
            trading = exchange.start()
            trading.add_done_callback(lambda done: ended.set() if not done.cancelled() and done.exception() is not None else None)
            sys.stdout.write(f"listening on {HOST}:{server.port}\n")
            sys.stdout.flush()
            await ended.wait()
        await exchange.stop()


def main(given: Sequence[str] | None = None) -> None:
    """Run as a program; what its user can mend is told in two lines, with exit code 2."""
    options = arguments(given)
    try:
        asyncio.run(serve(options))
    except UserError as error:
        _leave(error.message, error.hint)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            _leave(f"port {options.port} is taken", "another server has it; take another --port, or 0 for any")
        _leave(error.strerror or str(error), "check port, files and folders")


def _leave(message: str, hint: str) -> NoReturn:
    sys.stderr.write(f"error: {message}\nhint: {hint}\n")
    raise SystemExit(2)


if __name__ == "__main__":
    main()
