"""Where things can go wrong between a session and its paper venue; as it stands nothing does."""

from __future__ import annotations

from collections.abc import Sequence

from algotrader.core.events import Event
from algotrader.core.market import Bar, Quote


class Faults:
    """Called at every narrow point of the way. A rehearsal overrides what it wants to go wrong; every method may also wait.

    Requests are named as the methods of ``Broker`` and ``MarketFeed`` (``submit``, ``open_orders``, ``history``…), ``order_id`` is
    the client order id that a request is about (the new leg's for ``replace``), empty where it is about none.
    """

    async def before_request(self, name: str, order_id: str) -> None:
        """A request is about to leave. Raise one of the errors of ``Broker`` and it never gets to the venue."""

    async def stray(self, name: str, order_id: str) -> float:
        """Seconds by which a request gets to the venue late, when the client has given it up; 0 for one that does not stray."""
        return 0.0

    async def before_answer(self, name: str, order_id: str) -> None:
        """The venue has done what was asked and is about to answer. Raise ``Unanswered`` and the client never hears of it."""

    async def order_event(self, event: Event) -> Sequence[tuple[float, Event]]:
        """What becomes of an event of the order stream: what to hand over, each after how many seconds.

        Nothing loses it, two copies double it, a delay lets later ones overtake. ``StreamClosed`` breaks the stream.
        """
        return [(0.0, event)]

    async def market_data(self, item: Bar | Quote) -> Sequence[tuple[float, Bar | Quote]]:
        """The same for a bar or quote of the market data stream."""
        return [(0.0, item)]

    async def volume(self, bar: Bar) -> int:
        """How much of a bar's volume there is to be had (scaled); less makes for partial fills."""
        return bar.volume_raw
