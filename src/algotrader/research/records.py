"""Records of what a run traded, for people to read: exact decimals, made when somebody looks at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar, overload

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One execution. ``time`` is nanoseconds since the epoch, UTC."""

    time: int
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    commission: Decimal
    client_order_id: str
    strategy: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class RoundTripRecord:
    """One position from entry to exit; partial fills on either side are averaged. ``pnl`` is after commission.

    ``side`` is ``long`` or ``short``; ``pnl_pct`` is a fraction of the entry notional; ``stop_price`` is the stop planned at entry,
    if any.
    """

    trip_id: str
    strategy: str
    symbol: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_time: int
    exit_time: int
    pnl: Decimal
    pnl_pct: float
    commission: Decimal
    stop_price: Decimal | None = None
    exit_reason: str = ""


@dataclass(frozen=True, slots=True)
class StopRecord:
    """The protective stop of a position from ``time`` on; ``price`` is None when it was taken away."""

    time: int
    symbol: str
    strategy: str
    price: Decimal | None


class Records(Sequence[Record]):
    """A sequence like a list of records, which are made at the first look at one of them."""

    def __init__(self, count: int) -> None:
        self._count: Final = count
        self._made: list[Record] | None = None

    def _make(self) -> list[Record]:
        raise NotImplementedError

    @property
    def made(self) -> list[Record]:
        """The records."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> list[Record]: ...

    def __getitem__(self, place: int | slice) -> Record | list[Record]:
        return self.made[place]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.made)

    def __eq__(self, other: object) -> bool:
        return self.made == (other.made if isinstance(other, Records) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.made)

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (self.made,)
