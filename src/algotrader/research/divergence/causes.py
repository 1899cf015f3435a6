"""The causes of a difference, and what a comparison gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SIGNAL: Final = "signal"
TIMING: Final = "timing"
PRICE: Final = "price"
PARTIAL: Final = "partial"
FEE: Final = "fee"
MISSING: Final = "missing"
EXTRA: Final = "extra"
UNATTRIBUTED: Final = "unattributed"

CAUSES: Final = (SIGNAL, TIMING, PRICE, PARTIAL, FEE, MISSING, EXTRA)
"""Every cause, in the order in which they are shown; what has none of them is ``UNATTRIBUTED``."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A cause, and in words what happened."""

    cause: str
    words: str


@dataclass(slots=True, eq=False)
class Root:
    """Where a difference began; what follows from it is counted with it.

    Attributes:
        reason: cause and words.
        amount: what all of it came to so far, money.
        direct: differences that it made itself.
        followed: differences that followed from those.
    """

    reason: Reason
    amount: int = 0
    direct: int = 0
    followed: int = 0
