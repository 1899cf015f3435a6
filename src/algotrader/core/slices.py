"""The end of a slice, which is all bars of one close time: signals are ranked and become orders, algorithms are called."""

from __future__ import annotations

from typing import Final, final

from algotrader.core import reports
from algotrader.core.algorithm_style import AlgorithmSlot
from algotrader.core.signal_style import SignalSlot
from algotrader.core.signals import Signal, rank
from algotrader.core.state import EngineState
from algotrader.core.streams import Streams


@final
class Slices:
    """Decides what compares instruments. ``closed_until`` is the newest close time whose bars are all in."""

    def __init__(self, state: EngineState, streams: Streams) -> None:
        self.state: Final = state
        self.streams: Final = streams
        self.algorithms: Final[list[AlgorithmSlot]] = []
        self.closed_until: int = 0

    def close(self, close_time: int) -> None:
        """All bars up to a close time are in; what comes of them later is late."""
        if close_time > self.closed_until:
            self.closed_until = close_time
        self.decide()

    def decide(self) -> None:
        """Rank the signals, spend the capital on the best, then call the algorithms."""
        if self.state.warming:
            return
        if self.streams.signalled:
            self._rank_and_enter()
        for algorithm in self.algorithms:
            algorithm.on_slice(self.state.now)

    def next_deadline(self) -> int:
        """When something is due that no event brings: a timer, or a window to be given up; 0 for nothing."""
        timer = self.state.next_timer()
        # Windows of the past are complete when all of it has been caught up on, not before.
        if self.streams.deadline == 0 or self.state.warming:
            return timer
        window = self.streams.next_deadline()
        return min(timer, window) if timer and window else timer or window

    def _rank_and_enter(self) -> None:
        slots = self.streams.signalled
        self.streams.signalled = []
        by_number: dict[int, SignalSlot] = {}
        signals: list[Signal] = []
        for slot in slots:
            if slot.signal is not None:
                signals.append(slot.signal)
                by_number[slot.number] = slot
                slot.signal = None
        for signal in rank(signals):
            slot = by_number[signal.number]
            denial = slot.enter(signal)
            if denial is not None:
                self.state.report(reports.SIGNAL_DENIED, reports.INFO, slot.holding, f"{denial.code}: {denial.message}")
