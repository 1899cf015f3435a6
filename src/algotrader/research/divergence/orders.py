"""What two orders have in common and where they differ, and the words for it."""

from __future__ import annotations

from typing import Final

from algotrader.core.orders import OrderRole
from algotrader.research.divergence.amounts import Filled
from algotrader.research.divergence.evidence import OF_THE_ENGINE, Evidence
from algotrader.research.divergence.pairs import Pair
from algotrader.research.divergence.traces import OrderTrace

_DECIDED: Final = (OrderRole.ENTRY, OrderRole.PLAIN, OrderRole.EXIT)


def is_decided(trace: OrderTrace) -> bool:
    """Whether an order was decided on at a bar; others follow from executions."""
    return trace.order.role in _DECIDED and trace.reason not in OF_THE_ENGINE


def first_heard(trace: OrderTrace) -> int:
    """When its first execution became known; when it was made, where it had none."""
    return min((trace.heard.get(fill.fill_id, fill.time) for fill in trace.fills), default=trace.created)


def bar_after(evidence: Evidence, symbol: str, moment: int) -> int:
    """Close time of the bar during which, or at the close of which, something became known."""
    closes = [close for name, close in evidence.tested.bars if name == symbol and close <= moment + evidence.patience]
    return max(closes, default=0)


def bars_differ(pair: Pair) -> bool:
    """Whether different bars led to the two orders."""
    return pair.live is not None and pair.tested is not None and pair.live.bar != pair.tested.bar


def prices_differ(pair: Pair) -> bool:
    """Whether the two orders asked for other prices."""
    if pair.live is None or pair.tested is None:
        return False
    mine, theirs = pair.live.order, pair.tested.order
    return (mine.limit_raw, mine.stop_raw) != (theirs.limit_raw, theirs.stop_raw)


def price_words(pair: Pair, live: Filled, tested: Filled) -> str:
    """How much better or worse the session's average price was."""
    instrument, sign = pair.one.order.instrument, pair.one.order.sign
    unit = float(10**instrument.price_scale)
    better = sign * (tested.value / tested.quantity - live.value / live.quantity) / unit
    return f"slippage: {abs(better):.4g} a unit {'better' if better > 0 else 'worse'} than in the backtest"


def fee_words(live: Filled, tested: Filled) -> str:
    """Which side paid more commission."""
    return (
        "commission higher than in the backtest" if live.commission > tested.commission else "commission lower than in the backtest"
    )


def end_of(trace: OrderTrace) -> str:
    """What became of an order, in words."""
    order = trace.order
    word = order.state.value.replace("_", " ")
    return f"{word}: {order.reason}" if order.reason else word
