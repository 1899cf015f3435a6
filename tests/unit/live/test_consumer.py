"""In which order things leave the consumer of the inbox, and what does not hold them up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from engine_rig import START, Rig

from algotrader.core.events import MarketData, OrderSubmitted, SliceClosed
from algotrader.core.inbox_order import EventQueue
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.core.reports import Report
from algotrader.live.clock import NS_PER_SECOND, FastClock
from algotrader.live.consumer import AFTER_COMMIT, BEFORE_COMMIT, HANDED_OVER, URGENT_PATIENCE, At, Consumer, nothing
from algotrader.live.control import Vitals
from algotrader.live.inbox import Inbox
from algotrader.live.kernel import Kernel, Outgoing
from algotrader.live.rows import AccountRows
from algotrader.live.telling import nobody
from algotrader.live.writer import InlineWriter
from algotrader.storage.records import Batch
from algotrader.storage.sql_store import open_store

CLOSES = START + 2 * NS_PER_MINUTE


class Wrote(InlineWriter):
    """Keeps every batch as well."""

    batches: list[Batch]

    async def _commit(self, batch: Batch) -> None:
        await super()._commit(batch)
        self.batches.append(batch)


class Set:
    """A consumer before the bar at whose close a strategy wants to buy."""

    def __init__(
        self,
        folder: Path,
        send: Callable[[Outgoing], None],
        told: Callable[[list[Report]], None] = lambda reports: None,
        at: At = nothing,
    ) -> None:
        rig, clock = Rig(), FastClock(CLOSES)
        script = rig.strategy()
        rig.bar("100")
        script.entry, script.size, script.stop = "long", 100, Decimal(98)
        instrument = rig.state.by_symbol["AAPL"].instrument
        bar = Bar(instrument, CLOSES - NS_PER_MINUTE, CLOSES, 1_000_000, 1_010_000, 990_000, 1_000_000, 10)
        self.store = open_store(f"sqlite:///{folder / 'consumer.db'}", durable=False)
        self.inbox, self.vitals = Inbox(clock, EventQueue()), Vitals()
        kernel = Kernel(rig.engine, AccountRows(rig.engine), self.inbox.take)
        self.writer = Wrote(self.store, clock, nobody)
        self.writer.batches = []
        self.consumer = Consumer(clock, self.inbox, kernel, self.writer, send, told, self.vitals, "test", at=at)
        self.inbox.put(MarketData(CLOSES, bar))
        self.inbox.put(SliceClosed(CLOSES))


def test_an_order_s_request_leaves_after_the_commit_and_before_anybody_writes_about_it(tmp_path: Path) -> None:
    seen = list[str]()

    async def request() -> None:
        seen.append("request")

    async def at(point: str) -> None:
        if point in (AFTER_COMMIT, HANDED_OVER):
            seen.append(point)

    async def main() -> None:
        tasks = list[asyncio.Task[None]]()
        found = Set(tmp_path, lambda _: tasks.append(asyncio.create_task(request())), told=lambda _: seen.append("told"), at=at)
        await found.consumer.step()
        assert len(tasks) == 1
        found.store.close()

    asyncio.run(main())
    assert seen == [AFTER_COMMIT, HANDED_OVER, "request", "told"]


@pytest.mark.parametrize(
    ("age", "with_the_order"),
    [
        pytest.param(61, False, id="due"),
        pytest.param(URGENT_PATIENCE * 60 - 1, False, id="late"),
        pytest.param(URGENT_PATIENCE * 60 + 1, True, id="too late"),
    ],
)
def test_an_order_does_not_wait_for_a_snapshot(tmp_path: Path, age: int, with_the_order: bool) -> None:
    async def main() -> None:
        sent = list[Outgoing]()
        found = Set(tmp_path, sent.append)
        found.consumer._snapshot_equity = found.consumer._kernel.engine.state.equity()
        found.vitals.last_snapshot = CLOSES - age * NS_PER_SECOND
        await found.consumer.step()
        assert [batch.snapshot is not None for batch in found.writer.batches] == [with_the_order]
        found.inbox.put(OrderSubmitted(CLOSES, sent[0].command.client_order_id))
        await found.consumer.step()
        assert [batch.snapshot is not None for batch in found.writer.batches] == [with_the_order, not with_the_order]
        found.store.close()

    asyncio.run(main())


def test_it_is_at_work_from_the_event_until_the_order_is_handed_over(tmp_path: Path) -> None:
    async def main() -> None:
        seen, done = list[tuple[str, bool]](), asyncio.Event()

        async def at(point: str) -> None:
            seen.append((point, found.vitals.at_work))

        found = Set(tmp_path, lambda _: None, told=lambda _: done.set(), at=at)
        assert not found.vitals.at_work
        running = asyncio.create_task(found.consumer.run())
        await done.wait()
        assert [point for point, works in seen if works] == [BEFORE_COMMIT, AFTER_COMMIT, HANDED_OVER]
        await asyncio.sleep(0)
        assert not found.vitals.at_work
        running.cancel()
        found.store.close()

    asyncio.run(main())
