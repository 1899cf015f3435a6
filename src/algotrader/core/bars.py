"""Bars out of smaller bars: base bars, normally of one minute, joined to bars of N minutes or of a whole session.

What is finished and what was refused is told by numbers and counters. Bars out of prints are in ``tick_bars``, importable here.
"""

from __future__ import annotations

from typing import Final, final

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, Session
from algotrader.core.tick_bars import TickBarBuilder
from algotrader.core.window_bar import NUMBERS, WindowBar

__all__ = ["LATE_AFTER", "WHOLE_SESSION", "BarAggregator", "TickBarBuilder", "WindowBar"]

WHOLE_SESSION: Final = 0
"""As ``minutes`` of an aggregator: one bar from the open of a session to its close."""

LATE_AFTER: Final = 90 * NS_PER_SECOND
"""How long after its end a window is given up waiting for its last bars."""

_COUNTERS: Final = 6


@final
class BarAggregator:
    """Joins the base bars of one instrument to bars of ``minutes`` minutes, or of the whole session (``WHOLE_SESSION``).

    Windows count from the open of the session they are told of, which for a market around the clock is midnight UTC, and
    anew after each break; a window ends at the latest with the stretch of trading it lies in. A bar is dated by its window.

    ``push``, ``on_timer``, ``open_session`` and ``close_session`` say how many bars are complete; those are ``ready[0]`` and
    ``ready[1]``, oldest first, and keep their numbers until the next such call. No object is made unless ``WindowBar.bar`` is.

    A window is complete with its last base bar, with the first bar of a later window, ``late_after`` past its end, or with the
    session. A base bar that came late still counts while its window waits, as long as the bars come in order.

    Args:
        instrument: what the bars are of.
        minutes: length of a window; ``WHOLE_SESSION`` for one bar a session.
        base_seconds: length of the base bars; it divides the window.
        late_after: nanoseconds past the end of a window after which ``on_timer`` gives up waiting.

    Attributes:
        deadline: when to call ``on_timer``, nanoseconds UTC; 0 while no window waits.
        duplicates: base bars dropped because they repeat the one before.
        out_of_order: dropped because they start before the last one.
        outside: ignored because they start outside the session or in a break of it.
        late: dropped because their window is complete already.

    Raises:
        ValueError: the base bars do not fit into the window.
    """

    def __init__(self, instrument: Instrument, minutes: int, base_seconds: int = 60, late_after: int = LATE_AFTER) -> None:
        if minutes < 0 or base_seconds < 1:
            raise ValueError(f"bars of {minutes} minutes out of bars of {base_seconds} seconds cannot be made")
        if minutes * 60 % base_seconds:
            raise ValueError(f"{minutes} minutes are not a whole number of bars of {base_seconds} seconds")
        self.instrument: Final = instrument
        self.minutes: Final[int] = minutes
        self.base_seconds: Final[int] = base_seconds
        self._length: int = minutes * NS_PER_MINUTE
        self._base: int = base_seconds * NS_PER_SECOND
        self._through: bool = minutes * 60 == base_seconds
        self._late_after: int = late_after
        self.ready: Final[list[WindowBar]] = [WindowBar(instrument), WindowBar(instrument)]
        self._pending: WindowBar = WindowBar(instrument)
        self._waiting: bool = False
        self.deadline: int = 0
        self.duplicates: int = 0
        self.out_of_order: int = 0
        self.outside: int = 0
        self.late: int = 0
        self._last_open: int = -1
        self._done_until: int = 0
        self._merge_until: int = 0
        self._stretches: list[int] = []
        self._stretch_open: int = 0
        self._stretch_close: int = 0

    def open_session(self, session: Session) -> int:
        """Start counting windows from a new session; what an unclosed earlier session left waiting becomes ready.

        Returns:
            How many bars are ready: 0 or 1.
        """
        count = self.close_session()
        self._stretches = [session.open_time]
        for pause_start, pause_end in sorted(session.breaks):
            self._stretches += [pause_start, pause_end]
        self._stretches.append(session.close_time)
        return count

    def close_session(self) -> int:
        """End the session: a window that still waits becomes ready with what it has.

        Returns:
            How many bars are ready: 0 or 1.
        """
        count = 0
        if self._waiting:
            self._complete(0)
            count = 1
        self._stretches = []
        self._stretch_open = 0
        self._stretch_close = 0
        return count

    def push(self, open_time: int, close_time: int, o: int, h: int, l: int, c: int, v: int) -> int:  # noqa: E741
        """Take a base bar, whose numbers have been checked.

        Args:
            open_time: its start, nanoseconds UTC.
            close_time: its end.
            o: open, a scaled integer like all that follow.
            h: high.
            l: low.
            c: close.
            v: volume.

        Returns:
            How many bars are ready: 0, 1, or 2 when a bar ends an older window by its arrival and its own by being the last.
        """
        if open_time <= self._last_open:
            if open_time == self._last_open:
                self.duplicates += 1
            else:
                self.out_of_order += 1
            return 0
        if open_time >= self._merge_until:
            return self._enter(open_time, close_time, o, h, l, c, v)
        self._last_open = open_time
        pending = self._pending
        if h > pending.high_raw:
            pending.high_raw = h
        if l < pending.low_raw:
            pending.low_raw = l
        pending.close_raw = c
        pending.volume_raw += v
        pending.parts += 1
        if close_time < pending.close_time:
            return 0
        self._complete(0)
        return 1

    def _enter(self, open_time: int, close_time: int, o: int, h: int, l: int, c: int, v: int) -> int:  # noqa: E741
        """Take a bar that does not simply continue the window that waits."""
        if not self._stretch_open <= open_time < self._stretch_close and not self._find_stretch(open_time):
            self.outside += 1
            return 0
        if open_time < self._done_until:
            self.late += 1
            return 0
        count = 0
        if self._waiting:
            if open_time < self._pending.close_time:
                # A whole session goes on after a break, any window after a restart.
                self._merge_until = min(self._pending.close_time, self._stretch_close)
                return self.push(open_time, close_time, o, h, l, c, v)
            self._complete(0)
            count = 1
        self._last_open = open_time
        self._open_window(open_time, close_time)
        pending = self._pending
        pending.set_prices(o, h, l, c, v)
        if close_time < pending.close_time:
            return count
        self._complete(count)
        return count + 1

    def _find_stretch(self, open_time: int) -> bool:
        """Find the stretch of trading between breaks that a bar lies in."""
        for number in range(0, len(self._stretches), 2):
            if self._stretches[number] <= open_time < self._stretches[number + 1]:
                self._stretch_open = self._stretches[number]
                self._stretch_close = self._stretches[number + 1]
                return True
        return False

    def _open_window(self, open_time: int, close_time: int) -> None:
        """Begin the window that a base bar falls into."""
        start, end = open_time, close_time
        trading = self._base
        if self.minutes == WHOLE_SESSION:
            start, end = self._stretches[0], self._stretches[-1]
            trading = 0
            for number in range(0, len(self._stretches), 2):
                trading += self._stretches[number + 1] - self._stretches[number]
        elif not self._through:
            start = self._stretch_open + (open_time - self._stretch_open) // self._length * self._length
            end = min(start + self._length, self._stretch_close)
            trading = end - start
        self._pending.start(start, end, -(-trading // self._base))
        self._waiting = True
        self._merge_until = min(end, self._stretch_close)
        self.deadline = end + self._late_after

    def _complete(self, place: int) -> None:
        """Move the window that waits to its place among the ready ones."""
        done = self._pending
        self._pending = self.ready[place]
        self.ready[place] = done
        self._done_until = done.close_time
        self._waiting = False
        self._merge_until = 0
        self.deadline = 0

    def on_timer(self, now: int) -> int:
        """Give up waiting for the rest of a window once its deadline has come.

        Args:
            now: engine time, nanoseconds UTC.

        Returns:
            How many bars are ready: 0 or 1.
        """
        if self.deadline == 0 or now < self.deadline:
            return 0
        self._complete(0)
        return 1

    @property
    def parts(self) -> int:
        """Base bars in the window that waits; 0 when none does."""
        return self._pending.parts if self._waiting else 0

    def rescale(self, numerator: int, denominator: int) -> None:
        """Apply a split to the window that waits: prices times numerator / denominator (1 / 7 for 7:1), volume the other way."""
        if self._waiting:
            self._pending.rescale(numerator, denominator)

    def state(self) -> list[int]:
        """Everything that changes, as integers: counters and marks, the window that waits, the session's stretches."""
        counters = [self.duplicates, self.out_of_order, self.outside, self.late, self._last_open, self._done_until]
        waiting = self._pending.state() if self._waiting else [0] * NUMBERS
        return counters + waiting + self._stretches

    def restore(self, numbers: list[int]) -> None:
        """Continue from a ``state`` of an aggregator of the same instrument and lengths, in the middle of its session.

        Raises:
            ValueError: the list cannot be a state.
        """
        stretches = numbers[_COUNTERS + NUMBERS :]
        if len(numbers) < _COUNTERS + NUMBERS or len(stretches) % 2:
            raise ValueError(f"{self.instrument.symbol}: these {len(numbers)} numbers are not the state of an aggregator")
        self.duplicates, self.out_of_order, self.outside, self.late = numbers[0], numbers[1], numbers[2], numbers[3]
        self._last_open, self._done_until = numbers[4], numbers[5]
        self._stretches = stretches
        self._stretch_open = 0
        self._stretch_close = 0
        self._pending.restore(numbers[_COUNTERS : _COUNTERS + NUMBERS])
        self._waiting = self._pending.parts > 0
        self._merge_until = 0
        self.deadline = self._pending.close_time + self._late_after if self._waiting else 0
