"""Whatever a venue does to requests: nothing is sent under another id, nothing is lost without a word, every fate is settled.

The real engine is behind the executor, so that what it makes of late, doubled and missing answers is shown too.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from engine_rig import Rig, Script
from hypothesis import given
from hypothesis import strategies as st
from scripted_broker import FAULTS, NOT_ALLOWED, START, ScriptedBroker

from algotrader.core.commands import CancelOrder, ReplaceOrder, SubmitOrder
from algotrader.core.events import Event, OrderEvent, OrderReplaced, SliceClosed, SystemError
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.orders import FINAL_STATES, Order
from algotrader.live.clock import LoopClock
from algotrader.live.enquiry import Enquiry, settled_by
from algotrader.live.executor import Executor, opens_position
from algotrader.live.kernel import Outgoing
from algotrader.live.rate_limit import RateLimit
from algotrader.live.venue_calls import CallSettings, VenueCalls
from algotrader.rehearsal.virtual_time import run_virtually

HARMLESS = [fault for fault in FAULTS if fault != NOT_ALLOWED]
KINDS = ("submit", "cancel", "replace", "order", "fills")


@dataclass(frozen=True)
class Story:
    """What happens: faults by kind of request, and what people, market and venue do, with seconds between."""

    faults: dict[str, list[str]]
    acts: list[tuple[str, float]]
    seconds: float
    streams: bool
    unique: bool
    reserves: bool


ACTS = st.sampled_from(["enter", "exit", "tighten", "fill", "part", "cancel", "bar"])
STORIES = st.builds(
    Story,
    st.fixed_dictionaries({kind: st.lists(st.sampled_from(HARMLESS), max_size=6) for kind in KINDS}),
    st.lists(
        st.tuples(
            st.sampled_from(["enter", "exit", "tighten", "fill", "part", "cancel", "bar"]), st.sampled_from([0.0, 0.5, 3.0, 40.0])
        ),
        max_size=12,
    ),
    st.sampled_from([0.5, 3.0, 12.0]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


class World:
    """An engine, its executor and a venue; events reach the engine in the order in which they were put."""

    def __init__(self, story: Story, capabilities: VenueCapabilities) -> None:
        self.story = story
        self.clock = LoopClock(START, asyncio.get_running_loop())
        self.rig = Rig(capabilities, strict=False)
        self.script: Script = self.rig.strategy()
        self.broker = ScriptedBroker(self.clock, self.put if story.streams else None, unique=story.unique)
        self.broker.capabilities = capabilities
        for kind, faults in story.faults.items():
            self.broker.script(kind, *faults, seconds=story.seconds)
        self.events: list[Event] = []
        self.handled = 0
        self.asked: dict[str, tuple[int, int]] = {}
        self.answered: dict[tuple[int, int], int] = {}
        self.number = 0
        self.calls = VenueCalls(self.clock, self.put, CallSettings(limit=RateLimit(per_second=20, at_once=6)))
        state = self.rig.state
        self.enquiry = Enquiry(
            self.broker,
            self.clock,
            self.put,
            self._mark,
            calls=self.calls,
            healthy_since=lambda: START,
            settled=settled_by(state),
        )
        self.executor = Executor(
            self.broker,
            self.clock,
            self.put,
            lambda key, time: None,
            self._mark,
            calls=self.calls,
            enquiry=self.enquiry,
            request_bars=lambda wish: None,
            opens=opens_position(state),
        )

    def put(self, event: Event) -> None:
        self.events.append(event)

    def _mark(self, key: tuple[int, int], time: int) -> None:
        assert key not in self.answered, "answered twice"
        self.answered[key] = time

    def step(self) -> None:
        """Hand the engine what waits, and the executor what follows; look for what nobody knows."""
        while True:
            while self.handled < len(self.events):
                self.handled += 1
                self.rig.send(self.events[self.handled - 1])
            commands = self.rig.engine.take_commands()
            for command in commands:
                self.number += 1
                name = command.new_client_order_id if isinstance(command, ReplaceOrder) else command.client_order_id
                assert isinstance(command, (SubmitOrder, ReplaceOrder, CancelOrder))
                if not isinstance(command, CancelOrder):
                    assert name not in self.asked, "the engine uses an id twice"
                    self.asked[name] = (self.number, 0)
                self.executor.take(Outgoing(self.number, 0, command))
            if not commands and self.handled == len(self.events):
                break
        self.enquiry.sweep(self.rig.state.live_orders.values())

    async def run(self, seconds: float) -> None:
        """Let time pass, a tenth of a second at a time."""
        end = self.clock.now() + round(seconds * 1e9)
        while True:
            self.step()
            await asyncio.sleep(0)
            self.step()
            if self.clock.now() >= end:
                return
            await self.clock.sleep(0.1)

    def act(self, what: str) -> None:
        """Something happens."""
        if what == "enter":
            self.script.entry, self.script.size, self.script.stop = "long", 100, 98
            self._bar()
        elif what == "exit":
            self.script.leave = True
            self._bar()
            self.script.leave = False
        elif what == "tighten":
            stop = self.rig.holding().stop_raw
            self.script.new_stop = (stop + 1_000) / 10_000 if stop else None
            self._bar()
            self.script.new_stop = None
        elif what == "bar":
            self._bar()
        elif what in ("fill", "part"):
            self._fill(1.0 if what == "fill" else 0.4)
        elif what == "cancel":
            for order in list(self.rig.state.live_orders.values())[:1]:
                self.rig.engine.desk.cancel(order)

    def _bar(self) -> None:
        rig = self.rig
        rig.minute = max(rig.minute, (self.clock.now() - START) // NS_PER_MINUTE)
        rig.feed("100")
        rig.minute += 1
        rig.send(SliceClosed(START + rig.minute * NS_PER_MINUTE))

    def _fill(self, share: float) -> None:
        for order_id, status in list(self.broker.orders.items()):
            rest = status.quantity_raw - status.filled_raw
            if status.state not in FINAL_STATES and rest > 0:
                self.broker.fill(order_id, max(int(rest * share), 1))
                return


async def _tell(story: Story) -> World:
    world = World(story, ALPACA_LIKE if story.reserves else GENERIC)
    for what, pause in story.acts:
        world.act(what)
        await world.run(pause)
    world.broker.scripts.clear()
    await world.run(200)
    return world


def _unsettled(world: World) -> list[Order]:
    return [order for order in world.rig.state.live_orders.values() if order.is_unknown]


@pytest.mark.covers("A39", "A165", "A172", "B92", "C18", "C20")
@given(STORIES)
def test_nothing_is_lost_and_every_fate_is_settled(story: Story) -> None:
    world = run_virtually(_tell(story))
    broker, state = world.broker, world.rig.state
    assert len(broker.worked) == len(set(broker.worked)), "an order was taken twice"
    assert set(broker.requests("submit")) | set(broker.requests("replace")) <= set(world.asked), (
        "an id that the engine did not ask for"
    )
    told = {event.client_order_id for event in world.events if isinstance(event, OrderEvent)}
    told |= {event.new_client_order_id for event in world.events if isinstance(event, OrderReplaced)}
    assert set(world.asked) <= told, "a request without a word"
    assert _unsettled(world) == []
    assert (world.enquiry.open, len(world.executor)) == ([], 0)
    assert len(world.answered) == world.number, "a command without an answer"
    assert not [event for event in world.events if isinstance(event, SystemError) and event.error_type == "task_fault"]
    known = {fill.fill_id for order in state.orders.values() for fill in order.fills.values()}
    assert not story.streams or known == {fill.fill_id for fill in broker.executions}
