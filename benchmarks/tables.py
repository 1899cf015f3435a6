"""The results as text: a Markdown table for each workload, and plain records for JSON."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.engines import CALL
from benchmarks.measure import Measurement
from benchmarks.workloads import Workload


@dataclass(slots=True)
class Row:
    """A measurement and how it compares.

    Attributes:
        measured: the rounds.
        verdict: ``same``, ``within its convention``, or what is wrong.
        agrees: whether the verdict is a good one.
    """

    measured: Measurement
    verdict: str
    agrees: bool


HEAD = ("engine", "a callback a bar", "bars", "bars/s", "algo-trader ÷ this", "peak MB", "fills", "final equity", "agrees")


def markdown(load: Workload, rows: list[Row]) -> str:
    """One workload's table, the fastest engine first."""
    first = next(row.measured for row in rows if row.measured.engine.kind == "ours")
    ours = first.bars_per_second if first.outcomes else 0.0
    lines = [f"### {load.name}: {load.title}", "", "| " + " | ".join(HEAD) + " |", "|---|---|" + "--:|" * 6 + "---|"]
    for row in sorted(rows, key=_order):
        lines.append("| " + " | ".join(_cells(row, ours, load.instruments)) + " |")
    return "\n".join(lines)


def _order(row: Row) -> float:
    return -row.measured.bars_per_second if row.measured.outcomes else 0.0


def _cells(row: Row, ours: float, instruments: int) -> list[str]:
    one = row.measured
    engine = one.engine
    asked = engine.asked(instruments)
    if not one.outcomes:
        return [engine.title, asked, "", "", "", "", "", "", row.verdict]
    speed = [f"{one.bars:,}", f"{one.bars_per_second:,.0f}", f"{ours / one.bars_per_second:.2f} ×", f"{one.memory_mb:,.0f}"]
    fills = "not told" if one.fills < 0 else f"{one.fills:,}"
    result = ["", ""] if engine.key == CALL else [fills, f"{one.equity:,.2f}"]
    return [engine.title, asked, *speed, *result, row.verdict]


def machine() -> str:
    """Processor, cores, memory and system."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        model = f"{len(models)} × {models[0]}" if models else ""
    memory = Path("/proc/meminfo")
    size = f"{int(memory.read_text().split()[1]) / 2**20:.0f} GB" if memory.is_file() else ""
    return ", ".join(part for part in (model or platform.processor(), size, platform.system(), platform.machine()) if part)


def busy() -> str:
    """How busy the machine is with other things, in words; asked before anything is measured."""
    return f"Load average before the first round: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."


def page(tables: list[str], versions: dict[str, str], notes: dict[str, str], reasons: list[str], command: str, load: str) -> str:
    """All tables with what one has to know to read them."""
    day = datetime.now(UTC).date().isoformat()
    parts = [f"Measured on {day}: {machine()}. {load}", f"```\n{command}\n```", *tables]
    if reasons:
        parts.append("Conventions, with what each allows to differ:\n\n" + "\n".join(f"- {reason}" for reason in reasons))
    lines = [f"- {title} {version}. {notes[title]}".rstrip() for title, version in versions.items()]
    parts.append("Versions:\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def record(load: Workload, row: Row) -> dict[str, Any]:
    """One row as plain values."""
    one = row.measured
    base: dict[str, Any] = {
        "workload": load.name,
        "engine": one.engine.key,
        "kind": one.engine.kind,
        "rows": one.rows,
        "agrees": row.agrees,
        "verdict": row.verdict,
        "rounds": one.outcomes,
    }
    if one.outcomes:
        base.update(seconds=one.seconds, bars=one.bars, bars_per_second=one.bars_per_second, peak_rss_mb=one.memory_mb)
        base.update(fills=one.fills, final_equity=one.equity)
    return base
