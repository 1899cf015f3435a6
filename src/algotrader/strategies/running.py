"""Which algorithm is running: set while the engine is inside one of its hooks, so that plain functions find it.

There is one engine and no thread beside it, so a list is enough; the last entry is the innermost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from algotrader.strategies.algorithm_errors import NotAllowedNow

if TYPE_CHECKING:
    from algotrader.strategies.algorithm import TradingAlgorithm

STACK: Final[list[TradingAlgorithm]] = []


def running(function: str) -> TradingAlgorithm:
    """Give the algorithm whose hook is running.

    Raises:
        NotAllowedNow: none is; ``function`` is what was called.
    """
    if not STACK:
        raise NotAllowedNow(
            f"{function}() was called outside a running strategy",
            "call it from initialize, handle_data, a scheduled function or an order hook",
        )
    return STACK[-1]
