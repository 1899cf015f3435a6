"""How long the installed command takes to answer ``--help``, with a bare Python beside it as the floor."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

TIME_LIMIT: Final = 60
HELP: Final = "algo-trader --help"
FLOOR: Final = "floor: python -c pass"


@dataclass(slots=True)
class Start:
    """A command and the seconds that it took, by the wall clock, in each round."""

    title: str
    command: list[str]
    rounds: list[float] = field(default_factory=list)
    fault: str = ""

    @property
    def seconds(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.rounds)


def commands() -> list[Start]:
    """The command that is installed beside this interpreter, and the floor."""
    script = Path(sys.executable).with_name("algo-trader")
    return [Start(HELP, [str(script), "--help"]), Start(FLOOR, [sys.executable, "-c", "pass"])]


def measure(starts: list[Start], rounds: int) -> list[Start]:
    """Start each of them ``rounds`` times, taking turns, after one time that warms the caches of the disk."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for number in range(rounds + 1):
        for start in starts:
            if start.fault:
                continue
            begun = time.perf_counter()
            try:
                done = subprocess.run(
                    start.command, capture_output=True, text=True, timeout=TIME_LIMIT, env=environment, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                start.fault = str(error)
                continue
            seconds = time.perf_counter() - begun
            if done.returncode:
                start.fault = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            elif number:
                start.rounds.append(seconds)
    return starts


def markdown(starts: list[Start]) -> str:
    """The table."""
    lines = ["### Start of a command", "", "| command | seconds |", "|---|--:|"]
    for start in starts:
        lines.append(f"| `{start.title}` | {f'failed: {start.fault}' if start.fault else f'{start.seconds:.3f}'} |")
    return "\n".join(lines)


def record(start: Start) -> dict[str, Any]:
    """One row as plain values."""
    return {"command": start.title, "rounds": start.rounds, "fault": start.fault}
