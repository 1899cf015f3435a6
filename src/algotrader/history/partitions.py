"""Bars of one symbol and interval in Parquet files, one a month (a year from hours up), so that only what is asked is read.

A bar belongs to the file of the moment just before it closes. So all bars of one file close before all bars of the next, across
symbols and exchanges, and a feed can go from file to file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import polars as pl

from algotrader.core.market import nanoseconds
from algotrader.errors import UserError
from algotrader.history.files import replace_file
from algotrader.history.intervals import INTERVALS, NS_PER_HOUR

ROWS_A_GROUP: Final = 4_096
"""Rows a Parquet row group: a reader of a few days skips the rest by the statistics of the groups."""


@dataclass(frozen=True, slots=True)
class Written:
    """What writing bars changed: rows that are new, rows that took the place of others, rows that were there already."""

    added: int
    replaced: int
    unchanged: int


def partition_names(interval: str) -> pl.Expr:
    """The name of the file each row belongs to: ``2014-06``, or ``2014`` for hours and days."""
    pattern = "%Y" if INTERVALS[interval] >= NS_PER_HOUR else "%Y-%m"
    return pl.from_epoch(pl.col("close_time") - 1, time_unit="ns").dt.strftime(pattern)


@lru_cache(maxsize=1024)
def bounds(name: str) -> tuple[int, int]:
    """First and last moment of a partition: bars in it close after the first and not after the last (nanoseconds UTC)."""
    year, month = int(name[:4]), int(name[5:7] or 0)
    following = (year + 1, 1) if month in (0, 12) else (year, month + 1)
    start = datetime(year, month or 1, 1, tzinfo=UTC)
    end = datetime(following[0], following[1], 1, tzinfo=UTC)
    return nanoseconds(start), nanoseconds(end)


def partition_files(folder: Path, start_ns: int, end_ns: int) -> list[Path]:
    """Files that can hold bars which lie within ``[start_ns, end_ns]``, in order of time."""
    found = []
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        if name.endswith(".parquet") and not name.startswith("."):
            first, last = bounds(name.removesuffix(".parquet"))
            if last > start_ns and first < end_ns:
                found.append(folder / name)
    return found


def merge_partition(path: Path, bars: pl.DataFrame) -> Written:
    """Merge bars into one file: a bar with an ``open_time`` that is there already takes the old one's place."""
    if not path.exists():
        _write(path, bars)
        return Written(bars.height, 0, 0)
    old = read_frame(pl.scan_parquet(path, glob=False), path)
    same_time = bars.join(old, on="open_time", how="semi").height
    unchanged = bars.join(old, on=bars.columns, how="semi").height
    merged = pl.concat([old, bars]).unique("open_time", keep="last", maintain_order=True).sort("open_time")
    if unchanged < bars.height:
        _write(path, merged)
    return Written(bars.height - same_time, same_time - unchanged, unchanged)


def _write(path: Path, bars: pl.DataFrame) -> None:
    def write(target: Path) -> None:
        bars.write_parquet(target, compression="zstd", statistics=True, row_group_size=ROWS_A_GROUP)

    replace_file(path, write)


def read_frame(lazy: pl.LazyFrame, path: Path) -> pl.DataFrame:
    """Run a query over the catalogue's files.

    Raises:
        UserError: a file under ``path`` is damaged.
    """
    try:
        return lazy.collect()
    except pl.exceptions.PolarsError as error:
        first_line = str(error).splitlines()[0]
        raise UserError(
            f"{path} cannot be read: {first_line}", "the file is damaged; delete it and import its data again"
        ) from None


def read_values(wanted: Sequence[tuple[Path, pl.Expr]]) -> list[int]:
    """One number from each of several files, read at once.

    Raises:
        UserError: a file is damaged.
    """
    queries = [pl.scan_parquet(path, glob=False).select(value) for path, value in wanted]
    try:
        return [frame.item() for frame in pl.collect_all(queries)]
    except pl.exceptions.PolarsError:
        for query, (path, _) in zip(queries, wanted, strict=True):
            read_frame(query, path)
        raise
