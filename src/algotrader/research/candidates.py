"""Feeds a backtest faster: computes averages for whole columns, and tells the engine which bars can matter.

Nothing is decided here. A strategy says on which bars it could possibly act; the engine visits those, and every bar on which an
order, a position or a timer could, and only notes the price of the others. There is still one engine and one simulator.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from algotrader.core.batch import VISIT_FLAT, VISIT_HELD, BatchPlan, Visits
from algotrader.core.catch_up import CatchUp, tells_all
from algotrader.core.indicators import SMA, Indicator
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, BarColumns
from algotrader.core.signal_style import SignalSlot
from algotrader.history.arrays import array_of, column_of, rows_of_each
from algotrader.history.calendars import ALWAYS_OPEN, session_table
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.columns import Ints, Mask, StrategyColumns

_FIELDS: Final = ("open", "high", "low", "close", "volume")
Rows = dict[str, Ints]
"""Columns of base bars by name."""

_WORTH_SKIPPING: Final = 2
"""Where more than one row in so many has to be looked at, all are."""

_NOTHING: Final = np.zeros(1, dtype=np.int64)
_BOTH: Final = VISIT_FLAT | VISIT_HELD


class _SlotPlanner:
    """Plans for one slot, chunk by chunk. ``rows`` are base bars of windows that may go on, ``tail`` bars already planned."""

    def __init__(self, slot: SignalSlot, hooks: SignalStrategy, minutes: int, aggregated: bool) -> None:
        self.slot = slot
        self.hooks = hooks
        self.minutes = minutes
        self.aggregated = aggregated
        self.averages = [indicator for indicator in slot.indicators if isinstance(indicator, SMA)]
        self.first_ask = max([slot.settings.required_history, *[indicator.needed for indicator in slot.indicators]])
        self.runs = {indicator: CatchUp(indicator) for indicator in slot.indicators if tells_all(indicator)}
        # A user's own indicator may raise on a bar: it is fed bar by bar, so that the bar is named.
        self.served = [indicator for indicator in slot.indicators if indicator in self.runs and _is_ours(indicator)]
        self._keep = max([self.first_ask, *[average.period for average in self.averages]]) + 1
        self._planned = 0
        self._session = -1
        self.refused = False
        self._tail = [np.zeros(0, dtype=np.int64)] * (len(_FIELDS) + 1)
        self._rows: Rows = {}
        self.flat: Mask = np.zeros(0, dtype=np.bool_)
        self.held: Mask | None = None

    def plan(self, rows: Rows) -> bool:
        """Plan the bars that these base bars make; False when the strategy offers nothing, from the first bar to the last."""
        if self.refused:
            return False
        bars, complete = self._bars(rows)
        offset = len(self._tail[0])
        joined = [np.concatenate([old, new]) for old, new in zip(self._tail, bars, strict=True)] if offset else bars
        o, h, low, c, v, openings = joined
        columns = StrategyColumns(o, h, low, c, v, openings != 0, self.runs, self._planned + 1 - offset)
        flat, held = self._ask(columns)
        if flat is None:
            if self._planned == 0:
                self.refused = True
                return False
            # From now on the averages come from here; without an offer every bar is asked about.
            flat, held = np.ones(len(columns), dtype=np.bool_), None
        first = self._planned + 1
        self.flat = flat[offset:].copy()
        self.flat[: max(self.first_ask - first, 0)] = False
        self.held = None if held is None else held[offset:]
        totals = [np.concatenate([_NOTHING, columns.total(average.period)])[offset:] for average in self.averages]
        held_bytes = b"" if self.held is None else self.held.tobytes()
        sums = [column_of(total) for total in totals]
        runs = [self.runs[indicator] for indicator in self.served if indicator not in self.averages]
        self.slot.use_plan(BatchPlan(first, self.flat.tobytes(), held_bytes, self.averages, sums, runs))
        self._planned += complete
        self._tail = [column[: offset + complete][-self._keep :] for column in joined]
        return True

    def _ask(self, columns: StrategyColumns) -> tuple[Mask | None, Mask | None]:
        """What the strategy says of these bars. Its indicators run over them meanwhile."""
        for indicator in self.runs:
            if self._planned or (indicator in self.served and indicator not in self.averages):
                columns.run(indicator)
        flat, held = self.hooks.candidates(columns), self.hooks.exit_candidates(columns)
        if not self._planned and len(columns):
            # To run an indicator that nobody asks for would be waste.
            self.runs = {indicator: run for indicator, run in self.runs.items() if indicator in columns.asked}
        for indicator, run in self.runs.items():
            if indicator not in self.served or indicator in self.averages:
                run.release(self._planned)
        return flat, held

    def _bars(self, rows: Rows) -> tuple[list[Ints], int]:
        """The strategy's bars as columns, with where sessions open as the last; and how many are complete for certain."""
        if not self.aggregated:
            complete = len(rows["close"])
            return [*[rows[name] for name in _FIELDS], self._openings(rows["close_time"], complete)], complete
        if self._rows:
            rows = {name: np.concatenate([self._rows[name], column]) for name, column in rows.items()}
        key, ends = self._windows(rows["open_time"])
        inside = key >= 0
        rows, key, ends = {name: column[inside] for name, column in rows.items()}, key[inside], ends[inside]
        if not len(key):
            return [np.zeros(0, dtype=np.int64)] * (len(_FIELDS) + 1), 0
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        lasts = np.append(starts[1:], len(key)) - 1
        done = bool(rows["close_time"][-1] >= ends[-1])
        complete = len(starts) if done else len(starts) - 1
        bars = [
            rows["open"][starts],
            np.maximum.reduceat(rows["high"], starts),
            np.minimum.reduceat(rows["low"], starts),
            rows["close"][lasts],
            np.add.reduceat(rows["volume"], starts),
            self._openings(rows["close_time"][lasts], complete),
        ]
        self._rows = {} if done else {name: column[starts[-1] :] for name, column in rows.items()}
        return bars, complete

    def _openings(self, close_times: Ints, complete: int) -> Ints:
        """Where a session opened since the bar before, in the order of the backtest's loop: by close times."""
        if not self.runs:
            return np.zeros(len(close_times), dtype=np.int64)
        calendar = self.slot.track.instrument.calendar
        numbers = (close_times - 1) // NS_PER_DAY if calendar == ALWAYS_OPEN else session_table(calendar).opened_by(close_times)
        openings = np.diff(numbers, prepend=self._session)
        if complete:
            self._session = int(numbers[complete - 1])
        return np.asarray(openings)

    def _windows(self, open_times: Ints) -> tuple[Ints, Ints]:
        """A number for the window of every base bar, rising with time and -1 outside sessions, and the window's end."""
        length = self.minutes * NS_PER_MINUTE
        calendar = self.slot.track.instrument.calendar
        if calendar == ALWAYS_OPEN:
            opens = open_times // NS_PER_DAY * NS_PER_DAY
            closes = opens + NS_PER_DAY
        else:
            table = session_table(calendar)
            session = np.maximum(np.searchsorted(table.opens, open_times, side="right") - 1, 0)
            opens, closes = table.opens[session], table.closes[session]
        if not length:
            return np.where(open_times < closes, opens, -1), closes
        start = opens + (open_times - opens) // length * length
        return np.where((open_times >= opens) & (open_times < closes), start, -1), np.minimum(start + length, closes)


