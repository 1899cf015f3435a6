"""The figures of a backtest. Definitions, sources and worked examples are in ``docs/metrics.md``.

Statistics are floats; sums of money are exact decimals. A figure that has no meaning for a run (a ratio whose divisor is zero) is
None, never NaN or infinity, except where a fixed value is the custom of the field (see ``profit_factor`` and ``sharpe``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_EVEN, Context, Decimal

import numpy as np

from algotrader.core.scaled import from_money
from algotrader.research import curve
from algotrader.research.formats import cents_text, duration_text, number_text, percent_text
from algotrader.research.result import BacktestResult, RoundTripRecord, Values
from algotrader.research.trades import commissions_of, durations_of, profits_of, total_of, traded_by

NO_LOSSES = 9999.99
"""The profit factor of a run with winning round trips and no losing one."""

_SAME = 1e-12
"""Daily returns closer together than this differ only by the rounding of floats."""

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """All figures of one backtest.

    Fractions are plain (0.05 is 5 %); money is in the account's currency; durations say their unit in their name. The meaning of
    each figure is the third column of ``as_rows``.
    """

    net_profit: Decimal
    total_return: float
    cagr: float | None
    volatility: float
    sharpe: float
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    longest_drawdown_days: float
    best_day: float | None
    worst_day: float | None
    benchmark_return: float | None
    alpha: float | None
    beta: float | None
    round_trips: int
    win_rate: float
    profit_factor: float
    expectancy: Decimal
    average_win: Decimal
    average_loss: Decimal
    largest_win: Decimal
    largest_loss: Decimal
    average_duration_seconds: int
    fills: int
    fees: Decimal
    turnover: float | None
    exposure: float
    sessions: int
    final_equity: Decimal

    def as_rows(self) -> list[tuple[str, str, str]]:
        """Give (name, formatted value, meaning) for every figure, in reading order, for tables."""
        return _rows(self)

    def as_dict(self) -> dict[str, str | int | float | None]:
        """Give every figure by its field name, safe for JSON: money as exact text, undefined figures as None."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def compute_metrics(result: BacktestResult) -> Metrics:
    """Compute all figures of a backtest.

    Args:
        result: the record of the run. Daily figures use ``session_days``; yearly ones ``annual_sessions`` sessions a year.

    Returns:
        The figures; a run without points, fills or round trips gives zeros and None.
    """
    capital = float(result.capital)
    ends = curve.day_ends(result.session_days)
    returns = curve.returns_of(result.equity[ends], capital)
    sessions = len(ends)
    years = sessions / result.annual_sessions
    profit = _CONTEXT.subtract(result.final_equity, result.capital)
    falls = curve.drawdowns(result.equity, capital)
    deepest = float(falls.max(initial=0.0))
    growth = _cagr(capital, float(result.final_equity), years)
    alpha, beta = _alpha_beta(result, returns, ends, capital)
    profits = profits_of(result.round_trips)
    wins, losses = [profit for profit in profits if profit > 0], [profit for profit in profits if profit < 0]
    return Metrics(
        net_profit=profit,
        total_return=float(profit / result.capital) if result.capital else 0.0,
        cagr=growth,
        volatility=_deviation(returns) * math.sqrt(result.annual_sessions),
        sharpe=_sharpe(returns, result.annual_sessions),
        sortino=_sortino(returns, result.annual_sessions),
        calmar=_ratio(growth, deepest),
        max_drawdown=deepest,
        longest_drawdown_days=curve.days_under_water(result.equity_time, falls),
        best_day=float(returns.max()) if len(returns) else None,
        worst_day=float(returns.min()) if len(returns) else None,
        benchmark_return=_benchmark_return(result, capital),
        alpha=alpha,
        beta=beta,
        round_trips=len(result.round_trips),
        win_rate=len(wins) / len(result.round_trips) if result.round_trips else 0.0,
        profit_factor=_profit_factor(wins, losses),
        expectancy=_mean(profits),
        average_win=_mean(wins),
        average_loss=_mean(losses),
        largest_win=from_money(max(wins)) if wins else _ZERO,
        largest_loss=from_money(min(losses)) if losses else _ZERO,
        average_duration_seconds=_average_duration(result.round_trips),
        fills=len(result.fills),
        fees=total_of(commissions_of(result.fills)),
        turnover=_turnover(result, years),
        exposure=result.exposure,
        sessions=sessions,
        final_equity=result.final_equity,
    )


