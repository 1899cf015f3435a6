"""What the checklist says of failing requests, row by row, with real requests to a real server that fails as Alpaca does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("alpaca")

from alpaca_desk import SEAL
from alpaca_servers import CALM, QUICK, HttpServer, forever, settings_for
from executor_rig import event_words

from algotrader.assembly import Assembly, plan_routes
from algotrader.core.commands import ApprovedOrder, CancelOrder, Command, SubmitOrder
from algotrader.core.events import AccountSnapshot, Event, OrderReject, SystemError
from algotrader.core.instruments import ALPACA_LIKE, equity
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.live.account_poll import AccountPoll
from algotrader.live.clock import NS_PER_SECOND, SystemClock
from algotrader.live.enquiry import Enquiry
from algotrader.live.executor import Executor
from algotrader.live.kernel import Outgoing
from algotrader.live.venue_calls import CallSettings, VenueCalls
from algotrader.live.warmup import WarmUp
from algotrader.strategies.scanners import Route, StaticScanner
from algotrader.venues.alpaca.broker import AlpacaBroker
from algotrader.venues.alpaca.feed import AlpacaFeed

AAPL, TSLA = equity("AAPL"), equity("TSLA")
BUY = OrderRequest("a-1", AAPL, Side.BUY, OrderType.MARKET, 10, TimeInForce.DAY)
STOP = OrderRequest("a-1", AAPL, Side.SELL, OrderType.STOP, 10, TimeInForce.GTC, stop_raw=950_000, reduce_only=True)

ORDER = {
    "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
    "client_order_id": "a-1",
    "symbol": "AAPL",
    "asset_class": "us_equity",
    "side": "buy",
    "type": "market",
    "qty": "10",
    "filled_qty": "0",
    "status": "new",
}
TAKEN: Any = (200, {}, ORDER)
FAILED: Any = (500, {}, {"code": 50010000, "message": "internal server error occurred"})
LATE: Any = (504, {}, b"")
GONE: Any = (204, {}, None)
BUSY: Any = (429, {"Retry-After": "3"}, {"code": 42910000, "message": "rate limit exceeded"})
POOR: Any = (403, {}, {"code": 40310000, "message": "insufficient buying power"})
KEYS: Any = (401, {}, {"code": 40110000, "message": "request is not authorized"})
OVER: Any = (422, {}, {"code": 42210000, "message": 'order is already in "filled" state'})
FILLED: Any = (200, {}, {**ORDER, "status": "filled", "filled_qty": "10", "filled_avg_price": "100"})
UNKNOWN: Any = (404, {}, {"code": 40410000, "message": "order not found"})

POST, ASK, CANCEL = "POST /v2/orders", "GET /v2/orders:by_client_order_id", "DELETE /v2/orders"


class JumpClock(SystemClock):
    """Waits for nothing: what is to be waited for has passed at once; ``turns`` times, then for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 1000
        self.slept: list[float] = []
        self._skipped = 0

    def now(self) -> int:
        return super().now() + self._skipped

    async def sleep(self, seconds: float) -> None:
        if len(self.slept) >= self.turns:
            await forever()
        self.slept.append(round(seconds, 3))
        self._skipped += int(seconds * NS_PER_SECOND)
        await asyncio.sleep(0)


def submit(request: OrderRequest = BUY) -> Command:
    return SubmitOrder("a-1", ApprovedOrder(request, SEAL))


def cancel() -> Command:
    return CancelOrder("a-1", "AAPL", ORDER["id"])


@dataclass(frozen=True)
class Row:
    """A command, what the server answers to it, what is asked in all, and what comes of it."""

    row: str
    command: Callable[[], Command]
    answers: tuple[Any, ...]
    asked: tuple[str, ...]
    told: tuple[str, ...]
    slept: tuple[float, ...] = ()
    detail: str = ""


