"""The numbers behind the charts of a tear sheet, as compact JSON that its script reads."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np

from algotrader.research import curve, thinning
from algotrader.research.formats import plain_text
from algotrader.research.result import BacktestResult, PriceSeries, RoundTripRecord, StopRecord, Times, Values

CURVE_BUCKETS = 700
"""Parts of the equity curve that keep their extremes: more than a wide screen has columns to tell apart."""

BAR_BUDGET = 40_000
"""Bars in all price charts together, about 15 bytes each."""

BARS_A_TRIP = 60
"""What each round trip adds to that budget, so that there is something to see around it."""

MOST_BARS = 150_000
"""Where that ends: about 2 megabytes."""

STOP_BUDGET = 40_000
"""Moves of stops in all price charts together."""

_MILLISECOND = 1_000_000


def payload(result: BacktestResult) -> str:
    """Give all chart data as JSON text that is safe inside an HTML script element."""
    names = _Names()
    data = {
        "curve": _curve(result),
        "histogram": _histogram(result),
        "prices": _prices(result, names),
        "trips": [_trip(trip, names) for trip in result.round_trips],
    }
    return script_safe(json.dumps({**data, "names": names.all}, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def script_safe(text: str) -> str:
    """Escape what could end a script element or a line of script; the JSON means the same."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


class _Names:
    """Texts that occur in many rows, stored once and meant by number."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.all)
            self.all.append(text)
        return self._numbers[text]


def _curve(result: BacktestResult) -> dict[str, object] | None:
    """The equity curve, its drawdown and the benchmark at the points worth drawing."""
    if len(result.equity) == 0:
        return None
    falls = curve.drawdowns(result.equity, float(result.capital))
    series = [result.equity, falls] if result.benchmark is None else [result.equity, falls, result.benchmark]
    chosen = thinning.extreme_indices(series, CURVE_BUCKETS)
    digits = max(0, 7 - int(math.log10(max(float(np.max(np.abs(result.equity))), 1.0))))
    return {
        **_times(result.equity_time[chosen]),
        "x": _deltas(chosen),
        "equity": _rounded(result.equity[chosen], min(digits, 2)),
        "drawdown": _rounded(falls[chosen], 5),
        "benchmark": None if result.benchmark is None else _rounded(result.benchmark[chosen], min(digits, 2)),
        "benchmarkName": result.benchmark_symbol or "benchmark",
        "capital": float(result.capital),
    }


def _rounded(values: Values, digits: int) -> list[float | int | None]:
    """Round for the chart; whole numbers lose their point and what is not finite becomes None."""
    rounded = np.round(values, digits).tolist()
    return [None if not math.isfinite(value) else int(value) if value == int(value) else value for value in rounded]


def _deltas(values: Times) -> list[int]:
    first = values[:1]
    steps: list[int] = np.concatenate((first, np.diff(values))).tolist()
    return steps


def _times(times: Times) -> dict[str, object]:
    """Times as a start in milliseconds, a unit, and steps in that unit: one digit a bar for evenly spaced ones."""
    milliseconds = times // _MILLISECOND
    steps = np.diff(milliseconds)
    unit = int(np.gcd.reduce(steps)) if len(steps) else 1
    return {"t0": int(milliseconds[0]), "unit": max(unit, 1), "dt": (steps // max(unit, 1)).tolist()}


def _histogram(result: BacktestResult) -> dict[str, object] | None:
    """Daily returns counted in bins of one width, one of whose edges is zero, so that no bin mixes gains and losses.

    The width follows Freedman and Diaconis (twice the interquartile range over the cube root of the number of days).
    """
    returns = curve.daily_returns(result.equity, result.session_days, float(result.capital))
    spread = float(np.ptp(returns)) if len(returns) >= 2 else 0.0
    if spread <= 0.0:
        return None
    quartiles = np.percentile(returns, (25, 75))
    width = 2.0 * float(quartiles[1] - quartiles[0]) / len(returns) ** (1 / 3)
    width = min(max(width, spread / 40), spread / 6)
    bins = np.floor(returns / width).astype(np.int64)
    counts = np.bincount(bins - bins.min()).tolist()
    return {"first": int(bins.min()), "width": width, "counts": counts, "mean": float(returns.mean())}


def _trip(trip: RoundTripRecord, names: _Names) -> list[object]:
    return [
        names.number(trip.symbol),
        names.number(trip.strategy),
        -1 if trip.side == "short" else 1,
        plain_text(trip.quantity).removesuffix(".00"),
        plain_text(trip.entry_price),
        plain_text(trip.exit_price),
        trip.entry_time // _MILLISECOND,
        trip.exit_time // _MILLISECOND,
        plain_text(trip.pnl),
        round(trip.pnl_pct, 6) if math.isfinite(trip.pnl_pct) else None,
        plain_text(trip.commission),
        None if trip.stop_price is None else plain_text(trip.stop_price),
        names.number(trip.exit_reason),
    ]


def _prices(result: BacktestResult, names: _Names) -> list[dict[str, object]]:
    known = [prices for prices in result.prices if len(prices.time)]
    budget = min(BAR_BUDGET + BARS_A_TRIP * len(result.round_trips), MOST_BARS)
    return [_chart(prices, result, names, budget // len(known), STOP_BUDGET // len(known)) for prices in known]


def _chart(prices: PriceSeries, result: BacktestResult, names: _Names, most_bars: int, most_stops: int) -> dict[str, object]:
    """One symbol's bars, the places of its round trips and open entries on them, and its stops."""
    trips = [(number, trip) for number, trip in enumerate(result.round_trips) if trip.symbol == prices.symbol]
    entries = thinning.bar_positions(np.array([trip.entry_time for _, trip in trips], dtype=np.int64), prices.time)
    exits = thinning.bar_positions(np.array([trip.exit_time for _, trip in trips], dtype=np.int64), prices.time)
    last = len(prices.time) - 1
    windows = [(min(int(a), last), min(int(b), last)) for a, b in zip(entries, exits, strict=True)]
    starts = thinning.bar_groups(len(prices.time), windows, most_bars)
    merged = thinning.merge_bars(prices, starts)
    spans = np.diff(np.append(starts, len(prices.time)))
    return {
        "symbol": names.number(prices.symbol),
        **_times(merged.time),
        "span": None if int(spans.max()) == 1 else spans.tolist(),
        **_bars(merged),
        "trips": [number for number, _ in trips],
        "entry": np.round(entries, 2).tolist(),
        "exit": np.round(exits, 2).tolist(),
        "stops": _stops(result.stops, prices, names, most_stops),
        "open": _open_entries(result, prices),
    }


