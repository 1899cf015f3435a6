"""The catalogue that a run of a sweep sees: it answers from shared bars, so that such a run is an ordinary backtest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from algotrader.core.instruments import Instrument, normal_symbol
from algotrader.core.market import BarColumns
from algotrader.history.arrays import Ints
from algotrader.history.catalogue import Catalogue
from algotrader.history.corporate_actions import Dividend, Split, action_from_json
from algotrader.history.definitions import instrument_from_json
from algotrader.history.feed import CHUNK_ROWS, cut
from algotrader.research.sweeps.data import SharedData

KEPT_ROWS: Final = 5_000_000
"""Rows that a worker keeps as columns between its runs, 64 bytes each; larger data are copied anew for each run."""


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

    def instrument(self, symbol: str) -> Instrument:
        """The definition of one instrument; see ``Catalogue``."""
        return self._known.get(normal_symbol(symbol)) or super().instrument(symbol)

    def intervals(self, symbol: str) -> list[str]:
        """Intervals for which bars are stored; see ``Catalogue``."""
        spans = self._shared.facts["spans"].get(normal_symbol(symbol))
        return super().intervals(symbol) if spans is None else list(spans)

    def spans(self, symbols: Sequence[str], interval: str) -> list[tuple[int, int]]:
        """Start of the first bar and end of the last of each symbol; see ``Catalogue``."""
        known = [self._shared.facts["spans"].get(normal_symbol(symbol), {}).get(interval) for symbol in symbols]
        return super().spans(symbols, interval) if None in known else [(span[0], span[1]) for span in known]

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
        chunks = cut(rows, rows.pop("regular") != 0, chunk_rows)
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

    def closes(self, symbol: str, interval: str, start_ns: int, end_ns: int) -> tuple[Ints, Ints]:
        """Close times and closes of one symbol; see ``Catalogue``."""
        name = normal_symbol(symbol)
        table = next((t for t in self._shared.tables if name in t.symbols and t.interval == interval), None)
        if table is None:
            return super().closes(name, interval, start_ns, end_ns)
        rows = table.rows(start_ns, end_ns, regular_only=False)
        own = rows["instrument"] == table.symbols.index(name)
        return rows["close_time"][own], rows["close"][own]