def _deviation(returns: Values) -> float:
    """Sample standard deviation (divisor n - 1); 0 with fewer than two returns or when all are equal."""
    if len(returns) < 2:
        return 0.0
    value = float(np.std(returns, ddof=1))
    return value if value > _SAME else 0.0


def _sharpe(returns: Values, annual_sessions: int) -> float:
    """Mean over standard deviation of daily returns, annualized by the square root of the sessions a year; risk-free rate 0.

    Source: W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management, 1994.
    """
    deviation = _deviation(returns)
    return float(np.mean(returns)) / deviation * math.sqrt(annual_sessions) if deviation else 0.0


def _sortino(returns: Values, annual_sessions: int) -> float | None:
    """Mean over downside deviation (root mean square of the negative returns over all days, target 0), annualized.

    0 with fewer than two days or when nothing moved; None when there are gains and no losing day. Source: F. Sortino and L. Price,
    "Performance Measurement in a Downside Risk Framework", Journal of Investing, 1994.
    """
    if len(returns) < 2:
        return 0.0
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    mean = float(np.mean(returns))
    if downside <= _SAME:
        return None if mean > _SAME else 0.0
    return mean / downside * math.sqrt(annual_sessions)


def _cagr(capital: float, final: float, years: float) -> float | None:
    """The constant yearly growth that leads from capital to final equity; -1 after ruin, None where it cannot be told."""
    if capital <= 0.0 or years <= 0.0:
        return None
    if final <= capital * curve.RUIN:
        return -1.0
    try:
        return math.expm1(math.log(final / capital) / years)
    except OverflowError:
        return None


def _ratio(growth: float | None, drawdown: float) -> float | None:
    """Calmar: yearly growth over the maximum drawdown; 0 when nothing moved, None when there was no drawdown.

    Source: T. W. Young, "Calmar Ratio: A Smoother Tool", Futures, 1991 (there over three years; here over the whole run).
    """
    if growth is None:
        return None
    if drawdown > 0.0:
        return growth / drawdown
    return 0.0 if growth == 0.0 else None


def _profit_factor(wins: Sequence[int], losses: Sequence[int]) -> float:
    """Gross win over gross loss; ``NO_LOSSES`` when nothing was lost, 0 when nothing was won."""
    if not wins:
        return 0.0
    return float(_CONTEXT.divide(total_of(wins), -total_of(losses))) if losses else NO_LOSSES


def _mean(amounts: Sequence[int]) -> Decimal:
    """The mean of amounts of money, rounded half-even to a millionth of the currency unit."""
    if not amounts:
        return _ZERO
    return _CONTEXT.quantize(_CONTEXT.divide(total_of(amounts), Decimal(len(amounts))), Decimal("0.000001"))


def _average_duration(trips: Sequence[RoundTripRecord]) -> int:
    """The mean time in a position in whole seconds, rounded down."""
    if not trips:
        return 0
    return sum(durations_of(trips)) // len(trips) // 1_000_000_000


def _turnover(result: BacktestResult, years: float) -> float | None:
    """Value bought and sold over average equity, a year; None when average equity is not above zero."""
    if len(result.equity) == 0 or years <= 0.0:
        return None
    average = float(np.mean(result.equity))
    traded = float(from_money(traded_by(result.fills)))
    return traded / average / years if average > 0.0 else None


def _benchmark_return(result: BacktestResult, capital: float) -> float | None:
    if result.benchmark is None or len(result.benchmark) == 0 or capital <= 0.0:
        return None
    last = float(result.benchmark[-1])
    return last / capital - 1.0 if math.isfinite(last) else None


