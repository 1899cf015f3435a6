"""A comparison as plain values: for JSON, and for tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from algotrader.core.market import utc
from algotrader.core.scaled import from_money
from algotrader.research.divergence.amounts import Filled
from algotrader.research.divergence.causes import Root
from algotrader.research.divergence.comparison import Divergence
from algotrader.research.divergence.pairs import Pair
from algotrader.research.divergence.traces import OrderTrace
from algotrader.research.divergence.walk import Finding

_DIFFERS: Final = "differs"
_SAME: Final = "same"


def document(found: Divergence) -> dict[str, Any]:
    """The comparison as plain values for JSON: exact numbers as text, times as ISO 8601."""
    by_pair: dict[int, list[Finding]] = {}
    for finding in found.findings:
        by_pair.setdefault(id(finding.pair), []).append(finding)
    return {
        "profit": {
            "live": money_text(found.live_profit),
            "backtest": money_text(found.tested_profit),
            "difference": money_text(found.difference),
        },
        "signals": {"live": found.live_signals, "backtest": found.tested_signals, "both": found.same_signals},
        "bars": found.bars,
        "orders": len(found.pairs),
        "same": found.same,
        "differences": len(found.findings),
        "unattributed": found.unattributed,
        "causes": {cause: {"count": each.count, "profit": money_text(each.amount)} for cause, each in found.totals.items()},
        "reasons": [
            {
                "cause": root.reason.cause,
                "reason": root.reason.words,
                "orders": root.direct,
                "followed": root.followed,
                "profit": money_text(root.amount),
            }
            for root in roots(found)
        ],
        "pairs": [_pair(pair, by_pair.get(id(pair), [])) for pair in found.pairs],
    }


def roots(found: Divergence) -> list[Root]:
    """What happened, each once, in the order in which it first made a difference."""
    return list(dict.fromkeys(finding.root for finding in found.findings))


def money_text(amount: int) -> str:
    """Money as exact decimal text without needless zeros."""
    value = from_money(amount)
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _pair(pair: Pair, findings: Sequence[Finding]) -> dict[str, Any]:
    order = pair.one.order
    return {
        "strategy": order.owner,
        "symbol": order.symbol,
        "role": order.role.value,
        "side": order.side.value,
        "bar": _time(pair.bar),
        "verdict": _DIFFERS if findings else _SAME,
        "live": _side(pair.live),
        "backtest": _side(pair.tested),
        "attribution": [
            {
                "cause": finding.root.reason.cause,
                "reason": finding.root.reason.words,
                "profit": money_text(finding.amount),
                "follows": finding.follows,
            }
            for finding in findings
        ],
    }


def _side(trace: OrderTrace | None) -> dict[str, Any] | None:
    if trace is None:
        return None
    filled, instrument = Filled.of(trace), trace.order.instrument
    return {
        "order_id": trace.order.client_order_id,
        "made": _time(trace.created),
        "state": trace.order.state.value,
        "asked": str(instrument.quantity(trace.order.request.quantity_raw)),
        "filled": str(instrument.quantity(filled.quantity)),
        "average": average_text(filled, trace),
        "commission": money_text(filled.commission),
        "executed": _time(min((trace.heard.get(fill.fill_id, fill.time) for fill in trace.fills), default=0)),
        "reason": trace.reason,
    }


def average_text(filled: Filled, trace: OrderTrace) -> str | None:
    """The average price of an order's executions, to two places more than its prices have."""
    if not filled.quantity:
        return None
    scale = trace.order.instrument.price_scale
    return f"{Decimal(filled.value) / filled.quantity / 10**scale:.{scale + 2}f}"


def filled_text(trace: OrderTrace | None) -> str:
    """What an order came to, for a table: quantity and average price."""
    if trace is None:
        return "-"
    filled, order = Filled.of(trace), trace.order
    if not filled.quantity:
        return order.state.value.replace("_", " ")
    quantity = order.instrument.quantity(filled.quantity).normalize()
    average = Decimal(filled.value) / filled.quantity / 10**order.instrument.price_scale
    return f"{quantity:f} at {average:.2f}"


def _time(moment: int) -> str | None:
    return utc(moment).isoformat() if moment else None
