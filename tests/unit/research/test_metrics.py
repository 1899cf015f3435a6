"""The figures of a backtest against cases computed by hand."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_results import DAY, MINUTE, START, small_result, trip

from algotrader.research import curve
from algotrader.research.metrics import NO_LOSSES, compute_metrics
from algotrader.research.result import BacktestResult, FillRecord

# Capital 1000 and closes 1010, 999.9, 1019.898: returns +1 %, -1 %, +2 %.
# Mean 0.02 / 3 = 0.0066667. Squared distances 1.1111e-5 + 2.7778e-4 + 1.7778e-4 = 4.6667e-4, over 2 = 2.3333e-4, root 0.0152753.
# Sharpe 0.0066667 / 0.0152753 = 0.436436, times root of 252 (15.874508) = 6.928203.
# Downside root of (0.01^2 / 3) = 0.0057735; Sortino 0.0066667 / 0.0057735 = 1.154701, times 15.874508 = 18.330303.
# Volatility 0.0152753 * 15.874508 = 0.242487. Drawdown (1010 - 999.9) / 1010 = 0.01, from day 1 to day 3 = 2 days.
THREE_DAYS = (1010.0, 999.9, 1019.898)


@pytest.mark.covers("A219")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sharpe", 6.928203),
        ("sortino", 18.330303),
        ("volatility", 0.242487),
        ("max_drawdown", 0.01),
        ("longest_drawdown_days", 2.0),
        ("best_day", 0.02),
        ("worst_day", -0.01),
        ("total_return", 0.019898),
        ("sessions", 3),
    ],
)
def test_daily_figures_by_hand(name: str, expected: float) -> None:
    metrics = compute_metrics(small_result(THREE_DAYS))
    assert getattr(metrics, name) == pytest.approx(expected, abs=1e-6)


def test_net_profit_is_exact() -> None:
    assert compute_metrics(small_result(THREE_DAYS)).net_profit == Decimal("19.898")


def test_growth_and_calmar_by_hand() -> None:
    # Two sessions of four a year are half a year: 1.1 ^ 2 - 1 = 0.21. Drawdown (1000 - 900) / 1000 = 0.1. Calmar 2.1.
    result = small_result((900.0, 1100.0))
    result.annual_sessions = 4
    metrics = compute_metrics(result)
    assert metrics.cagr == pytest.approx(0.21)
    assert metrics.calmar == pytest.approx(2.1)


@pytest.mark.covers("A219")
def test_round_trips_by_hand() -> None:
    # Gross win 30 + 20 = 50, gross loss 10 + 15 = 25; the zero counts as a round trip, but as neither win nor loss.
    result = small_result((1025.0,))
    result.round_trips = [trip(pnl, i, minutes=i + 1) for i, pnl in enumerate(("30", "-10", "0", "20", "-15"))]
    metrics = compute_metrics(result)
    assert metrics.round_trips == 5
    assert metrics.win_rate == pytest.approx(0.4)
    assert metrics.profit_factor == pytest.approx(2.0)
    assert metrics.expectancy == Decimal(5)
    assert (metrics.average_win, metrics.average_loss) == (Decimal(25), Decimal("-12.5"))
    assert (metrics.largest_win, metrics.largest_loss) == (Decimal(30), Decimal(-15))
    assert metrics.average_duration_seconds == 180


@pytest.mark.covers("A219")
@pytest.mark.parametrize(
    ("pnls", "factor", "rate"),
    [((), 0.0, 0.0), (("0", "0"), 0.0, 0.0), (("5",), NO_LOSSES, 1.0), (("5", "0"), NO_LOSSES, 0.5), (("-5",), 0.0, 0.0)],
)
def test_profit_factor_at_its_edges(pnls: tuple[str, ...], factor: float, rate: float) -> None:
    result = small_result((1000.0,))
    result.round_trips = [trip(pnl, i) for i, pnl in enumerate(pnls)]
    metrics = compute_metrics(result)
    assert (metrics.profit_factor, metrics.win_rate) == (factor, rate)


def test_fees_and_turnover_by_hand() -> None:
    # Traded 10 * 20 + 10 * 30 = 500; average equity 1000; 2 of 4 sessions are half a year: 500 / 1000 / 0.5 = 1.
    result = small_result((950.0, 1050.0))
    result.annual_sessions = 4
    result.fills = [
        FillRecord(START, "AAPL", side, Decimal(10), Decimal(price), Decimal(fee), side)
        for side, price, fee in (("buy", "20", "0.10"), ("sell", "30", "0.20"))
    ]
    metrics = compute_metrics(result)
    assert metrics.fees == Decimal("0.30")
    assert metrics.turnover == pytest.approx(1.0)
    assert metrics.fills == 2


def test_alpha_and_beta_by_hand() -> None:
    # The account makes twice the benchmark's return and a tenth of a per cent more each day: beta 2, alpha 0.001 * 252 = 0.252.
    market = np.array((0.01, -0.01, 0.02, 0.0))
    result = small_result(tuple(1000 * np.cumprod(1 + 2 * market + 0.001)))
    result.benchmark = 1000 * np.cumprod(1 + market)
    metrics = compute_metrics(result)
    assert metrics.beta == pytest.approx(2.0)
    assert metrics.alpha == pytest.approx(0.252)
    # 1.01 * 0.99 * 1.02 = 1.019898
    assert metrics.benchmark_return == pytest.approx(0.019898)


def test_alpha_and_beta_need_a_benchmark_that_moves() -> None:
    result = small_result(THREE_DAYS)
    assert (compute_metrics(result).alpha, compute_metrics(result).beta, compute_metrics(result).benchmark_return) == (
        None,
        None,
        None,
    )
    result.benchmark = np.array((1000.0, 1000.0, 1000.0))
    assert (compute_metrics(result).alpha, compute_metrics(result).beta) == (None, None)


def test_only_the_last_point_of_a_session_makes_a_daily_return() -> None:
    # Two points a day; closes 1010 and 1020.1: +1 % and +1 %. The drawdown sees every point: 1 - 900 / 1010.
    metrics = compute_metrics(small_result((950.0, 1010.0, 900.0, 1020.1), points_a_day=2))
    assert metrics.best_day == pytest.approx(0.01)
    assert metrics.worst_day == pytest.approx(0.01)
    assert metrics.max_drawdown == pytest.approx(1 - 900 / 1010)
    assert metrics.sharpe == 0.0  # equal returns have no variance


def test_starting_capital_is_the_first_high_water_mark() -> None:
    metrics = compute_metrics(small_result((900.0, 950.0)))
    assert metrics.max_drawdown == pytest.approx(0.1)
    assert metrics.longest_drawdown_days == pytest.approx(1.0)


@pytest.mark.parametrize("closes", [(), (1000.0,), (1000.0, 1000.0, 1000.0)], ids=["no point", "one point", "flat"])
def test_nothing_happened(closes: tuple[float, ...]) -> None:
    metrics = compute_metrics(small_result(closes))
    assert (metrics.sharpe, metrics.sortino, metrics.volatility, metrics.max_drawdown, metrics.total_return) == (0.0,) * 5
    assert metrics.net_profit == 0


@pytest.mark.parametrize(("closes", "fall"), [((500.0, 0.0, 0.0), 1.0), ((500.0, -100.0, -100.0), 1.1)])
def test_ruin(closes: tuple[float, ...], fall: float) -> None:
    metrics = compute_metrics(small_result(closes))
    assert metrics.cagr == -1.0
    assert metrics.max_drawdown == pytest.approx(fall)
    assert metrics.worst_day is not None
    assert metrics.worst_day <= -1.0
    json.dumps(metrics.as_dict(), allow_nan=False)


def test_undefined_ratios_are_none() -> None:
    metrics = compute_metrics(small_result((1010.0, 1030.0)))  # no losing day, no drawdown
    assert (metrics.sortino, metrics.calmar) == (None, None)
    assert ("Sortino ratio", "n/a") in [row[:2] for row in metrics.as_rows()]


def test_growth_beyond_floats_is_none() -> None:
    assert compute_metrics(small_result((1e8,))).cagr is None


def test_rows_and_dictionary_hold_every_figure() -> None:
    metrics = compute_metrics(small_result(THREE_DAYS))
    rows = metrics.as_rows()
    assert len({name for name, _, _ in rows}) == len(rows) == len(metrics.as_dict())
    assert all(name and text and meaning for name, text, meaning in rows)
    assert metrics.as_dict()["net_profit"] == "19.898"


def test_months_by_hand() -> None:
    # 30 January 1010, 31 January 1020, 1 February 1071, and the next year's first session 963.9.
    days = np.array([28, 29, 30, 365], dtype=np.int64)
    times = START + days * DAY + 390 * MINUTE
    table = curve.monthly_returns(times, np.array((1010.0, 1020.0, 1071.0, 963.9)), days, 1000.0)
    assert table[2024] == {1: pytest.approx(0.02), 2: pytest.approx(0.05), 0: pytest.approx(0.071)}
    assert table[2025] == {1: pytest.approx(-0.1), 0: pytest.approx(-0.1)}


def test_session_that_ends_at_midnight_belongs_to_the_day_before() -> None:
    midnight = 1_706_745_600 * 1_000_000_000  # 2024-02-01 00:00 UTC
    table = curve.monthly_returns(np.array([midnight]), np.array([1100.0]), np.array([0]), 1000.0)
    assert list(table[2024]) == [1, 0]


positive_curves = st.lists(st.floats(min_value=1.0, max_value=1e6), min_size=1, max_size=40)


@given(positive_curves)
def test_drawdown_of_positive_equity_lies_between_nothing_and_all(closes: list[float]) -> None:
    metrics = compute_metrics(small_result(closes))
    assert 0.0 <= metrics.max_drawdown < 1.0
    assert 0.0 <= metrics.longest_drawdown_days <= len(closes)


@given(positive_curves, st.sampled_from((2.0, 4.0, 0.5, 1024.0)))
def test_ratios_do_not_depend_on_the_size_of_the_account(closes: list[float], factor: float) -> None:
    # Powers of two scale floats without rounding, so the ratios must be equal to the last bit.
    small, large = small_result(closes), small_result([close * factor for close in closes])
    large.capital = small.capital * Decimal(factor)
    one, other = compute_metrics(small), compute_metrics(large)
    for name in ("sharpe", "sortino", "volatility", "max_drawdown", "longest_drawdown_days", "best_day", "worst_day"):
        assert getattr(one, name) == getattr(other, name)


any_curves = st.lists(st.floats(min_value=-1e6, max_value=1e6), max_size=30)


@given(any_curves, any_curves)
def test_every_curve_gives_json(closes: list[float], market: list[float]) -> None:
    result: BacktestResult = small_result(closes)
    if len(market) >= len(closes):
        result.benchmark = np.array(market[: len(closes)], dtype=np.float64)
    values = compute_metrics(result).as_dict()
    json.dumps(values, allow_nan=False)
    assert all(math.isfinite(value) for value in values.values() if isinstance(value, float))
