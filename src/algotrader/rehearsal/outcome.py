"""What came of a rehearsal."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never happen, when it happened (nanoseconds UTC), and which rule it breaks."""

    time: int
    rule: str
    message: str


@dataclass(slots=True)
class Outcome:
    """One rehearsal: ``digest`` is that of the whole journal, the same for the same seed."""

    seed: int
    venue: str
    day: str
    violations: list[Violation] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    deaths: int = 0
    orders: int = 0
    fills: int = 0
    round_trips: int = 0
    events: int = 0
    digest: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations
