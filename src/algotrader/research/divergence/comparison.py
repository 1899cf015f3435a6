"""The comparison of a day: the session on one side, the backtest on the other, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from algotrader.research.divergence.amounts import profit
from algotrader.research.divergence.causes import CAUSES, UNATTRIBUTED
from algotrader.research.divergence.conditions import Conditions
from algotrader.research.divergence.evidence import Evidence
from algotrader.research.divergence.pairs import Pair, pair_orders
from algotrader.research.divergence.traces import Watch
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
