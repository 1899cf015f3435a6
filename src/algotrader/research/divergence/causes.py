"""The causes of a difference, and what a comparison gives."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """Where a difference began; what follows from it is counted with it. ``amount`` (money) is what all of it came to so far."""

    reason: Reason
    time: int
    amount: int = 0
    affected: int = field(default=0)
