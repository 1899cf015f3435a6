"""Who is measured: our package in its two forms, the floors, and the peers that are described in ``peers/*/peer.toml``."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent

OURS: Final = "ours"
CALL: Final = "call"
EVERY_BAR: Final = "every bar"
ONE_CORE: Final = "one core"
IN_MEMORY: Final = "in memory"
"""Words of the variants of our own scripts: ask the strategy on each bar, though it could say which bars matter; sweep without
helpers; have the bars in memory when the clock starts, as every peer has."""

KINDS: Final = ("ours", "floor", "callback", "arrays")
"""``callback``: the strategy's Python code runs on each bar. ``arrays``: no Python code runs on a bar."""

SLOW_ROWS: Final = {"W1": 100_000, "W2": 4_000, "W5": 100_000}
"""Engines marked as slow run on so many of the first bars of each instrument, unless all are asked for."""


@dataclass(slots=True)
class Engine:
    """One engine.

    Attributes:
        key: its name on the command line.
        title: its name in the report.
        kind: one of ``KINDS``.
        scripts: workload to script.
        package: distribution whose version is reported; empty for the floors.
        python: the interpreter that runs it; empty until its environment is made.
        versions: of Python that it runs on, best first; empty where it runs in this one.
        slow: measured on fewer bars.
        note: for the report.
        path: folders put before the interpreter's own.
        variant: for scripts that can run in several ways.
        callback: whether Python code of the strategy runs on each bar, for the report.
        by_date: with several instruments, that code runs once a date for all of them and not on each bar.
    """

    key: str
    title: str
    kind: str
    scripts: dict[str, Path]
    package: str = ""
    python: str = ""
    versions: list[str] = field(default_factory=list)
    slow: bool = False
    note: str = ""
    path: list[Path] = field(default_factory=list)
    variant: str = ""
    callback: str = ""
    by_date: bool = False

    @property
    def is_peer(self) -> bool:
        """Whether it is somebody else's."""
        return self.kind in ("callback", "arrays")

    def rows(self, workload: str, rows: int, full: bool) -> int:
        """How many bars of each instrument it is given, out of ``rows``."""
        return min(rows, SLOW_ROWS.get(workload, rows)) if self.slow and not full else rows

    def asked(self, instruments: int) -> str:
        """How often Python code of the strategy runs with so many instruments, for the report."""
        return "a call a date" if self.by_date and instruments > 1 else self.callback

    def environment(self) -> dict[str, str]:
        """The environment of its process: the benchmarks can be imported, and nothing uses more threads than another."""
        search = [str(ROOT), *(str(folder) for folder in self.path)]
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
        return {**os.environ, **single, "PYTHONPATH": os.pathsep.join(search), "PYTHONHASHSEED": "0"}


def ours() -> list[Engine]:
    """Our package as it is installed beside this interpreter, in several ways, from its sources in plain Python, and the floors."""
    folder = HERE / "ours"
    cross, algorithm = folder / "sma_cross.py", folder / "algorithm.py"
    sweep, velez = folder / "sweep.py", folder / "velez.py"
    every = {"W1": cross, "W2": cross, "W5": algorithm}
    crossing = {"W1": cross, "W2": cross}
    skipping = {"W1": cross, "W2": cross, "W3": sweep, "W4": velez, "W6": cross}
    loaded = f"{EVERY_BAR}, {IN_MEMORY}"
    return [
        _own(OURS, "algo-trader", {**every, "W4": velez, "W6": cross}, EVERY_BAR, "yes"),
        _own("ours_memory", "algo-trader, bars in memory", every, loaded, "yes"),
        _own("ours_candidates", "algo-trader, candidates", skipping, "", "where it may act"),
        _own("ours_candidates_memory", "algo-trader, candidates, bars in memory", crossing, IN_MEMORY, "where it may act"),
        _own("ours_one_core", "algo-trader, candidates, one core", {"W3": sweep}, ONE_CORE, "where it may act"),
        _own("ours_window", "algo-trader, averages of data.window", {"W5": folder / "algorithm_window.py"}, "", "yes"),
        _own("ours_plain", "algo-trader, not compiled", {**every, "W4": velez}, EVERY_BAR, "yes", [ROOT / "src"]),
        _floor("loop", "floor: the rule as a bare loop"),
        _floor(CALL, "floor: a method call a bar"),
    ]


def _own(key: str, title: str, scripts: dict[str, Path], variant: str, callback: str, path: list[Path] | None = None) -> Engine:
    return Engine(key, title, "ours", scripts, "algo-trader", sys.executable, path=path or [], variant=variant, callback=callback)


def _floor(key: str, title: str) -> Engine:
    return Engine(key, title, "floor", {"W1": HERE / "floors" / f"{key}.py"}, "", sys.executable)


def peers() -> list[Engine]:
    """Every peer, by name."""
    return [read_peer(path) for path in sorted((HERE / "peers").glob("*/peer.toml"))]


def read_peer(path: Path) -> Engine:
    """One peer's description.

    Raises:
        ValueError: its kind is not known, or a script is missing.
    """
    given = tomllib.loads(path.read_text())
    scripts = {load: path.parent / name for load, name in given["scripts"].items()}
    missing = [str(script) for script in scripts.values() if not script.is_file()]
    if missing or given["kind"] not in KINDS:
        raise ValueError(f"{path}: {', '.join(missing) or given['kind']} is not there")
    return Engine(
        path.parent.name,
        given["title"],
        given["kind"],
        scripts,
        given["package"],
        versions=given["python"],
        slow=given.get("slow", False),
        note=given["note"],
        callback="yes" if given["kind"] == "callback" else "no",
        by_date=given.get("by_date", False),
    )


def choose(all_peers: list[Engine], names: str) -> list[Engine]:
    """The peers of a comma-separated list; ``all`` and ``none`` are words of their own. Hyphens and underscores are the same.

    Raises:
        ValueError: there is no such peer.
    """
    if names == "all":
        return all_peers
    wanted = [name.strip().replace("-", "_") for name in names.split(",") if name.strip() and name.strip() != "none"]
    known = {peer.key: peer for peer in all_peers}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"there is no peer {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(wanted)]
