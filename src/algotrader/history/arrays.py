"""Between NumPy's arrays and the engine's columns of whole numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from algotrader.core.columns import IntColumn

Ints = npt.NDArray[np.int64]


def column_of(values: npt.ArrayLike) -> IntColumn:
    """A column of an array's numbers."""
    return IntColumn(np.asarray(values, dtype="<i8").tobytes())


def joined(series: pl.Series) -> IntColumn:
    """A column of a series of 64-bit integers without nulls, copied once."""
    parts: list[Any] = [part.to_numpy() for part in series.get_chunks()]
    return IntColumn(b"".join(parts))


def array_of(column: IntColumn) -> Ints:
    """The numbers of a column as an array that cannot be written to; nothing is copied."""
    return np.frombuffer(column.raw, dtype="<i8")


def rows_of_each(numbers: Ints, count: int) -> list[Ints]:
    """The rows of every number from 0 to below ``count``, ascending."""
    if count == 1:
        return [np.arange(len(numbers))]
    # Small numbers are sorted in one pass over them, and a stable sort leaves the rows of each in order.
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    edges = np.searchsorted(numbers[order], np.arange(count + 1))
    return [order[left:right] for left, right in pairwise(edges)]
