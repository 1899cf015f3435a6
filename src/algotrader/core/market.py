"""Market data as the engine sees it: bars, quotes, prints and trading sessions. Bad data is refused here.

Times are integers: nanoseconds since 1970-01-01 UTC. ``utc`` gives them as aware datetimes to the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.columns import IntColumn
from algotrader.core.copies import made_from_fields
from algotrader.core.instruments import Instrument
from algotrader.core.scaled import MAX_SCALED, NotExact

NS_PER_SECOND: Final = 1_000_000_000
NS_PER_MINUTE: Final = 60 * NS_PER_SECOND
NS_PER_DAY: Final = 86_400 * NS_PER_SECOND
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class BadData(ValueError):
    """Market data that cannot be true, such as a high below the low. The message names the fault and the values."""


def utc(time_ns: int) -> datetime:
    """Give engine time (nanoseconds since the epoch) as an aware UTC datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def nanoseconds(moment: datetime) -> int:
    """Turn an aware datetime into engine time.

    Raises:
        BadData: the datetime has no time zone.
    """
    if moment.tzinfo is None:
        raise BadData(f"{moment} has no time zone; all times must say which they are in")
    delta = moment - _EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class Bar:
    """Prices and volume of one instrument between ``open_time`` and ``close_time``; visible only at ``close_time``.

    The ``*_raw`` attributes are scaled integers and exact; the properties give the same as ``Decimal``.
    """

    __slots__ = ("close_raw", "close_time", "high_raw", "instrument", "low_raw", "open_raw", "open_time", "volume_raw")

    def __init__(
        self,
        instrument: Instrument,
        open_time: int,
        close_time: int,
        open_raw: int,
        high_raw: int,
        low_raw: int,
        close_raw: int,
        volume_raw: int,
    ) -> None:
        self.instrument: Final = instrument
        self.open_time: Final = open_time
        self.close_time: Final = close_time
        self.open_raw: Final = open_raw
        self.high_raw: Final = high_raw
        self.low_raw: Final = low_raw
        self.close_raw: Final = close_raw
        self.volume_raw: Final = volume_raw

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @property
    def timestamp(self) -> datetime:
        """Start of the bar, UTC."""
        return utc(self.open_time)

    @property
    def open(self) -> Decimal:
        """First price."""
        return self.instrument.price(self.open_raw)

    @property
    def high(self) -> Decimal:
        """Highest price."""
        return self.instrument.price(self.high_raw)

    @property
    def low(self) -> Decimal:
        """Lowest price."""
        return self.instrument.price(self.low_raw)

    @property
    def close(self) -> Decimal:
        """Last price."""
        return self.instrument.price(self.close_raw)

    @property
    def volume(self) -> Decimal:
        """Quantity traded."""
        return self.instrument.quantity(self.volume_raw)

    @property
    def is_green(self) -> bool:
        """Close above open."""
        return self.close_raw > self.open_raw

    @property
    def is_red(self) -> bool:
        """Close below open."""
        return self.close_raw < self.open_raw

    def __repr__(self) -> str:
        prices = f"o={self.open} h={self.high} l={self.low} c={self.close}"
        return f"Bar({self.symbol} {utc(self.open_time).isoformat()} {prices} v={self.volume})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bar):
            return NotImplemented
        return bar_key(self) == bar_key(other)

    def __hash__(self) -> int:
        return self.close_time


def bar_key(bar: Bar) -> tuple[str, int, int, int, int, int, int, int]:
    """Everything that makes two bars the same bar."""
    return (
        bar.symbol,
        bar.open_time,
        bar.close_time,
        bar.open_raw,
        bar.high_raw,
        bar.low_raw,
        bar.close_raw,
        bar.volume_raw,
    )


def fault_in_prices(open_raw: int, high_raw: int, low_raw: int, close_raw: int, volume_raw: int) -> str:
    """Name what is impossible about a bar's numbers, or give an empty text when nothing is."""
    if low_raw <= 0 or open_raw <= 0 or close_raw <= 0:
        return "a price is zero or negative"
    if high_raw < low_raw:
        return "high is below low"
    if not low_raw <= open_raw <= high_raw:
        return "open lies outside low..high"
    if not low_raw <= close_raw <= high_raw:
        return "close lies outside low..high"
    if volume_raw < 0:
        return "volume is negative"
    if high_raw >= MAX_SCALED or volume_raw >= MAX_SCALED:
        return "a number is too large for the instrument's scale"
    return ""


def make_bar(
    instrument: Instrument,
    open_time: datetime,
    close_time: datetime,
    open_: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
    volume: Decimal,
) -> Bar:
    """Build a checked bar from decimals and aware datetimes.

    Raises:
        BadData: a number is not finite, has too many decimals, or the bar is impossible.
    """
    try:
        prices = [instrument.price_raw(value) for value in (open_, high, low, close)]
        volume_raw = instrument.quantity_raw(volume)
    except NotExact as error:
        raise BadData(f"{instrument.symbol} {open_time}: {error}") from None
    bar = Bar(instrument, nanoseconds(open_time), nanoseconds(close_time), prices[0], prices[1], prices[2], prices[3], volume_raw)
    check_bar(bar)
    return bar


