"""A session from its start to its end at the paper venue: what comes in which order, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
from engine_rig import WIDE, Script
from live_rig import AAPL, MSFT, Life, level, live, minute
from paper_rig import CLOSE, OPEN, bar

from algotrader.assembly import Assembly, plan_routes
from algotrader.core.events import EntryGate, MarketData, OrderFill, ScheduledTrigger, SliceClosed
from algotrader.core.inbox_order import EventQueue
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities, equity
from algotrader.core.market import NS_PER_SECOND, Bar, Session
from algotrader.core.signal_style import SignalSlot
from algotrader.live.findings import Agreement, Strategy
from algotrader.live.kernel import Kernel
from algotrader.live.parts import LIVE, PAPER, GateClosed
from algotrader.live.rows import AccountRows
from algotrader.live.triggers import Interval, MarketEvent
from algotrader.storage.snapshots import export_json
from algotrader.storage.sql_store import open_store
from algotrader.strategies.scanners import Route, StaticScanner
from algotrader.venues.protocols import AccountInfo, NotAllowed, NotSent, Unanswered

Story = Callable[[Life], Awaitable[None]]
PLAIN = level(30, AAPL, MSFT)
FALLS = [*level(8), *level(22, first=8, prices=("97", "97", "96", "96"))]
"""From minute 8 on below the stop at 98."""


# The start


@pytest.mark.covers("A95", "A156", "A91", "B1", "B2", "B43")
def test_a_session_starts_in_its_order(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        asked = life.faults.asked
        first = {name: asked.index(name) for name in ("connect", "account", "positions", "fills", "history", "subscribe")}
        assert sorted(first, key=lambda name: first[name]) == ["connect", "account", "positions", "fills", "history", "subscribe"]
        assert life.states == ["reconciling", "warming_up", "running"]
        await life.end()
        assert life.states[3:] == ["shutting_down", "stopped"]

    life = live(story, tmp_path, PLAIN, required_history=2)
    kinds = [type(event).__name__ for _, event in life.journal()]
    order = [kinds.index(name) for name in ("EntryGate", "ConnectionChanged", "AccountSnapshot", "Warmup")]
    assert order == sorted(order)
    assert [event.open for _, event in life.journal() if isinstance(event, EntryGate)] == [False, True, False]


@pytest.mark.covers("A94", "A228", "A32", "A225")
@pytest.mark.parametrize(("mode", "is_paper", "opens"), [(PAPER, True, True), (PAPER, False, False), (LIVE, False, True)])
def test_the_gate_before_real_money(tmp_path: Path, mode: str, is_paper: bool, opens: bool) -> None:
    async def story(life: Life) -> None:
        session = life.begin()
        plain = life.broker.account

        async def account() -> AccountInfo:
            return replace(await plain(), is_paper=is_paper)

        life.broker.account = account  # type: ignore[method-assign]
        if opens:
            await life.until(lambda: session.state == "running")
            await life.end()
        else:
            with pytest.raises(GateClosed, match="ALGO_BROKER__PAPER"):
                await life.ended()
            assert set(life.faults.asked) == {"connect", "account"}
        assert life.states[-1] == "stopped"

    life = live(story, tmp_path, PLAIN, mode=mode)
    assert bool(life.journal()) is opens


@pytest.mark.covers("A169")
def test_wrong_keys_end_a_session_before_it_has_begun(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        life.faults.refuse = lambda name, _: NotAllowed("no such key") if name == "account" else None
        life.begin()
        with pytest.raises(NotAllowed, match="no such key"):
            await life.ended()
        assert life.states == ["shutting_down", "stopped"]

    live(story, tmp_path, PLAIN)


# A trade


def _traded(capabilities: VenueCapabilities) -> Story:
    async def story(life: Life) -> None:
        await life.running()
        life.want()
        await life.at(3.5)
        assert life.held() == 100
        assert life.working() == ["sell 100 stop 98.00"]
        await life.at(6)
        life.script.new_stop = 99
        await life.at(7.5)
        assert life.working() == ["sell 100 stop 99.00"]
        life.script.new_stop = None
        await life.at(12)
        assert (life.held(), life.working(), life.script.closed) == (0, [], 1)
        await life.end()

    return story


@pytest.mark.covers("A226", "A232", "A124", "A128", "A134", "A135", "A143", "C22", "C23", "B13", "B15", "B30", "C44")
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca_like"])
def test_from_a_bar_to_the_end_of_the_trade(tmp_path: Path, capabilities: VenueCapabilities) -> None:
    life = live(_traded(capabilities), tmp_path, FALLS, capabilities=capabilities, instruments=(AAPL,))
    story = iter(life.kinds())
    wanted = ("signal_detected", "order_submitted", "order_filled", "stop_placed", "stop_moved", "order_filled", "trade_closed")
    assert all(kind in story for kind in wanted), life.kinds()
    (entry, leave) = [event for _, event in life.journal() if isinstance(event, OrderFill)]
    assert (entry.price_raw, leave.price_raw) == (1_000_000, 970_000)
    state = life.session.engine.state
    assert life.messages("trade_closed") == ["stop_loss: -300.00"]
    assert (len(state.ledger.trips), state.breaker.losses_in_row) == (1, 1)
    first = life.exchange.recent_orders(0)[0]
    assert 0 < first.submitted_time - minute(1) < 3 * NS_PER_SECOND, "from the close of the candle to the order"


# The end


@pytest.mark.covers("A33", "A107", "A113", "A112", "A114", "A115", "B4", "B36", "C29", "C30", "C31", "A48")
def test_an_orderly_end_keeps_the_position_with_its_stop_and_stores_everything(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        life.want()
        await life.at(3.5)
        before = life.clock.now()
        assert not life.session.ends_for_good
        life.session.request_shutdown("enough")
        life.session.request_shutdown("once more", flatten=True, anew=True)
        assert life.session.ends_for_good
        await life.ended()
        assert life.session.stop.reason == "enough"
        assert life.clock.now() - before < 10 * NS_PER_SECOND
        assert (life.held(), life.working()) == (100, ["sell 100 stop 98.00"])
        assert life.messages("position_without_stop") == []
        assert life.session.state == "stopped"
        assert not life.broker._way.connected
        assert not life.feed._way.connected
        for part in (life.broker, life.feed):
            await part.disconnect()

    life = live(story, tmp_path, PLAIN)
    store = open_store(life.url, durable=False)
    snapshot = store.last_snapshot()
    assert snapshot is not None
    assert (snapshot.reason, snapshot.sequence) == ("shutdown", store.last_sequence())
    assert json.loads(export_json(snapshot.payload))["positions"][0]["quantity"] == "100"
    assert list(store.unanswered()) == []
    store.close()


@pytest.mark.covers("A108", "A110", "A231")
def test_an_end_cancels_entries_that_wait_and_lets_none_in(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        life.want(price="95", stop="90")
        await life.at(3.5)
        assert life.working() == ["buy 100"]
        tries: list[str] = []

        def refuse(name: str, order_id: str) -> Exception | None:
            if name == "cancel":
                tries.append(order_id)
            return Unanswered("lost") if name == "cancel" and len(tries) < 3 else None

        life.faults.refuse = refuse
        life.want()
        await life.clock.sleep_until(minute(4) - NS_PER_SECOND // 10)
        await life.end()
        assert len(tries) == 3
        assert (life.working(), life.held()) == ([], 0)
        assert [kind for kind in life.kinds() if kind == "signal_detected"] == ["signal_detected"]

    live(story, tmp_path, PLAIN)


@pytest.mark.covers("A111", "A109", "A135")
def test_a_fill_that_comes_while_a_session_ends_gets_its_stop(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        life.want(price="95", stop="90")
        await life.clock.sleep_until(minute(6) - NS_PER_SECOND)
        assert (life.held(), life.working()) == (0, ["buy 100"])
        life.faults.refuse = lambda name, _: Unanswered("lost") if name == "cancel" else None
        await life.end()
        assert (life.held(), life.working()) == (100, ["sell 100 stop 90.00"])
        assert life.clock.now() - minute(6) < 10 * NS_PER_SECOND

    live(story, tmp_path, [*level(5), *level(5, first=5, prices=("100", "100", "94", "96"))], instruments=(AAPL,))


@pytest.mark.covers("A112")
def test_a_position_that_no_stop_can_be_had_for_is_told_at_the_end(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        life.want()
        life.faults.refuse = lambda name, order_id: NotSent("no socket") if name == "submit" and order_id != "a1" else None
        await life.at(3.5)
        assert (life.held(), life.working()) == (100, [])
        await life.end()
        assert [level for kind, level, _, _ in life.told if kind == "position_without_stop"] == ["critical"]

    live(story, tmp_path, PLAIN)


@pytest.mark.covers("C29", "A113")
def test_an_end_that_flattens_closes_every_position(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        life.want()
        await life.at(3.5)
        await life.end(flatten=True)
        assert (life.held(), life.working()) == (0, [])

    live(story, tmp_path, PLAIN)


# What outlives it


@pytest.mark.covers("A227", "A154", "A98", "C27", "B43", "B41")
def test_a_restart_in_mid_day_goes_on_with_the_position_its_stop_and_the_days_losses(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        assert life.messages("recovered") == ["fresh: 0 events replayed"]
        life.want()
        await life.at(11)
        assert life.session.engine.state.breaker.losses_in_row == 1
        life.want(stop="90")
        await life.at(13.5)
        await life.session.settle_accounts()
        assert life.session.is_durable
        await life.die()
        asked = len(life.faults.asked)
        await life.running()
        assert life.messages("recovered")[1].startswith("replayed: ")
        state = life.session.engine.state
        assert (state.breaker.losses_in_row, life.held()) == (1, 100)
        assert life.working() == ["sell 100 stop 90.00"]
        again = life.faults.asked[asked:]
        assert not [name for name in again if name.startswith(("submit", "cancel", "replace"))]
        assert again.index("account") < again.index("positions") < again.index("subscribe")
        await life.end()

    live(story, tmp_path, FALLS, instruments=(AAPL,))


@pytest.mark.covers("B41")
@pytest.mark.parametrize(("away", "old"), [(30, False), (70, True), (24 * 60, True)])
def test_a_state_that_has_missed_much_is_told_and_nobody_is_asked(tmp_path: Path, away: float, old: bool) -> None:
    async def story(life: Life) -> None:
        await life.running()
        await life.at(3)
        await life.end()
        await life.at(3 + away)
        await life.running()
        assert [level for kind, level, _, _ in life.told if kind == "old_state"] == ["warning"] * old
        await life.end()

    live(story, tmp_path, PLAIN)


@pytest.mark.covers("B35", "C26", "B36", "B37")
def test_snapshots_come_every_minute_after_large_changes_and_at_the_end(tmp_path: Path) -> None:
    taken: list[tuple[str, float]] = []

    async def story(life: Life) -> None:
        await life.running()
        commit = life.store.commit

        def watched(batch: Any) -> None:
            commit(batch)
            if batch.snapshot is not None:
                taken.append((batch.snapshot.reason, (batch.snapshot.time - minute(0)) / 60e9))

        life.store.commit = watched  # type: ignore[method-assign]
        life.want(quantity=9_000, stop="50")
        await life.at(13)
        await life.end()

    bars = [*level(6, AAPL), *level(10, AAPL, first=6, prices=("80", "80", "80", "80"))]
    live(story, tmp_path, bars, instruments=(AAPL,))
    regular = [moment for reason, moment in taken if reason == "regular"]
    assert taken[-1][0] == "shutdown"
    gaps = [later - earlier for earlier, later in pairwise(regular)]
    assert max(gaps) < 2.1
    (early,) = [moment for moment, gap in zip(regular[1:], gaps, strict=True) if gap < 0.9]
    assert 7 <= early < 7.1, "the bar that takes 18 % of the equity"


# The end of the day


@pytest.mark.covers("A229", "A177", "A123", "A180")
def test_the_end_of_the_day_closes_what_is_open_and_lets_nothing_in(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        life.want()
        await life.at(384)
        assert life.held() == 100
        await life.at(389.6)
        life.want()
        await life.at(391)
        assert (life.held(), life.working()) == (0, [])
        assert life.kinds().count("signal_detected") == 1
        await life.end()

    bars = level(10, first=380)
    live(story, tmp_path, bars, start=minute(378), instruments=(AAPL,), closes_at_end=True)


# What is set


@pytest.mark.covers("B85", "B2")
def test_schedules_fire_while_a_session_runs(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        await life.at(25)
        await life.end()

    parts = {"schedules": [("often", Interval(minutes=10)), ("open", MarketEvent("open"))]}
    life = live(story, tmp_path, PLAIN, parts=parts)
    found = [event for _, event in life.journal() if isinstance(event, ScheduledTrigger) and event.trigger_type == "schedule"]
    assert [event.name for event in found] == ["often", "open", "often", "often"]


@pytest.mark.covers("B1", "B51", "B54")
@pytest.mark.parametrize(
    ("strategy", "books"), [(Strategy.WARN_ONLY, 0), (Strategy.SYNC_TO_BROKER, 7), (Strategy.HALT_AND_ALERT, 0)]
)
def test_differences_are_settled_as_agreed(tmp_path: Path, strategy: Strategy, books: int) -> None:
    async def story(life: Life) -> None:
        life.exchange.place_position("AAPL", 7, 1_000_000)
        session = await life.running()
        assert session.engine.state.ledger.net_quantity("AAPL") == books
        assert (session.engine.state.trading_state == "halted") is (strategy is Strategy.HALT_AND_ALERT)
        await life.end()

    live(story, tmp_path, PLAIN, parts={"agreement": Agreement(strategy)})


# Failures


@pytest.mark.covers("B3", "B38", "A101", "A105")
def test_what_nobody_handles_ends_a_session_in_order_with_everything_stored(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        life.want()
        await life.at(3.5)

        def breaks() -> None:
            raise ZeroDivisionError("a mistake")

        life.feed.stream = breaks  # type: ignore[method-assign,assignment]
        life.feed.drop()
        with pytest.raises(Exception, match="a mistake"):
            await life.ended()
        assert [level for kind, level, _, _ in life.told if kind == "task_gave_up"] == ["critical"]
        assert (life.session.state, life.held(), life.working()) == ("stopped", 100, ["sell 100 stop 98.00"])

    life = live(story, tmp_path, PLAIN)
    store = open_store(life.url, durable=False)
    snapshot = store.last_snapshot()
    assert snapshot is not None
    assert snapshot.sequence == store.last_sequence()
    store.close()


# What runs beside each other


class Asked(Script):
    """Notes which task asks it."""

    tasks: ClassVar[set[str]] = set()

    def should_long(self, bar: Bar, indicators: Any) -> object:
        self.tasks.add(getattr(asyncio.current_task(), "get_name", lambda: "")())
        return super().should_long(bar, indicators)

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        self.tasks.add(getattr(asyncio.current_task(), "get_name", lambda: "")())
        return super().should_exit(bar, indicators)


def _tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


@pytest.mark.covers("A100", "A101", "A99", "B16", "C31", "B1")
def test_one_consumer_works_through_what_many_tasks_bring(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        before = _tasks()
        life.make_script = Asked
        await life.running()
        assert _tasks() >= {"consumer", "order stream", "bar stream", "session phases", "watch", "account", "reconciliation"}
        life.want()
        await life.at(5)
        assert Asked.tasks == {"consumer"}
        await life.end()
        assert _tasks() == before

    live(story, tmp_path, PLAIN)


@pytest.mark.covers("A97", "A99", "A102")
def test_a_bar_that_comes_with_a_fill_brings_no_second_entry(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.running()
        for number in range(1, 9):
            life.want()
            await life.at(number + 0.1)
        assert life.held() == 100
        assert life.kinds().count("order_submitted") == 2, "one entry and its stop"
        track = life.session.engine.state.by_symbol["AAPL"]
        assert track.last_time == minute(8)
        await life.end()

    live(story, tmp_path, PLAIN)


# Many strategies


@pytest.mark.covers("C52")
def test_a_hundred_and_twenty_strategies_run_at_once() -> None:
    names = [f"S{chr(65 + number // 26)}{chr(65 + number % 26)}" for number in range(120)]
    instruments = [equity(name) for name in names]
    plans = plan_routes([Route(StaticScanner(), "velez", {"sma_slow": 100})], names, None)
    engine = Assembly(instruments, plans, "1m", WIDE, GENERIC).engine
    assert len(engine.slots()) == 120
    day = Session("XNYS", "2024-03-05", OPEN, CLOSE)
    engine.handle(ScheduledTrigger(OPEN, "session_open", OPEN, day))
    queue = EventQueue()
    kernel = Kernel(engine, AccountRows(engine), lambda: queue.pop(0) if len(queue) else None)
    for number in range(260):
        for instrument in instruments:
            queue.push(MarketData(minute(number + 1), bar(number, instrument=instrument)))
        queue.push(SliceClosed(minute(number + 1)))
        while len(queue):
            kernel.work()
    assert all(slot.bars >= 100 for slot in engine.slots() if isinstance(slot, SignalSlot))
