"""What the market-data streams say, besides bars, quotes and prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar, Quote, TradeTick


@dataclass(frozen=True, slots=True)
class Welcome:
    """The stream's word on the connection: ``connected`` or ``authenticated``."""

    message: str


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error on the stream; see ``errors.STREAM_TABLE``."""

    code: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is subscribed now: symbols by channel (``bars``, ``quotes``, ``trades``, ``updatedBars``, …)."""

    channels: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class UpdatedBar:
    """A minute's bar that late prints have changed."""

    bar: Bar


@dataclass(frozen=True, slots=True)
class DailyBar:
    """The day's bar as it is now; it is not closed, whatever its close time says."""

    bar: Bar


@dataclass(frozen=True, slots=True)
class Correction:
    """A print was changed; prices and sizes are scaled integers of the instrument."""

    instrument: Instrument
    time: int
    exchange: str
    old_id: str
    old_price_raw: int
    old_size_raw: int
    new_id: str
    new_price_raw: int
    new_size_raw: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """A print was taken back (``action`` C) or was an error (E)."""

    instrument: Instrument
    time: int
    exchange: str
    trade_id: str
    price_raw: int
    size_raw: int
    action: str


@dataclass(frozen=True, slots=True)
class Status:
    """The trading status of a symbol. ``halted`` is None where the code says nothing about trading."""

    symbol: str
    time: int
    code: str
    message: str
    reason_code: str
    reason: str
    tape: str
    halted: bool | None


@dataclass(frozen=True, slots=True)
class Luld:
    """The price band outside of which trading pauses: scaled integers of the instrument."""

    instrument: Instrument
    time: int
    up_raw: int
    down_raw: int
    indicator: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a kind that is not known here."""

    kind: str
    data: Mapping[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A message that could not be read, and why."""

    kind: str
    reason: str


Message = (
    Bar
    | Quote
    | TradeTick
    | UpdatedBar
    | DailyBar
    | Correction
    | Cancel
    | Status
    | Luld
    | Welcome
    | StreamError
    | Subscription
    | Unknown
    | Damaged
)
