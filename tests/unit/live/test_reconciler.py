"""When the venue is asked, how patiently, and what follows for orders that it does not list. All under virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from decimal import Decimal

import pytest
from engine_rig import AAPL, START, Rig
from venue_truth import Truth, TruthBroker

from algotrader.core.commands import SubmitOrder
from algotrader.core.events import AccountSnapshot, ConnectionChanged, Event, OrderFill, SystemError
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import Side
from algotrader.core.risk import approve
from algotrader.live.clock import LoopClock
from algotrader.live.findings import ReconciliationReport, Strategy
from algotrader.live.reconciler import MOST_LOOKS, Reconciler
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.venues.protocols import NotAllowed, NotSent, Refused, Throttled, Unanswered, VenueFill, VenuePosition

QUESTIONS = ["account", "positions", "open_orders", "recent_orders", "fills"]


class Silent(TruthBroker):
    """Never says what is filled."""

    async def fills(self, since: int) -> Sequence[VenueFill]:
        self.asked.append("fills")
        await asyncio.Event().wait()
        return []


class Desk:
    """A reconciler with everything around it; events are handled as they come."""

    def __init__(self, broker: type[TruthBroker] = TruthBroker) -> None:
        self.rig = Rig()
        self.script = self.rig.strategy()
        self.truth = Truth([AAPL])
        self.broker = broker(self.truth)
        self.clock = LoopClock(START, asyncio.get_running_loop())
        self.events: list[Event] = []
        self.reports: list[tuple[ReconciliationReport, str]] = []
        self.quiet = True
        self.reconciler = Reconciler(
            self.broker,
            self.rig.engine,
            self.clock,
            self.put,
            lambda: self.quiet,
            tell=lambda r, why: self.reports.append((r, why)),
        )

    def put(self, event: Event) -> None:
        self.events.append(event)
        self.rig.send(event)

    @property
    def seconds(self) -> float:
        return (self.clock.now() - START) / NS_PER_SECOND

    @property
    def reasons(self) -> list[str]:
        return [why for _, why in self.reports]

    def enter(self, *, arrives: bool) -> None:
        self.script.entry, self.script.size, self.script.stop, self.script.price = "long", 100, Decimal(90), Decimal(99)
        self.rig.feed("100")
        self.rig.minute += 1
        self.rig.engine.slices.decide()
        for command in self.rig.engine.take_commands():
            if arrives:
                for event in self.truth.carry_out(command):
                    self.rig.send(event)

    async def running(self, seconds: float) -> None:
        """Let it run for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.reconciler.run()


