"""The equity curve, computed after the bars have run: cash and positions change rarely, prices on every bar."""

from __future__ import annotations

import numpy as np

from algotrader.core.instruments import Instrument
from algotrader.core.market import BarColumns
from algotrader.core.scaled import MONEY_SCALE
from algotrader.history.arrays import array_of
from algotrader.research.result import Times, Values
from algotrader.simulation.loop import Change


class EquityCurve:
    """Collects the account's value after every slice, chunk by chunk.

    Args:
        instruments: in the order of their numbers.
        capital: cash at the start, account currency.
    """

    def __init__(self, instruments: list[Instrument], capital: float) -> None:
        self._factors = [instrument.money_factor / 10.0**MONEY_SCALE for instrument in instruments]
        self._last_price = [0.0] * len(instruments)
        self._quantity = [0.0] * len(instruments)
        self._cash = capital
        self._times: list[Times] = []
        self._values: list[Values] = []
        self.points = 0
        self.exposed = 0

    def add(self, columns: BarColumns, changes: list[Change]) -> None:
        """Value the slices of one chunk, given the changes of cash and quantities that happened in it."""
        close_time = array_of(columns.close_time)
        index = array_of(columns.instrument)
        close = array_of(columns.close).astype(np.float64)
        times = close_time[np.flatnonzero(np.diff(close_time, prepend=close_time[0] - 1))]
        slice_of_row = np.searchsorted(times, close_time)
        value = self._cash_line(times, changes)
        exposed = np.zeros(len(times), dtype=np.bool_)
        by_index: dict[int, list[Change]] = {}
        for change in changes:
            by_index.setdefault(change.index, []).append(change)
        for number in range(len(self._factors)):
            own = by_index.get(number, [])
            rows = np.flatnonzero(index == number)
            if own or self._quantity[number]:
                prices = _carried(len(times), slice_of_row[rows], close[rows], self._last_price[number])
                quantity = _steps(times, own, [float(change.quantity_raw) for change in own], self._quantity[number])
                value = value + prices * quantity * self._factors[number]
                exposed |= quantity != 0
                self._quantity[number] = float(quantity[-1]) if len(quantity) else self._quantity[number]
            if len(rows):
                self._last_price[number] = float(close[rows[-1]])
        self._times.append(times)
        self._values.append(value)
        self.points += len(times)
        self.exposed += int(exposed.sum())

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


def _carried(length: int, at: Times, prices: Values, before: float) -> Values:
    """Prices per slice, each carried forward until the next."""
    line = np.full(length, np.nan)
    line[at] = prices
    known = np.where(np.isnan(line), -1, np.arange(length))
    known = np.maximum.accumulate(known)
    return np.where(known >= 0, line[np.maximum(known, 0)], before)


def _steps(times: Times, changes: list[Change], values: list[float], before: float) -> Values:
    """A line over the slices that takes each change's value from its slice on; of several in one slice the last holds."""
    if not changes:
        return np.full(len(times), before)
    at = np.searchsorted(times, np.array([change.time for change in changes], dtype=np.int64))
    latest = np.searchsorted(at, np.arange(len(times)), side="right")
    return np.concatenate([[before], np.array(values)])[latest]
