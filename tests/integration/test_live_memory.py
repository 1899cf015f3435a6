"""What a live session's memory does over hours of session time, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import algotrader

ROOT = Path(__file__).parents[2]
FIGURES = re.compile(r"slope over the last 80%: (-?[0-9.]+) MB an hour; peak (\d+) MB")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "hours"),
    [pytest.param("day", 6, marks=pytest.mark.covers("A220")), pytest.param("hundred", 6, marks=pytest.mark.covers("C53"))],
)
def test_memory_stays_where_it_is(which: str, hours: int) -> None:
    source = str(Path(algotrader.__file__).parents[1])
    command = [sys.executable, "-m", "benchmarks.live_memory", "--only", which, "--hours", str(hours)]
    environment = dict(os.environ, PYTHONPATH=source)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=600)
    found = FIGURES.search(done.stdout)
    assert found is not None, done.stdout
    slope, peak = float(found[1]), int(found[2])
    assert slope < 1, done.stdout
    assert peak < 500, done.stdout
