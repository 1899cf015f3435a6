"""Bars out of prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_SECOND, BadData, Bar, TradeTick
from algotrader.core.window_bar import NUMBERS, WindowBar


@final
class TickBarBuilder:
    """Makes bars of ``seconds`` seconds out of the prints of one instrument.

    Windows count from ``anchor``: the epoch, so that they lie on round UTC times, or the open of a session. The first print of a
    later window completes the one before it. A window without prints makes no bar. Inside a window the earliest print gives the
    open and the latest the close, by their own times; prints of equal time count in the order they come.

    Args:
        instrument: what is printed.
        seconds: length of a window.
        anchor: nanoseconds UTC from which windows count.
        on_bar: also called with each completed bar.

    Attributes:
        late: prints dropped because they are older than the window that waits.
        empty: prints without size, which set no price.

    Raises:
        ValueError: ``seconds`` is below 1.
    """

    def __init__(
        self,
        instrument: Instrument,
        seconds: int,
        anchor: int = 0,
        on_bar: Callable[[Bar], None] | None = None,
    ) -> None:
        if seconds < 1:
            raise ValueError(f"bars of {seconds} seconds cannot be made")
        self.instrument: Final = instrument
        self._length: int = seconds * NS_PER_SECOND
        self._anchor: int = anchor
        self._on_bar: Callable[[Bar], None] | None = on_bar
        self._pending: WindowBar = WindowBar(instrument)
        self._first_time: int = 0
        self._last_time: int = 0
        self._done_until: int = 0
        self.late: int = 0
        self.empty: int = 0

    def add(self, tick: TradeTick) -> Bar | None:
        """Take a print; give the bar that it completes, if any.

        Raises:
            BadData: the print is of another instrument.
        """
        if tick.instrument.symbol != self.instrument.symbol:
            raise BadData(f"a print of {tick.instrument.symbol} does not belong into bars of {self.instrument.symbol}")
        return self.push(tick.time, tick.price_raw, tick.size_raw)

    def push(self, time: int, price_raw: int, size_raw: int) -> Bar | None:
        """Take a print as numbers; give the bar that it completes, if any."""
        if size_raw == 0:
            self.empty += 1
            return None
        pending = self._pending
        if time < self._done_until or (pending.parts and time < pending.open_time):
            self.late += 1
            return None
        if pending.parts and time < pending.close_time:
            self._merge(pending, time, price_raw, size_raw)
            return None
        done = self._complete() if pending.parts else None
        start = self._anchor + (time - self._anchor) // self._length * self._length
        pending.start(start, start + self._length, 0)
        pending.set_prices(price_raw, price_raw, price_raw, price_raw, size_raw)
        self._first_time = time
        self._last_time = time
        return done

    def _merge(self, pending: WindowBar, time: int, price_raw: int, size_raw: int) -> None:
        if time < self._first_time:
            self._first_time = time
            pending.open_raw = price_raw
        if time >= self._last_time:
            self._last_time = time
            pending.close_raw = price_raw
        pending.high_raw = max(pending.high_raw, price_raw)
        pending.low_raw = min(pending.low_raw, price_raw)
        pending.volume_raw += size_raw
        pending.parts += 1

    def _complete(self) -> Bar:
        done = self._pending.bar()
        self._done_until = done.close_time
        self._pending.parts = 0
        if self._on_bar is not None:
            self._on_bar(done)
        return done

    def flush(self, now: int) -> Bar | None:
        """Give the bar of the window that waits if it has ended by ``now``, for markets that have gone quiet."""
        if self._pending.parts == 0 or now < self._pending.close_time:
            return None
        return self._complete()

    def state(self) -> list[int]:
        """Everything that changes, as integers."""
        return [self.late, self.empty, self._first_time, self._last_time, self._done_until, *self._pending.state()]

    def restore(self, numbers: list[int]) -> None:
        """Continue from a ``state`` of a builder of the same instrument, length and anchor.

        Raises:
            ValueError: the list cannot be a state.
        """
        if len(numbers) != 5 + NUMBERS:
            raise ValueError(f"{self.instrument.symbol}: these {len(numbers)} numbers are not the state of a tick bar builder")
        self.late, self.empty = numbers[0], numbers[1]
        self._first_time, self._last_time, self._done_until = numbers[2], numbers[3], numbers[4]
        self._pending.restore(numbers[5:])
