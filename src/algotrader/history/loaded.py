"""Bars held in memory: for several runs over the same data, each of which starts at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from algotrader.core.instruments import normal_symbol
from algotrader.core.market import BarColumns
from algotrader.history.arrays import Ints, array_of
from algotrader.history.catalogue import Catalogue
from algotrader.history.checks import BAR_COLUMNS
from algotrader.history.feed import CHUNK_ROWS, cut

_NAMES: Final = ("instrument", *BAR_COLUMNS)


class LoadedCatalogue(Catalogue):
    """A catalogue that has read the bars of some symbols beforehand, and asks its folder for everything else.

    Bars that are written to the folder afterwards are not seen.

    Args:
        stored: where the bars come from.
        symbols: traded together; a run over other symbols, or over these in another order, reads the folder.
        interval: of the bars.

    Raises:
        UserError: a symbol or its interval is not in the catalogue, or a symbol is given twice.
    """

    def __init__(self, stored: Catalogue, symbols: Sequence[str], interval: str) -> None:
        super().__init__(stored.path)
        self._symbols: Final = [normal_symbol(symbol) for symbol in symbols]
        self._interval: Final = interval
        self._spans: Final = stored.spans(self._symbols, interval)
        first, last = min(span[0] for span in self._spans), max(span[1] for span in self._spans)
        every = stored.columns(self._symbols, interval, first, last, regular_only=False, chunk_rows=CHUNK_ROWS)
        self._chunks: Final = [chunk for chunk in every if len(chunk)]
        self._regular: list[BarColumns] | None = None

    def __len__(self) -> int:
        return sum(len(chunk) for chunk in self._chunks)

    def __bool__(self) -> bool:
        return True

    def spans(self, symbols: Sequence[str], interval: str) -> list[tuple[int, int]]:
        """Start of the first bar and end of the last of each symbol; see ``Catalogue``."""
        return list(self._spans) if self._holds(symbols, interval) else super().spans(symbols, interval)

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
        """Bars for a backtest; see ``Catalogue``. A chunk that lies within the period is given as it is."""
        if not self._holds(symbols, interval) or chunk_rows != CHUNK_ROWS:
            return super().columns(symbols, interval, start_ns, end_ns, regular_only=regular_only, chunk_rows=chunk_rows)
        return self._within(self._regular_chunks() if regular_only else self._chunks, start_ns, end_ns)

    def closes(self, symbol: str, interval: str, start_ns: int, end_ns: int) -> tuple[Ints, Ints]:
        """Close times and closes of one symbol; see ``Catalogue``."""
        name = normal_symbol(symbol)
        if interval != self._interval or name not in self._symbols:
            return super().closes(name, interval, start_ns, end_ns)
        number, times, prices = self._symbols.index(name), [], []
        for chunk in self._within(self._chunks, start_ns, end_ns):
            own = array_of(chunk.instrument) == number
            times.append(array_of(chunk.close_time)[own])
            prices.append(array_of(chunk.close)[own])
        none = np.empty(0, dtype=np.int64)
        return np.concatenate([none, *times]), np.concatenate([none, *prices])

    def _holds(self, symbols: Sequence[str], interval: str) -> bool:
        return interval == self._interval and [normal_symbol(symbol) for symbol in symbols] == self._symbols

    def _regular_chunks(self) -> list[BarColumns]:
        """The chunks without bars outside regular sessions, made when they are first asked for."""
        if self._regular is None:
            self._regular = [part for chunk in self._chunks for part in _kept(chunk, np.ones(len(chunk), dtype=np.bool_), True)]
        return self._regular

    def _within(self, chunks: Sequence[BarColumns], start_ns: int, end_ns: int) -> Iterator[BarColumns]:
        for chunk in chunks:
            opens, closes = array_of(chunk.open_time), array_of(chunk.close_time)
            wanted = (opens >= start_ns) & (closes <= end_ns)
            if wanted.any():
                yield from _kept(chunk, wanted, False)


def _kept(chunk: BarColumns, wanted: np.ndarray[tuple[int], np.dtype[np.bool_]], regular_only: bool) -> Iterator[BarColumns]:
    """A chunk's wanted rows, as one chunk; the chunk itself where nothing is left out."""
    regular = np.frombuffer(chunk.regular, dtype=np.bool_) if chunk.regular else np.ones(len(chunk), dtype=np.bool_)
    wanted = wanted & regular if regular_only else wanted
    if wanted.all():
        yield chunk
        return
    rows = {name: array_of(getattr(chunk, name))[wanted] for name in _NAMES}
    yield from cut(rows, regular[wanted], len(chunk))
