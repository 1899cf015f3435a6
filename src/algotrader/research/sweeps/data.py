"""Bars shared by the runs of a sweep: read and sorted once, then memory-mapped by every worker process.

A folder holds one file of 64-bit integers for each column, and the facts about the instruments as JSON. Nothing of it travels with
a task. ``catalogue`` answers from there what a backtest asks of a catalogue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from algotrader.core.market import BarColumns
from algotrader.history.arrays import array_of
from algotrader.history.catalogue import Catalogue
from algotrader.history.checks import BAR_COLUMNS
from algotrader.history.corporate_actions import action_to_json
from algotrader.history.definitions import instrument_to_json

Column = npt.NDArray[np.int64]

COLUMNS: Final = ("instrument", *BAR_COLUMNS, "regular")
"""Columns of a table of bars, in the order of their files."""

_FACTS: Final = "facts.json"


@dataclass(frozen=True, slots=True)
class MarketColumns:
    """Bars of one interval of several symbols, sorted by close time and then by the symbols' order.

    ``columns`` has an array for each of ``COLUMNS``; ``instrument`` counts in ``symbols``, ``regular`` is 1 in the regular session.
    """

    symbols: tuple[str, ...]
    interval: str
    columns: dict[str, Column]

    def __len__(self) -> int:
        return len(self.columns["close_time"])

    def rows(self, start_ns: int, end_ns: int, regular_only: bool) -> dict[str, Column]:
        """The columns of the bars that lie within a period (nanoseconds UTC); views where nothing is left out."""
        closes = self.columns["close_time"]
        first, last = np.searchsorted(closes, start_ns, side="right"), np.searchsorted(closes, end_ns, side="right")
        part = {name: column[first:last] for name, column in self.columns.items()}
        wanted = part["open_time"] >= start_ns
        if regular_only:
            wanted &= part["regular"] != 0
        return part if wanted.all() else {name: column[wanted] for name, column in part.items()}


@dataclass(frozen=True, slots=True)
class SharedData:
    """Everything the workers need: facts about the instruments (plain JSON values) and tables of bars.

    ``digest`` is the same for the same bars, so that a sweep does not go on with other data than it began with.
    """

    facts: dict[str, Any]
    tables: list[MarketColumns]
    digest: str


def build_shared(
    catalogue: Catalogue, folder: Path, wanted: Sequence[tuple[tuple[str, ...], str]], period: tuple[int, int]
) -> SharedData:
    """Read bars from a catalogue into a folder.

    Args:
        catalogue: where the bars are stored.
        folder: an empty folder on a disk with room for them, 72 bytes a bar.
        wanted: groups of symbols, each with an interval; bars outside regular hours are included.
        period: first and last moment, nanoseconds UTC.

    Raises:
        UserError: a symbol or its bars are not in the catalogue.
        OSError: the folder cannot be written.
    """
    symbols = dict.fromkeys(symbol for group, _ in wanted for symbol in group)
    facts: dict[str, Any] = {"instruments": {}, "spans": {}, "actions": {}, "tables": []}
    for symbol in symbols:
        facts["instruments"][symbol] = instrument_to_json(catalogue.instrument(symbol))
        facts["spans"][symbol] = {name: catalogue.span(symbol, name) for name in catalogue.intervals(symbol)}
        facts["actions"][symbol] = [action_to_json(action) for action in catalogue.actions(symbol)]
    digest = hashlib.sha256(json.dumps({**facts, "period": period}, sort_keys=True).encode())
    for number, (group, interval) in enumerate(wanted):
        rows = _write_table(catalogue, folder / str(number), group, interval, period, digest)
        facts["tables"].append({"symbols": group, "interval": interval, "rows": rows})
    (folder / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
    return SharedData(facts, open_shared(folder).tables, digest.hexdigest())


def _write_table(
    catalogue: Catalogue, folder: Path, group: Sequence[str], interval: str, period: tuple[int, int], digest: Any
) -> int:
    """Append chunk after chunk to the files of the columns, so that memory does not grow with the history."""
    folder.mkdir(parents=True)
    rows = 0
    files = {name: (folder / f"{name}.i64").open("wb") for name in COLUMNS}
    try:
        for chunk in catalogue.columns(group, interval, *period, regular_only=False):
            rows += len(chunk)
            for name, file in files.items():
                column = _regular(chunk) if name == "regular" else array_of(getattr(chunk, name))
                column.tofile(file)
                digest.update(column.tobytes())
    finally:
        for file in files.values():
            file.close()
    return rows


def _regular(chunk: BarColumns) -> Column:
    """The column ``regular`` in full."""
    if not chunk.regular:
        return np.ones(len(chunk), dtype="<i8")
    return np.frombuffer(chunk.regular, dtype=np.uint8).astype("<i8")


def open_shared(folder: Path) -> SharedData:
    """Map the files of ``build_shared`` into memory; pages are read when touched and shared by all processes."""
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    tables = []
    for number, entry in enumerate(facts["tables"]):
        columns = {name: _mapped(folder / str(number) / f"{name}.i64", entry["rows"]) for name in COLUMNS}
        tables.append(MarketColumns(tuple(entry["symbols"]), entry["interval"], columns))
    return SharedData(facts, tables, "")


def _mapped(path: Path, rows: int) -> Column:
    """A file as an array; an empty file cannot be mapped."""
    return np.asarray(np.memmap(path, dtype="<i8", mode="r", shape=(rows,))) if rows else np.empty(0, dtype=np.int64)
