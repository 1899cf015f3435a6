"""Whatever was lost between the venue and us: reconciled, our books are the venue's, and a second look finds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from random import Random

import pytest
from engine_rig import AAPL, DAY, MSFT, START, Rig, Script
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_truth import Truth, TruthBroker

from algotrader.core.commands import CancelOrder, ReplaceOrder
from algotrader.core.events import Event, OrderFateUnknown, ScheduledTrigger
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.core.market import NS_PER_MINUTE as MINUTE
from algotrader.core.orders import OrderState, Side
from algotrader.live.clock import LoopClock
from algotrader.live.findings import ReconciliationReport
from algotrader.live.reconciler import Reconciler
from algotrader.rehearsal.virtual_time import run_virtually

STEPS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 10**9)), min_size=10, max_size=60)
MOST_ROUNDS = 25


class World:
    """An engine, the venue's truth, and a connection that loses what it carries."""

    def __init__(self, capabilities: VenueCapabilities, strangers: bool) -> None:
        self.rig = Rig(capabilities, instruments=[AAPL, MSFT])
        self.truth = Truth([AAPL, MSFT])
        self.clock = LoopClock(START, asyncio.get_running_loop())
        self.scripts: list[Script] = [
            self.rig.strategy("one", "AAPL"),
            self.rig.strategy("two", "AAPL", protection="emergency"),
            self.rig.strategy("three", "MSFT"),
        ]
        self.strangers = strangers
        self.waiting: list[Event] = []
        broker = TruthBroker(self.truth, capabilities)
        self.reconciler = Reconciler(broker, self.rig.engine, self.clock, self.waiting.append, lambda: not self.waiting)
        self.trail: list[str] = []
        self.price = {"AAPL": 1_000_000, "MSFT": 2_000_000}

    async def step(self, kind: int, number: int) -> None:
        """One thing happens; a second passes."""
        await self.clock.sleep(1)
        self.rig.now = self.truth.now = self.clock.now()
        draw = Random(number)
        acts = [self._fill] * 6 + [self._end, self._timer] + ([self._stranger] if self.strangers else [])
        if kind % 20 == 1:
            await self.reconcile(draw.random() < 0.5)
        elif kind % 3 == 0:
            # Bars come at the end of a minute.
            self.rig.minute = max(self.rig.minute, (self.clock.now() - START) // MINUTE)
            await self.clock.sleep_until(START + (self.rig.minute + 1) * MINUTE)
            self.rig.now = self.truth.now = self.clock.now()
            self._bar(draw, draw.random() < 0.4)
        else:
            acts[kind % len(acts)](draw, draw.random() < 0.4)

    def _bar(self, draw: Random, lost: bool) -> None:
        for number, script in enumerate(self.scripts):
            symbol = "MSFT" if number == 2 else "AAPL"
            script.entry = draw.choice(["", "long"])
            script.size, script.price = draw.choice([3, 10, 100]), None
            script.stop = Decimal(90 if symbol == "AAPL" else 180)
            script.new_stop = draw.choice([None, None, script.stop + draw.randrange(1, 50) * Decimal("0.1")])
            script.leave = draw.random() < 0.2
        for symbol in ("AAPL", "MSFT"):
            self.rig.feed(str(self.price[symbol] // 10_000), symbol)
        self.rig.minute += 1
        self.rig.engine.slices.close(self.rig.now)
        self.deliver([], lost)

    def _fill(self, draw: Random, lost: bool) -> None:
        working = self.truth.working()
        if working:
            record = draw.choice(working)
            quantity = draw.choice([record.quantity - record.filled, 1, 7])
            price = self.price[record.instrument.symbol] + draw.randrange(-50, 50) * 100
            late, commission = draw.random() < 0.3, draw.randrange(3) * 10**16
            self.deliver(self.truth.fill(record, quantity, price, commission, late=late), lost)

    def _end(self, draw: Random, lost: bool) -> None:
        working = self.truth.working()
        if working:
            state = draw.choice([OrderState.CANCELED, OrderState.EXPIRED])
            self.deliver(self.truth.end(draw.choice(working), state), lost)

    def _stranger(self, draw: Random, lost: bool) -> None:
        symbol, side = draw.choice(["AAPL", "MSFT"]), draw.choice([Side.BUY, Side.SELL])
        told = self.truth.execute("", "", symbol, side, draw.randrange(1, 60), self.price[symbol], listed=draw.random() < 0.5)
        self.deliver([told], lost)

    def _timer(self, draw: Random, lost: bool) -> None:
        due = self.rig.engine.next_deadline()
        if due and due <= self.rig.now:
            self.deliver([ScheduledTrigger(self.rig.now, "timer", due)], False)

    def deliver(self, events: Sequence[Event], lost: bool) -> None:
        """Hand events over, or lose them; what the engine wants is carried out, and the answers are lost likewise."""
        queue: list[Event] = [] if lost else list(events)
        self.trail += [f"{'lost ' if lost else ''}{event}" for event in events]
        while True:
            for event in queue:
                self.rig.send(event)
            queue = []
            commands = self.rig.engine.take_commands()
            if not commands:
                return
            for command in commands:
                self.trail.append(f"    {command}")
                if lost and command.client_order_id[-1] in "13579":
                    # The request itself did not arrive.
                    fate = command.new_client_order_id if isinstance(command, ReplaceOrder) else command.client_order_id
                    if not isinstance(command, CancelOrder):
                        queue.append(OrderFateUnknown(self.rig.now, fate, "timeout"))
                    continue
                answers = self.truth.carry_out(command)
                self.trail += [f"        {'lost ' if lost else ''}{answer}" for answer in answers]
                queue += [] if lost else answers

    async def reconcile(self, lost: bool) -> ReconciliationReport:
        """Ask the venue, and hand over what was found."""
        report = await self.reconciler.reconcile("test")
        found, self.waiting[:] = list(self.waiting), []
        self.rig.now = self.truth.now = self.clock.now()
        self.trail.append(f"--- {report.summary} {report.waiting} {report.missing}")
        for event in sorted(found, key=lambda event: event.lane):
            self.trail.append(f"{event}")
            self.rig.send(event)
        self.deliver([], lost)
        return report

    async def settle(self) -> None:
        """Reconcile again and again; nothing is lost any more, and nothing happens at the venue but what we ask for."""
        for number in range(MOST_ROUNDS):
            await self.clock.sleep(20)
            self.rig.now = self.truth.now = self.clock.now()
            self._timer(Random(0), False)
            for record in self.truth.working():
                if record.name in self.rig.state.orders and self.rig.state.orders[record.name].role.value == "exit_market":
                    self.deliver(self.truth.fill(record, record.quantity, self.price[record.instrument.symbol]), False)
            await self.clock.sleep(1)
            report = await self.reconcile(False)
            if number == 3:
                self.truth.list_late()
            nothing = not report.events and not report.missing and not report.waiting
            if number > 3 and nothing and self.truth.now >= self.rig.engine.next_deadline():
                return
        raise AssertionError(f"no end of it: {report.summary} {report.events} {report.missing} {report.waiting}")

    def check(self) -> None:
        """Our books are the venue's."""
        state = self.rig.state
        for symbol in ("AAPL", "MSFT"):
            assert state.ledger.net_quantity(symbol) == self.truth.held.get(symbol, 0), symbol
        ours = {order.working_leg.leg_id for order in state.live_orders.values() if not order.attached}
        theirs = {record.name for record in self.truth.working()}
        assert ours == theirs
        for order in state.live_orders.values():
            if not order.attached:
                record = self.truth.orders[order.working_leg.leg_id]
                assert (order.filled_raw, order.quantity_raw, order.stop_raw) == (record.filled, record.quantity, record.stop)
        drift = abs(state.total_cash() - self.truth.cash)
        assert drift * 100 <= abs(self.truth.cash)
        if not self.strangers:
            assert drift == 0, "every execution is known, so cash agrees to the last digit"
            assert not any(track.external or track.shortfall for track in state.tracks)


async def _run(capabilities: VenueCapabilities, strangers: bool, steps: list[tuple[int, int]]) -> None:
    world = World(capabilities, strangers)
    try:
        world.deliver([ScheduledTrigger(START, "session_open", START, DAY)], False)
        for kind, number in steps:
            await world.step(kind, number)
        await world.settle()
        world.check()
        await world.clock.sleep(20)
        again = await world.reconciler.reconcile("again")
        assert (again.total_count, again.events) == (0, [])
    except BaseException as error:
        error.add_note("\n".join(world.trail[-150:]))
        raise


@pytest.mark.covers("A156", "A158", "A159", "B46", "B48", "B52")
@pytest.mark.parametrize("strangers", [False, True], ids=["alone", "with_strangers"])
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca_like"])
@settings(max_examples=100)
@given(steps=STEPS)
def test_reconciled_books_are_the_venues(capabilities: VenueCapabilities, strangers: bool, steps: list[tuple[int, int]]) -> None:
    run_virtually(_run(capabilities, strangers, steps))


def test_the_world_does_lose_things() -> None:
    """Otherwise the test above would show nothing."""

    async def lost() -> int:
        world = World(GENERIC, False)
        for number in range(80):
            await world.step(number, number * 7919)
        return sum(1 for line in world.trail if line.startswith("lost OrderFill"))

    assert run_virtually(lost()) > 2
