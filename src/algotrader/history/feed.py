"""The feed of a backtest: bars of several symbols in order of time, in chunks, with bounded memory.

The files of a window of time are read by one query, and while its bars are traded the next window is read in the background.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from polars.lazyframe.in_process import InProcessQuery

from algotrader.core.columns import IntColumn
from algotrader.core.instruments import Instrument
from algotrader.core.market import BarColumns
from algotrader.history.arrays import Ints, array_of, column_of, joined
from algotrader.history.calendars import ALWAYS_OPEN, Mask, regular_mask
from algotrader.history.checks import BAR_COLUMNS
from algotrader.history.intervals import DAILY, interval_ns
from algotrader.history.partitions import bounds, partition_files, read_frame

ROWS_AT_ONCE: Final = 120_000
"""Rows of a window, about; two windows are in memory at a time. A month with more is read in several windows."""

FIRST_ROWS: Final = 25_000
"""Rows of the first window, about, for which the run has to wait; each later one may have three times as many as the one before."""

CHUNK_ROWS: Final = 131_072
"""Rows of a chunk at most: enough that work done once a chunk does not count, even for fifty instruments."""

BYTES_A_ROW: Final = 20
"""Bars take about 25 bytes in a file; windows are planned by the files' sizes, rather too small than too large."""

Rows = dict[str, Ints]


@dataclass(frozen=True, slots=True)
class Source:
    """One symbol of a feed: its number in the feed, its definition and the folder of its bars."""

    number: int
    instrument: Instrument
    folder: Path


@dataclass(frozen=True, slots=True)
class Window:
    """A span of close time, ``(after, until]`` in nanoseconds UTC, and for each source the files with bars in it."""

    after: int
    until: int
    files: list[tuple[Source, list[Path]]]


def stream(
    sources: Sequence[Source], interval: str, start_ns: int, end_ns: int, regular_only: bool, chunk_rows: int
) -> Iterator[BarColumns]:
    """Give the bars that lie within ``[start_ns, end_ns]``, sorted by close time and number, in chunks.

    Bars of equal close time are never split over two chunks, even where that makes a chunk longer than ``chunk_rows``.

    Raises:
        UserError: a file is damaged.
    """
    calendars = {source.number: source.instrument.calendar for source in sources if interval != DAILY}
    windows = _windows(sources, interval, start_ns, end_ns)
    ahead = _begin(next(windows, None), start_ns, end_ns)
    try:
        while ahead is not None:
            (window, reading), ahead = ahead, None
            frame = _finish(window, reading)
            ahead = _begin(next(windows, None), start_ns, end_ns)
            owners = np.array([source.number for source, files in window.files for _ in files], dtype=np.int64)
            rows = _columns(frame, owners)
            del frame
            yield from _chunks(rows, calendars, regular_only, chunk_rows)
            del rows
    finally:
        if ahead is not None:
            # Nobody wants it any more, but polars complains of a reader who went away.
            with suppress(pl.exceptions.PolarsError):
                ahead[1].fetch_blocking()


def _begin(window: Window | None, start_ns: int, end_ns: int) -> tuple[Window, InProcessQuery] | None:
    """Start to read a window in the background."""
    return None if window is None else (window, _query(window, start_ns, end_ns).collect(background=True))


def _finish(window: Window, reading: InProcessQuery) -> pl.DataFrame:
    """Wait for the bars of a window."""
    try:
        return reading.fetch_blocking()
    except pl.exceptions.PolarsError:
        _name_damaged(window)
        raise


def _name_damaged(window: Window) -> None:
    """Read file by file, so that the message names the one that cannot be read."""
    for _, files in window.files:
        for path in files:
            read_frame(pl.scan_parquet(path, glob=False), path)


def _query(window: Window, start_ns: int, end_ns: int) -> pl.LazyFrame:
    """The bars of a window as the engine wants them sorted; ``instrument`` counts in the window's files."""
    opens, closes = pl.col("open_time"), pl.col("close_time")
    wanted = (closes > window.after) & (closes <= window.until) & (opens >= start_ns) & (closes <= end_ns)
    paths = [str(path) for _, files in window.files for path in files]
    if len(window.files) == 1:
        bars = pl.scan_parquet(paths, glob=False).filter(wanted).select(BAR_COLUMNS)
        return bars.with_columns(pl.lit(0, pl.Int64).alias("instrument"))
    place = pl.col("instrument").cast(pl.Enum(paths)).to_physical().cast(pl.Int64)
    bars = pl.scan_parquet(paths, glob=False, include_file_paths="instrument").filter(wanted).select(*BAR_COLUMNS, place)
    # The files of each source follow each other, so that a stable sort puts equal times in the order of the sources.
    return bars.sort("close_time", maintain_order=True)


