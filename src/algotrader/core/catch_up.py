"""Indicators over whole columns: an output on every bar at once, or the state after any one bar.

Nothing is computed in another way here: the very indicator is fed the bars in one loop, and its own ``state`` is what takes it
back. So the figures equal those of bar by bar in every bit, for an indicator of a user's own too.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter, read_i64_le, write_f64_le, write_i64_le

from algotrader.core.columns import WIDTH, IntColumn
from algotrader.core.indicator_base import Indicator

_LEAST_STRIDE: Final = 256
"""Bars between two states that are kept, at least; more where a state is long, so that keeping them costs little a bar."""

_ROOM: Final = 2**63


@final
class ClosedBars:
    """Bars of one instrument, oldest first, as columns of scaled integers.

    Args:
        open, high, low, close, volume: one number a bar.
        openings: one byte a bar, not 0 where a session opened after the bar before; empty when nobody knows.
    """

    def __init__(
        self, open: IntColumn, high: IntColumn, low: IntColumn, close: IntColumn, volume: IntColumn, openings: bytes = b""
    ) -> None:
        self.open: Final = open
        self.high: Final = high
        self.low: Final = low
        self.close: Final = close
        self.volume: Final = volume
        self.openings: Final[bytes] = openings

    def __len__(self) -> int:
        return len(self.close)


@final
class CatchUp:
    """Takes one indicator to any of the bars at hand, forwards or back, and gives its outputs on all of them.

    The first bars are number 1. As long as nobody else feeds the indicator, a bar is fed again only when the way leads back, and
    then from a state that was kept shortly before it.

    Args:
        indicator: bound to its instrument, and before its first bar.

    Raises:
        ValueError: the indicator keeps what its ``state`` does not tell, or has seen bars already.
    """

    def __init__(self, indicator: Indicator) -> None:
        name = type(indicator).__name__
        if not tells_all(indicator):
            raise ValueError(f"{name} keeps things of its own; override state and restore, so that it can be taken to any bar")
        if indicator.count:
            raise ValueError(f"{name} has seen {indicator.count} bars; it has to be before its first")
        self.indicator: Final = indicator
        self._anchored: bool = minds_sessions(indicator)
        empty = IntColumn(b"")
        self._bars: ClosedBars = ClosedBars(empty, empty, empty, empty, empty)
        self._first: int = 1
        self._next: int = 0
        self._known: bool = True
        self._stride: int = _LEAST_STRIDE
        self._kept: list[tuple[list[int], list[float]]] = [indicator.state()]

    def use(self, first: int, bars: ClosedBars) -> None:
        """Go on with other bars, the first of which has the number ``first``.

        Raises:
            ValueError: the indicator starts anew at a session's open and the bars do not tell where sessions open, or ``first``
                is not among the bars so far and the one after them.
        """
        if self._anchored and len(bars.openings) != len(bars):
            raise ValueError(f"{type(self.indicator).__name__} starts anew when a session opens, and these bars do not tell when")
        self.to(first - 1)
        state = self.indicator.state()
        self._bars = bars
        self._first = first
        self._next = 0
        self._stride = _LEAST_STRIDE + len(state[0]) + len(state[1])
        self._kept = [state]

    def to(self, number: int) -> None:
        """Bring the indicator into the state it has after the bar of this number.

        What a user's own indicator raises on a bar comes out; it has not seen that bar then, and a second call goes on after it.

        Raises:
            ValueError: the number is not among the bars at hand, nor that of the one before them.
        """
        target = number - self._first + 1
        if not 0 <= target <= len(self._bars):
            raise ValueError(f"bar {number} is not among the {len(self._bars)} from {self._first} on")
        near = min(target // self._stride, len(self._kept) - 1)
        if not self._known or self._next > target or self._next < near * self._stride:
            self._back(near)
        self._feed(target, None, "")

    def release(self, number: int) -> None:
        """Go ``to`` a bar and let others feed the indicator from there; where it is after that is not relied upon."""
        self.to(number)
        self._known = False

    def values(self, output: str) -> bytes:
        """A float output (``value``, ``previous``, ``upper``, ...) after each bar, 8 little-endian bytes each.

        The indicator is before the first of the bars afterwards.

        Raises:
            TypeError: the output is not a float.
        """
        return self._record(output, False)

    def integers(self, output: str) -> bytes:
        """A whole-numbered output (``total``, ``raw``, ...) after each bar, 8 little-endian bytes each.

        The indicator is before the first of the bars afterwards.

        Raises:
            TypeError: the output is not a whole number.
            OverflowError: a number does not fit into 64 bits.
        """
        return self._record(output, True)

    def _record(self, output: str, whole: bool) -> bytes:
        self._back(0)
        recorder = _Recorder(self.indicator, output, whole)
        self._feed(len(self._bars), recorder, output)
        self._back(0)
        return recorder.written.getvalue()

    def _back(self, place: int) -> None:
        integers, floats = self._kept[place]
        # The indicator may keep the lists as its own.
        self.indicator.restore(list(integers), list(floats))
        self._next = place * self._stride
        self._known = True

    def _feed(self, stop: int, recorder: _Recorder | None, output: str) -> None:
        """Feed the rows up to ``stop`` and keep states on the way."""
        indicator, bars = self.indicator, self._bars
        opens, highs, lows, closes = bars.open.raw, bars.high.raw, bars.low.raw, bars.close.raw
        volumes, openings = bars.volume.raw, bars.openings
        anchored = self._anchored
        mark = len(self._kept) * self._stride
        for row in range(self._next, stop):
            if row == mark:
                self._kept.append(indicator.state())
                mark += self._stride
            self._next = row + 1
            if anchored and openings[row]:
                indicator.reset_session()
            at = row * WIDTH
            # As 64-bit numbers these would wrap silently in the arithmetic of an indicator.
            o: int = read_i64_le(opens, at)
            h: int = read_i64_le(highs, at)
            low: int = read_i64_le(lows, at)
            c: int = read_i64_le(closes, at)
            v: int = read_i64_le(volumes, at)
            indicator.update_bar(o, h, low, c, v)
            if recorder is not None:
                recorder.note()


@final
class _Recorder:
    """Writes one output of an indicator down, bar by bar."""

    def __init__(self, indicator: Indicator, output: str, whole: bool) -> None:
        self.indicator: Final = indicator
        self.output: Final = output
        self.whole: Final = whole
        self.is_value: Final = output == "value" and not whole
        self.written: Final = BytesWriter()

    def note(self) -> None:
        """Write down what the output is now."""
        if self.is_value:
            write_f64_le(self.written, self.indicator.value)
            return
        found: object = getattr(self.indicator, self.output)
        if self.whole and isinstance(found, int):
            if not -_ROOM <= found < _ROOM:
                raise OverflowError(f"{self.output} of {type(self.indicator).__name__} needs more than 64 bits")
            write_i64_le(self.written, found)
        elif not self.whole and isinstance(found, float):
            write_f64_le(self.written, found)
        else:
            wanted = "a whole number" if self.whole else "a float"
            raise TypeError(f"{self.output} of {type(self.indicator).__name__} is not {wanted}: {found!r}")


def tells_all(indicator: Indicator) -> bool:
    """Whether ``state`` can tell everything: a class with an ``update_bar`` of its own has a ``state`` too, or keeps nothing."""
    for kind in type(indicator).__mro__:
        if "state" in kind.__dict__:
            return True
        if "update_bar" in kind.__dict__:
            # Compiled, the attributes that every indicator has are not in there.
            common = getattr(Indicator(1, 1), "__dict__", {})
            return all(name in common for name in getattr(indicator, "__dict__", {}))
    return False


def minds_sessions(indicator: Indicator) -> bool:
    """Whether the indicator does anything when a session opens."""
    for kind in type(indicator).__mro__:
        if "reset_session" in kind.__dict__:
            return kind is not Indicator
    return False
