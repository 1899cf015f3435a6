"""Runs the scripts: each in a process of its own, in rounds, so that a noisy moment of the machine hits all engines alike."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.data import prepare
from benchmarks.engines import Engine
from benchmarks.protocol import memory_of, parse
from benchmarks.workloads import CAPITAL, COMMISSION, DATA, QUANTITY, Workload

TIME_LIMIT: Final = 900
_LOOK_SECONDS: Final = 0.02


@dataclass(slots=True)
class Measurement:
    """What the rounds of one engine on one workload gave.

    Attributes:
        engine: who.
        rows: bars of each instrument that it was given.
        outcomes: what each round's script told.
        fault: why it failed; empty when it did not.
        together_mb: memory of the process and its helpers together; 0 where it has none.
    """

    engine: Engine
    rows: int
    outcomes: list[dict[str, float]] = field(default_factory=list)
    fault: str = ""
    together_mb: float = 0.0

    @property
    def seconds(self) -> float:
        """Median over the rounds."""
        return statistics.median(outcome["seconds"] for outcome in self.outcomes)

    @property
    def bars(self) -> int:
        """Bars gone through in one run."""
        return int(self.outcomes[0]["bars"])

    @property
    def bars_per_second(self) -> float:
        """From the median."""
        return self.bars / self.seconds

    @property
    def memory_mb(self) -> float:
        """Largest peak of the process, its libraries and data included; with helpers, of all processes together."""
        return self.together_mb or max(outcome["peak_rss_mb"] for outcome in self.outcomes)

    @property
    def fills(self) -> int:
        """Fills of a run; below 0 where the engine does not tell."""
        return int(self.outcomes[0]["fills"])

    @property
    def equity(self) -> float:
        """Final equity of a run."""
        return self.outcomes[0]["final_equity"]

    @property
    def wavers(self) -> bool:
        """Whether two rounds gave different fills or equity."""
        return len({(outcome["fills"], outcome["final_equity"]) for outcome in self.outcomes}) > 1


class Bench:
    """Where bars and results lie, and how much is run.

    Args:
        root: folder for bars, environments and results.
        full: give slow engines all bars too.
        say: told what is going on.
    """

    def __init__(self, root: Path, full: bool, say: Callable[[str], None]) -> None:
        self.root = root
        self.full = full
        self.say = say

    def task(self, load: Workload, engine: Engine, rows: int, fill: str = "open") -> str:
        """The argument of an engine's script, as JSON."""
        folder = prepare(self.root / "data", load.data, *DATA[load.data])
        return json.dumps(
            {
                "folder": str(folder / "arrays"),
                "catalogue": str(folder / "catalogue"),
                "symbols": load.symbols,
                "rows": rows,
                "pairs": load.pairs,
                "quantity": QUANTITY,
                "capital": CAPITAL,
                "commission": COMMISSION,
                "fill": fill,
                "variant": engine.variant,
            }
        )

    def once(self, engine: Engine, load: Workload, task: str) -> dict[str, float]:
        """Run an engine's script.

        Raises:
            RuntimeError: it failed; the message is its last line.
        """
        command = [engine.python, str(engine.scripts[load.name]), task]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIME_LIMIT, env=engine.environment(), cwd=self.root, check=False
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"took longer than {TIME_LIMIT} s") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise RuntimeError(lines[-1])
        return parse(done.stdout)

    def watch(self, engine: Engine, load: Workload, task: str) -> float:
        """Run an engine's script beside the clock and give the largest memory of it and its helpers; 0 where nobody can tell.

        Looking takes time, so these runs are not among those that are timed.
        """
        command = [engine.python, str(engine.scripts[load.name]), task]
        peak = 0.0
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=engine.environment(), cwd=self.root
        ) as running:
            while running.poll() is None:
                peak = max(peak, memory_of(running.pid) or 0.0)
                time.sleep(_LOOK_SECONDS)
        return peak

    def measure(self, load: Workload, engines: list[Engine], rounds: int) -> list[Measurement]:
        """Run every engine that has a script for the workload ``rounds`` times, taking turns."""
        taking_part = [engine for engine in engines if load.name in engine.scripts]
        found = [Measurement(engine, engine.rows(load.name, load.rows, self.full)) for engine in taking_part]
        for number in range(rounds):
            for one in found:
                if one.fault:
                    continue
                try:
                    task = self.task(load, one.engine, one.rows)
                    outcome = self.once(one.engine, load, task)
                    if "workers" in outcome and not one.outcomes:
                        one.together_mb = self.watch(one.engine, load, task)
                except (RuntimeError, ValueError) as error:
                    one.fault = str(error)
                    self.say(f"{load.name} {one.engine.title}: {error}")
                    continue
                one.outcomes.append(outcome)
                speed = outcome["bars"] / outcome["seconds"]
                self.say(f"{load.name} round {number + 1} of {rounds}  {one.engine.title}: {speed:,.0f} bars/s")
        return found