def _windows(sources: Sequence[Source], interval: str, start_ns: int, end_ns: int) -> Iterator[Window]:
    """Windows that follow each other and hold, together, every bar between two moments."""
    by_name: dict[str, list[tuple[Source, Path]]] = {}
    for source in sources:
        for path in partition_files(source.folder, start_ns, end_ns):
            by_name.setdefault(path.stem, []).append((source, path))
    length, room, held = interval_ns(interval), FIRST_ROWS, 0
    names: list[str] = []
    for name in sorted(by_name):
        first, last = bounds(name)
        rows = sum(min(path.stat().st_size // BYTES_A_ROW, (last - first) // length) for _, path in by_name[name])
        if names and held + rows > min(room, ROWS_AT_ONCE):
            yield _joined(names, by_name)
            names, held, room = [], 0, room * 3
        if rows > ROWS_AT_ONCE:
            files = _joined([name], by_name).files
            parts = -(-rows // ROWS_AT_ONCE)
            edges = [first + (last - first) * part // parts for part in range(parts + 1)]
            yield from (Window(after, until, files) for after, until in pairwise(edges))
        else:
            names.append(name)
            held += rows
    if names:
        yield _joined(names, by_name)


def _joined(names: Sequence[str], by_name: dict[str, list[tuple[Source, Path]]]) -> Window:
    """The window of several partitions that follow each other."""
    files: dict[int, tuple[Source, list[Path]]] = {}
    for name in names:
        for source, path in by_name[name]:
            files.setdefault(source.number, (source, []))[1].append(path)
    return Window(bounds(names[0])[0], bounds(names[-1])[1], [files[number] for number in sorted(files)])


def _columns(frame: pl.DataFrame, owners: Ints) -> dict[str, IntColumn]:
    """The engine's columns of a window's bars; ``owners`` has the number of the source for each file."""
    columns = {name: joined(frame[name]) for name in BAR_COLUMNS}
    places = frame["instrument"].to_numpy()
    columns["instrument"] = column_of(owners[places] if len(owners) > 1 else places + owners[0])
    return columns


def _chunks(columns: dict[str, IntColumn], calendars: dict[int, str], regular_only: bool, chunk_rows: int) -> Iterator[BarColumns]:
    rows = {name: array_of(column) for name, column in columns.items()}
    regular = _regular(rows, calendars)
    whole = bool(regular.all())
    if whole and 0 < len(regular) <= chunk_rows:
        yield BarColumns(**columns, regular=b"")
        return
    if regular_only and not whole:
        rows, regular = {name: column[regular] for name, column in rows.items()}, regular[regular]
    yield from cut(rows, regular, chunk_rows)


def _regular(rows: Rows, calendars: dict[int, str]) -> Mask:
    """Which rows lie in their regular session. A daily bar is a session, so it lies in one whatever its times say."""
    found = np.ones(len(rows["close_time"]), dtype=np.bool_)
    for calendar in sorted(set(calendars.values()) - {ALWAYS_OPEN}):
        numbers = [number for number, name in calendars.items() if name == calendar]
        own = slice(None) if len(numbers) == len(calendars) else np.isin(rows["instrument"], numbers)
        found[own] = regular_mask(calendar, rows["open_time"][own])
    return found


def cut(rows: Rows, regular: Mask, chunk_rows: int) -> Iterator[BarColumns]:
    """Cut columns into chunks, never between bars of equal close time."""
    closes = rows["close_time"]
    start = 0
    while start < len(closes):
        end = chunk_end(closes, start, chunk_rows)
        inside = regular[start:end]
        flags = b"" if inside.all() else inside.tobytes()
        yield BarColumns(**{name: column_of(column[start:end]) for name, column in rows.items()}, regular=flags)
        start = end


def chunk_end(close_times: Ints, start: int, chunk_rows: int) -> int:
    """Where the chunk that begins at ``start`` ends: at most ``chunk_rows`` rows on, between two different close times."""
    end = start + max(chunk_rows, 1)
    if end >= len(close_times):
        return len(close_times)
    before = int(np.searchsorted(close_times, close_times[end], side="left"))
    return before if before > start else int(np.searchsorted(close_times, close_times[start], side="right"))
