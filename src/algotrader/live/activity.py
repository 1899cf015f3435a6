"""The engine's reports as the activity that people read; what comes with every bar is told now and then, not every time."""

from __future__ import annotations

from typing import Final

from algotrader.core import reports
from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.reports import Report
from algotrader.storage.records import ReportRow

LEFT_OUT: Final = (reports.RECORD,)
"""A strategy's records of every bar; they have a table of their own in a backtest and are metrics in a session."""

REPEATED: Final = (
    reports.SIGNAL_DENIED,
    reports.ORDER_DENIED,
    reports.STRATEGY_ERROR,
    reports.STRATEGY_VALUE,
    reports.STRATEGY_NOTE,
    reports.DATA_DROPPED,
    reports.DATA_INCOMPLETE,
)
"""Kinds that may come with every bar, over and over."""

QUIET_NS: Final = 15 * NS_PER_MINUTE
"""For how long a repeated kind about the same strategy and instrument is only counted."""

LONGEST: Final = 2_000
"""Characters of a message at most."""


class Activity:
    """Turns reports into rows and holds back the repeated ones."""

    def __init__(self) -> None:
        self._told: Final[dict[tuple[str, str, str], tuple[int, int]]] = {}

    def row(self, report: Report) -> ReportRow | None:
        """The row of a report; None for one that is left out."""
        if report.kind in LEFT_OUT:
            return None
        more = self._held_back(report)
        if more is None:
            return None
        message = report.message[:LONGEST]
        if more:
            message = f"{message} ({more} more of this kind since the last one told)"
        return ReportRow(
            report.time,
            report.kind,
            report.level,
            report.owner,
            report.symbol,
            message,
            report.order_id,
            report.correlation_id,
        )

    def _held_back(self, report: Report) -> int | None:
        """How many of the kind were held back before this one; None when this one is held back too."""
        if report.kind not in REPEATED or report.level == reports.CRITICAL:
            return 0
        key = (report.kind, report.owner, report.symbol)
        since, count = self._told.get(key, (0, 0))
        if since and report.time < since + QUIET_NS:
            self._told[key] = (since, count + 1)
            return None
        self._told[key] = (report.time, 0)
        return count