class CandidatePlanner:
    """Plans all slots of a run that can be planned; the others are asked on every bar.

    Args:
        slots: of the engine, in order; ``base_minutes`` is the length of the bars that are fed (0: whole sessions).
        split: symbols with splits in the run, whose averages cannot be computed beforehand.
    """

    def __init__(self, slots: Iterable[object], base_minutes: int, split: frozenset[str], count: int) -> None:
        self._by_index: dict[int, list[_SlotPlanner]] = {}
        self._every_row = [False] * count
        for slot in slots:
            if not isinstance(slot, SignalSlot):
                self._every_row = [True] * count
                continue
            index = slot.track.index
            planner = self._planner(slot, base_minutes, split)
            if planner is None:
                self._every_row[index] = True
            else:
                self._by_index.setdefault(index, []).append(planner)
                self._every_row[index] |= planner.aggregated or len(planner.served) != len(slot.indicators)

    @staticmethod
    def _planner(slot: SignalSlot, base_minutes: int, split: frozenset[str]) -> _SlotPlanner | None:
        hooks = slot.hooks
        instrument = slot.track.instrument
        offers = isinstance(hooks, SignalStrategy) and type(hooks).candidates is not SignalStrategy.candidates
        if not isinstance(hooks, SignalStrategy) or not offers or slot.scanner is not None or instrument.symbol in split:
            return None
        if not slot.settings.regular_hours or slot.track.day is not None or slot.track.history is not None:
            return None
        minutes = slot.settings.interval_minutes
        if minutes != base_minutes and _has_breaks(instrument.calendar):
            return None
        return _SlotPlanner(slot, hooks, minutes, minutes != base_minutes)

    @property
    def is_empty(self) -> bool:
        """Whether no strategy of the run can be planned."""
        return not self._by_index

    def prepare(self, columns: BarColumns) -> Visits | None:
        """Plan one chunk of bars of regular sessions before it is run; None when every row has to be looked at anyway."""
        named = {name: array_of(getattr(columns, name)) for name in ("open_time", "close_time", *_FIELDS)}
        flags = np.zeros(len(columns), dtype=np.uint8)
        owned = rows_of_each(array_of(columns.instrument), len(self._every_row))
        for index, own in enumerate(owned):
            every = self._every_row[index]
            rows = named if len(owned) == 1 else {name: column[own] for name, column in named.items()}
            for planner in self._by_index.get(index, []):
                if not planner.plan(rows):
                    every = True
                elif not planner.aggregated:
                    held = np.uint8(VISIT_HELD) if planner.held is None else planner.held * np.uint8(VISIT_HELD)
                    flags[own] |= planner.flat * np.uint8(VISIT_FLAT) | held
            if every:
                flags[own] = _BOTH
        marks = np.flatnonzero(flags)
        if len(marks) * _WORTH_SKIPPING > len(flags):
            return None
        return Visits(flags.tobytes(), column_of(marks), [] if len(owned) == 1 else [column_of(own) for own in owned])


def _is_ours(indicator: Indicator) -> bool:
    return type(indicator).__module__.startswith("algotrader.core.")


def _has_breaks(calendar: str) -> bool:
    if calendar == ALWAYS_OPEN:
        return False
    table = session_table(calendar)
    return bool((table.break_starts > 0).any())
