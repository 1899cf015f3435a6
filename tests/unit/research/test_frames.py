"""Results as frames."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from algotrader.research.frames import equity_frame, fills_frame, round_trips_frame
from algotrader.research.result import BacktestResult, FillRecord, RoundTripRecord

NOON = int(datetime(2024, 3, 28, 12, tzinfo=UTC).timestamp()) * 10**9


def sample(fills: list[FillRecord], trips: list[RoundTripRecord]) -> BacktestResult:
    times = np.array([NOON, NOON + 60 * 10**9, NOON + 120 * 10**9], dtype=np.int64)
    return BacktestResult(
        strategy="s",
        parameters={},
        symbols=("AAPL",),
        interval="1m",
        start=NOON,
        end=NOON + 10**12,
        capital=Decimal(100),
        final_equity=Decimal(90),
        equity_time=times,
        equity=np.array([100.0, 120.0, 90.0]),
        session_days=np.array([1, 1, 1], dtype=np.int64),
        fills=fills,
        round_trips=trips,
    )


def test_equity_frame_has_aware_times_and_drawdown() -> None:
    frame = equity_frame(sample([], []))
    assert frame["time"][0] == datetime(2024, 3, 28, 12, tzinfo=UTC)
    assert frame["drawdown"].to_list() == [0.0, 0.0, pytest.approx(-0.25)]


def test_fills_and_round_trips_keep_every_row() -> None:
    fill = FillRecord(NOON, "AAPL", "buy", Decimal(3), Decimal("165.37"), Decimal("0.02"), "a1", "velez", "entry")
    trip = RoundTripRecord(
        "t", "velez", "AAPL", "long", Decimal(3), Decimal("165.37"), Decimal(166), NOON, NOON + 1, Decimal("1.87"), 0.1, Decimal(0)
    )
    result = sample([fill, fill], [trip])
    fills, trips = fills_frame(result), round_trips_frame(result)
    assert fills["price"].to_list() == [165.37, 165.37]
    assert fills["time"][0] == datetime(2024, 3, 28, 12, tzinfo=UTC)
    assert trips.select("symbol", "side", "pnl").rows() == [("AAPL", "long", 1.87)]


def test_a_run_without_fills_gives_empty_frames_with_the_same_columns() -> None:
    empty = sample([], [])
    assert fills_frame(empty).columns[:5] == ["time", "symbol", "side", "quantity", "price"]
    assert round_trips_frame(empty).height == 0
