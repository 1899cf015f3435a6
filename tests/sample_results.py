"""Made-up backtest results for tests of figures and reports: small ones by hand, large ones from a seeded random walk."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from algotrader.research.result import (
    BacktestResult,
    FillRecord,
    PriceSeries,
    ProblemRecord,
    RoundTripRecord,
    StopRecord,
    Times,
    Values,
)

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
START = 1_704_205_800 * SECOND  # 2024-01-02 14:30 UTC, a Tuesday, the open in New York
SESSION_MINUTES = 390

REASONS = ("stop", "target", "signal", "end of session")


def small_result(closes: Sequence[float], capital: str = "1000", points_a_day: int = 1) -> BacktestResult:
    """A result whose curve is given point by point; a point a day at 21:00 UTC unless told otherwise."""
    count = len(closes)
    days = np.arange(count, dtype=np.int64) // points_a_day
    times = START + 390 * MINUTE + days * DAY + (np.arange(count, dtype=np.int64) % points_a_day) * MINUTE
    return BacktestResult(
        strategy="Crossing",
        parameters={},
        symbols=("AAPL",),
        interval="1d",
        start=START,
        end=int(times[-1]) if count else START,
        capital=Decimal(capital),
        final_equity=Decimal(str(closes[-1])) if count else Decimal(capital),
        equity_time=times,
        equity=np.array(closes, dtype=np.float64),
        session_days=days,
    )


def trip(pnl: str, number: int = 0, *, minutes: int = 10, symbol: str = "AAPL", side: str = "long") -> RoundTripRecord:
    """A round trip of which only the profit and the duration matter."""
    return RoundTripRecord(
        trip_id=f"t{number}",
        strategy="Crossing",
        symbol=symbol,
        side=side,
        quantity=Decimal(100),
        entry_price=Decimal("10.00"),
        exit_price=Decimal("10.50"),
        entry_time=START,
        exit_time=START + minutes * MINUTE,
        pnl=Decimal(pnl),
        pnl_pct=float(pnl) / 1000,
        commission=Decimal("1.00"),
    )


def session_times(sessions: int) -> tuple[Times, Times]:
    """Starts of minute bars of weekday sessions from ``START`` on, and the number of each bar's session."""
    opens = [START + day * DAY for day in range(sessions * 2 + 7) if (day + 1) % 7 < 5][:sessions]
    minutes = np.arange(SESSION_MINUTES, dtype=np.int64) * MINUTE
    times = (np.array(opens, dtype=np.int64)[:, None] + minutes[None, :]).ravel()
    return times, np.repeat(np.arange(sessions, dtype=np.int64), SESSION_MINUTES)


def walk(symbol: str, times: Times, generator: np.random.Generator, first: float) -> PriceSeries:
    """Minute bars of a random walk in cents."""
    close = np.maximum(first * np.exp(np.cumsum(generator.normal(0.000001, 0.0006, len(times)))), 1.0).round(2)
    opened = np.concatenate((np.array([first]), close[:-1])).round(2)
    reach = np.abs(generator.normal(0.0, 0.0004, (2, len(times)))) * close
    high = (np.maximum(opened, close) + reach[0]).round(2)
    low = (np.minimum(opened, close) - reach[1]).round(2)
    return PriceSeries(symbol, times, opened, high, low, close, generator.integers(100, 9000, len(times)).astype(np.float64))


