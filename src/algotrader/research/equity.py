"""The equity curve, computed after the bars have run: cash and positions change rarely, prices on every bar."""

from __future__ import annotations

import numpy as np

from algotrader.core.instruments import Instrument
from algotrader.core.market import BarColumns
from algotrader.core.scaled import MONEY_SCALE
from algotrader.history.arrays import array_of, rows_of_each
from algotrader.research.result import Times, Values
from algotrader.simulation.loop import Change


class EquityCurve:
    """Collects the account's value after every slice, chunk by chunk.

    Args:
        instruments: in the order of their numbers.
        capital: cash at the start, account currency.
        benchmark: the instrument whose closes are kept too; any other name keeps none.
    """

    def __init__(self, instruments: list[Instrument], capital: float, benchmark: str) -> None:
        self._factors = [instrument.money_factor / 10.0**MONEY_SCALE for instrument in instruments]
        self._last_price = [0.0] * len(instruments)
        self._quantity = [0.0] * len(instruments)
        self._cash = capital
        self._times: list[Times] = []
        self._values: list[Values] = []
        self._benchmark = benchmark
        self._kept = [number for number, instrument in enumerate(instruments) if instrument.symbol == benchmark]
        self._closes: list[Values] = []
        self.points = 0
        self.exposed = 0

    def add(self, columns: BarColumns, changes: list[Change]) -> None:
        """Value the slices of one chunk, given the changes of cash and quantities that happened in it."""
        close_time = array_of(columns.close_time)
        close = array_of(columns.close).astype(np.float64)
        new = close_time[1:] != close_time[:-1]
        starts = None if new.all() else np.concatenate([[0], np.flatnonzero(new) + 1])
        times = close_time if starts is None else close_time[starts]
        value = self._cash_line(times, changes)
        exposed = np.zeros(len(times), dtype=np.bool_)
        by_index: dict[int, list[Change]] = {}
        for change in changes:
            by_index.setdefault(change.index, []).append(change)
        count = len(self._factors)
        numbers = array_of(columns.instrument)
        # Where every slice has a bar of every instrument, the rows of one are every so many rows.
        grid = len(close) == len(times) * count and bool((numbers.reshape(-1, count) == np.arange(count)).all())
        owned: list[Times | None] = [None] * count if grid else [*rows_of_each(numbers, count)]
        for number, rows in enumerate(owned):
            own = by_index.get(number, [])
            kept = number in self._kept
            closes = close[number::count] if rows is None else close[rows]
            if own or self._quantity[number] or kept:
                prices, whole = (
                    (closes, True) if rows is None else _carried(starts, len(times), rows, closes, self._last_price[number])
                )
            if own or self._quantity[number]:
                quantity = _steps(times, own, [float(change.quantity_raw) for change in own], self._quantity[number])
                value += prices * quantity * self._factors[number]
                exposed |= quantity != 0
                self._quantity[number] = float(quantity[-1]) if len(quantity) else self._quantity[number]
            if kept:
                self._keep(prices, whole)
            if len(closes):
                self._last_price[number] = float(closes[-1])
        self._times.append(times)
        self._values.append(value)
        self.points += len(times)
        self.exposed += int(exposed.sum())

    def _keep(self, prices: Values, whole: bool) -> None:
        """Keep the benchmark's closes as long as it has a bar in every slice; what it did between others is not known here."""
        if whole:
            self._closes.append(prices)
        else:
            self._kept, self._closes = [], []

    def closes(self, symbol: str) -> Values | None:
        """The closes of an instrument that has a bar at every point, scaled; None where they were not kept."""
        if symbol != self._benchmark or not self._kept or not self._closes:
            return None
        return np.concatenate(self._closes)

    def _cash_line(self, times: Times, changes: list[Change]) -> Values:
        line = _steps(times, changes, [change.cash / 10.0**MONEY_SCALE for change in changes], self._cash)
        if changes:
            self._cash = changes[-1].cash / 10.0**MONEY_SCALE
        return line

    def curve(self) -> tuple[Times, Values]:
        """Times (nanoseconds UTC) and values (account currency) of all slices."""
        if not self._times:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        return np.concatenate(self._times), np.concatenate(self._values)

    @property
    def exposure(self) -> float:
        """Fraction of the slices with an open position."""
        return self.exposed / self.points if self.points else 0.0


def _carried(starts: Times | None, length: int, rows: Times, prices: Values, before: float) -> tuple[Values, bool]:
    """Prices per slice, each carried forward until the next, and whether every slice has one.

    Args:
        starts: the row with which each slice begins; None when each is one row.
        length: how many slices there are.
        rows: where the prices come from.
        prices: scaled.
        before: the price until the first of them.
    """
    at = rows if starts is None else np.searchsorted(starts, rows, side="right") - 1
    if len(at) == length and bool((at[1:] > at[:-1]).all()):
        return prices, True
    return _line(length, at, prices, before), False


def _steps(times: Times, changes: list[Change], values: list[float], before: float) -> Values:
    """A line over the slices that takes each change's value from its slice on; of several in one slice the last holds."""
    at = np.searchsorted(times, np.array([change.time for change in changes], dtype=np.int64))
    return _line(len(times), at, np.array(values, dtype=np.float64), before)


def _line(length: int, at: Times, values: Values, before: float) -> Values:
    """A line that takes each value from its place on, until the next; the places ascend."""
    return np.repeat(np.concatenate([[before], values]), np.diff(at, prepend=0, append=length))
