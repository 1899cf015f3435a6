"""What a measured script shares with the program that runs it: it reads a task, runs it once against the clock, prints one line.

Only numpy is needed here, as this runs inside the environments of the peers.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Floats = npt.NDArray[np.float64]

MARK: Final = "BENCH "
"""Starts the line with the outcome; anything else that a library prints is passed over."""

UNIT: Final = 10_000.0
MINUTE: Final = 60 * 10**9


@dataclass(frozen=True, slots=True)
class Columns:
    """Bars of one instrument: ``time`` is the start in nanoseconds UTC, prices in account currency, volume in shares."""

    symbol: str
    time: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Task:
    """What to run.

    Attributes:
        folder: of the arrays; what a script keeps for later goes beside it.
        catalogue: the same bars as the package's own catalogue.
        symbols: instruments.
        rows: bars of each.
        pairs: (fast, slow) pairs, one but for the sweep.
        quantity: shares to buy.
        capital: cash at the start.
        commission: per share.
        fill: ``open`` of the next bar, or ``close`` of the same one; only our own scripts can do either.
        variant: of an engine that can run the workload in several ways.
    """

    folder: Path
    catalogue: Path
    symbols: list[str]
    rows: int
    pairs: list[tuple[int, int]]
    quantity: int
    capital: float
    commission: float
    fill: str = "open"
    variant: str = ""

    @property
    def fast(self) -> int:
        """Period of the fast average of the first pair."""
        return self.pairs[0][0]

    @property
    def slow(self) -> int:
        """Period of the slow average of the first pair."""
        return self.pairs[0][1]

    @property
    def bars(self) -> int:
        """Bars to go through in one run."""
        return self.rows * len(self.symbols) * len(self.pairs)

    @property
    def end(self) -> int:
        """When the last bar closes, nanoseconds UTC."""
        return int(np.load(self.folder / "time.npy")[self.rows - 1]) + MINUTE

    def columns(self, symbol: str) -> Columns:
        """The bars of one instrument."""
        raw = {name: np.load(self.folder / f"{symbol}.{name}.npy")[: self.rows] for name in FIELDS}
        prices = [raw[name] / UNIT for name in ("open", "high", "low", "close")]
        time_ns = np.load(self.folder / "time.npy")[: self.rows]
        return Columns(symbol, time_ns, prices[0], prices[1], prices[2], prices[3], raw["volume"].astype(np.float64))


FIELDS: Final = ("open", "high", "low", "close", "volume")


def read_task() -> Task:
    """The task, which is the script's first argument, as JSON."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    for name in ("folder", "catalogue"):
        given[name] = Path(given[name])
    given["pairs"] = [(int(fast), int(slow)) for fast, slow in given["pairs"]]
    return Task(**given)


def timed(run: Callable[[], T]) -> tuple[T, float]:
    """Run a function once; give what it returned and the seconds it took, by the wall clock."""
    gc.collect()
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def report(seconds: float, bars: int, fills: int, final_equity: float, workers: int = 0, **more: float) -> None:
    """Print the outcome.

    Args:
        seconds: of the run.
        bars: gone through.
        fills: how many; -1 where the engine does not tell.
        final_equity: cash and holdings at the last close.
        workers: processes that helped; ``measure`` then runs the script once more to see the memory of all of them together.
        more: anything else worth telling.
    """
    peak = own_peak() + workers * _largest(resource.RUSAGE_CHILDREN)
    outcome = {"seconds": seconds, "bars": bars, "fills": fills, "final_equity": final_equity, "peak_rss_mb": peak, **more}
    if workers:
        outcome["workers"] = workers
    print(MARK + json.dumps(outcome), flush=True)


def own_peak() -> float:
    """Largest resident size of this process so far, in units of 2^20 bytes.

    Linux counts what the starting process had in ``ru_maxrss`` of the started one; ``VmHWM`` begins anew.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024.0
    return _largest(resource.RUSAGE_SELF)


def _largest(who: int) -> float:
    peak = resource.getrusage(who).ru_maxrss
    return peak / (1024.0 * 1024.0) if sys.platform == "darwin" else peak / 1024.0


def memory_of(process: int) -> float | None:
    """Memory of a process and of all that it has started, in units of 2^20 bytes; None where the system does not tell.

    A page that several of them share counts once: each process is counted with its proportional set size.
    """
    found = 0
    waiting = [process]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        try:
            lines = (folder / "smaps_rollup").read_text().splitlines()
            for thread in (folder / "task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_text().split()]
        except (OSError, ValueError):
            continue
        found += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return found / 1024.0 if found else None


def parse(output: str) -> dict[str, float]:
    """The outcome in what a script printed.

    Raises:
        ValueError: there is no such line.
    """
    for line in reversed(output.splitlines()):
        if line.startswith(MARK):
            found: dict[str, float] = json.loads(line[len(MARK) :])
            return found
    raise ValueError("the script printed no outcome")