UNSURE = ("OrderSubmitted a-1", "OrderFateUnknown a-1", f"OrderAccepted a-1 {ORDER['id']}")
WORKS = ("OrderSubmitted a-1", f"OrderAccepted a-1 {ORDER['id']}")
ROWS = [
    Row("A165 5xx", submit, (FAILED, TAKEN), (POST, ASK), UNSURE),
    Row("A165 504 after it was taken", submit, (LATE, TAKEN), (POST, ASK), UNSURE),
    Row("A165 timeout", submit, (None, TAKEN), (POST, ASK), UNSURE),
    Row("A165 broken off", submit, (ConnectionError, TAKEN), (POST, ASK), UNSURE),
    Row("A165 an answer that is none", submit, ((200, {}, b"<html>"), TAKEN), (POST, ASK), UNSURE),
    Row("A165 asked again while nobody knows", submit, (FAILED, FAILED, TAKEN), (POST, ASK, ASK), UNSURE, (0.1,)),
    Row("A166 once too many", submit, (BUSY, TAKEN), (POST, POST), WORKS, (3.0,)),
    Row("A166 twice too many", submit, (BUSY, BUSY), (POST, POST), ("SubmitFailed a-1",), (3.0,)),
    Row(
        "A167 refused",
        submit,
        (POOR,),
        (POST,),
        ("OrderSubmitted a-1", "OrderReject a-1 buying_power"),
        (),
        "insufficient buying power",
    ),
    Row("A167 wrong keys", submit, (KEYS,), (POST,), ("SystemError venue_not_allowed", "OrderSubmitted a-1", "OrderReject a-1")),
    Row("A165 a stop is sent again at once", lambda: submit(STOP), (FAILED, TAKEN), (POST, POST), UNSURE),
    Row("A168 three retries", cancel, (FAILED, FAILED, FAILED, GONE), (CANCEL,) * 4, (), (1.0, 1.0, 1.0)),
    Row("A168 refused", cancel, (OVER, UNKNOWN), (CANCEL, "GET /v2/orders"), ("CancelRejected a-1",)),
]


@dataclass
class Bench:
    """A broker in front of a server, with everything around it that tries again."""

    broker: AlpacaBroker
    clock: JumpClock = field(default_factory=JumpClock)
    told: list[Event] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.calls = VenueCalls(self.clock, self.told.append, CallSettings())
        self.enquiry = Enquiry(self.broker, self.clock, self.told.append, self._mark, calls=self.calls, healthy_since=lambda: 0)
        self.executor = Executor(
            self.broker,
            self.clock,
            self.told.append,
            lambda key, time: None,
            self._mark,
            calls=self.calls,
            enquiry=self.enquiry,
            request_bars=lambda command: None,
        )

    def _mark(self, key: tuple[int, int], time: int) -> None:
        self.answered.set()

    async def carry_out(self, command: Command) -> None:
        self.executor.take(Outgoing(1, 0, command))
        async with asyncio.timeout(10):
            await self.answered.wait()
        await self.executor.close(1.0)


def at_bench(answers: tuple[Any, ...], test: Callable[[Bench], Awaitable[None]], patience: Any = QUICK) -> list[str]:
    """Run a test; gives what the server was asked."""

    async def main() -> list[str]:
        async with HttpServer(*answers) as server:
            broker = AlpacaBroker(settings_for(server.port, patience), (AAPL, TSLA), JumpClock().now)
            await test(Bench(broker))
            await broker.disconnect()
            assert server.answers == []
            return [f"{method} {path.partition('?')[0]}" for method, path, _ in server.seen]

    return asyncio.run(main())


@pytest.mark.covers("A165", "A166", "A167", "A168")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.row)
def test_orders(row: Row) -> None:
    async def test(bench: Bench) -> None:
        await bench.carry_out(row.command())
        assert [event_words(event) for event in bench.told] == list(row.told)
        assert bench.clock.slept == list(row.slept)
        rejects = [event.reason for event in bench.told if isinstance(event, OrderReject)]
        assert not row.detail or (row.detail in rejects[0])

    asked = at_bench(row.answers, test)
    assert len(asked) == len(row.asked)
    assert all(found.startswith(expected) for found, expected in zip(asked, row.asked, strict=True))


@pytest.mark.covers("A165")
def test_a_request_that_never_left_is_sent_three_times_and_fails() -> None:
    async def main() -> None:
        async with HttpServer() as server:
            pass
        bench = Bench(AlpacaBroker(settings_for(server.port), (AAPL,), JumpClock().now))
        await bench.carry_out(submit())
        assert [event_words(event) for event in bench.told] == ["SubmitFailed a-1"]
        assert bench.clock.slept == [1.0, 1.0]
        await bench.broker.disconnect()

    asyncio.run(main())


