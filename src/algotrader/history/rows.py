"""Rows of a file on their way into the catalogue, each with the first thing that is wrong with it."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np
import polars as pl

from algotrader.errors import UserError
from algotrader.history.calendars import ALWAYS_OPEN, Mask, session_table
from algotrader.history.intervals import DAILY, INTERVALS, known_name
from algotrader.history.reports import SHOWN, BadRow
from algotrader.history.sessions import Times
from algotrader.history.tables import LINE

_NEWEST_FIRST: Final = 0.8
_NS_PER_DAY: Final = INTERVALS[DAILY]


class Rows:
    """A table of rows with the columns ``column`` and ``reason`` of their first fault; a row without a reason is good so far.

    Args:
        frame: parsed rows with ``LINE``.
        raw: the values as they stand in the file, with ``LINE`` and under the names of the columns blamed.
    """

    def __init__(self, frame: pl.DataFrame, raw: pl.DataFrame) -> None:
        self._raw: Final = raw
        self.frame = frame.with_columns(pl.lit(None, pl.String).alias("column"), pl.lit(None, pl.String).alias("reason"))

    def blame(self, column: str, reason: str | pl.Expr, is_bad: pl.Expr) -> None:
        """Note a fault on the rows where ``is_bad`` holds, unless they have one already."""
        new = pl.col("reason").is_null() & is_bad.fill_null(False)
        text = pl.lit(reason) if isinstance(reason, str) else reason
        self.frame = self.frame.with_columns(
            pl.when(new).then(pl.lit(column)).otherwise("column").alias("column"),
            pl.when(new).then(text).otherwise("reason").alias("reason"),
        )

    def blame_lines(self, column: str, reason: str, lines: pl.Series) -> None:
        """Note a fault on the rows of these lines."""
        if lines.len():
            self.blame(column, reason, pl.col(LINE).is_in(lines.to_list()))

    def good(self) -> pl.DataFrame:
        """Rows without a fault, in order."""
        return self.frame.filter(pl.col("reason").is_null())

    def reasons(self) -> dict[str, int]:
        """How many rows each reason left out, most frequent first."""
        bad = self.frame.filter(pl.col("reason").is_not_null())
        predicate = pl.col("reason").str.contains("^(is|has) ")
        full = pl.when(predicate).then(pl.concat_str("column", pl.lit(" "), "reason")).otherwise("reason")
        named = bad.select(full.alias("reason"))
        counts = named.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
        return dict(counts.iter_rows())

    def first_bad(self) -> list[BadRow]:
        """The first bad rows by line."""
        bad = self.frame.filter(pl.col("reason").is_not_null()).sort(LINE).head(SHOWN).select(LINE, "column", "reason")
        found = bad.join(self._raw.filter(pl.col(LINE).is_in(bad[LINE].to_list())), on=LINE, maintain_order="left")
        return [BadRow(row[LINE], row["column"], _shown(row[row["column"]]), row["reason"]) for row in found.to_dicts()]


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def check_spacing(times: Times, interval: str) -> None:
    """Refuse a file whose bars are of another interval.

    Args:
        times: starts of bars (for ``1d`` their days as nanoseconds), any order.
        interval: the interval the user gave.

    Raises:
        UserError: most bars are closer together or further apart.
    """
    gaps = np.diff(np.sort(times))
    if interval == DAILY and len(gaps) and (gaps == 0).mean() > 0.5:
        raise UserError("the file has several bars a day, so its interval is not 1d", "give the right --interval, such as 1m")
    gaps = gaps[gaps > 0]
    step = INTERVALS[interval]
    if len(gaps) < 4:
        return
    values, counts = np.unique(gaps, return_counts=True)
    usual = int(values[counts.argmax()])
    too_close = (gaps < step).mean() > 0.5
    too_far = usual > (4 * step if interval == DAILY else step) and counts.max() > 0.5 * len(gaps)
    if too_close or too_far:
        name = known_name(usual)
        hint = f"import it with --interval {name}" if name else "give the right --interval"
        raise UserError(f"most bars of the file are {name or f'{usual / 1e9:g} s'} apart, not {interval}", hint)


def check_order(rows: Rows, column: str) -> list[str]:
    """Turn a file that is newest first, and blame rows whose ``column`` of times repeats or goes back. Gives notes.

    The rows kept are the longest rising run of times, so that one wrong time far ahead costs one row only.

    Raises:
        UserError: the file has no order.
    """
    good = rows.good()
    times = good[column].to_numpy()
    notes = []
    if len(times) > 1 and (np.diff(times) < 0).mean() > _NEWEST_FIRST:
        rows.frame = rows.frame.reverse()
        good = good.reverse()
        times = good[column].to_numpy()
        notes.append("the file is newest first; it was turned round")
    if len(times) < 2 or (np.diff(times) > 0).all():
        return notes
    kept = longest_rising(times)
    repeated = ~kept & np.isin(times, times[kept])
    astray = ~kept & ~repeated
    if astray.mean() > 0.5:
        raise UserError("the rows of the file are not in order of time", "sort the file by time")
    before = np.maximum.accumulate(np.where(kept, times, np.iinfo(np.int64).min))
    back = astray & (times < before)
    lines = good[LINE]
    rows.blame_lines("time", "a bar with this time is there already", lines.filter(pl.Series(repeated)))
    rows.blame_lines("time", "the time goes back", lines.filter(pl.Series(back)))
    rows.blame_lines("time", "the time is ahead of the rows that follow", lines.filter(pl.Series(astray & ~back)))
    return notes


def longest_rising(times: Times) -> Mask:
    """Mark one longest strictly rising run of times; among equal times the first is kept."""
    tails: list[int] = []
    rows_of: list[int] = []
    previous = np.full(len(times), -1, dtype=np.int64)
    for row, time in enumerate(times.tolist()):
        place = bisect_left(tails, time)
        previous[row] = rows_of[place - 1] if place else -1
        if place == len(tails):
            tails.append(time)
            rows_of.append(row)
        elif time < tails[place]:
            tails[place], rows_of[place] = time, row
    kept = np.zeros(len(times), dtype=np.bool_)
    row = rows_of[-1] if rows_of else -1
    while row >= 0:
        kept[row] = True
        row = int(previous[row])
    return kept


def check_overlap(rows: Rows, interval: str) -> None:
    """Blame bars that start before the bar before them ends."""
    good = rows.good()
    times = good["open_time"].to_numpy()
    step = INTERVALS[interval]
    if len(times) < 2 or (np.diff(times) >= step).all():
        return
    bad = []
    last = int(times[0])
    for row, time in enumerate(times[1:].tolist(), start=1):
        if time - last < step:
            bad.append(row)
        else:
            last = time
    rows.blame_lines("time", "the bar starts before the bar before it ends", good[LINE].gather(bad))


def add_session_times(rows: Rows, calendar: str) -> None:
    """Give daily rows the open and close of their session as times; blame days on which the market is closed.

    The column ``day`` holds midnights of session dates as nanoseconds, as if they were UTC.
    """
    if calendar == ALWAYS_OPEN:
        rows.frame = rows.frame.with_columns(pl.col("day").alias("open_time"), (pl.col("day") + _NS_PER_DAY).alias("close_time"))
        return
    table = session_table(calendar)
    times = {"day": table.days * _NS_PER_DAY, "open_time": table.opens, "close_time": table.closes}
    rows.frame = rows.frame.join(pl.DataFrame(times), on="day", how="left", maintain_order="left")
    rows.blame("time", f"{calendar} has no session on this day", pl.col("open_time").is_null())
