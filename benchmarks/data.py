"""Writes the bars of a workload once: as arrays for the peers, and as a catalogue for our own package."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE
from algotrader.history.calendars import day_start, sessions
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from benchmarks.protocol import FIELDS
from benchmarks.workloads import Walk, chosen_walk, symbols

CALENDAR: Final = "XNYS"
FIRST_DAY: Final = date(2016, 1, 4)
LAST_DAY: Final = date(2023, 12, 29)
VELEZ_DAYS: Final = (date(2023, 1, 3), date(2023, 12, 29))
SEED: Final = 7
OURS_ONLY: Final = ("w6",)
"""Sets that no peer runs on: they are kept as a catalogue only."""

VERSION: Final = "1"
"""Raised whenever the bars change, so that stale ones are made anew."""

Times = npt.NDArray[np.int64]


def session_minutes(rows: int) -> Times:
    """Starts of the first ``rows`` minutes of the regular sessions of New York from 2016 on, nanoseconds UTC."""
    first, last = day_start(CALENDAR, FIRST_DAY), day_start(CALENDAR, LAST_DAY, plus_days=1)
    spans = [np.arange(day.open_time, day.close_time, NS_PER_MINUTE) for day in sessions(CALENDAR, first, last)]
    return np.concatenate(spans)[:rows]


def prepare(root: Path, name: str, instruments: int, rows: int) -> Path:
    """The folder with a set of bars, made if it is not there.

    Args:
        root: where all sets lie.
        name: of the set.
        instruments: how many.
        rows: bars of each; 0 for a year of bars that behave like a market's.
    """
    folder = root / name
    stamp = folder / "version"
    made = f"{VERSION}: {instruments} x {rows}"
    if stamp.is_file() and stamp.read_text() == made:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "arrays").mkdir(parents=True)
    catalogue = Catalogue(folder / "catalogue")
    if rows:
        _walks(catalogue, folder / "arrays", symbols(instruments), rows, () if name in OURS_ONLY else FIELDS)
    else:
        _market_like(catalogue, symbols(instruments))
    stamp.write_text(made)
    return folder


def _walks(catalogue: Catalogue, arrays: Path, names: list[str], rows: int, fields: tuple[str, ...]) -> None:
    times = session_minutes(rows)
    np.save(arrays / "time.npy", times)
    for number, symbol in enumerate(names):
        bars = chosen_walk(SEED + 1000 * number, rows)
        for name in fields:
            np.save(arrays / f"{symbol}.{name}.npy", getattr(bars, name))
        catalogue.write_bars(equity(symbol), "1m", _frame(times, bars))


def _frame(times: Times, bars: Walk) -> pl.DataFrame:
    columns = {"open_time": times, "close_time": times + NS_PER_MINUTE}
    return pl.DataFrame({**columns, **{name: getattr(bars, name) for name in FIELDS}})


def _market_like(catalogue: Catalogue, names: list[str]) -> None:
    """W4 needs trends and busy openings to trade at all: it takes the package's own generator."""
    for symbol in names:
        instrument = equity(symbol)
        catalogue.write_bars(instrument, "1m", generate(instrument, *VELEZ_DAYS, SEED))