ACCOUNT: Any = (
    200,
    {},
    {"id": "x", "account_number": "PA1", "status": "ACTIVE", "equity": "500.25", "cash": "500.25", "buying_power": "1000"},
)
POSITIONS: Any = (200, {}, [{"symbol": "AAPL", "asset_class": "us_equity", "side": "long", "qty": "3", "avg_entry_price": "10"}])


@pytest.mark.covers("A169")
def test_the_last_known_money_stays_while_there_is_no_answer_and_wrong_keys_are_critical() -> None:
    async def test(bench: Bench) -> None:
        bench.clock.turns = 5
        poll = AccountPoll(bench.broker, bench.calls, bench.clock, bench.told.append, 4.0)
        polling = asyncio.create_task(poll.run())
        async with asyncio.timeout(10):
            while not any(isinstance(event, SystemError) for event in bench.told):
                await asyncio.sleep(0.001)
        polling.cancel()
        await asyncio.wait([polling])
        first, second, wrong = bench.told
        for snapshot in (first, second):
            assert isinstance(snapshot, AccountSnapshot)
            assert (snapshot.equity, snapshot.buying_power) == (money(Decimal("500.25")), money(Decimal(1000)))
        assert isinstance(wrong, SystemError)
        assert (wrong.error_type, wrong.severity) == ("venue_not_allowed", "critical")

    assert at_bench((ACCOUNT, FAILED, LATE, ACCOUNT, KEYS), test) == ["GET /v2/account"] * 5


class PerSymbol(HttpServer):
    """Answers about each symbol in its own way."""

    def __init__(self, **answers: list[Any]) -> None:
        super().__init__()
        self.per_symbol = answers

    def next_answer(self, path: str) -> Any:
        return next(found for symbol, found in self.per_symbol.items() if f"symbols={symbol}" in path).pop(0)


@pytest.mark.covers("A171")
def test_past_bars_are_asked_for_four_times_and_a_refused_symbol_is_left_out() -> None:
    empty: Any = (200, {}, {"bars": {}, "next_page_token": None})
    refused: Any = (422, {}, {"code": 42210000, "message": "invalid symbol: TSLA"})

    async def main() -> None:
        async with PerSymbol(AAPL=[FAILED, FAILED, FAILED, *[empty] * 20], TSLA=[refused]) as server:
            clock, told = JumpClock(), []
            feed = AlpacaFeed(settings_for(server.port, CALM), (AAPL, TSLA), clock.now)
            plans = plan_routes([Route(StaticScanner(), "sma_cross", {"fast": 5, "slow": 10})], ["AAPL", "TSLA"], None)
            assembly = Assembly([AAPL, TSLA], plans, "1m", RiskPolicy(), ALPACA_LIKE)

            async def drained() -> None:
                return

            def tell(kind: str, level: str, subject: str, message: str) -> None:
                told.append((level, subject, message))

            warm_up = WarmUp(feed, clock, lambda event: None, assembly.engine, drained, tell=tell)
            result = await warm_up.run()
            assert list(result.failed) == ["TSLA"]
            assert "AAPL" in result.bars
            assert clock.slept[:3] == [2.0, 2.0, 2.0]
            asked = [path for _, path, _ in server.seen]
            assert sum("symbols=TSLA" in path for path in asked) == 1
            assert sum("symbols=AAPL" in path for path in asked) >= 4
            await feed.disconnect()

    asyncio.run(main())


@pytest.mark.covers("A172")
def test_nothing_else_waits_for_a_request_that_hangs() -> None:
    async def test(bench: Bench) -> None:
        hanging = asyncio.create_task(bench.broker.account())
        await asyncio.sleep(0.05)
        turns, began = 0, asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - began < 0.2:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 100
        assert await bench.broker.positions()
        hanging.cancel()
        await asyncio.wait([hanging])

    assert at_bench((None, POSITIONS), test, CALM) == ["GET /v2/account", "GET /v2/positions"]
