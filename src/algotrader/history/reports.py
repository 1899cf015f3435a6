"""What an import did: rows taken, rows left out and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from algotrader.core.instruments import Instrument

SHOWN: Final = 20
"""Bad rows that a report shows one by one."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: its line in the file (row number for Parquet), the column, the value as written, the reason."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.column} {self.value!r}: {self.reason}"


@dataclass(slots=True)
class ImportReport:
    """The outcome of one import.

    ``rows`` counts what the file holds; ``added``, ``replaced`` and ``unchanged`` what became of the good rows; ``bad`` shows the
    first ``SHOWN`` bad rows and ``reasons`` counts all of them. ``first`` and ``last`` are the start of the first and the end of
    the last bar, nanoseconds UTC. ``notes`` tell what was assumed.
    """

    path: Path
    instrument: Instrument
    interval: str
    rows: int
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    first: int = 0
    last: int = 0
    bad: list[BadRow] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def good_rows(self) -> int:
        """Rows that are in the catalogue now."""
        return self.added + self.replaced + self.unchanged

    @property
    def bad_rows(self) -> int:
        """Rows that were left out."""
        return sum(self.reasons.values())
