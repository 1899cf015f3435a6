"""The public speed comparison: our engine, the floors and the peers on the same bars, in turns, with their results compared.

Run it with ``make bench``, or ``python -m benchmarks.run --help``. It ends with 1 when an engine failed or traded otherwise than
its listed convention allows, and with 2 when it was asked for something that does not exist.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import environments, goals, startup, tables
from benchmarks.agreement import Convention, convention_of, disagreement, read_conventions
from benchmarks.engines import CALL, HERE, OURS, ROOT, Engine, choose, ours, peers
from benchmarks.measure import Bench, Measurement
from benchmarks.startup import Start
from benchmarks.tables import Row
from benchmarks.workloads import WORKLOADS, Workload

QUICK_ROWS: Final = {"W1": 20_000, "W2": 1_000, "W3": 5_000, "W5": 20_000, "W6": 5_000}
BEGIN: Final = "<!-- results: begin (make bench writes what follows) -->"
END: Final = "<!-- results: end -->"


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.run", description="Compare the speed of backtesting engines on the same bars."
    )
    parser.add_argument("--peers", default="all", help="names, comma-separated; all or none")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="such as W1,W2")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each engine; the median counts")
    parser.add_argument("--quick", action="store_true", help="few bars and one round: to see that everything works")
    parser.add_argument("--full", action="store_true", help="give slow engines all bars too")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench", help="for bars, environments and results")
    parser.add_argument("--page", type=Path, help="write the tables into this page, between its markers")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, compare, report."""
    options = arguments(given)
    try:
        loads = [WORKLOADS[name.strip().upper()] for name in options.workloads.split(",")]
        chosen = choose(peers(), options.peers)
    except (KeyError, ValueError) as error:
        print(f"{error} is not known", file=sys.stderr)
        return 2
    load_average = tables.busy()
    folder = options.folder.resolve()
    engines = [*ours(), *_installed(chosen, folder / "venvs")]
    bench = Bench(folder, options.full, lambda line: print(line, flush=True))
    conventions = read_conventions(HERE / "conventions.toml")
    rounds = 1 if options.quick else options.rounds
    results: list[tuple[Workload, list[Row]]] = []
    for load in loads:
        sized = load.first(QUICK_ROWS.get(load.name, load.rows)) if options.quick else load
        measured = bench.measure(sized, engines, rounds)
        results.append((sized, compare(bench, sized, measured, conventions)))
    starts = startup.measure(startup.commands(), rounds)
    _write(folder, results, starts, engines, conventions, options, load_average)
    faults = [f"{load.name} {row.measured.engine.title}: {row.verdict}" for load, rows in results for row in rows if not row.agrees]
    faults += [f"{start.title}: {start.fault}" for start in starts if start.fault]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _installed(chosen: list[Engine], folder: Path) -> list[Engine]:
    """The peers that can be run here; the others are named and left out."""
    ready = []
    for peer in chosen:
        try:
            print(f"environment of {peer.title}", flush=True)
            environments.prepare(peer, folder)
            ready.append(peer)
        except environments.CannotInstall as error:
            print(f"{peer.title} is left out: {error}", file=sys.stderr)
    return ready


def compare(bench: Bench, load: Workload, measured: list[Measurement], conventions: dict[tuple[str, str], Convention]) -> list[Row]:
    """Hold every engine's fills and equity against a run of ours on the same bars with the same kind of fill."""
    mine = next(one for one in measured if one.engine.kind == "ours")
    known: dict[tuple[int, str], tuple[int, float]] = {}
    if mine.outcomes:
        known[mine.rows, "open"] = (mine.fills, mine.equity)
    rows = []
    for one in measured:
        convention = convention_of(conventions, one.engine.key, load.name)
        key = (one.rows, convention.fill)
        if one.outcomes and key not in known and mine.outcomes:
            outcome = bench.once(mine.engine, load, bench.task(load, mine.engine, *key))
            known[key] = (int(outcome["fills"]), outcome["final_equity"])
        rows.append(_judge(one, known.get(key), convention))
    return rows


def _judge(one: Measurement, reference: tuple[int, float] | None, convention: Convention) -> Row:
    if one.fault or not one.outcomes or reference is None:
        return Row(one, f"failed: {one.fault or 'our own run failed'}", False)
    if one.wavers:
        return Row(one, "its rounds differ", False)
    if one.engine.key == CALL:
        return Row(one, "", True)
    fault = disagreement(one.fills, one.equity, *reference, convention)
    return Row(one, fault or ("within its convention" if convention.why else "same"), not fault)


def _write(
    folder: Path,
    results: list[tuple[Workload, list[Row]]],
    starts: list[Start],
    engines: list[Engine],
    conventions: dict[tuple[str, str], Convention],
    options: argparse.Namespace,
    load_average: str,
) -> None:
    """The tables on the screen and as Markdown, the records as JSON, and the page if one was named."""
    used = {row.measured.engine.key for _, rows in results for row in rows}
    shown = [engine for engine in engines if engine.key == OURS or (engine.is_peer and engine.key in used)]
    versions = {engine.title: environments.version(engine) for engine in shown}
    notes = {engine.title: engine.note for engine in shown}
    names = {engine.key: engine.title for engine in shown}
    reasons = [
        f"{names[key]}{' on ' + load if load else ''}: {convention.why}"
        for (key, load), convention in conventions.items()
        if key in names and (not load or load in {workload.name for workload, _ in results})
    ]
    shown_tables = [goals.markdown(goals.Found(results, starts)), *[tables.markdown(load, rows) for load, rows in results]]
    shown_tables.append(startup.markdown(starts))
    text = tables.page(shown_tables, versions, notes, reasons, _command(options), load_average)
    print("\n" + text)
    records = [tables.record(load, row) for load, rows in results for row in rows]
    stored = {"versions": versions, "results": records, "starts": [startup.record(start) for start in starts]}
    (folder / "results.json").write_text(json.dumps(stored, indent=1) + "\n")
    (folder / "results.md").write_text(text)
    if options.page is not None:
        put(options.page, text)


def _command(options: argparse.Namespace) -> str:
    words = [f"PEERS={options.peers}", f"WORKLOADS={options.workloads}", f"ROUNDS={options.rounds}"]
    return "make bench " + " ".join([*words, *(["FULL=1"] if options.full else []), *(["QUICK=1"] if options.quick else [])])


def put(path: Path, text: str) -> None:
    """Replace what stands between a page's markers.

    Raises:
        ValueError: the page lacks its markers.
    """
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no markers for the results")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
