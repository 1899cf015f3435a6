"""Our books against the venue's: a pure comparison, and the events that settle it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from algotrader.core.events import Event, SystemError
from algotrader.core.state import EngineState
from algotrader.live.compare_orders import OrderComparison
from algotrader.live.compare_positions import PositionComparison
from algotrader.live.findings import Agreement, Discrepancy, ReconciliationReport, Strategy
from algotrader.venues.protocols import AccountPicture

GRACE_NS: Final = 15 * 1_000_000_000
"""How long a request may be under way before the venue's word on its order counts more than ours."""


def compare(
    state: EngineState,
    picture: AccountPicture,
    agreement: Agreement,
    now: int,
    waited: Mapping[str, int] | None = None,
    grace_ns: int = GRACE_NS,
) -> ReconciliationReport:
    """Compare the engine's state with what the venue says. Nothing is changed; ``report.events`` would settle what was found.

    The caller makes sure that no order event waits in the inbox, so that what was inferred cannot overtake what was told.

    Args:
        state: of the engine.
        picture: all that the venue says, asked for after ``picture.time`` by our clock.
        agreement: how differences are settled.
        now: our clock, nanoseconds UTC.
        waited: ``waiting`` of the report before this one.
        grace_ns: how long a request may be under way before its order is judged; 0 at a start, when none is.
    """
    report = ReconciliationReport(
        picture.time, agreement.strategy, moderate_from=agreement.moderate_from, critical_above=agreement.critical_above
    )
    orders = OrderComparison(state, picture, report, now, grace_ns)
    facts = orders.run()
    positions = PositionComparison(state, picture, report, now, orders, agreement, dict(waited or {}))
    strangers, corrections = positions.run()
    report.drift = positions.drift()
    report.events = _settled(state, agreement.strategy, report, [*facts, *strangers], corrections, now)
    report.actions = [f"{found.subject}: {found.action}" for found in report.all if found.action] + report.actions
    return report


def _settled(
    state: EngineState, strategy: Strategy, report: ReconciliationReport, facts: list[Event], corrections: list[Event], now: int
) -> list[Event]:
    if strategy is Strategy.WARN_ONLY:
        _forget_actions(report)
        return []
    if strategy is not Strategy.HALT_AND_ALERT:
        return [*facts, *corrections]
    if report.total_count and state.trading_state == "active":
        report.actions.append("entries are halted until a person resumes")
        facts.append(SystemError(now, "reconciliation", report.summary, "critical"))
    report.positions = [_untouched(found) for found in report.positions]
    return facts


def _forget_actions(report: ReconciliationReport) -> None:
    report.actions = []
    report.positions = [_untouched(found) for found in report.positions]
    report.cash = [_untouched(found) for found in report.cash]
    report.orders = [_untouched(found) for found in report.orders]


def _untouched(found: Discrepancy) -> Discrepancy:
    return Discrepancy(found.kind, found.severity, found.subject, found.symbol, found.local, found.broker)