def _bars(prices: PriceSeries) -> dict[str, object]:
    """Prices in whole units of their last decimal place, each as a small step from one that the script already knows."""
    digits = _decimals(prices)
    opens, highs, lows, closes = (
        np.round(values * 10.0**digits).astype(np.int64) for values in (prices.open, prices.high, prices.low, prices.close)
    )
    before = np.concatenate((np.zeros(1, dtype=np.int64), closes[:-1]))
    return {
        "digits": digits,
        "o": (opens - before).tolist(),
        "h": (highs - np.maximum(opens, closes)).tolist(),
        "l": (np.minimum(opens, closes) - lows).tolist(),
        "c": (closes - opens).tolist(),
    }


def _decimals(prices: PriceSeries) -> int:
    """Decimal places that show all prices, no more than six significant digits of a typical one need."""
    typical = max(float(np.median(np.abs(prices.close))), 1e-8)
    most = min(max(2, 5 - math.floor(math.log10(typical))), 8)
    sample = np.concatenate((prices.open, prices.high, prices.low, prices.close))
    for digits in range(most):
        if np.allclose(np.round(sample, digits), sample, rtol=1e-9, atol=0.0):
            return digits
    return most


def _stops(stops: Sequence[StopRecord], prices: PriceSeries, names: _Names, budget: int) -> list[list[object]]:
    """The stop of each strategy as (strategy, places, prices); a price of None ends a line."""
    own = [stop for stop in stops if stop.symbol == prices.symbol]
    lines = []
    for strategy in dict.fromkeys(stop.strategy for stop in own):
        line = _fewer([stop for stop in own if stop.strategy == strategy], budget)
        places = thinning.bar_positions(np.array([stop.time for stop in line], dtype=np.int64), prices.time)
        levels = [None if stop.price is None else float(stop.price) for stop in line]
        lines.append([names.number(strategy), np.round(places, 2).tolist(), levels])
    return lines


def _fewer(line: list[StopRecord], budget: int) -> list[StopRecord]:
    """Leave out moves in between when there are too many; where a stop appears and ends always stays."""
    if len(line) <= budget:
        return line
    step = -(-len(line) // budget)
    edge = {i for i, stop in enumerate(line) if stop.price is None}
    return [stop for i, stop in enumerate(line) if i % step == 0 or i in edge or i - 1 in edge or i + 1 in edge]


def _open_entries(result: BacktestResult, prices: PriceSeries) -> list[list[object]]:
    """Fills after the last round trip of their strategy (of any, where a fill names none): entries of what is still held."""
    never = -(2**62)
    closed: dict[str, int] = {}
    for trip in result.round_trips:
        if trip.symbol == prices.symbol:
            for owner in (trip.strategy, ""):
                closed[owner] = max(closed.get(owner, never), trip.exit_time)
    held = [fill for fill in result.fills if fill.symbol == prices.symbol and fill.time > closed.get(fill.strategy, never)]
    places = thinning.bar_positions(np.array([fill.time for fill in held], dtype=np.int64), prices.time)
    return [
        [round(float(x), 2), float(fill.price), 1 if fill.side == "buy" else -1, fill.time // _MILLISECOND]
        for x, fill in zip(places, held, strict=True)
    ]
