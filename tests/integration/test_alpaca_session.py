"""Sessions at the server that speaks as Alpaca does: how they begin, trade and end, and what they do when streams break."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("alpaca")

from alpaca_desk import settings_for
from alpaca_rig import KEY, SECRET, Stage, make_server

from algotrader.config.loading import load_settings
from algotrader.config.schema import Config
from algotrader.core.instruments import crypto, equity
from algotrader.core.market import Bar
from algotrader.core.scaled import from_money
from algotrader.errors import UserError
from algotrader.live.alpaca import AlpacaVenue, alpaca_settings, alpaca_venue
from algotrader.live.checkup import OK
from algotrader.live.clock import FastClock
from algotrader.live.control import CONNECTED, RUNNING, Control
from algotrader.live.launch import launch
from algotrader.live.launch_settings import ALPACA_VENUE, LaunchSettings, StrategyChoice
from algotrader.live.parts import GateClosed
from algotrader.rehearsal.alpaca.__main__ import arguments, make_exchange
from algotrader.rehearsal.alpaca.account import AccountRules
from algotrader.rehearsal.alpaca.data_routes import DataRoutes
from algotrader.rehearsal.alpaca.faults import DATA, DROP, ORDERS
from algotrader.rehearsal.alpaca.keys import Keys
from algotrader.rehearsal.alpaca.server import AlpacaServer, ServerSettings
from algotrader.storage.sql_store import open_store
from algotrader.venues.alpaca.feed import AlpacaFeed
from algotrader.venues.protocols import NotAllowed

SPEED = 600.0


def config(tmp_path: Path, **changes: str) -> Config:
    given = {"ALGO_BROKER__API_KEY": KEY, "ALGO_BROKER__SECRET_KEY": SECRET, "ALGO_APP__LOG_FILE": "none", **changes}
    return load_settings({"HOME": str(tmp_path), **given}).config


def wanted(tmp_path: Path, port: int, *symbols: str, **changes: str) -> LaunchSettings:
    return LaunchSettings(
        (StrategyChoice("sma_cross", symbols or ("AAPL", "TSLA"), (("fast", 3), ("slow", 6))),),
        f"sqlite:///{tmp_path / 'account.db'}",
        venue=ALPACA_VENUE,
        venue_address=f"127.0.0.1:{port}",
        log_to_terminal=False,
        config=config(tmp_path, **changes),
    )


def opened(tmp_path: Path, stage: Stage, *symbols: str, **changes: str) -> AlpacaVenue:
    """What a session would begin with."""

    async def main() -> AlpacaVenue:
        async with make_server(stage) as server:
            store = open_store(f"sqlite:///{tmp_path / 'account.db'}")
            try:
                found = await alpaca_venue(wanted(tmp_path, server.port, *symbols, **changes), store)
                assert isinstance(found, AlpacaVenue)
                return found
            finally:
                store.close()

    return asyncio.run(main())


@pytest.mark.covers("A32")
def test_a_session_takes_over_the_account_s_rules_instruments_and_time(tmp_path: Path) -> None:
    found = opened(tmp_path, Stage(rate_limit=0))
    assert [one.symbol for one in found.instruments] == ["AAPL", "TSLA"]
    assert {(one.venue, one.price_increment, one.quantity_scale) for one in found.instruments} == {("ALPACA", 100, 0)}
    assert isinstance(found.clock, FastClock)
    assert found.capabilities.reserves_holdings
    assert found.capabilities.refuses_opposing
    assert found.capabilities.short_selling
    # The server's clock stands still here, ours does not.
    assert [finding.name for finding in found.findings] == ["account", "clock", "calendar"]
    assert {finding.level for finding in found.findings if finding.name != "clock"} == {OK}
    assert not opened(tmp_path, Stage(rate_limit=0, no_shorting=True)).capabilities.short_selling


def test_crypto_has_its_own_increments(tmp_path: Path) -> None:
    found = opened(tmp_path, Stage([crypto("BTC/USD", price_scale=2)], rate_limit=0), "BTC/USD")
    assert [(one.symbol, one.calendar) for one in found.instruments] == [("BTC/USD", "24/7")]
    assert not found.capabilities.attached_stops


@pytest.mark.parametrize(
    ("symbols", "changes", "error", "told"),
    [
        (("AAPL",), {"ALGO_BROKER__SECRET_KEY": "wrong"}, NotAllowed, "."),
        (("AAPL",), {"ALGO_BROKER__SECRET_KEY": ""}, UserError, "needs a key"),
        (("NONE",), {}, UserError, "NONE is not known"),
        (("AAPL", "BTC/USD"), {}, UserError, "different rules"),
    ],
)
def test_what_cannot_be_traded_is_refused(
    tmp_path: Path, symbols: tuple[str, ...], changes: dict[str, str], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        opened(tmp_path, Stage([equity("AAPL"), crypto("BTC/USD", price_scale=2)], rate_limit=0), *symbols, **changes)


def test_an_account_that_takes_no_orders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="takes no orders: trading is blocked"):
        opened(tmp_path, Stage(rate_limit=0, trading_blocked=True))


def test_without_the_extra_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "msgpack" else whole(name, *more))
    with pytest.raises(UserError) as caught:
        opened(tmp_path, Stage(rate_limit=0))
    assert caught.value.hint == "pip install 'algo-trader[alpaca]'"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ALGO_BROKER__HOST": "example.com", "ALGO_BROKER__PORT": "80"}, "no address for Alpaca"),
        ({"ALGO_BROKER__HOST": "127.0.0.1"}, "no address for Alpaca"),
    ],
)
def test_keys_go_to_alpaca_or_stay_here(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        alpaca_settings(config(tmp_path, **changes).broker)
    assert alpaca_settings(config(tmp_path).broker).trading_url == "https://paper-api.alpaca.markets"
    here = config(tmp_path, ALGO_BROKER__HOST="127.0.0.1", ALGO_BROKER__PORT="8123")
    assert alpaca_settings(here.broker).trading_url == "http://127.0.0.1:8123"


@asynccontextmanager
async def market(*more: str, live: bool = False) -> AsyncIterator[AlpacaServer]:
    """A market that runs by itself, fast."""
    options = arguments(["--speed", str(SPEED), "--symbols", "AAPL,TSLA", "--ideal", "--lead", "600", *more])
    exchange = make_exchange(options)
    server = AlpacaServer(
        exchange,
        Keys(KEY, SECRET),
        rules=AccountRules(rate_limit=0, live=live),
        settings=ServerSettings(speed=SPEED),
        data_routes=DataRoutes(exchange.market, exchange.clock.now, per_minute=10**6).routes(),
    )
    async with server:
        exchange.start()
        try:
            yield server
        finally:
            await exchange.stop()


async def play(tmp_path: Path, server: AlpacaServer, watch: Callable[[Control], Any]) -> Control:
    """Let a session run until what watches it is done; gives the session."""
    sessions: list[Control] = []
    watching: list[asyncio.Task[None]] = []

    async def follow(session: Control) -> None:
        try:
            await watch(session)
        finally:
            session.request_shutdown("seen enough", flatten=True)

    def ready(session: Control) -> None:
        sessions.append(session)
        watching.append(asyncio.create_task(follow(session)))

    async with asyncio.timeout(60):
        await launch(wanted(tmp_path, server.port), ready)
        await asyncio.gather(*watching)
    return sessions[0]


async def until(reached: Callable[[], bool]) -> None:
    while not reached():
        await asyncio.sleep(0.005)


def is_later(session: Control, bar: int) -> bool:
    return session.vitals.last_bar > bar


def is_more(server: AlpacaServer, fills: int) -> bool:
    return len(server.exchange.fills(0)) > fills


def agree(session: Control, server: AlpacaServer) -> None:
    """Money and positions are the same on both sides, to the last digit."""
    state, account = session.engine.state, server.exchange.account()
    assert from_money(state.equity()) == from_money(account.equity)
    ours = {one.instrument.symbol: one.quantity_raw for one in state.holdings.values() if one.quantity_raw}
    assert ours == {one.symbol: one.quantity_raw for one in server.exchange.positions()}


@pytest.mark.covers("A34", "A45")
def test_bars_of_five_symbols_come_live_and_are_those_of_the_history() -> None:
    names = ["AAPL", "TSLA", "AMD", "NVDA", "META"]

    async def main() -> None:
        async with market("--symbols", ",".join(names), "--lead", "10") as server:
            stocks = {name: equity(name) for name in names}
            feed = AlpacaFeed(settings_for(server), stocks.values(), server.exchange.clock.now)
            await feed.connect()
            await feed.subscribe(names)
            found: dict[str, list[Bar]] = {name: [] for name in names}
            async with asyncio.timeout(30):
                async for item in feed.stream():
                    assert isinstance(item, Bar)
                    found[item.symbol].append(item)
                    if min(map(len, found.values())) == 3:
                        break
            for name, bars in found.items():
                start, end = bars[0].open_time, bars[-1].close_time
                assert [bar.open_time for bar in bars] == list(range(start, end, 60 * 10**9))
                assert await feed.history(stocks[name], start, end, 60) == bars
            await feed.disconnect()

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.covers("A46", "A47", "A50", "A156", "A157")
def test_a_session_trades_loses_its_streams_and_ends_with_the_venue_s_numbers(tmp_path: Path) -> None:
    async def main() -> None:
        async with market() as server:

            async def watch(session: Control) -> None:
                await until(lambda: session.state == RUNNING)
                await until(lambda: bool(server.exchange.fills(0)))
                for where in (ORDERS, DATA, ORDERS):
                    server.strike(DROP, where)
                    began, bars = session.clock.now(), session.vitals.last_bar
                    await until(lambda: session.vitals.order_stream != CONNECTED or session.vitals.bar_stream != CONNECTED)
                    await until(lambda: session.vitals.order_stream == session.vitals.bar_stream == CONNECTED)
                    assert session.clock.now() - began < 5 * 10**9 * SPEED
                    seen = len(server.exchange.fills(0))
                    await until(partial(is_later, session, bars))
                    await until(partial(is_more, server, seen + 1))

            session = await play(tmp_path, server, watch)
            agree(session, server)
            assert server.exchange.positions() == []

    asyncio.run(main())


@pytest.mark.covers("A32")
def test_an_account_with_real_money_is_not_traded_on_paper(tmp_path: Path) -> None:
    async def main() -> None:
        async with market(live=True) as server:
            with pytest.raises(GateClosed, match="live account"):
                await launch(wanted(tmp_path, server.port), lambda session: None)

    asyncio.run(main())