def large_result(*, sessions: int, symbols: Sequence[str], trips: int, seed: int = 7, repeat: int = 1) -> BacktestResult:
    """A year-like result: minute bars, an equity curve that follows the round trips, stops that trail, and a benchmark.

    ``repeat`` puts that many points of the curve on each bar, as if every symbol's bar made one.
    """
    generator = np.random.default_rng(seed)
    times, days = session_times(sessions)
    prices = [walk(symbol, times, generator, 80.0 + 60.0 * i) for i, symbol in enumerate(symbols)]
    round_trips, fills, stops = _trades(prices, trips, generator)
    capital = Decimal(25_000)
    gains = np.zeros(len(times))
    for item in round_trips:
        gains[min(int(np.searchsorted(times, item.exit_time)), len(times) - 1)] += float(item.pnl)
    equity = float(capital) + np.cumsum(gains) + generator.normal(0.0, 6.0, len(times))
    equity[-1] = float(capital) + float(np.sum(gains))
    result = BacktestResult(
        strategy="Velez pullback",
        parameters={"fast": 20, "slow": 200, "risk_per_trade": Decimal("0.01"), "trail": True},
        symbols=tuple(symbols),
        interval="1min",
        start=int(times[0]),
        end=int(times[-1]) + MINUTE,
        capital=capital,
        final_equity=capital + sum((item.pnl for item in round_trips), Decimal(0)),
        equity_time=np.repeat(times + MINUTE, repeat),
        equity=np.repeat(equity, repeat),
        session_days=np.repeat(days, repeat),
        exposure=0.184,
        benchmark_symbol="SPY",
        benchmark=np.repeat(_benchmark(len(times), generator, float(capital)), repeat),
        fills=fills,
        round_trips=round_trips,
        stops=stops,
        prices=prices,
        problems=[ProblemRecord(int(times[1000]), "data gap", symbols[0], "4 minutes without a bar")],
        assumptions={
            "slippage": "0.01 a share",
            "volume limit": "2.5 % of a bar's volume",
            "commission": "1.00 an order",
            "fill": "open of the next bar",
            "entry_bar_stop": "ignore",
            "latency": "0 ms",
        },
        counts={"bars": len(times) * len(symbols), "signals": trips * 3, "orders denied": 41},
        engine="algotrader 0.1.0, compiled",
    )
    result.fingerprint = "9c1f6ab0d5e27734"
    return result


def _benchmark(count: int, generator: np.random.Generator, capital: float) -> npt.NDArray[np.float64]:
    return np.asarray(capital * np.exp(np.cumsum(generator.normal(0.0000012, 0.0004, count))))


def _trades(
    prices: Sequence[PriceSeries], count: int, generator: np.random.Generator
) -> tuple[list[RoundTripRecord], list[FillRecord], list[StopRecord]]:
    round_trips: list[RoundTripRecord] = []
    fills: list[FillRecord] = []
    stops: list[StopRecord] = []
    room = len(prices[0].time) // (count // len(prices) + 2)
    for number in range(count):
        series = prices[number % len(prices)]
        first = room * (number // len(prices)) + int(generator.integers(5, max(room // 2, 6)))
        last = min(first + int(generator.integers(4, max(min(room // 2, 70), 6))), len(series.time) - 2)
        round_trips.append(_round_trip(number, series, first, last, generator))
        fills.extend(_fills(round_trips[-1]))
        stops.extend(_stops(round_trips[-1], series, first, last))
    return round_trips, fills, stops


def _round_trip(number: int, series: PriceSeries, first: int, last: int, generator: np.random.Generator) -> RoundTripRecord:
    side = "short" if generator.random() < 0.25 else "long"
    entered, left = _cents(series.open, first), _cents(series.open, last)
    quantity = Decimal(int(generator.integers(5, 60)) * 5)
    tilt = Decimal(str(round(float(generator.normal(0.05, 0.05)), 2)))
    pnl = ((left - entered) * (1 if side == "long" else -1) + tilt) * quantity - Decimal("2.00")
    return RoundTripRecord(
        f"rt-{number}",
        "Velez pullback",
        series.symbol,
        side,
        quantity,
        entered,
        left,
        int(series.time[first]),
        int(series.time[last]),
        pnl,
        float(pnl / (entered * quantity)),
        Decimal("2.00"),
        (entered * (Decimal("0.996") if side == "long" else Decimal("1.004"))).quantize(Decimal("0.01")),
        REASONS[int(generator.integers(0, len(REASONS)))],
    )


def _cents(values: Values, index: int) -> Decimal:
    return Decimal(str(round(float(values[index]), 2)))


def _fills(item: RoundTripRecord) -> list[FillRecord]:
    sides = ("buy", "sell") if item.side == "long" else ("sell", "buy")
    return [
        FillRecord(item.entry_time, item.symbol, sides[0], item.quantity, item.entry_price, Decimal(1), f"{item.trip_id}-in"),
        FillRecord(item.exit_time, item.symbol, sides[1], item.quantity, item.exit_price, Decimal(1), f"{item.trip_id}-out"),
    ]


def _stops(item: RoundTripRecord, series: PriceSeries, first: int, last: int) -> list[StopRecord]:
    assert item.stop_price is not None
    moves = [StopRecord(item.entry_time, item.symbol, item.strategy, item.stop_price)]
    for index in range(first + 4, last, 6):
        step = Decimal("0.05") * (index - first) / 4 * (1 if item.side == "long" else -1)
        moves.append(StopRecord(int(series.time[index]), item.symbol, item.strategy, item.stop_price + step))
    return [*moves, StopRecord(item.exit_time, item.symbol, item.strategy, None)]
