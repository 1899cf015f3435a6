"""What the engine is meant to reach, held against the rows of the very run: ratios of medians, so that the machine matters little.

A goal that is missed does not make the run fail. One whose rows were left out, did not trade as ours, or ran over fewer bars than
the workload has, is shown as not measured. Where a peer is the measure, it is held against our row with the bars in memory, since
the clock of every peer starts with its bars in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from benchmarks.engines import OURS
from benchmarks.measure import Measurement
from benchmarks.startup import HELP, Start
from benchmarks.tables import Row
from benchmarks.workloads import WORKLOADS, Workload

MEMORY: Final = "ours_memory"
CANDIDATES: Final = "ours_candidates"
CANDIDATES_MEMORY: Final = "ours_candidates_memory"
ONE_CORE: Final = "ours_one_core"
PLAIN: Final = "ours_plain"
LOOP: Final = "loop"

Value = tuple[float, str]
"""What was measured, and whom it was held against where that is not in the goal's own words."""


class Found:
    """The rows of a run that count: those of whole workloads that traded as ours did."""

    def __init__(self, results: Iterable[tuple[Workload, list[Row]]], starts: Iterable[Start]) -> None:
        self._instruments: dict[str, int] = {}
        self._rows: dict[tuple[str, str], Measurement] = {}
        for load, rows in results:
            if load.rows < WORKLOADS[load.name].rows:
                continue
            self._instruments[load.name] = load.instruments
            self._rows |= {
                (load.name, row.measured.engine.key): row.measured for row in rows if row.agrees and row.measured.outcomes
            }
        self._starts = {start.title: start.seconds for start in starts if start.rounds}

    def speed(self, load: str, key: str) -> float | None:
        """Bars a second."""
        row = self._rows.get((load, key))
        return None if row is None else row.bars_per_second

    def seconds(self, load: str, key: str) -> Value | None:
        """Of a whole run."""
        row = self._rows.get((load, key))
        return None if row is None else (row.seconds, "")

    def memory(self, load: str, key: str) -> Value | None:
        """Peak, in units of 2^20 bytes."""
        row = self._rows.get((load, key))
        return None if row is None else (row.memory_mb, "")

    def start(self, title: str) -> Value | None:
        """Seconds that a command took."""
        seconds = self._starts.get(title)
        return None if seconds is None else (seconds, "")

    def ratio(self, first: tuple[str, str], second: tuple[str, str]) -> Value | None:
        """Speed of one (workload, engine) over that of another."""
        over, under = self.speed(*first), self.speed(*second)
        return None if over is None or under is None else (over / under, "")

    def memory_share(self, load: str, first: str, second: str) -> Value | None:
        """Memory of one engine over that of another."""
        over, under = self.memory(load, first), self.memory(load, second)
        return None if over is None or under is None else (over[0] / under[0], "")

    def callback_ratio(self, load: str, key: str) -> Value | None:
        """Speed over that of the fastest peer whose strategy runs as Python code."""
        peers = [row for (name, _), row in self._rows.items() if name == load and row.engine.kind == "callback"]
        own = self.speed(load, key)
        if own is None or not peers:
            return None
        best = max(peers, key=lambda row: row.bars_per_second)
        asked = best.engine.asked(self._instruments[load])
        return own / best.bars_per_second, best.engine.title + (f", {asked}" if asked != "yes" else "")


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: ``must`` and ``aim`` are least values, or greatest where ``most`` is set; None where there is none."""

    what: str
    must: float | None
    aim: float | None
    unit: str
    measure: Callable[[Found], Value | None]
    most: bool = False

    def reached(self, value: float, limit: float | None) -> bool:
        """Whether a value keeps a limit."""
        return limit is None or (value <= limit if self.most else value >= limit)

    def verdict(self, value: float) -> str:
        """In words."""
        if not self.reached(value, self.must):
            return "no"
        if not self.reached(value, self.aim):
            return "not the aim" if self.must is None else "yes, not the aim"
        return "yes"

    def shown(self, value: float) -> str:
        """A value with its unit."""
        if self.unit == "%":
            return f"{value * 100:.0f} %"
        return f"{value:.0f} {self.unit}" if self.unit == "MB" else f"{value:.2f} {self.unit}"

    def limit(self, value: float | None) -> str:
        """A limit with its unit."""
        if value is None:
            return ""
        number = f"{value * 100:g}" if self.unit == "%" else f"{value:g}"
        return f"{'≤' if self.most else '≥'} {number} {self.unit}"


GOALS: Final = (
    Goal("W1 ÷ fastest callback peer", 10, None, "×", lambda run: run.callback_ratio("W1", MEMORY)),
    Goal("W1 ÷ the rule as a bare loop", None, 0.6, "%", lambda run: run.ratio(("W1", MEMORY), ("W1", LOOP))),
    Goal("W1 with candidates ÷ vectorbt", 1.5, 5, "×", lambda run: run.ratio(("W1", CANDIDATES_MEMORY), ("W1", "vectorbt"))),
    Goal("W2, cost of a bar ÷ that of W1", 1.3, 1.1, "×", lambda run: run.ratio(("W1", MEMORY), ("W2", MEMORY)), True),
    Goal("W2 ÷ fastest callback peer", 10, 30, "×", lambda run: run.callback_ratio("W2", MEMORY)),
    Goal("W3 ÷ vectorbt", 2, 5, "×", lambda run: run.ratio(("W3", CANDIDATES), ("W3", "vectorbt"))),
    Goal("W3, memory ÷ vectorbt's", 0.25, None, "%", lambda run: run.memory_share("W3", CANDIDATES, "vectorbt"), True),
    Goal("W3, all cores ÷ one core", None, 1.8, "×", lambda run: run.ratio(("W3", CANDIDATES), ("W3", ONE_CORE))),
    Goal("W4", 5, 2, "s", lambda run: run.seconds("W4", OURS), True),
    Goal("W5 ÷ zipline-reloaded", 10, 50, "×", lambda run: run.ratio(("W5", MEMORY), ("W5", "zipline_reloaded"))),
    Goal("W5 ÷ backtesting.py", 5, 10, "×", lambda run: run.ratio(("W5", MEMORY), ("W5", "backtesting"))),
    Goal("W6, ten million bars streamed: peak memory", 500, 250, "MB", lambda run: run.memory("W6", OURS), True),
    Goal("`algo-trader --help`", 0.5, 0.25, "s", lambda run: run.start(HELP), True),
    Goal("W1, not compiled ÷ fastest callback peer", 1, None, "×", lambda run: run.callback_ratio("W1", PLAIN)),
)


def markdown(found: Found) -> str:
    """The table of goals."""
    lines = ["### Goals", "", "| goal | must | aim | measured | met |", "|---|--:|--:|--:|---|"]
    for goal in GOALS:
        value = goal.measure(found)
        cells = ["", "not measured"]
        if value is not None:
            cells = [goal.shown(value[0]) + (f" ({value[1]})" if value[1] else ""), goal.verdict(value[0])]
        lines.append("| " + " | ".join([goal.what, goal.limit(goal.must), goal.limit(goal.aim), *cells]) + " |")
    return "\n".join(lines)
