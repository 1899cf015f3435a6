"""Bars shared by the runs of a sweep: read and sorted once, then memory-mapped by every worker process.

A folder holds one file of 64-bit integers for each column, and the facts about the instruments as JSON. Nothing of it travels with
a task. ``SharedCatalogue`` answers from there what a backtest asks of a catalogue, so a run of a sweep is an ordinary backtest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from algotrader.core.instruments import Instrument, normal_symbol
from algotrader.core.market import BarColumns
from algotrader.history.catalogue import Catalogue
from algotrader.history.checks import BAR_COLUMNS
from algotrader.history.corporate_actions import Dividend, Split, action_from_json, action_to_json
from algotrader.history.definitions import instrument_from_json, instrument_to_json
from algotrader.history.feed import chunk_end

Column = npt.NDArray[np.int64]

COLUMNS: Final = ("instrument", *BAR_COLUMNS, "regular")
"""Columns of a table of bars, in the order of their files."""

CHUNK_ROWS: Final = 65_536
KEPT_ROWS: Final = 500_000
"""Rows that a worker keeps as Python lists between its runs, about 300 bytes each; larger data are converted anew for each run."""

_FACTS: Final = "facts.json"
_FRAMES_KEPT: Final = 4


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
                values = getattr(chunk, name) or [True] * len(chunk)
                column = np.asarray(values, dtype="<i8")
                column.tofile(file)
                digest.update(column.tobytes())
    finally:
        for file in files.values():
            file.close()
    return rows


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


class SharedCatalogue(Catalogue):
    """A catalogue that answers from shared tables, and reads its folder only for what they do not hold.

    Args:
        path: folder of the catalogue that the tables were read from.
        shared: the tables and facts.
    """

    def __init__(self, path: str | Path, shared: SharedData) -> None:
        super().__init__(path)
        self._shared: Final = shared
        self._known = {symbol: instrument_from_json(values) for symbol, values in shared.facts["instruments"].items()}
        self._chunks: dict[tuple[object, ...], list[BarColumns]] = {}
        self._frames: dict[tuple[object, ...], pl.DataFrame] = {}

    def instrument(self, symbol: str) -> Instrument:
        """The definition of one instrument; see ``Catalogue``."""
        return self._known.get(normal_symbol(symbol)) or super().instrument(symbol)

    def intervals(self, symbol: str) -> list[str]:
        """Intervals for which bars are stored; see ``Catalogue``."""
        spans = self._shared.facts["spans"].get(normal_symbol(symbol))
        return super().intervals(symbol) if spans is None else list(spans)

    def span(self, symbol: str, interval: str) -> tuple[int, int]:
        """Start of the first bar and end of the last; see ``Catalogue``."""
        found = self._shared.facts["spans"].get(normal_symbol(symbol), {}).get(interval)
        return super().span(symbol, interval) if found is None else (found[0], found[1])

    def actions(self, symbol: str) -> list[Split | Dividend]:
        """Splits and dividends; see ``Catalogue``."""
        entries = self._shared.facts["actions"].get(normal_symbol(symbol))
        return super().actions(symbol) if entries is None else [action_from_json(entry) for entry in entries]

    def columns(
        self,
        symbols: Sequence[str],
        interval: str,
        start_ns: int,
        end_ns: int,
        *,
        regular_only: bool,
        chunk_rows: int = CHUNK_ROWS,
    ) -> Iterator[BarColumns]:
        """Bars for a backtest; see ``Catalogue``. Lists made for one run serve the next one over the same bars."""
        names = tuple(normal_symbol(symbol) for symbol in symbols)
        table = next((t for t in self._shared.tables if t.symbols == names and t.interval == interval), None)
        if table is None:
            return super().columns(symbols, interval, start_ns, end_ns, regular_only=regular_only, chunk_rows=chunk_rows)
        key = (names, interval, start_ns, end_ns, regular_only, chunk_rows)
        if key in self._chunks:
            return iter(self._chunks[key])
        rows = table.rows(start_ns, end_ns, regular_only)
        chunks = _chunks(rows, chunk_rows)
        count = len(rows["close_time"])
        if count > KEPT_ROWS:
            return chunks
        self._make_room(count)
        self._chunks[key] = list(chunks)
        return iter(self._chunks[key])

    def _make_room(self, rows: int) -> None:
        """Forget the lists that were made first until there is room for so many rows."""
        kept = {key: sum(len(chunk) for chunk in chunks) for key, chunks in self._chunks.items()}
        for key in list(self._chunks):
            if sum(kept.values()) + rows <= KEPT_ROWS:
                return
            del self._chunks[key], kept[key]

    def scan(self, symbol: str, interval: str, start_ns: int, end_ns: int) -> pl.LazyFrame:
        """Bars of one symbol as a query; see ``Catalogue``. The last few answers are kept."""
        name = normal_symbol(symbol)
        key = (name, interval, start_ns, end_ns)
        if key not in self._frames:
            while len(self._frames) >= _FRAMES_KEPT:
                del self._frames[next(iter(self._frames))]
            self._frames[key] = self._frame(name, interval, start_ns, end_ns)
        return self._frames[key].lazy()

    def _frame(self, name: str, interval: str, start_ns: int, end_ns: int) -> pl.DataFrame:
        for table in self._shared.tables:
            if table.interval == interval and name in table.symbols:
                rows = table.rows(start_ns, end_ns, regular_only=False)
                own = rows["instrument"] == table.symbols.index(name)
                return pl.DataFrame({column: np.asarray(rows[column][own]) for column in BAR_COLUMNS})
        return super().scan(name, interval, start_ns, end_ns).collect()


def _chunks(rows: dict[str, Column], chunk_rows: int) -> Iterator[BarColumns]:
    """Cut columns into chunks of Python integers, never between bars of equal close time."""
    closes = rows["close_time"]
    start = 0
    while start < len(closes):
        end = chunk_end(closes, start, chunk_rows)
        lists = {name: column[start:end].tolist() for name, column in rows.items()}
        regular = lists.pop("regular")
        yield BarColumns(**lists, regular=None if all(regular) else [value != 0 for value in regular])
        start = end
