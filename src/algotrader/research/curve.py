"""What an equity curve says day by day: daily closes, daily returns, drawdowns, monthly returns.

Every function here is pure and works on the arrays of ``BacktestResult``; metrics and the tear sheet both read them from here, so
a figure in a table and the same figure in a chart cannot differ.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from algotrader.research.result import Times, Values

NANOSECONDS_PER_DAY = 86_400 * 1_000_000_000

RUIN = 1e-9
"""The share of the starting capital at or below which an account counts as ruined; a return on less says nothing."""

Indices = npt.NDArray[np.int64]


def day_ends(session_days: Times) -> Indices:
    """Find the last point of every session.

    Args:
        session_days: the ascending number of the session of each point of the curve.

    Returns:
        Positions in the curve, one a session, ascending; empty for an empty curve.
    """
    if len(session_days) == 0:
        return np.empty(0, dtype=np.int64)
    changes = np.flatnonzero(np.diff(session_days))
    return np.append(changes, len(session_days) - 1).astype(np.int64)


def returns_of(closes: Values, capital: float) -> Values:
    """Simple returns between neighbouring values, the first against the starting capital.

    The series ends with the first value that is not above ``RUIN`` of the capital: such an account has nothing left to earn on.

    Args:
        closes: equity at the end of each session, account currency.
        capital: equity before the first session, same currency.
    """
    values = np.concatenate((np.array([capital], dtype=np.float64), np.asarray(closes, dtype=np.float64)))
    ruined = np.flatnonzero(values <= capital * RUIN)
    if len(ruined):
        values = values[: ruined[0] + 1]
    if len(values) < 2 or values[0] <= 0.0:
        return np.empty(0, dtype=np.float64)
    return np.asarray(values[1:] / values[:-1] - 1.0, dtype=np.float64)


def daily_returns(equity: Values, session_days: Times, capital: float) -> Values:
    """Returns from session close to session close as fractions; see ``returns_of``."""
    return returns_of(equity[day_ends(session_days)], capital)


def drawdowns(equity: Values, capital: float) -> Values:
    """How far each point lies below the high-water mark so far, as a fraction of the mark (0 at a new high).

    The starting capital is the first mark, so a curve that only falls is under water from its first point. Equity below zero gives
    values above 1.
    """
    if len(equity) == 0 or capital <= 0.0:
        return np.zeros(len(equity), dtype=np.float64)
    marks = np.maximum(np.maximum.accumulate(equity), capital)
    return np.asarray(1.0 - equity / marks, dtype=np.float64)


def days_under_water(times: Times, falls: Values) -> float:
    """The longest time from a high-water mark to the point that reaches it again, or to the end of the curve, in days.

    Args:
        times: nanoseconds UTC of each point, ascending.
        falls: the ``drawdowns`` at these points; the first mark counts from the first point of the curve.

    Returns:
        Calendar days, 0 when the curve never falls below its mark.
    """
    if len(falls) == 0:
        return 0.0
    under = falls > 0.0
    known = ~under
    known[0] = known[-1] = True
    edges = np.flatnonzero(known)
    left, right = edges[:-1], edges[1:]
    spans = times[right] - times[left]
    below = under[left] | under[right] | (right - left > 1)
    return int(spans[below].max(initial=0)) / NANOSECONDS_PER_DAY


def monthly_returns(times: Times, equity: Values, session_days: Times, capital: float) -> dict[int, dict[int, float | None]]:
    """Return of every calendar month (UTC) by year and month number; key 0 is the whole year.

    A session belongs to the month in which it ends; an end at midnight sharp belongs to the day before. The value is None where the
    account was already ruined.
    """
    ends = day_ends(session_days)
    table: dict[int, dict[int, float | None]] = {}
    month_open = year_open = capital
    for position, index in enumerate(ends):
        month = _month(int(times[index]))
        following = _month(int(times[ends[position + 1]])) if position + 1 < len(ends) else None
        close = float(equity[index])
        year = table.setdefault(month[0], {})
        if following != month:
            year[month[1]] = _change(month_open, close)
            month_open = close
        if following is None or following[0] != month[0]:
            year[0] = _change(year_open, close)
            year_open = close
    return table


def _month(time: int) -> tuple[int, int]:
    whole = int(np.datetime64(time - 1, "ns").astype("datetime64[M]").astype(np.int64))
    return 1970 + whole // 12, whole % 12 + 1


def _change(before: float, after: float) -> float | None:
    return after / before - 1.0 if before > 0.0 else None
