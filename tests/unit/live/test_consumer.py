"""In which order things leave the consumer of the inbox."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from engine_rig import START, Rig

from algotrader.core.events import MarketData, SliceClosed
from algotrader.core.inbox_order import EventQueue
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.core.reports import Report
from algotrader.live.clock import FastClock
from algotrader.live.consumer import AFTER_COMMIT, HANDED_OVER, Consumer
from algotrader.live.control import Vitals
from algotrader.live.inbox import Inbox
from algotrader.live.kernel import Kernel, Outgoing
from algotrader.live.rows import AccountRows
from algotrader.live.telling import nobody
from algotrader.live.writer import InlineWriter
from algotrader.storage.sql_store import open_store


def test_an_order_s_request_leaves_after_the_commit_and_before_anybody_writes_about_it(tmp_path: Path) -> None:
    rig, seen = Rig(), list[str]()
    script = rig.strategy()
    rig.bar("100")
    script.entry, script.size, script.stop = "long", 100, Decimal(98)
    closes = START + 2 * NS_PER_MINUTE
    bar = Bar(rig.state.by_symbol["AAPL"].instrument, closes - NS_PER_MINUTE, closes, 1_000_000, 1_010_000, 990_000, 1_000_000, 10)
    clock = FastClock(closes)

    async def request() -> None:
        seen.append("request")

    async def at(point: str) -> None:
        if point in (AFTER_COMMIT, HANDED_OVER):
            seen.append(point)

    async def main() -> None:
        tasks = []

        def send(outgoing: Outgoing) -> None:
            tasks.append(asyncio.create_task(request()))

        def told(reports: list[Report]) -> None:
            seen.append("told")

        store = open_store(f"sqlite:///{tmp_path / 'consumer.db'}", durable=False)
        inbox = Inbox(clock, EventQueue())
        kernel = Kernel(rig.engine, AccountRows(rig.engine), inbox.take)
        consumer = Consumer(clock, inbox, kernel, InlineWriter(store, clock, nobody), send, told, Vitals(), "test", at=at)
        inbox.put(MarketData(closes, bar))
        inbox.put(SliceClosed(closes))
        await consumer.step()
        assert len(tasks) == 1
        store.close()

    asyncio.run(main())
    assert seen == [AFTER_COMMIT, HANDED_OVER, "request", "told"]
