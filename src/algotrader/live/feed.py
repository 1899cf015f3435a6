"""Live market data: from a venue's stream to events in the inbox, checked, without duplicates, in order, with gaps filled.

Work on each bar goes in this order: check it, remember it, hand it to the engine. The stream is opened again whenever it breaks
or falls silent, and what was missed meanwhile is fetched before anything newer is handed on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from algotrader.core import reports
from algotrader.core.commands import RequestBars
from algotrader.core.engine import Engine
from algotrader.core.events import Event, MarketData, TradingStatus
from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar, Quote, utc
from algotrader.history.hours import Hours
from algotrader.live import telling
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.control import CONNECTED, DISCONNECTED, RECONNECTING, Vitals
from algotrader.live.lines import Line, fault_in_bar
from algotrader.live.silence import Silence
from algotrader.live.slices import Slices
from algotrader.live.telling import Tell
from algotrader.live.waiting import race, wait_until
from algotrader.venues.protocols import MarketFeed, NotAllowed, StreamClosed, Throttled, VenueError

FETCHES: Final = 5
"""Requests for past bars that may be under way at a time."""

LOOK_SECONDS: Final = 30
"""How often at least the feed looks for what is missing."""


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """Times of the feed, in seconds.

    Attributes:
        slice_wait: after the first bar of a close time, how long the others are waited for.
        max_age: past its close time, when a bar starts no entry any more; None for the length of a bar.
        missing_after: past its close time, when a bar that did not come is asked for.
        silence: after the time at which something was due, when the stream is taken for dead.
        slow_after: a bar that is older than this when it comes is slow.
        alert_after: trading time without any bar after which an alert is raised.
        backoff: the first wait before the stream is opened again; doubled each time.
        backoff_max: the longest such wait.
        jitter: the part of a wait that is random, 0 to 1.
        request_timeout: for one request of past bars, and for opening the stream.
        max_errors: so many bad messages in a row force a new stream.
        reach: how far back a gap is filled.
    """

    slice_wait: float = 2
    max_age: float | None = None
    missing_after: float = 90
    silence: float = 60
    slow_after: float = 3
    alert_after: float = 300
    backoff: float = 1
    backoff_max: float = 30
    jitter: float = 0.2
    request_timeout: float = 10
    max_errors: int = 10
    reach: float = 7 * 86_400

    def following(self, clock: Clock, bar_seconds: int) -> FeedSettings:
        """The same for a clock that may go faster than life: what the machine itself needs takes no less real time there."""
        return replace(
            self,
            slice_wait=clock.patience(self.slice_wait),
            max_age=clock.patience(max(bar_seconds, 5) if self.max_age is None else self.max_age),
            # A bar is missed in the session's time; what it needs to come is the machine's.
            missing_after=self.missing_after + clock.patience(self.slow_after) - self.slow_after,
            silence=clock.patience(self.silence),
            slow_after=clock.patience(self.slow_after),
            alert_after=clock.patience(self.alert_after),
            request_timeout=clock.patience(self.request_timeout),
        )


class Feed:
    """Brings live bars of some instruments to the engine.

    Args:
        source: where they come from.
        clock: of the session.
        put: takes the events.
        instruments: what is wanted at first.
        seconds: length of the bars that come.
        tell: hears what is worth telling.
        vitals: where to note when the last bar came and how the stream stands.
        settings: times.
        seed: of the jitter.
    """

    def __init__(
        self,
        source: MarketFeed,
        clock: Clock,
        put: Callable[[Event], None],
        instruments: Iterable[Instrument],
        seconds: int = 60,
        *,
        tell: Tell = telling.nobody,
        vitals: Vitals | None = None,
        settings: FeedSettings | None = None,
        seed: int = 0,
    ) -> None:
        self.source: Final = source
        self.seconds: Final = seconds
        self.settings: Final = settings or FeedSettings()
        self.vitals: Final = vitals or Vitals()
        self._clock: Final = clock
        self._put: Final = put
        self._tell: Final = tell
        self._random: Final = random.Random(seed)
        self._hours: Final[dict[str, Hours]] = {}
        self._lines: Final[dict[str, Line]] = {}
        age = self.settings.max_age
        self._slices: Final = Slices(
            clock, put, self._stamp, self._members, self.settings.slice_wait, max(seconds, 5) if age is None else age
        )
        self._fetching: Final = asyncio.Semaphore(FETCHES)
        self._tasks: Final[dict[str, asyncio.Task[None]]] = {}
        self._serial = 0
        self._last_stamp = 0
        self._attempt = 0
        self._opened = 0
        self._errors = 0
        self._broken = asyncio.Event()
        patience = seconds + self.settings.silence
        self._silence: Final = Silence(self._hours, patience, self.settings.alert_after, clock.now(), tell)
        for instrument in instruments:
            self._add(instrument)

    # ------------------------------------------------------------------ what others ask of it

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Bring data until ``stop`` is set, or until cancelled; then end at once, whatever the stream is doing.

        Raises:
            NotAllowed: keys are missing or wrong; a person has to act.
        """
        stop = stop or asyncio.Event()
        self._silence.heard_bar(self._clock.now())
        try:
            await race(self._keep_streaming(stop), self._watch(stop), _ended(stop))
        finally:
            self._slices.close()
            self.vitals.bar_stream = DISCONNECTED
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def subscribe(self, instruments: Iterable[Instrument]) -> None:
        """Want live bars of more instruments from now on."""
        new = [instrument for instrument in instruments if instrument.symbol not in self._lines]
        for instrument in new:
            self._add(instrument)
        if new and self.vitals.bar_stream == CONNECTED:
            await self._change(self.source.subscribe([instrument.symbol for instrument in new]))

    async def unsubscribe(self, symbols: Sequence[str]) -> None:
        """Want no more bars of these."""
        known = [symbol for symbol in symbols if self._lines.pop(symbol, None) is not None]
        for symbol in known:
            self._slices.leave(symbol)
        if known and self.vitals.bar_stream == CONNECTED:
            await self._change(self.source.unsubscribe(known))

    def resume(self, symbol: str, open_time: int, close_time: int) -> None:
        """The engine has bars of a symbol up to this one already; what lies between it and the stream is fetched."""
        line = self._lines.get(symbol)
        if line is not None and open_time > line.open_time:
            line.open_time, line.close_time, line.checked = open_time, close_time, close_time

    def resume_from(self, engine: Engine) -> None:
        """The engine has the bars that it has: the first live bar of each instrument follows its last one."""
        for track in engine.state.tracks:
            self.resume(track.instrument.symbol, track.last_open_time, track.last_time)

    def request(self, command: RequestBars) -> None:
        """Answer the engine's wish for the bars of a window: they come as events, or it is told that there are none."""
        line = self._lines.get(command.symbol)
        if line is not None and line.held is None:
            self._fill(line, command.open_time, command.close_time)

    def last_bar(self, symbol: str) -> Bar | None:
        """The newest bar of a symbol."""
        line = self._lines.get(symbol)
        return None if line is None else line.last_bar

    def last_quote(self, symbol: str) -> Quote | None:
        """The newest quote of a symbol."""
        line = self._lines.get(symbol)
        return None if line is None else line.last_quote

    async def settled(self, close_time: int, until: int) -> None:
        """Wait until the bars of a close time are in, or until a moment (both nanoseconds UTC)."""
        await self._slices.settled(close_time, until)

    # ------------------------------------------------------------------ the stream

    async def _keep_streaming(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            longer = 0.0
            try:
                await self._stream()
            except NotAllowed as error:
                self._tell(telling.STREAM_DOWN, reports.CRITICAL, "", f"{self.source.name} lets us in no more: {error}")
                raise
            except (VenueError, TimeoutError) as error:
                why = str(error) or type(error).__name__
                self._tell(telling.STREAM_DOWN, reports.WARNING, "", f"the bar stream of {self.source.name} broke: {why}")
                longer = (error.retry_after or self.settings.backoff_max) if isinstance(error, Throttled) else 0.0
            if self._opened and self._clock.now() - self._opened > self.settings.backoff_max * NS_PER_SECOND:
                # Only a stream that has held lets the waits begin anew: one that breaks as soon as it is open makes no storm.
                self._attempt = 0
            self._opened = 0
            self.vitals.bar_stream = RECONNECTING
            with suppress(VenueError, TimeoutError):
                async with asyncio.timeout(self._clock.seconds(self.settings.request_timeout)):
                    await self.source.disconnect()
            await wait_until(self._clock, self._clock.now() + round(max(self._delay(), longer) * NS_PER_SECOND), stop)

    def _delay(self) -> float:
        settings = self.settings
        longest = min(settings.backoff * 2.0 ** min(self._attempt, 16), settings.backoff_max)
        self._attempt += 1
        return longest * (1 - settings.jitter * self._random.random())

    async def _stream(self) -> None:
        """Open the stream once and read it to its end.

        Raises:
            VenueError, TimeoutError: it ended.
        """
        async with asyncio.timeout(self._clock.seconds(self.settings.request_timeout)):
            await self.source.connect()
            if self._lines:
                await self.source.subscribe(list(self._lines))
        self._broken.clear()
        self._errors = 0
        self._silence.heard(self._clock.now())
        for line in self._lines.values():
            line.unverified = True
        self.vitals.bar_stream = CONNECTED
        self._opened = self._clock.now()
        self._tell(telling.STREAM_UP, reports.INFO, "", f"the bar stream of {self.source.name} is open")
        self._fill_gaps()
        await race(self._read(), self._broken.wait())
        raise StreamClosed("it ended" if not self._broken.is_set() else "it was given up")

    async def _read(self) -> None:
        stream: Any = self.source.stream()
        try:
            async for item in stream:
                self._take(item)
        finally:
            if hasattr(stream, "aclose"):
                await stream.aclose()

    def _take(self, item: object) -> None:
        self._silence.heard(self._clock.now())
        if isinstance(item, Bar):
            self._take_bar(item)
        elif isinstance(item, Quote) and item.instrument.symbol in self._lines:
            self._lines[item.instrument.symbol].last_quote = item
            self._errors = 0
        elif isinstance(item, TradingStatus) and item.symbol in self._lines:
            self._errors = 0
            self._put(replace(item, time=self._stamp()))
        else:
            self._bad(telling.DATA_ERROR, "", f"{type(item).__name__} is not market data that was asked for")

    def _take_bar(self, bar: Bar) -> None:
        line = self._lines.get(bar.symbol)
        fault = "nobody asked for this symbol" if line is None else fault_in_bar(bar, self._clock.now(), self.seconds)
        if line is None or fault:
            self._bad(telling.BAR_DROPPED, bar.symbol, f"{bar!r}: {fault}")
            return
        self._errors = 0
        if line.held is not None:
            line.held.append(bar)
            return
        following = line.next_close(self.seconds or 1) if line.unverified else None
        line.unverified = False
        if following is not None and following <= bar.open_time and line.close_time < bar.open_time:
            self._fill(line, line.known_until, bar.open_time, [bar])
        else:
            self._deliver(line, bar)

    def _bad(self, kind: str, symbol: str, message: str) -> None:
        self._tell(kind, reports.WARNING, symbol, message)
        self._errors += 1
        if self._errors >= self.settings.max_errors:
            self._tell(
                telling.DATA_ERROR, reports.ERROR, symbol, f"{self._errors} bad messages in a row: the stream is opened anew"
            )
            self._broken.set()

    async def _change(self, request: Any) -> None:
        try:
            async with asyncio.timeout(self._clock.seconds(self.settings.request_timeout)):
                await request
        except (VenueError, TimeoutError) as error:
            self._tell(telling.STREAM_DOWN, reports.WARNING, "", f"subscriptions could not be changed: {error!r}")
            # A new stream begins with the subscriptions as they are wanted now.
            self._broken.set()

    # ------------------------------------------------------------------ to the engine

    def _deliver(self, line: Line, bar: Bar) -> bool:
        """Hand a bar on, unless it is not newer than the last one; tells whether it was."""
        symbol = bar.symbol
        if bar.open_time <= line.open_time:
            what = "repeats the last one" if bar.open_time == line.open_time else "is older than the last one"
            self._tell(telling.BAR_DROPPED, reports.WARNING, symbol, f"{bar!r} {what}")
            return False
        self._note_latency(line, bar)
        line.last_bar, line.open_time, line.close_time = bar, bar.open_time, bar.close_time
        self.vitals.last_bar = self._clock.now()
        self._silence.heard_bar(self.vitals.last_bar)
        self._slices.before(bar.close_time)
        self._put(MarketData(self._stamp(bar.close_time), bar))
        self._slices.after(symbol, bar.close_time)
        return True

    def _note_latency(self, line: Line, bar: Bar) -> None:
        seconds = (self._clock.now() - bar.close_time) / NS_PER_SECOND
        slow = seconds > self.settings.slow_after
        if slow and not line.is_slow:
            self._tell(telling.BAR_LATE, reports.WARNING, bar.symbol, f"{bar!r} came {seconds:.1f} s after its close")
        line.is_slow = slow

    def _stamp(self, at_least: int = 0) -> int:
        """Our time for an event. A venue whose clock is a little ahead may close a bar before our own clock does."""
        self._last_stamp = max(self._clock.now(), self._last_stamp, at_least)
        return self._last_stamp

    def _members(self, close_time: int) -> list[str]:
        start = close_time - max(self.seconds, 1) * NS_PER_SECOND
        return [symbol for symbol, line in self._lines.items() if line.hours.is_trading(start)]

    def _add(self, instrument: Instrument) -> None:
        hours = self._hours.get(instrument.calendar)
        if hours is None:
            hours = self._hours[instrument.calendar] = Hours(instrument.calendar)
        self._lines[instrument.symbol] = Line(instrument, hours, self._floor(self._clock.now()))

    def _floor(self, moment: int) -> int:
        return moment - moment % (max(self.seconds, 1) * NS_PER_SECOND)

    # ------------------------------------------------------------------ the past

    def _fill_gaps(self) -> None:
        now = self._clock.now()
        for line in self._lines.values():
            following = line.next_close(self.seconds or 1)
            if line.held is None and following is not None and following <= now:
                self._fill(line, line.known_until, now)

    def _fill(self, line: Line, start: int, end: int, held: Sequence[Bar] = ()) -> None:
        """Fetch the bars of a window; what the stream brings of this symbol meanwhile waits until they are in."""
        line.held = list(held)
        earliest = self._clock.now() - round(self.settings.reach * NS_PER_SECOND)
        self._serial += 1
        name = f"{line.instrument.symbol} {self._serial}"
        task = asyncio.create_task(self._fetch(line, max(start, earliest), end))
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def _fetch(self, line: Line, start: int, end: int) -> None:
        bars = await self._ask(line, start, end)
        if bars is not None:
            line.checked = max(line.checked, self._floor(end))
        count = sum([self._deliver_past(line, bar) for bar in bars or ()])
        window = f"from {utc(start):%Y-%m-%d %H:%M:%S} to {utc(end):%H:%M:%S}"
        symbol = line.instrument.symbol
        if count:
            self._tell(telling.GAP_FILLED, reports.INFO, symbol, f"{count} bars {window} were fetched")
        elif bars is not None:
            self._tell(telling.BARS_MISSING, reports.WARNING, symbol, f"no bars {window}; the window is skipped")
        held, line.held = line.held or [], None
        for bar in sorted(held, key=lambda bar: bar.open_time):
            self._deliver(line, bar)

    async def _ask(self, line: Line, start: int, end: int) -> Sequence[Bar] | None:
        try:
            async with self._fetching, asyncio.timeout(self._clock.seconds(self.settings.request_timeout)):
                return await self.source.history(line.instrument, start, end, self.seconds)
        except (VenueError, TimeoutError) as error:
            self._tell(telling.BARS_MISSING, reports.WARNING, line.instrument.symbol, f"past bars could not be fetched: {error!r}")
            return None

    def _deliver_past(self, line: Line, bar: Bar) -> bool:
        if bar.open_time <= line.open_time:
            return False
        fault = fault_in_bar(bar, self._clock.now(), self.seconds)
        if fault or bar.symbol not in self._lines:
            self._tell(telling.BAR_DROPPED, reports.WARNING, bar.symbol, f"{bar!r}: {fault or 'nobody asked for this symbol'}")
            return False
        return self._deliver(line, bar)

    # ------------------------------------------------------------------ silence

    async def _watch(self, stop: asyncio.Event) -> None:
        """Look after bars that should have come, and after a stream that says nothing."""
        while await wait_until(self._clock, self._next_look(), stop):
            self._look()

    def _next_look(self) -> int:
        now = self._clock.now()
        moments = [now + LOOK_SECONDS * NS_PER_SECOND, *(due for _, due in self._overdue())]
        if self.seconds and (silence := self._silence.next_look(now)) is not None:
            moments.append(silence)
        return min([moment for moment in moments if moment > now])

    def _overdue(self) -> list[tuple[Line, int]]:
        """When each line's next bar is to be asked for."""
        wait = round(self.settings.missing_after * NS_PER_SECOND)
        found = []
        for line in self._lines.values():
            following = line.next_close(self.seconds) if self.seconds and line.held is None else None
            if following is not None:
                found.append((line, following + wait))
        return found

    def _look(self) -> None:
        now = self._clock.now()
        for line, due in self._overdue():
            if due <= now:
                self._fill(line, line.known_until, now)
        if self.seconds and self._lines and self._silence.is_dead(now) and self.vitals.bar_stream == CONNECTED:
            self._tell(telling.DATA_STALE, reports.WARNING, "", "the stream has fallen silent; it is opened again")
            self._broken.set()


async def _ended(stop: asyncio.Event) -> None:
    await stop.wait()
