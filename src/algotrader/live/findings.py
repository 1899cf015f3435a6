"""What a comparison of our books with the venue's finds, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Final

from algotrader.core.events import Event


class Strategy(Enum):
    """What is done about differences.

    Attributes:
        WARN_ONLY: nothing; they are only told.
        SYNC_TO_BROKER: our books follow the venue's.
        SYNC_TO_LOCAL: what the venue has executed is booked; what it holds beyond that is traded away at market.
        HALT_AND_ALERT: what the venue has executed is booked; entries are halted until a person resumes.
    """

    WARN_ONLY = "warn_only"
    SYNC_TO_BROKER = "sync_to_broker"
    SYNC_TO_LOCAL = "sync_to_local"
    HALT_AND_ALERT = "halt_and_alert"


class Severity(IntEnum):
    """Below 1 % of the larger side, up to 5 %, or more; what is missing or on the wrong side is always critical."""

    MINOR = 1
    MODERATE = 2
    CRITICAL = 3


class Kind(Enum):
    """What does not agree."""

    QUANTITY_MISMATCH = "quantity_mismatch"
    MISSING_LOCAL = "missing_local"
    MISSING_BROKER = "missing_broker"
    SIDE_MISMATCH = "side_mismatch"
    ORPHAN_LOCAL = "orphan_local"
    ORPHAN_BROKER = "orphan_broker"
    STATUS_MISMATCH = "status_mismatch"
    CASH_MISMATCH = "cash_mismatch"


MODERATE_FROM: Final = Decimal("0.01")
CRITICAL_ABOVE: Final = Decimal("0.05")


def severity_of(
    difference: int, reference: int, moderate_from: Decimal = MODERATE_FROM, critical_above: Decimal = CRITICAL_ABOVE
) -> Severity:
    """How bad a difference is, measured by the larger side's size; a difference to nothing is critical."""
    if difference == 0:
        return Severity.MINOR
    share = Decimal(abs(difference)) / abs(reference) if reference else Decimal(1)
    if share > critical_above:
        return Severity.CRITICAL
    return Severity.MODERATE if share >= moderate_from else Severity.MINOR


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference.

    ``subject`` is a symbol, an order's id or a currency; ``local`` and ``broker`` say what each side has, for people; ``action``
    says what is done about it, empty for nothing.
    """

    kind: Kind
    severity: Severity
    subject: str
    symbol: str
    local: str
    broker: str
    action: str = ""

    def __str__(self) -> str:
        done = f"; {self.action}" if self.action else ""
        return (
            f"{self.severity.name.lower()} {self.kind.value} of {self.subject}: ours {self.local}, the venue's {self.broker}{done}"
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How differences are settled.

    Attributes:
        strategy: what is done about them.
        cash_tolerance: share of the venue's cash by which ours may differ.
        consent: a person has agreed that correcting orders are sent; without it ``SYNC_TO_LOCAL`` is refused.
        moderate_from: share of the larger side from which on a difference is moderate, and of equity from which on it is a warning.
        critical_above: likewise, above which it is critical.

    Raises:
        ValueError: a share outside 0 to 1, critical below moderate, or correcting orders without consent.
    """

    strategy: Strategy = Strategy.SYNC_TO_BROKER
    cash_tolerance: Decimal = Decimal("0.01")
    consent: bool = False
    moderate_from: Decimal = MODERATE_FROM
    critical_above: Decimal = CRITICAL_ABOVE

    def __post_init__(self) -> None:
        if not 0 < self.moderate_from <= self.critical_above <= 1:
            raise ValueError(
                f"{self.moderate_from} and {self.critical_above} must lie in 0..1, the critical share not below the other"
            )
        if not 0 <= self.cash_tolerance <= 1:
            raise ValueError(f"the cash tolerance must lie in 0..1 (0.01 is one percent), not {self.cash_tolerance}")
        if self.strategy is Strategy.SYNC_TO_LOCAL and not self.consent:
            raise ValueError("sync_to_local sends orders that correct the account and needs explicit consent")


@dataclass(slots=True)
class ReconciliationReport:
    """The outcome of one comparison.

    Attributes:
        time: when the venue was asked, nanoseconds UTC.
        strategy: how differences were settled.
        moderate_from, critical_above: as in the ``Agreement``.
        positions, cash, orders: what did not agree.
        actions: what is done about it, for people.
        events: what settles it, to be put into the inbox in this order.
        missing: legs of orders that we take for alive and the venue does not list; absence proves nothing.
        waiting: differences that something under way may explain, by symbol (scaled quantity) or currency (money); the next
            comparison judges them.
        notes: what is no difference but worth telling.
        drift: the largest position difference as a share of the account's equity.
    """

    time: int
    strategy: Strategy
    positions: list[Discrepancy] = field(default_factory=list)
    cash: list[Discrepancy] = field(default_factory=list)
    orders: list[Discrepancy] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    drift: Decimal = Decimal(0)
    moderate_from: Decimal = MODERATE_FROM
    critical_above: Decimal = CRITICAL_ABOVE

    def severity(self, difference: int, reference: int) -> Severity:
        """How bad a difference is, by the shares that were agreed upon."""
        return severity_of(difference, reference, self.moderate_from, self.critical_above)

    @property
    def all(self) -> list[Discrepancy]:
        """Every difference: orders, positions, cash."""
        return [*self.orders, *self.positions, *self.cash]

    @property
    def total_count(self) -> int:
        """How many differences there are."""
        return len(self.all)

    @property
    def worst(self) -> Severity | None:
        """The worst severity; None when everything agrees."""
        return max((found.severity for found in self.all), default=None)

    @property
    def has_critical(self) -> bool:
        """Whether one of them is critical."""
        return self.worst is Severity.CRITICAL

    @property
    def alert(self) -> str:
        """How loud to be: ``warning`` from a drift of 1 % on, ``critical`` from 5 % or with a critical position, else empty."""
        if self.drift > self.critical_above or any(found.severity is Severity.CRITICAL for found in self.positions):
            return "critical"
        return "warning" if self.drift >= self.moderate_from or self.total_count else ""

    @property
    def summary(self) -> str:
        """One line for people."""
        waiting = f"; {len(self.waiting)} wait for what is under way" if self.waiting else ""
        if not self.all:
            return f"everything agrees with the venue{waiting}"
        critical = sum(1 for found in self.all if found.severity is Severity.CRITICAL)
        parts = f"{len(self.orders)} orders, {len(self.positions)} positions, {len(self.cash)} cash"
        return f"{self.total_count} differences ({parts}), {critical} critical; {len(self.actions)} actions{waiting}"
