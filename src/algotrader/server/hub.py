"""Tells every open page what happens: an observer of the session that writes down, and a beat that sends what has gathered.

An observer's call only notes something. Everything else is done on a beat of 100 ms (after an execution at once), and only while
somebody looks on or has just left. A beat is done in pieces, one a turn of the event loop, so that an event of the session waits
for one of them at most; while the session is at work they wait a little, for an order that is being made durable goes first.
A message is encoded and framed once for all pages, and pages are served a few a turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from algotrader.core import reports
from algotrader.core.executions import TripWords
from algotrader.core.ledger import RoundTrip
from algotrader.core.reports import Report
from algotrader.live.control import Control
from algotrader.server.changes import Changes, Message
from algotrader.server.documents import Document, iso, order_document, trip_document
from algotrader.server.happenings import SERIOUS, Recent, Told, left_out, worth_telling
from algotrader.server.outbox import QUEUE_BYTES, QUEUE_MESSAGES, Client, Ring, encode
from algotrader.server.picture import Picture

NAME: Final = "page"
"""Under which it joins the session's observers."""

BEAT_SECONDS: Final = 0.1
HASTE_SECONDS: Final = 0.05
"""Between executions that are told at once; what comes faster shares a message."""

MOST_HASTE: Final = 5.0
HASTE_A_SECOND: Final = 2.0
"""So many beats in a row may come early for an execution, and so many more a second later: where there is one after the other, a
beat of 100 ms is soon enough for a person, and the session has more time for itself."""

AGAIN_SECONDS: Final = 0.001
PATIENCE_SECONDS: Final = 0.05
"""While the session is at work the next piece of a beat asks again after a moment; beyond so much in a beat it waits no more."""

STANDING_BEATS: Final = 10
"""Connection, session and alerts are looked at every so many beats."""

HEARTBEAT_SECONDS: Final = 15.0
LINGER_SECONDS: Final = 60.0
"""How long messages are still kept for a page that has gone: it may come back."""

MOST_AT_ONCE: Final = 10
"""Happenings, orders and round trips, of each so many, told in one beat or in haste; the rest waits for the next."""

PAGES_A_TURN: Final = 10
"""Pages that get their messages in one turn of the event loop."""

EVERYTHING: Final = 100_000

_HASTY: Final = (reports.ORDER_FILLED, reports.LATE_FILL, reports.TRADE_CLOSED)
_STANDING: Final = (reports.TRADING_STATE, reports.BREAKER_TRIPPED, reports.BREAKER_RESET)
"""After these whether it trades at all may be another: every page hears of that at once, whoever has done it."""

_TRIPS: Final = (reports.TRADE_CLOSED, reports.TRADE_REVISED)