def _alpha_beta(result: BacktestResult, own: Values, ends: curve.Indices, capital: float) -> tuple[float | None, float | None]:
    """Slope and yearly intercept of the account's daily returns on the benchmark's (least squares, risk-free rate 0).

    Source: M. C. Jensen, "The Performance of Mutual Funds", Journal of Finance, 1968. Alpha is annualized by multiplication.
    """
    if result.benchmark is None:
        return None, None
    market = curve.returns_of(result.benchmark[ends], capital)
    length = min(len(own), len(market))
    known = np.isfinite(own[:length]) & np.isfinite(market[:length])
    own, market = own[:length][known], market[:length][known]
    if _deviation(market) == 0.0:
        return None, None
    spread = market - np.mean(market)
    beta = float(np.dot(spread, own - np.mean(own)) / np.dot(spread, spread))
    return float(np.mean(own) - beta * np.mean(market)) * result.annual_sessions, beta


def _rows(m: Metrics) -> list[tuple[str, str, str]]:
    return [*_return_rows(m), *_risk_rows(m), *_benchmark_rows(m), *_trip_rows(m), *_activity_rows(m)]


def _return_rows(m: Metrics) -> list[tuple[str, str, str]]:
    return [
        ("Final equity", cents_text(m.final_equity), "Cash and positions at the end, in the account's currency"),
        ("Net profit", cents_text(m.net_profit, signed=True), "Final equity less starting capital"),
        ("Total return", percent_text(m.total_return, signed=True), "Net profit over starting capital"),
        ("CAGR", percent_text(m.cagr, signed=True), "Compound growth a year; extrapolated when the run is shorter than a year"),
        ("Best day", percent_text(m.best_day, signed=True), "Highest daily return"),
        ("Worst day", percent_text(m.worst_day, signed=True), "Lowest daily return"),
    ]


def _risk_rows(m: Metrics) -> list[tuple[str, str, str]]:
    return [
        ("Volatility", percent_text(m.volatility), "Standard deviation of daily returns, annualized"),
        ("Sharpe ratio", number_text(m.sharpe), "Mean over standard deviation of daily returns, annualized; risk-free rate 0"),
        ("Sortino ratio", number_text(m.sortino), "As Sharpe, but only losing days count as risk"),
        ("Calmar ratio", number_text(m.calmar), "CAGR over maximum drawdown"),
        ("Maximum drawdown", percent_text(m.max_drawdown), "Deepest fall from a high-water mark, at every point of the curve"),
        ("Longest drawdown", f"{m.longest_drawdown_days:,.1f} days", "Longest time below a high-water mark, calendar days"),
    ]


def _benchmark_rows(m: Metrics) -> list[tuple[str, str, str]]:
    return [
        ("Benchmark return", percent_text(m.benchmark_return, signed=True), "What the benchmark made over the same time"),
        ("Alpha", percent_text(m.alpha, signed=True), "Return a year that the benchmark does not explain"),
        ("Beta", number_text(m.beta), "How far the account moved when the benchmark moved by one"),
    ]


def _trip_rows(m: Metrics) -> list[tuple[str, str, str]]:
    return [
        ("Round trips", f"{m.round_trips:,}", "Positions from entry to exit"),
        ("Win rate", percent_text(m.win_rate), "Winning round trips over all; break-even is neither win nor loss"),
        ("Profit factor", number_text(m.profit_factor), "Gross win over gross loss; 9,999.99 when nothing was lost"),
        ("Expectancy", cents_text(m.expectancy, signed=True), "Mean profit of a round trip after commission"),
        ("Average win", cents_text(m.average_win, signed=True), "Mean of the winning round trips"),
        ("Average loss", cents_text(m.average_loss, signed=True), "Mean of the losing round trips"),
        ("Largest win", cents_text(m.largest_win, signed=True), "Best round trip"),
        ("Largest loss", cents_text(m.largest_loss, signed=True), "Worst round trip"),
        ("Average duration", duration_text(m.average_duration_seconds), "Mean time from entry to exit"),
    ]


def _activity_rows(m: Metrics) -> list[tuple[str, str, str]]:
    turnover = "n/a" if m.turnover is None else f"{m.turnover:,.1f} x"
    return [
        ("Fills", f"{m.fills:,}", "Executions, entries and exits"),
        ("Fees", cents_text(m.fees), "Sum of all commissions"),
        ("Turnover", turnover, "Value bought and sold over average equity, a year"),
        ("Exposure", percent_text(m.exposure), "Share of the time with an open position"),
        ("Sessions", f"{m.sessions:,}", "Trading days in the run"),
    ]
