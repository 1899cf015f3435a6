"""Workers of a sweep: forked where nothing can be held by a thread, fresh everywhere else, the same results from both."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest

from algotrader.core.instruments import equity
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.research.sweeps import workers
from algotrader.research.sweeps.workers import can_fork, forked_workers

SCRIPT = """
import gc
import sys
import threading
from algotrader.research.sweeps.sweep import sweep
from algotrader.research.sweeps import workers

def run(workers, **given):
    grid = {"fast": [5, 10], "slow": [20, 30, 40]}
    return sweep("sma_cross", ["AAPL"], data=sys.argv[1], grid=grid, workers=workers, **given).records

if __name__ == "__main__":
    started = []
    fresh = workers.fresh_workers
    import algotrader.research.sweeps.executors as executors
    executors.fresh_workers = lambda count: started.append(count) or fresh(count)
    print(workers.can_fork(), workers.can_fork() and gc.get_freeze_count())
    forked = run(2)
    print(started, gc.get_freeze_count())
    held = threading.Event()
    threading.Thread(target=held.wait).start()
    print(workers.can_fork())
    spawned = run(2)
    held.set()
    print(started)
    alone = run(1)
    print(forked == spawned == alone, len(alone))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_forked_and_fresh_workers_find_the_same(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "bars")
    catalogue.write_bars(equity("AAPL"), "1m", generate(equity("AAPL"), date(2024, 1, 2), date(2024, 1, 4), seed=1))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    paths = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": paths}
    command = [sys.executable, str(script), str(catalogue.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=100)
    assert done.stdout.splitlines() == ["True 0", "[] 0", "False", "[2]", "True 6"]


def test_a_process_with_a_thread_is_not_forked() -> None:
    held = threading.Event()
    thread = threading.Thread(target=held.wait)
    thread.start()
    try:
        assert not can_fork()
        with forked_workers(2) as pool:
            assert pool is None
    finally:
        held.set()
        thread.join()


@pytest.mark.parametrize(("names", "expected"), [((), True), (("jemalloc_bg_thd",), True), (("polars-0",), False)])
def test_threads_are_known_by_their_names(
    names: tuple[str, ...], expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path("/proc/self/comm").read_text() if Path("/proc/self/comm").is_file() else "python\n"
    for number, name in enumerate([own, own, *names]):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "comm").write_text(name.strip() + "\n")
    monkeypatch.setattr(workers, "_THREADS", tmp_path)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert can_fork() is (expected and sys.platform == "linux")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not can_fork()


def test_one_worker_needs_no_process() -> None:
    with forked_workers(1) as pool:
        assert pool is None
