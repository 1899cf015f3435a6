"""Events about the account: its money, what nobody of ours holds or ordered there, and how the day has gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from algotrader.core.copies import made_from_fields
from algotrader.core.event_base import LANE_ACCOUNT, Event, need
from algotrader.core.orders import Side

MOVEMENTS: Final = ("deposit", "withdrawal", "dividend", "interest", "fee", "funding", "cash_in_lieu", "adjustment")


@final
@dataclass(frozen=True, slots=True)
class AccountSnapshot(Event):
    """What the venue says of the account, in money. The engine's own ledger stays the master of positions."""

    time: int
    equity: int = 0
    cash: int = 0
    buying_power: int = 0
    currency: str = "USD"

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@final
@dataclass(frozen=True, slots=True)
class ExternalPosition(Event):
    """So much (signed) of the venue's position in an instrument is nobody's of ours; 0 for nothing. No cash moves by it."""

    time: int
    symbol: str = ""
    quantity_raw: int = 0
    average_raw: int = 0

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@final
@dataclass(frozen=True, slots=True)
class PositionGone(Event):
    """The venue holds nothing on our side of an instrument: what strategies of ours have there was closed by somebody else."""

    time: int
    symbol: str = ""

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@final
@dataclass(frozen=True, slots=True)
class CloseExternal(Event):
    """What nobody of ours holds in an instrument is to be closed at market, so that the venue holds what our strategies do."""

    time: int
    symbol: str = ""
    reason: str = ""

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@final
@dataclass(frozen=True, slots=True)
class ForeignOrder(Event):
    """An open order at the venue that is not ours. ``quantity_raw`` is what is left of it, 0 once it is gone; ``price_raw`` is
    its limit or stop price, 0 at market.
    """

    time: int
    venue_order_id: str = ""
    symbol: str = ""
    side: Side = Side.BUY
    quantity_raw: int = 0
    price_raw: int = 0

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@final
@dataclass(frozen=True, slots=True)
class BreakerRestored(Event):
    """The daily breaker after a restart, from the profits (money) of today's round trips in the order of their exits.

    ``start_equity`` is that at the day's start; 0 takes the current equity less what was realized today.
    """

    time: int
    profits: tuple[int, ...] = ()
    start_equity: int = 0

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@final
@dataclass(frozen=True, slots=True)
class CashMovement(Event):
    """Cash that moves without a trade. ``amount`` is money, negative when it leaves the account."""

    time: int
    kind: str = "deposit"
    currency: str = "USD"
    amount: int = 0
    symbol: str = ""

    def __post_init__(self) -> None:
        need(self.kind in MOVEMENTS, f"unknown cash movement {self.kind!r}; one of {', '.join(MOVEMENTS)}")

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


made_from_fields(Event)
