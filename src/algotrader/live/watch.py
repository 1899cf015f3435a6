"""Looks every few seconds for what the order stream should have told and did not.

A stream can lose a message without breaking. Nobody would notice a lost fill of a resting entry, and the position would be without
its stop until the next reconciliation. So the venue's records are read as long as any order of ours is out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from algotrader.core.events import Event, OrderFateUnknown
from algotrader.core.orders import Order
from algotrader.core.state import EngineState
from algotrader.live.answers import executions
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.enquiry import ABOUT_CANCEL, ABOUT_ORDER, Enquiry, Question
from algotrader.live.venue_calls import VenueCalls
from algotrader.venues.protocols import Broker, OrderStatus, VenueError

REACH_NS: Final = 60 * NS_PER_SECOND
"""How far back executions are read each time: what a venue books late, and what its clock is behind ours."""

AFTERWARDS_NS: Final = 30 * NS_PER_SECOND
"""For how long we look on when no order is out any more: an end may have reached us and the execution before it may not."""

LOOKS: Final = 2
"""So many looks in a row must say the same before an order is asked about: its event may be on its way."""


class Watch:
    """Compares the orders that we take for working with those that the venue works.

    Args:
        broker: who is asked.
        calls: the door to it.
        clock: of the session.
        put: takes executions that nobody has told.
        state: of the engine.
        enquiry: asks about single orders.
        seconds: how often to look.
    """

    def __init__(
        self,
        broker: Broker,
        calls: VenueCalls,
        clock: Clock,
        put: Callable[[Event], None],
        state: EngineState,
        enquiry: Enquiry,
        seconds: float,
    ) -> None:
        self._broker: Final = broker
        self._calls: Final = calls
        self._clock: Final = clock
        self._put: Final = put
        self._state: Final = state
        self._enquiry: Final = enquiry
        self._seconds: Final = seconds
        self._odd: dict[str, int] = {}
        self._last_live = 0

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._clock.sleep(self._seconds)
            now = self._clock.now()
            if self._state.live_orders:
                self._last_live = now
            if now - self._last_live <= AFTERWARDS_NS:
                await self.look()

    async def look(self) -> None:
        """Look once; a venue that does not answer is asked again the next time."""
        uses, since = self._calls.uses, max(self._clock.now() - REACH_NS, 0)
        try:
            open_orders = await self._calls.once(uses.read, self._broker.open_orders)
            fills = await self._calls.once(uses.read, lambda: self._broker.fills(since))
        except VenueError:
            return
        untold = [fill for fill in fills if not self._knows(fill.client_order_id, fill.fill_id)]
        for event in executions(untold, self._clock.now()):
            self._put(event)
        self._compare({status.client_order_id: status for status in open_orders})
        self._enquiry.sweep(list(self._state.live_orders.values()))

    def _knows(self, client_order_id: str, fill_id: str) -> bool:
        order = self._state.orders.get(client_order_id)
        # What is not ours is for the reconciliation.
        return order is None or fill_id in order.fills

    def _compare(self, working: dict[str, OrderStatus]) -> None:
        odd: dict[str, int] = {}
        for order in list(self._state.live_orders.values()):
            leg = order.working_leg.leg_id
            if order.is_unknown or order.attached or order.pending_leg is not None or not order.acknowledged:
                continue
            if leg not in working or order.cancel_in_flight:
                odd[leg] = self._odd.get(leg, 0) + 1
                if odd[leg] == LOOKS and leg not in self._enquiry.open:
                    self._doubt(order, leg)
        self._odd = odd

    def _doubt(self, order: Order, leg: str) -> None:
        about = ABOUT_CANCEL if order.cancel_in_flight else ABOUT_ORDER
        if order.cancel_in_flight:
            # Only from unknown does it come back to working, so that its end is asked for again.
            self._put(OrderFateUnknown(self._clock.now(), leg, "no word on its cancellation"))
        self._enquiry.ask(Question(about, leg, order.symbol, order.created_time, acknowledged=True))