class Hub:
    """The stream of one session.

    Args:
        picture: draws the session.
        failed: hears when a beat fails; the stream then pauses for a second.
        sequence: number of the last message of the stream that was there before, if there was one.
        heartbeat: seconds between heartbeats.
    """

    def __init__(
        self,
        picture: Picture,
        failed: Callable[[str], None] = lambda message: None,
        sequence: int = 0,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.picture: Final = picture
        self.recent: Final = Recent()
        self._control: Final[Control] = picture.control
        self._heartbeat: Final = heartbeat
        self._failed: Final = failed
        self._changes: Final = Changes(picture)
        self._ring: Final = Ring(sequence=sequence)
        self._clients: Final[dict[Client, None]] = {}
        self._to_wake: Final[dict[Client, None]] = {}
        self._orders: Final[dict[str, None]] = {}
        self._trips: Final[deque[RoundTrip]] = deque(maxlen=1_000)
        self._told = 0
        self._awake = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._handing_out = False
        self._fresh: Final[list[str]] = []
        self._pieces: Iterator[None] | None = None
        self._hasty = False
        self._haste = MOST_HASTE
        self._beats = 0
        self._events = -1
        self._last_beat = 0.0
        self._last_heartbeat = 0.0
        self._until = 0.0

    # ------------------------------------------------------------------ as an observer

    def on_report(self, report: Report) -> None:
        """Note what the engine tells."""
        if report.kind == reports.RECORD:
            return
        self.recent.add(report)
        if not self._awake:
            return
        if report.order_id:
            self._orders[report.order_id] = None
        if report.kind in _TRIPS and isinstance(report.words, TripWords):
            self._trips.append(report.words.trip)
        if report.kind in _HASTY:
            self._hasten()
        elif report.kind in _STANDING:
            self._beats = -1
            self._hasten()

    def on_told(self, time: int, kind: str, level: str, subject: str, message: str) -> None:
        """Note what a part of the session tells; pages hear at once where the session itself changes its state."""
        if not worth_telling(kind, level, message):
            return
        self.recent.add(Told(time, kind, level, subject, message))
        if self._awake:
            self._beats = -1
            self._hasten()

    def on_measured(self, time: int, what: str, duration: int, order_id: str) -> None:
        """Nothing: pages read the metrics."""

    # ------------------------------------------------------------------ for pages

    @property
    def clients(self) -> int:
        """How many pages look on."""
        return len(self._clients)

    @property
    def sequence(self) -> int:
        """Of the last message."""
        return self._ring.sequence

    def join(self, since: int | None = None, *, together: bool = False, write: Callable[[bytes], bool] | None = None) -> Client:
        """Let a page look on: it gets a snapshot, or what it has missed since a message of this run.

        Args:
            since: number of the last message that it has seen.
            together: it takes all messages of a beat as one list.
            write: see ``Client``.
        """
        self._look_up()
        client = Client(together=together, write=write)
        if self._closed:
            client.close()
        missed = None if since is None else self._ring.after(since)
        if missed is None or len(missed) > QUEUE_MESSAGES or sum(map(len, missed)) > QUEUE_BYTES:
            missed = [self._encoded("snapshot", self._snapshot(), self._ring.sequence)]
        client.put(*missed)
        client.wake()
        self._clients[client] = None
        return client

    def leave(self, client: Client) -> None:
        """A page has gone."""
        self._clients.pop(client, None)
        if not self._clients:
            self._until = asyncio.get_running_loop().time() + LINGER_SECONDS

    def dashboard(self) -> Document:
        """The snapshot as one answer."""
        self._look_up()
        return self._snapshot() | {"sequence": self._ring.sequence}

    def tell(self, kind: str, data: Document) -> None:
        """Send a message that somebody else has made, such as ``job``; nothing happens while nobody looks on."""
        if self._awake:
            self._publish(kind, data)
            self._hand_out()

    def close(self) -> None:
        """Tell what has gathered, and let every page go once it has that."""
        self._closed = True
        if self._awake:
            self._send_gathered()
        self._sleep()
        for client in self._clients:
            client.close()

    # ------------------------------------------------------------------ the beat

    def _look_up(self) -> None:
        """Tell what has gathered before somebody gets a snapshot; from then on what happens is told."""
        if self._awake:
            self._send_gathered()
        elif not self._closed:
            self._wake_up()
        self._until = asyncio.get_running_loop().time() + LINGER_SECONDS

    def _wake_up(self) -> None:
        loop = asyncio.get_running_loop()
        self._awake = True
        self._told = self.recent.number
        self._orders.clear()
        self._trips.clear()
        self._last_heartbeat = self._last_beat = loop.time()
        self._changes.take_over(self._snapshot())
        self._timer = loop.call_later(BEAT_SECONDS, self._beat)

    def _sleep(self) -> None:
        self._awake = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pieces = None
        # Whoever comes back cannot know what it missed.
        self._ring.forget()

    def _hasten(self) -> None:
        """Let the next beat come soon, unless it is for executions and they come one after the other."""
        loop = asyncio.get_running_loop()
        due = max(loop.time(), self._last_beat + HASTE_SECONDS)
        if self._pieces is not None:
            self._hasty = True
        elif self._timer is not None and self._timer.when() > due:
            if self._beats >= 0:
                if self._haste < 1:
                    return
                self._haste -= 1
            self._timer.cancel()
            self._timer = loop.call_at(due, self._beat)

    def _beat(self) -> None:
        now = asyncio.get_running_loop().time()
        self._haste = min(self._haste + (now - self._last_beat) * HASTE_A_SECOND, MOST_HASTE)
        self._last_beat = now
        if not self._clients and now >= self._until:
            self._sleep()
            return
        self._pieces = self._gathered(MOST_AT_ONCE)
        self._after_work(self._go_on)

    def _after_work(self, piece: Callable[[], None]) -> None:
        """Do a piece of a beat once the session has done what it is at: its thread and ours would wait for each other meanwhile."""
        loop = asyncio.get_running_loop()
        if self._control.vitals.at_work and loop.time() < self._last_beat + PATIENCE_SECONDS:
            loop.call_later(AGAIN_SECONDS, self._after_work, piece)
        else:
            piece()

    def _go_on(self) -> None:
        """Do the next piece of a beat."""
        loop, pause = asyncio.get_running_loop(), BEAT_SECONDS
        if self._pieces is None:
            return
        try:
            for _ in self._pieces:
                loop.call_soon(self._after_work, self._go_on)
                return
            if self._last_beat - self._last_heartbeat >= self._heartbeat:
                self._last_heartbeat = self._last_beat
                self._publish("heartbeat", {"server_time": self._now()})
        except Exception as error:
            # A page that cannot be drawn must not end a session that holds positions.
            pause = 1.0
            self._failed(f"{type(error).__name__}: {error}")
        self._pieces = None
        self._hand_out()
        self._timer = loop.call_later(pause, self._beat)
        if self._hasty:
            self._hasty = False
            self._hasten()

    def _send_gathered(self) -> None:
        """Send all that has changed before a snapshot, so that nothing older comes after it."""
        self._events, self._beats = -1, -1
        for _ in self._gathered(EVERYTHING):
            pass
        self._hand_out()

    def _gathered(self, most: int) -> Iterator[None]:
        """Publish what has changed, piece by piece."""
        yield from self._noted(most)
        if self._control.vitals.events != self._events:
            self._events = self._control.vitals.events
            self._publish_all(self._changes.prices())
            yield
        self._publish_all(self._changes.bars(asyncio.get_running_loop().time()))
        yield
        self._publish_all(self._changes.strategies(asyncio.get_running_loop().time()))
        self._beats += 1
        if self._beats % STANDING_BEATS == 0:
            yield
            self._publish_all(self._changes.standing())

    def _noted(self, most: int) -> Iterator[None]:
        for number, found in self.recent.since(self._told, most):
            if number > self._told + 1:
                self._publish("activity", left_out(number - self._told - 1, number, self._control.clock.now()))
            self._told = number
            self._publish("activity", found)
            if found["level"] in SERIOUS:
                fault = {"code": found["event"], "message": found["message"], "correlation_id": found["correlation_id"] or None}
                self._publish("error", fault)
        yield
        for name in list(self._orders)[:most]:
            del self._orders[name]
            order = self._control.engine.state.orders.get(name)
            if order is not None:
                self._publish("order", order_document(order))
        yield
        for _ in range(min(most, len(self._trips))):
            self._publish("round_trip", trip_document(self._trips.popleft()))

    def _publish_all(self, messages: Iterable[Message]) -> None:
        for kind, data in messages:
            self._publish(kind, data)

    def _publish(self, kind: str, data: Document) -> None:
        text = self._encoded(kind, data, self._ring.sequence + 1)
        self._ring.add(text)
        self._fresh.append(text)

    def _hand_out(self) -> None:
        """Let the pages have what has been published, a few of them a turn of the event loop."""
        if self._fresh:
            for client in self._clients:
                client.put(*self._fresh)
            self._fresh.clear()
        self._to_wake.update({client: None for client in self._clients if client.waits})
        if self._to_wake and not self._handing_out:
            self._handing_out = True
            asyncio.get_running_loop().call_soon(self._after_work, self._wake_some)

    def _wake_some(self) -> None:
        # The same bytes for everybody who has kept up. Whoever has not is let go at its own pace: that takes as long as ten others.
        made: dict[tuple[bool, int], bytes] = {}
        for client in list(islice(self._to_wake, PAGES_A_TURN)):
            del self._to_wake[client]
            if not client.put_out(made):
                client.wake()
                break
        self._handing_out = bool(self._to_wake)
        if self._handing_out:
            asyncio.get_running_loop().call_soon(self._after_work, self._wake_some)

    def _snapshot(self) -> Document:
        return self.picture.snapshot(self.recent.documents())

    def _encoded(self, kind: str, data: Document, sequence: int) -> str:
        return encode(kind, self._now(), sequence, data)

    def _now(self) -> str | None:
        return iso(self._control.clock.now())
