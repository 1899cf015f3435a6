"""An executor with its enquiry in front of a scripted venue, under virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from scripted_broker import START, ScriptedBroker

from algotrader.core.commands import Command, RequestBars
from algotrader.core.events import Event, OrderAccepted, OrderEvent, OrderFill, OrderReplaced
from algotrader.core.market import NS_PER_SECOND
from algotrader.live.clock import LoopClock
from algotrader.live.enquiry import Enquiry
from algotrader.live.executor import Executor
from algotrader.live.kernel import Outgoing
from algotrader.live.rate_limit import RateLimit
from algotrader.live.venue_calls import CallSettings, VenueCalls
from algotrader.rehearsal.virtual_time import run_virtually

T = TypeVar("T")


class ExecutorRig:
    """Everything that a test needs. ``told`` has the executor's and the enquiry's events, ``streamed`` the venue's."""

    def __init__(self, *, unique: bool = True, limit: RateLimit | None = None, streams: bool = False) -> None:
        self.clock = LoopClock(START, asyncio.get_running_loop())
        self.told: list[Event] = []
        self.streamed: list[Event] = []
        self.broker = ScriptedBroker(self.clock, self.streamed.append if streams else None, unique=unique)
        self.sent: list[tuple[int, int]] = []
        self.answered: list[tuple[int, int]] = []
        self.bars: list[RequestBars] = []
        self.healthy = START
        self.settled: list[str] = []
        self.calls = VenueCalls(self.clock, self.told.append, CallSettings(limit=limit or RateLimit()))
        self.enquiry = Enquiry(
            self.broker,
            self.clock,
            self.told.append,
            self._answered,
            calls=self.calls,
            healthy_since=lambda: self.healthy,
            settled=lambda about, leg: leg in self.settled,
        )
        self.executor = Executor(
            self.broker,
            self.clock,
            self.told.append,
            lambda key, time: self.sent.append(key),
            self._answered,
            calls=self.calls,
            enquiry=self.enquiry,
            request_bars=self.bars.append,
        )
        self.number = 0

    def _answered(self, key: tuple[int, int], time: int) -> None:
        self.answered.append(key)

    def take(self, *commands: Command) -> None:
        """Give commands to the executor."""
        for command in commands:
            self.number += 1
            self.executor.take(Outgoing(self.number, 0, command))

    async def later(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.sleep(seconds)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return round((self.clock.now() - START) / NS_PER_SECOND, 3)

    def words(self) -> list[str]:
        """The events so far, as words."""
        return [event_words(event) for event in self.told]


def event_words(event: Event) -> str:
    """An event's kind and what tells it from others."""
    kind = type(event).__name__
    if isinstance(event, OrderReplaced):
        return f"{kind} {event.client_order_id} {event.new_client_order_id}"
    if isinstance(event, OrderFill):
        return f"{kind} {event.client_order_id} {event.fill_id} {event.quantity_raw}"
    if isinstance(event, OrderAccepted):
        return f"{kind} {event.client_order_id} {event.venue_order_id}"
    code = getattr(event, "code", "")
    name = event.client_order_id if isinstance(event, OrderEvent) else getattr(event, "error_type", "")
    return f"{kind} {name}" + (f" {code}" if code else "")


def with_rig(test: Callable[[ExecutorRig], Awaitable[T]], **options: object) -> T:
    """Run a test's coroutine with a rig of its own, under virtual time."""

    async def main() -> T:
        return await test(ExecutorRig(**options))  # type: ignore[arg-type]

    return run_virtually(main())