def virtually(story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await story()

    run_virtually(whole())


@pytest.mark.covers("A157", "B45")
def test_everything_is_asked_for_at_once_and_the_account_is_told() -> None:
    async def story() -> None:
        desk = Desk()
        report = await desk.reconciler.start()
        assert desk.broker.asked == QUESTIONS
        assert (report.total_count, desk.reasons) == (0, ["start"])
        assert [type(event) for event in desk.events] == [AccountSnapshot]
        assert desk.rig.state.account is not None

    virtually(story)


class Leisurely(TruthBroker):
    """Takes a second for every answer to these two questions."""

    async def positions(self) -> Sequence[VenuePosition]:
        await asyncio.sleep(1)
        return await super().positions()

    async def fills(self, since: int) -> Sequence[VenueFill]:
        await asyncio.sleep(1)
        return await super().fills(since)


@pytest.mark.covers("B17", "A157")
def test_questions_do_not_wait_for_each_other() -> None:
    async def story() -> None:
        desk = Desk(Leisurely)
        await desk.reconciler.picture()
        assert desk.seconds == 1

    virtually(story)


@pytest.mark.covers("A157")
@pytest.mark.parametrize(
    ("faults", "takes"),
    [
        ([Unanswered("lost")], 1),
        ([NotSent("no socket")], 1),
        ([Throttled("slow down", 7.0)], 7),
        ([Throttled("slow down")], 1),
    ],
)
def test_a_question_is_asked_again_after_a_pause(faults: list[Exception], takes: float) -> None:
    async def story() -> None:
        desk = Desk()
        desk.broker.faults = list(faults)
        await desk.reconciler.picture()
        assert desk.broker.asked == [*QUESTIONS, "account"]
        assert desk.seconds == takes

    virtually(story)


@pytest.mark.parametrize("fault", [Refused("no"), NotAllowed("keys")])
def test_a_refusal_is_not_asked_again(fault: Exception) -> None:
    async def story() -> None:
        desk = Desk()
        desk.broker.faults = [fault]
        with pytest.raises(type(fault)):
            await desk.reconciler.start()
        assert (desk.seconds, desk.events) == (0, [])

    virtually(story)


@pytest.mark.covers("A157", "A170")
def test_a_question_without_an_answer_is_given_up_after_three_attempts() -> None:
    async def story() -> None:
        desk = Desk(Silent)
        with pytest.raises(TimeoutError):
            await desk.reconciler.start()
        assert desk.broker.asked.count("fills") == 3
        assert desk.seconds == 10 + 1 + 10 + 2 + 10

    virtually(story)


@pytest.mark.covers("B45")
def test_it_compares_every_five_minutes_after_reconnects_and_large_executions() -> None:
    async def story() -> None:
        desk = Desk()
        task = asyncio.ensure_future(desk.running(1_000))
        await desk.clock.sleep(310)
        assert desk.reasons == ["interval"]
        small = OrderFill(desk.clock.now(), "a1", "x", "AAPL", Side.BUY, 1_000_000, 499)
        large = OrderFill(desk.clock.now(), "a1", "y", "AAPL", Side.BUY, 1_000_000, 500)
        unknown = OrderFill(desk.clock.now(), "a1", "y", "XYZ", Side.BUY, 1_000_000, 5_000)
        for event in (small, unknown, ConnectionChanged(desk.clock.now(), "SIM", False)):
            desk.reconciler.notice(event)
        await desk.clock.sleep(1)
        assert desk.reasons == ["interval"]
        desk.reconciler.notice(large)
        await desk.clock.sleep(1)
        desk.reconciler.notice(ConnectionChanged(desk.clock.now(), "SIM", True))
        await desk.clock.sleep(1)
        assert desk.reasons == ["interval", "large execution", "reconnected"]
        await task

    virtually(story)


@pytest.mark.covers("A170")
def test_a_venue_that_does_not_answer_is_told_and_asked_again_the_next_time() -> None:
    async def story() -> None:
        desk = Desk()
        desk.broker.faults = [Refused("closed for repairs")]
        await desk.running(610)
        assert desk.reasons == ["interval"]
        assert [event.severity for event in desk.events if isinstance(event, SystemError)] == ["error"]

    virtually(story)


@pytest.mark.covers("A160", "A156")
def test_an_order_that_the_venue_denies_twice_never_was() -> None:
    async def story() -> None:
        desk = Desk()
        desk.enter(arrives=False)
        await desk.clock.sleep(61)
        await desk.reconciler.start()
        assert desk.broker.asked.count("order") == 2
        assert desk.rig.order("a1") == "submit_failed 0/100"
        assert desk.seconds == 61 + 11

    virtually(story)


def test_an_order_that_was_accepted_once_is_cancelled_by_two_denials() -> None:
    async def story() -> None:
        desk = Desk()
        desk.enter(arrives=True)
        desk.truth.orders.clear()
        await desk.clock.sleep(61)
        await desk.reconciler.start()
        assert desk.rig.order("a1") == "canceled 0/100"

    virtually(story)


@pytest.mark.parametrize("trouble", ["disconnected", "no_answer", "too_early"])
def test_one_good_denial_proves_nothing(trouble: str) -> None:
    async def story() -> None:
        desk = Desk()
        desk.enter(arrives=False)
        await desk.clock.sleep(80)
        await desk.reconciler.reconcile("first")
        await desk.clock.sleep(5 if trouble == "too_early" else 20)
        if trouble == "disconnected":
            desk.reconciler.notice(ConnectionChanged(desk.clock.now(), "SIM", False))
            desk.reconciler.notice(ConnectionChanged(desk.clock.now(), "SIM", True))
        if trouble == "no_answer":
            desk.broker.order = _refuses  # type: ignore[method-assign]
        await desk.reconciler.reconcile("second")
        assert desk.rig.order("a1") == "unknown 0/100"

    virtually(story)


async def _refuses(client_order_id: str, symbol: str) -> None:
    raise Refused("busy")


def test_an_order_that_only_its_id_brings_up_is_judged_by_that_answer() -> None:
    async def story() -> None:
        desk = Desk()
        desk.enter(arrives=False)
        hidden = Truth([AAPL])
        hidden.carry_out(SubmitOrder("a1", approve(desk.rig.state.orders["a1"].request)))
        desk.broker.order = TruthBroker(hidden).order  # type: ignore[method-assign]
        await desk.clock.sleep(61)
        await desk.reconciler.start()
        assert desk.rig.order("a1") == "accepted 0/100"

    virtually(story)


def test_what_waits_is_looked_at_again_soon_and_not_for_ever() -> None:
    async def story() -> None:
        desk = Desk()
        desk.enter(arrives=True)
        desk.truth.cash //= 2
        await desk.clock.sleep(61)
        await desk.reconciler.reconcile("first")
        assert "USD" in desk.reports[-1][0].waiting
        await desk.running(12)
        assert desk.reasons == ["first", "second look"]
        assert desk.rig.state.total_cash() == desk.truth.cash
        desk.reports[-1][0].waiting["AAPL"] = 1
        moving = desk.reports[-1][0]

        async def always() -> None:
            for _ in range(100):
                desk.reconciler.last = moving
                await asyncio.sleep(1)

        await asyncio.gather(desk.running(95), always())
        assert desk.reasons.count("second look") <= 1 + MOST_LOOKS

    virtually(story)


def test_nothing_is_inferred_while_events_wait() -> None:
    async def story() -> None:
        desk = Desk()
        desk.quiet = False
        asking = asyncio.ensure_future(desk.reconciler.reconcile("test"))
        await desk.clock.sleep(3)
        assert not asking.done()
        desk.quiet = True
        await asking
        desk.quiet = False
        with pytest.raises(TimeoutError):
            await desk.reconciler.reconcile("test")

    virtually(story)


@pytest.mark.covers("B57", "A164")
@pytest.mark.parametrize(("quantity", "severity"), [(0, []), (60, ["error"])])
def test_differences_are_told_and_do_not_halt(quantity: int, severity: list[str]) -> None:
    async def story() -> None:
        desk = Desk()
        desk.truth.held["AAPL"] = quantity
        desk.rig.bar()
        await desk.clock.sleep(61)
        await desk.reconciler.reconcile("test")
        told = [event for event in desk.events if isinstance(event, SystemError)]
        assert [event.severity for event in told] == severity
        assert desk.rig.state.trading_state == "active"
        if told:
            assert "critical missing_local of AAPL: ours 0, the venue's 60; it belongs to external" in told[0].message

    virtually(story)


@pytest.mark.covers("B56")
def test_strategy_and_tolerance_change_at_run_time() -> None:
    async def story() -> None:
        desk = Desk()
        desk.truth.held["AAPL"] = 60
        desk.reconciler.change(Strategy.WARN_ONLY)
        assert (await desk.reconciler.reconcile("test")).events == []
        desk.reconciler.change(cash_tolerance=Decimal("0.2"))
        assert (desk.reconciler.agreement.strategy, desk.reconciler.agreement.cash_tolerance) == (
            Strategy.WARN_ONLY,
            Decimal("0.2"),
        )
        with pytest.raises(ValueError, match="consent"):
            desk.reconciler.change(Strategy.SYNC_TO_LOCAL)
        desk.reconciler.change(Strategy.SYNC_TO_LOCAL, consent=True)
        assert desk.reconciler.agreement.strategy is Strategy.SYNC_TO_LOCAL

    virtually(story)