def check_bar(bar: Bar) -> None:
    """Refuse an impossible bar.

    Raises:
        BadData: says what is wrong with which bar.
    """
    fault = fault_in_prices(bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw, bar.volume_raw)
    if not fault and bar.close_time <= bar.open_time:
        fault = "it closes before it opens"
    if fault:
        raise BadData(f"{bar!r}: {fault}")


@final
@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and offer; prices and sizes are scaled integers, a side that is empty is 0."""

    instrument: Instrument
    time: int
    bid_raw: int
    ask_raw: int
    bid_size_raw: int = 0
    ask_size_raw: int = 0
    last_raw: int = 0
    volume_raw: int = 0

    def __post_init__(self) -> None:
        numbers = (self.bid_raw, self.ask_raw, self.bid_size_raw, self.ask_size_raw, self.last_raw, self.volume_raw)
        if any(n < 0 for n in numbers):
            raise BadData(f"quote of {self.instrument.symbol}: a price or size is negative")
        if self.bid_raw and self.ask_raw and self.bid_raw > self.ask_raw:
            raise BadData(f"quote of {self.instrument.symbol}: bid {self.bid} is above ask {self.ask}")

    @property
    def bid(self) -> Decimal:
        """Best bid."""
        return self.instrument.price(self.bid_raw)

    @property
    def ask(self) -> Decimal:
        """Best offer."""
        return self.instrument.price(self.ask_raw)

    @property
    def last(self) -> Decimal:
        """Last print the venue reported with the quote; 0 when none."""
        return self.instrument.price(self.last_raw)

    @property
    def volume(self) -> Decimal:
        """Volume the venue reported with the quote."""
        return self.instrument.quantity(self.volume_raw)

    @property
    def timestamp(self) -> datetime:
        """Time of the quote, UTC."""
        return utc(self.time)


@final
@dataclass(frozen=True, slots=True)
class TradeTick:
    """One market print. ``aggressor`` is ``buy``, ``sell`` or ``unknown``."""

    instrument: Instrument
    time: int
    price_raw: int
    size_raw: int
    aggressor: str = "unknown"
    trade_id: str = ""

    def __post_init__(self) -> None:
        if self.price_raw <= 0 or self.size_raw < 0:
            raise BadData(f"print of {self.instrument.symbol}: price must be positive and size not negative")
        if self.price_raw >= MAX_SCALED or self.size_raw >= MAX_SCALED:
            raise BadData(f"print of {self.instrument.symbol}: a number is too large for the instrument's scale")
        if self.aggressor not in ("buy", "sell", "unknown"):
            raise BadData(f"print of {self.instrument.symbol}: aggressor must be buy, sell or unknown, not {self.aggressor!r}")

    @property
    def price(self) -> Decimal:
        """Price of the print."""
        return self.instrument.price(self.price_raw)

    @property
    def size(self) -> Decimal:
        """Quantity of the print."""
        return self.instrument.quantity(self.size_raw)

    @property
    def timestamp(self) -> datetime:
        """Time of the print, UTC."""
        return utc(self.time)


@final
@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of one calendar: opens, closes, and pauses between (times in nanoseconds UTC).

    A market that never closes has sessions of 24 hours from midnight UTC with ``continuous`` set.
    """

    calendar: str
    label: str
    open_time: int
    close_time: int
    breaks: tuple[tuple[int, int], ...] = ()
    continuous: bool = False

    def __post_init__(self) -> None:
        if self.close_time <= self.open_time:
            raise BadData(f"session {self.label} of {self.calendar} closes before it opens")

    def contains(self, open_time: int) -> bool:
        """Whether a bar that starts at ``open_time`` belongs to the session."""
        if not self.open_time <= open_time < self.close_time:
            return False
        return not any(start <= open_time < end for start, end in self.breaks)


@final
class BarColumns:
    """Many bars as columns in the order (close_time, registration number, row).

    ``instrument`` holds registration numbers, the prices and volumes are scaled integers. ``regular`` has a byte a row that says
    whether it lies in its regular session; empty means that all do.
    """

    __slots__ = ("close", "close_time", "high", "instrument", "low", "open", "open_time", "regular", "volume")

    def __init__(
        self,
        instrument: IntColumn,
        open_time: IntColumn,
        close_time: IntColumn,
        open: IntColumn,
        high: IntColumn,
        low: IntColumn,
        close: IntColumn,
        volume: IntColumn,
        regular: bytes = b"",
    ) -> None:
        self.instrument: Final = instrument
        self.open_time: Final = open_time
        self.close_time: Final = close_time
        self.open: Final = open
        self.high: Final = high
        self.low: Final = low
        self.close: Final = close
        self.volume: Final = volume
        self.regular: Final[bytes] = regular

    def __len__(self) -> int:
        return len(self.close_time)


made_from_fields(Quote, TradeTick, Session)
