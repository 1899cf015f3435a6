"""Fixtures of the history tests: a catalogue in an empty folder, files of bars, the shared market data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from algotrader.core.market import NS_PER_MINUTE
from algotrader.history.catalogue import Catalogue

_SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """An empty catalogue."""
    return Catalogue(tmp_path / "catalogue")


@pytest.fixture
def shared() -> Path:
    """The folder of recorded market data."""
    if not _SHARED.is_dir():
        pytest.skip("the recorded market data are not here")
    return _SHARED


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes lines to a CSV file."""

    def write(*lines: str, name: str = "bars.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def minute_bars() -> Callable[..., pl.DataFrame]:
    """Give a function that makes plain minute bars of one price from a start on."""

    def make(start_ns: int, count: int, price: int = 1_000_000, step_ns: int = NS_PER_MINUTE) -> pl.DataFrame:
        opens = pl.int_range(0, count, eager=True) * step_ns + start_ns
        same = pl.repeat(price, count, eager=True, dtype=pl.Int64)
        return pl.DataFrame(
            {
                "open_time": opens,
                "close_time": opens + step_ns,
                "open": same,
                "high": same,
                "low": same,
                "close": same,
                "volume": same,
            }
        )

    return make
