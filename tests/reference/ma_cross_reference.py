"""The crossing of two averages in a few lines of NumPy, written without a look at the engine: what it should have done."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def crossing_fills(opens: Ints, closes: Ints, fast: int, slow: int) -> list[tuple[int, str, int]]:
    """Fills of the rule "buy when the fast average crosses above the slow one, sell when below", each at the next bar's open.

    Args:
        opens: scaled prices, one a bar, in order.
        closes: likewise.
        fast: bars of the fast average.
        slow: bars of the slow average.

    Returns:
        Number of the bar, ``buy`` or ``sell``, scaled price.
    """
    sums = np.concatenate([[0], np.cumsum(closes)])
    # Sums over whole windows that end at bars slow-1, slow, ...; integers, so a tie is a tie.
    slow_sum = sums[slow:] - sums[:-slow]
    fast_sum = (sums[fast:] - sums[:-fast])[slow - fast :]
    gap = fast_sum * slow - slow_sum * fast
    above = np.flatnonzero((gap[:-1] <= 0) & (gap[1:] > 0)) + slow
    below = np.flatnonzero((gap[:-1] >= 0) & (gap[1:] < 0)) + slow
    decisions = sorted([(int(bar), "buy") for bar in above] + [(int(bar), "sell") for bar in below])
    fills: list[tuple[int, str, int]] = []
    for bar, side in decisions:
        holds = bool(fills) and fills[-1][1] == "buy"
        if bar + 1 < len(opens) and holds == (side == "sell"):
            fills.append((bar + 1, side, int(opens[bar + 1])))
    return fills
