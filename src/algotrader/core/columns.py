"""Columns of whole numbers as the engine reads them: 64 bits each, one behind the other, no Python object for any of them.

NumPy gives and takes the same bytes without looking at them, and compiled code reads a number in a nanosecond.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Final, final

from librt.strings import read_i64_le

WIDTH: Final = 8
"""Bytes a number."""


@final
class IntColumn:
    """Signed 64-bit integers. ``raw`` is their little-endian bytes, for those who read many of them."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw: Final[bytes] = raw

    def __len__(self) -> int:
        return len(self.raw) // WIDTH

    def __getitem__(self, row: int) -> int:
        return read_i64_le(self.raw, (row if row >= 0 else row + len(self)) * WIDTH)

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IntColumn) and self.raw == other.raw

    def __hash__(self) -> int:
        return len(self.raw)

    def tolist(self) -> list[int]:
        """The numbers as Python integers."""
        return array("q", self.raw).tolist()

    def first_from(self, value: int, start: int) -> int:
        """In an ascending column, the first row from ``start`` on with at least ``value``; the length if there is none."""
        raw = self.raw
        count = len(raw) // WIDTH
        # What is looked for is mostly near: steps that double find a span around it, halving finds the row.
        low, step = start, 1
        while low + step < count and read_i64_le(raw, (low + step) * WIDTH) < value:
            low += step
            step *= 2
        high = min(low + step, count)
        while low < high:
            middle = (low + high) // 2
            if read_i64_le(raw, middle * WIDTH) < value:
                low = middle + 1
            else:
                high = middle
        return low


def int_column(values: Iterable[int]) -> IntColumn:
    """A column of these numbers.

    Raises:
        OverflowError: one does not fit into 64 bits.
    """
    return IntColumn(array("q", values).tobytes())
