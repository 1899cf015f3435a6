"""The comparison of a day: the session on one side, the backtest on the other, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from algotrader.core.market import utc
from algotrader.core.scaled import from_money
from algotrader.research.divergence.amounts import Filled, profit
from algotrader.research.divergence.causes import CAUSES, UNATTRIBUTED
from algotrader.research.divergence.conditions import Conditions
from algotrader.research.divergence.evidence import Evidence
from algotrader.research.divergence.pairs import Pair, pair_orders
from algotrader.research.divergence.traces import OrderTrace, Watch
from algotrader.research.divergence.walk import Finding, Walk


@dataclass(frozen=True, slots=True)
class Total:
    """What one cause came to: differences in fills, and money."""

    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class Divergence:
    """A session and a backtest of the same day compared. Amounts are money (see ``scaled``).

    Attributes:
        pairs: every pair of orders of which at least one was executed.
        findings: every difference with its cause, in the order of time.
        live_profit: what the session's executions brought by the day's last prices.
        tested_profit: the same of the backtest.
        live_signals: how many entries the session's strategies wanted.
        tested_signals: the same of the backtest.
        same_signals: how many both wanted at the same bar.
        bars: how many bars the backtest had.
    """

    pairs: Sequence[Pair]
    findings: Sequence[Finding]
    live_profit: int
    tested_profit: int
    live_signals: int
    tested_signals: int
    same_signals: int
    bars: int

    @property
    def totals(self) -> dict[str, Total]:
        """What each cause came to, every cause named, those without any too; ``unattributed`` last."""
        found: dict[str, Total] = {}
        for cause in (*CAUSES, UNATTRIBUTED):
            own = [finding for finding in self.findings if finding.root.reason.cause == cause]
            found[cause] = Total(len(own), sum(finding.amount for finding in own))
        return found

    @property
    def unattributed(self) -> int:
        """Differences that nothing explains."""
        return self.totals[UNATTRIBUTED].count

    @property
    def difference(self) -> int:
        """How much more the session brought than the backtest."""
        return self.live_profit - self.tested_profit

    @property
    def same(self) -> int:
        """Pairs without any difference."""
        differing = {id(finding.pair) for finding in self.findings}
        return sum(1 for pair in self.pairs if id(pair) not in differing)


def compare(live: Watch, tested: Watch, conditions: Conditions) -> Divergence:
    """Compare the two sides of a day."""
    marks = _marks(live, tested)
    every = pair_orders(live.orders.values(), tested.orders.values())
    findings = Walk(Evidence(live, tested, conditions), marks).all(every)
    wanted = [{at for at, signal in side.signals.items() if signal.text} for side in (live, tested)]
    return Divergence(
        [pair for pair in every if pair.has_fills],
        findings,
        profit(live.orders.values(), marks),
        profit(tested.orders.values(), marks),
        len(wanted[0]),
        len(wanted[1]),
        len(wanted[0] & wanted[1]),
        len(tested.bars),
    )


def _marks(live: Watch, tested: Watch) -> dict[str, int]:
    """The last price of each instrument; the same for both sides, so that what is still held differs by its quantity only."""
    found: dict[str, tuple[int, int]] = {}
    for side in (live, tested):
        for (symbol, close), seen in side.bars.items():
            if close >= found.get(symbol, (0, 0))[0]:
                found[symbol] = (close, seen.prices[3])
        for track in side.engine.state.tracks:
            found.setdefault(track.instrument.symbol, (0, track.last_raw))
    return {symbol: price for symbol, (_, price) in found.items()}


# ---------------------------------------------------------------------- as plain values

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
        "pairs": [_pair(pair, by_pair.get(id(pair), [])) for pair in found.pairs],
    }


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


def _time(moment: int) -> str | None:
    return utc(moment).isoformat() if moment else None
