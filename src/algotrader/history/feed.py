"""The feed of a backtest: bars of several symbols in order of time, in chunks, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from algotrader.core.instruments import Instrument
from algotrader.core.market import BarColumns
from algotrader.history.arrays import column_of
from algotrader.history.calendars import ALWAYS_OPEN, Times, regular_mask
from algotrader.history.checks import BAR_COLUMNS
from algotrader.history.intervals import DAILY
from algotrader.history.partitions import bounds, partition_files, read_frame

ROWS_AT_ONCE: Final = 200_000
"""Rows held in memory at a time, about; a month with more is read in several windows of time."""


@dataclass(frozen=True, slots=True)
class Source:
    """One symbol of a feed: its number in the feed, its definition and the folder of its bars."""

    number: int
    instrument: Instrument
    folder: Path


def stream(
    sources: Sequence[Source], interval: str, start_ns: int, end_ns: int, regular_only: bool, chunk_rows: int
) -> Iterator[BarColumns]:
    """Give the bars that lie within ``[start_ns, end_ns]``, sorted by close time and number, in chunks.

    Bars of equal close time are never split over two chunks, even where that makes a chunk longer than ``chunk_rows``.
    """
    for window in _windows(sources, start_ns, end_ns):
        yield from _chunks(_rows(sources, interval, window, (start_ns, end_ns), regular_only), chunk_rows)


def _rows(
    sources: Sequence[Source], interval: str, window: tuple[int, int], limits: tuple[int, int], regular_only: bool
) -> pl.DataFrame:
    """All bars that close within a window, sorted as the engine wants them."""
    frames = [_load(source, interval, window, limits, regular_only) for source in sources]
    filled = [frame for frame in frames if frame.height]
    return pl.concat(filled).sort("close_time", "instrument", maintain_order=True) if filled else pl.DataFrame()


def _windows(sources: Sequence[Source], start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
    """Spans of close time, ``(after, until]``, that hold about ``ROWS_AT_ONCE`` rows of all symbols together."""
    rows: dict[str, int] = {}
    for source in sources:
        for path in partition_files(source.folder, start_ns, end_ns):
            count = read_frame(pl.scan_parquet(path, glob=False).select(pl.len()), path).item()
            rows[path.stem] = rows.get(path.stem, 0) + count
    for name in sorted(rows):
        first, last = bounds(name)
        parts = -(-rows[name] // ROWS_AT_ONCE)
        edges = [first + (last - first) * part // parts for part in range(parts + 1)]
        yield from pairwise(edges)


def _load(source: Source, interval: str, window: tuple[int, int], limits: tuple[int, int], regular_only: bool) -> pl.DataFrame:
    """Bars of one symbol that close within a window, with the columns ``instrument`` and ``regular``."""
    files = partition_files(source.folder, *window)
    if not files:
        return pl.DataFrame()
    opens, closes = pl.col("open_time"), pl.col("close_time")
    wanted = (closes > window[0]) & (closes <= window[1]) & (opens >= limits[0]) & (closes <= limits[1])
    bars = read_frame(pl.scan_parquet(files, glob=False).filter(wanted).select(BAR_COLUMNS), source.folder)
    # A daily bar is a session, so it lies in one whatever its times say.
    always = interval == DAILY or source.instrument.calendar == ALWAYS_OPEN
    regular = np.ones(bars.height, bool) if always else regular_mask(source.instrument.calendar, bars["open_time"].to_numpy())
    tagged = bars.with_columns(pl.lit(source.number, pl.Int64).alias("instrument"), pl.Series("regular", regular))
    return tagged.filter("regular") if regular_only else tagged


def _chunks(rows: pl.DataFrame, chunk_rows: int) -> Iterator[BarColumns]:
    if not rows.height:
        return
    close_times = rows["close_time"].to_numpy()
    start = 0
    while start < rows.height:
        end = chunk_end(close_times, start, chunk_rows)
        yield _columns(rows.slice(start, end - start))
        start = end


def chunk_end(close_times: Times, start: int, chunk_rows: int) -> int:
    """Where the chunk that begins at ``start`` ends: at most ``chunk_rows`` rows on, between two different close times."""
    end = start + max(chunk_rows, 1)
    if end >= len(close_times):
        return len(close_times)
    cut = int(np.searchsorted(close_times, close_times[end], side="left"))
    return cut if cut > start else int(np.searchsorted(close_times, close_times[start], side="right"))


def _columns(rows: pl.DataFrame) -> BarColumns:
    named = {name: column_of(rows[name].to_numpy()) for name in ("instrument", *BAR_COLUMNS)}
    return BarColumns(**named, regular=b"" if rows["regular"].all() else rows["regular"].to_numpy().tobytes())
