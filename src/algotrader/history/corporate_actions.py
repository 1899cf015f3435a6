"""Splits and dividends, and series adjusted for splits.

The engine trades raw prices and hears of a split as an event. Adjusted series are for research: they are rounded half-even to a
millionth and are never used for orders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import numpy as np
import polars as pl

from algotrader.core.scaled import div_half_even
from algotrader.history.calendars import day_start
from algotrader.history.sessions import Times

ADJUSTED_SCALE: Final = 6
"""Decimal places of an adjusted price."""

_SNAP_DENOMINATOR: Final = 50
_SNAP_TOLERANCE: Final = Fraction(5, 1_000_000)
_INT64_ROOM: Final = 2**62


@dataclass(frozen=True, slots=True)
class Split:
    """``numerator`` new shares for every ``denominator`` old ones from ``ex_date`` on: 7 and 1 for a 7:1 split."""

    ex_date: date
    numerator: int
    denominator: int = 1

    def __post_init__(self) -> None:
        if self.numerator < 1 or self.denominator < 1:
            raise ValueError(f"split of {self.ex_date}: the ratio must be positive")

    @property
    def ratio(self) -> Fraction:
        """New shares for one old share, exact."""
        return Fraction(self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Dividend:
    """Cash for each share held before ``ex_date``, in the instrument's currency."""

    ex_date: date
    cash: Decimal

    def __post_init__(self) -> None:
        if not self.cash.is_finite() or self.cash <= 0:
            raise ValueError(f"dividend of {self.ex_date}: the cash per share must be positive")


def in_order(actions: Iterable[Split | Dividend]) -> list[Split | Dividend]:
    """Sort by ex-date; on one day the split comes first."""
    return sorted(actions, key=lambda action: (action.ex_date, isinstance(action, Dividend)))


def effective_ns(action: Split | Dividend, calendar: str) -> int:
    """From when on prices show the action: midnight at the exchange on the ex-date, before its pre-market (nanoseconds UTC)."""
    return day_start(calendar, action.ex_date)


def simple_ratio(value: Decimal) -> Fraction:
    """The ratio that a rounded split factor stands for: 1.999996 gives 2, 1.5 gives 3/2.

    The smallest denominator up to 50 that comes within five millionths wins; a value near none of those stays what it is.
    """
    exact = Fraction(value)
    for denominator in range(1, _SNAP_DENOMINATOR + 1):
        candidate = Fraction(round(exact * denominator), denominator)
        if candidate > 0 and abs(candidate - exact) <= exact * _SNAP_TOLERANCE:
            return candidate
    return exact


def split_adjusted(
    bars: pl.DataFrame, actions: Iterable[Split | Dividend], calendar: str, price_scale: int, quantity_scale: int = 0
) -> pl.DataFrame:
    """Restate bars in shares of today: prices before a split are divided by its ratio, volumes multiplied.

    Args:
        bars: the catalogue's columns, raw.
        actions: dividends among them are left alone.
        calendar: tells when the ex-date begins.
        price_scale: decimal places of the raw prices; the adjusted ones have ``ADJUSTED_SCALE``.
        quantity_scale: decimal places of the volumes, before and after.

    Returns:
        The same columns; prices are integers at ``ADJUSTED_SCALE``, rounded half-even.
    """
    splits = [(effective_ns(action, calendar), action.ratio) for action in actions if isinstance(action, Split)]
    opens = bars["open_time"].to_numpy()
    edges = sorted({time for time, _ in splits})
    segment = np.searchsorted(np.asarray(edges, dtype=np.int64), opens, side="right")
    columns = {name: bars[name].to_numpy().copy() for name in ("open", "high", "low", "close", "volume")}
    for number in range(len(edges) + 1):
        rows = segment == number
        ratio = _product(share for time, share in splits if number < len(edges) and time >= edges[number])
        for name, values in columns.items():
            factor = ratio if name == "volume" else Fraction(10) ** (ADJUSTED_SCALE - price_scale) / ratio
            values[rows] = times_ratio(values[rows], factor)
    return bars.with_columns(pl.Series(name, values) for name, values in columns.items())


def _product(ratios: Iterable[Fraction]) -> Fraction:
    product = Fraction(1)
    for ratio in ratios:
        product *= ratio
    return product


def times_ratio(values: Times, ratio: Fraction) -> Times:
    """Multiply integers by a fraction, rounding half to even; exact also where the product leaves 64 bits."""
    if len(values) == 0:
        return values
    up, down = ratio.numerator, ratio.denominator
    if int(np.abs(values).max()) * up >= _INT64_ROOM or down >= _INT64_ROOM:
        return np.asarray([div_half_even(int(value) * up, down) for value in values], dtype=np.int64)
    quotient, rest = np.divmod(values * up, down)
    above = (rest * 2 > down) | ((rest * 2 == down) & (quotient % 2 == 1))
    return np.asarray(quotient + above, dtype=np.int64)


def action_to_json(action: Split | Dividend) -> dict[str, Any]:
    """An action as plain JSON values."""
    day = action.ex_date.isoformat()
    if isinstance(action, Split):
        return {"kind": "split", "ex_date": day, "numerator": action.numerator, "denominator": action.denominator}
    return {"kind": "dividend", "ex_date": day, "cash": str(action.cash)}


def action_from_json(entry: dict[str, Any]) -> Split | Dividend:
    """The action that ``action_to_json`` wrote.

    Raises:
        KeyError, ValueError, ArithmeticError: the entry is damaged.
    """
    day = date.fromisoformat(entry["ex_date"])
    if entry["kind"] == "split":
        return Split(day, int(entry["numerator"]), int(entry["denominator"]))
    return Dividend(day, Decimal(entry["cash"]))
