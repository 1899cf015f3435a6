"""Indicators over whole columns, written apart from the engine's, to check it against.

Columns are scaled integers; ``unit`` is how many of them make one price unit. Each function gives one float a bar, NaN
where there is none yet. Windows are exact (rational arithmetic, rounded once), recursions are pandas' own.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
NAN = float("nan")


def sma(close: list[int], period: int, unit: int) -> list[float]:
    """Mean of the last closes, from differences of a cumulative sum of integers."""
    sums = np.cumsum(np.array([0, *close], dtype=np.int64))
    window = sums[period:] - sums[:-period]
    return [NAN] * min(period - 1, len(close)) + [float(Fraction(int(total), period * unit)) for total in window]


def stddev(close: list[int], period: int, unit: int) -> list[float]:
    """Population standard deviation: the variance about the mean as a fraction, then one square root."""
    out: list[float] = []
    for end in range(1, len(close) + 1):
        window = close[max(0, end - period) : end]
        if len(window) < period:
            out.append(NAN)
            continue
        mean = Fraction(sum(window), period)
        variance = sum((Fraction(price) - mean) ** 2 for price in window) / period
        out.append(float(np.sqrt(float(variance / (unit * unit)))))
    return out


def bollinger(close: list[int], period: int, unit: int, width: float) -> tuple[list[float], list[float], list[float]]:
    """Middle, upper and lower band."""
    middle, deviation = sma(close, period, unit), stddev(close, period, unit)
    upper = [m + width * d for m, d in zip(middle, deviation, strict=True)]
    lower = [m - width * d for m, d in zip(middle, deviation, strict=True)]
    return middle, upper, lower


def rolling_extreme(column: list[int], period: int, unit: int, *, highest: bool) -> list[float]:
    """Rolling maximum or minimum."""
    window = pd.Series(column, dtype="float64").rolling(period)
    raw = window.max() if highest else window.min()
    return [float(value) / unit for value in raw]


def vwap(high: list[int], low: list[int], close: list[int], volume: list[int], session: list[int], unit: int) -> list[float]:
    """Cumulative volume-weighted typical price by session number."""
    out: list[float] = []
    for start in sorted({session.index(number) for number in session}):
        weighted, traded = Fraction(0), 0
        for row in range(start, start + session.count(session[start])):
            weighted += Fraction(high[row] + low[row] + close[row], 3) * volume[row]
            traded += volume[row]
            out.append(float(weighted / traded / unit) if traded else NAN)
    return out


def seeded_ewm(values: Floats, period: int, alpha: float) -> Floats:
    """Exponential smoothing that starts as the mean of the first ``period`` values."""
    out = np.full(len(values), NAN)
    if len(values) >= period:
        seeded = np.concatenate([[values[:period].mean()], values[period:]])
        out[period - 1 :] = pd.Series(seeded).ewm(alpha=alpha, adjust=False).mean().to_numpy()
    return out


def ema(close: list[int], period: int, unit: int) -> Floats:
    """Exponential moving average seeded with the simple one."""
    return seeded_ewm(np.array(close) / unit, period, 2 / (period + 1))


def rsi(close: list[int], period: int, unit: int) -> Floats:
    """Relative strength index by way of the relative strength, as Wilder wrote it; 50 where nothing moved."""
    change = np.diff(np.array(close, dtype=np.float64)) / unit
    gain = seeded_ewm(np.clip(change, 0, None), period, 1 / period)
    loss = seeded_ewm(np.clip(-change, 0, None), period, 1 / period)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = 100 - 100 / (1 + gain / loss)
    index[(gain == 0) & (loss == 0)] = 50
    return np.concatenate([[NAN], index])[: len(close)]


def true_ranges(high: list[int], low: list[int], close: list[int]) -> pd.Series[float]:
    """The greatest of high - low and the distances of both from the previous close."""
    frame = pd.DataFrame({"high": high, "low": low, "previous": pd.Series(close).shift()}, dtype="float64")
    spread = frame["high"] - frame["low"]
    above, below = (frame["high"] - frame["previous"]).abs(), (frame["low"] - frame["previous"]).abs()
    return pd.concat([spread, above, below], axis=1).max(axis=1)


def atr(high: list[int], low: list[int], close: list[int], period: int, unit: int) -> Floats:
    """Average true range."""
    return seeded_ewm(true_ranges(high, low, close).to_numpy() / unit, period, 1 / period)


def adx(high: list[int], low: list[int], close: list[int], period: int) -> tuple[Floats, Floats, Floats]:
    """Plus and minus directional indicator and the average directional index, from smoothed means instead of sums."""
    size = len(close)
    empty = np.full(size, NAN)
    if size <= period:
        return empty, empty.copy(), empty.copy()
    up, down = np.diff(np.array(high, dtype=np.float64)), -np.diff(np.array(low, dtype=np.float64))
    plus_move, minus_move = np.where((up > down) & (up > 0), up, 0.0), np.where((down > up) & (down > 0), down, 0.0)
    ranges = np.asarray(true_ranges(high, low, close), dtype=np.float64)
    reach = seeded_ewm(ranges[1:], period, 1 / period)
    indicators = []
    for move in (plus_move, minus_move):
        smooth = seeded_ewm(move, period, 1 / period)
        indicators.append(np.divide(100 * smooth, reach, out=np.where(np.isnan(reach), NAN, 0.0), where=reach > 0))
    plus, minus = (np.asarray(column, dtype=np.float64) for column in indicators)
    total = plus + minus
    difference = 100 * np.abs(plus - minus)
    index: Floats = np.divide(difference, total, out=np.where(np.isnan(total), NAN, 0.0), where=total > 0).astype(np.float64)
    average = np.full(size - 1, NAN)
    average[period - 1 :] = seeded_ewm(index[period - 1 :], period, 1 / period)
    return tuple(np.concatenate([[NAN], column]) for column in (plus, minus, average))  # type: ignore[return-value]
