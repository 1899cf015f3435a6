"""All that comes into the engine. Every event names its lane; order events are first in, first out among themselves.

Lanes, lower first: system errors and operator actions, venue order events, reconciliation and account, timers and sessions,
market data. Events are checked when made and not changed afterwards; those that come with every execution and every
session are plain objects rather than frozen dataclasses, which are slow to make. Times are nanoseconds since the epoch, UTC; a
venue's own time is data and never moves the engine's clock backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.account_events import MOVEMENTS as MOVEMENTS
from algotrader.core.account_events import AccountSnapshot as AccountSnapshot
from algotrader.core.account_events import BreakerRestored as BreakerRestored
from algotrader.core.account_events import CashMovement as CashMovement
from algotrader.core.account_events import CloseExternal as CloseExternal
from algotrader.core.account_events import ExternalPosition as ExternalPosition
from algotrader.core.account_events import ForeignOrder as ForeignOrder
from algotrader.core.account_events import PositionGone as PositionGone
from algotrader.core.copies import made_from_fields
from algotrader.core.event_base import LANE_ACCOUNT as LANE_ACCOUNT
from algotrader.core.event_base import LANE_MARKET as LANE_MARKET
from algotrader.core.event_base import LANE_ORDERS as LANE_ORDERS
from algotrader.core.event_base import LANE_SYSTEM as LANE_SYSTEM
from algotrader.core.event_base import LANE_TIMERS as LANE_TIMERS
from algotrader.core.event_base import Event as Event
from algotrader.core.event_base import OrderEvent as OrderEvent
from algotrader.core.event_base import need
from algotrader.core.market import BadData, Bar, Quote, Session, TradeTick, check_bar
from algotrader.core.orders import Side
from algotrader.core.risk import RiskPolicy, changed_policy

SEVERITIES: Final = ("warning", "error", "critical")
TRADING_STATES: Final = ("active", "reducing", "halted")
TRIGGERS: Final = ("pre_open", "session_open", "session_ending", "session_close", "timer", "schedule")
OPERATOR_ACTIONS: Final = (
    "halt",
    "reduce",
    "resume",
    "flatten",
    "close",
    "emergency",
    "adopt",
    "release",
    "enable",
    "disable",
    "reduce_position",
    "restop",
)
ADOPTIONS: Final = ("protect", "manage")
_ABOUT_ONE: Final = ("close", "adopt", "release", "reduce_position", "restop")


@final
@dataclass(frozen=True, slots=True)
class SystemError(Event):
    """Something outside the engine failed. ``severity`` is warning, error or critical; critical halts entries."""

    time: int
    error_type: str = ""
    message: str = ""
    severity: str = "error"

    def __post_init__(self) -> None:
        need(self.severity in SEVERITIES, f"severity must be one of {', '.join(SEVERITIES)}, not {self.severity!r}")

    @property
    def lane(self) -> int:
        return LANE_SYSTEM


@final
@dataclass(frozen=True, slots=True)
class OperatorCommand(Event):
    """A person acts.

    ``halt``, ``reduce`` and ``resume`` set the trading state. ``flatten`` closes all our positions, or those of ``symbol``;
    ``close`` those of ``symbol`` only. ``emergency`` cancels everything, liquidates all of ours and stays halted until ``resume``.
    ``adopt`` with ``mode`` protect (a stop, nothing else) or manage (flattened with ours too) lets the engine look after what
    nobody of ours holds in ``symbol``; ``release`` lets go of it. ``enable`` and ``disable`` are about the strategy ``owner``.
    ``reduce_position`` sells ``quantity_raw`` of the position in ``symbol``, ``restop`` tightens its stop to ``stop_raw``;
    ``owner`` says whose position where several have one.
    """

    time: int
    action: str = ""
    operator: str = ""
    reason: str = ""
    symbol: str = ""
    owner: str = ""
    mode: str = ""
    quantity_raw: int = 0
    stop_raw: int = 0

    def __post_init__(self) -> None:
        action = self.action
        need(action in OPERATOR_ACTIONS, f"unknown operator action {action!r}")
        need(bool(self.reason), "an operator action needs a reason")
        need(bool(self.symbol) or action not in _ABOUT_ONE, f"{action} needs a symbol")
        need(bool(self.owner) or action not in ("enable", "disable"), f"{action} needs the name of a strategy")
        need(action != "adopt" or self.mode in ADOPTIONS, f"adopt needs a mode: {' or '.join(ADOPTIONS)}, not {self.mode!r}")
        need(self.quantity_raw > 0 or action != "reduce_position", "reduce_position needs a positive quantity")
        need(self.stop_raw > 0 or action != "restop", "restop needs a positive stop price")

    @property
    def lane(self) -> int:
        return LANE_SYSTEM


@final
@dataclass(frozen=True, slots=True)
class EntryGate(Event):
    """The session opens or shuts the gate for new entries: they pass only while it runs. What people have halted stays halted."""

    time: int
    open: bool = True
    reason: str = ""

    @property
    def lane(self) -> int:
        return LANE_SYSTEM


@final
@dataclass(frozen=True, slots=True)
class RiskChanged(Event):
    """Limits of the risk policy change, from the next signal on: pairs of a field of ``RiskPolicy`` and its new value as text."""

    time: int
    changes: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        try:
            changed_policy(RiskPolicy(), self.changes)
        except ValueError as error:
            raise BadData(str(error)) from None

    @property
    def lane(self) -> int:
        return LANE_SYSTEM


@final
@dataclass(frozen=True, slots=True)
class ConnectionChanged(Event):
    """A venue's order stream went down or came back."""

    time: int
    venue: str = ""
    connected: bool = True

    @property
    def lane(self) -> int:
        return LANE_SYSTEM


@final
@dataclass(frozen=True, slots=True)
class OrderSubmitted(OrderEvent):
    """The request was handed to the venue; its answer is still out."""

    time: int
    client_order_id: str = ""


@mypyc_attr(acyclic=True)
@final
class OrderAccepted(OrderEvent):
    """The venue works the order."""

    def __init__(self, time: int, client_order_id: str = "", venue_order_id: str = "") -> None:
        self.time = time
        self.client_order_id = client_order_id
        self.venue_order_id: Final = venue_order_id


@final
@dataclass(frozen=True, slots=True)
class OrderReject(OrderEvent):
    """The venue refused the order. ``code`` is the refusal in our words, see ``commands.REFUSALS``."""

    time: int
    client_order_id: str = ""
    reason: str = ""
    code: str = ""


@final
@dataclass(frozen=True, slots=True)
class SubmitFailed(OrderEvent):
    """The request was certainly never handed to the venue."""

    time: int
    client_order_id: str = ""
    reason: str = ""


@final
@dataclass(frozen=True, slots=True)
class OrderFateUnknown(OrderEvent):
    """A timeout or a broken connection: nobody knows whether the venue has the order."""

    time: int
    client_order_id: str = ""
    reason: str = ""


@mypyc_attr(acyclic=True)
@final
class OrderFill(OrderEvent):
    """An execution. ``commission`` is money (see ``scaled``), prices and quantity are scaled integers."""

    def __init__(
        self,
        time: int,
        client_order_id: str = "",
        fill_id: str = "",
        symbol: str = "",
        side: Side = Side.BUY,
        price_raw: int = 0,
        quantity_raw: int = 0,
        commission: int = 0,
        venue_order_id: str = "",
        provisional: bool = False,
    ) -> None:
        self.time = time
        self.client_order_id = client_order_id
        self.fill_id: Final = fill_id
        self.symbol: Final = symbol
        self.side: Final = side
        self.price_raw: Final = price_raw
        self.quantity_raw: Final = quantity_raw
        self.commission: Final = commission
        self.venue_order_id: Final = venue_order_id
        self.provisional: Final = provisional
        if not fill_id:
            raise BadData("a fill needs the venue's execution id")
        if price_raw <= 0 or quantity_raw <= 0:
            raise BadData(f"fill {fill_id}: price and quantity must be positive")


@final
@dataclass(frozen=True, slots=True)
class OrderCancel(OrderEvent):
    """The venue no longer works the order; ``reason`` says why when it was not our wish."""

    time: int
    client_order_id: str = ""
    reason: str = ""


@final
@dataclass(frozen=True, slots=True)
class OrderExpired(OrderEvent):
    """The order's time in force ran out."""

    time: int
    client_order_id: str = ""


@final
@dataclass(frozen=True, slots=True)
class OrderTriggered(OrderEvent):
    """A stop's price was reached; a stop-limit now rests as a limit order."""

    time: int
    client_order_id: str = ""


@final
@dataclass(frozen=True, slots=True)
class OrderReplaced(OrderEvent):
    """``client_order_id`` is gone and ``new_client_order_id`` works in its place."""

    time: int
    client_order_id: str = ""
    new_client_order_id: str = ""
    venue_order_id: str = ""


@final
@dataclass(frozen=True, slots=True)
class ReplaceRejected(OrderEvent):
    """The change asked for under ``client_order_id`` (the new leg's id) was refused; the old leg works on unless it is gone."""

    time: int
    client_order_id: str = ""
    reason: str = ""
    code: str = ""


@final
@dataclass(frozen=True, slots=True)
class CancelRejected(OrderEvent):
    """The venue refused to cancel; the order may be filled or gone already."""

    time: int
    client_order_id: str = ""
    reason: str = ""


@final
@dataclass(frozen=True, slots=True)
class FillBusted(OrderEvent):
    """The venue took an execution back."""

    time: int
    client_order_id: str = ""
    fill_id: str = ""


@final
@dataclass(frozen=True, slots=True)
class FillCorrected(OrderEvent):
    """The venue changed an execution's price, quantity or commission."""

    time: int
    client_order_id: str = ""
    fill_id: str = ""
    price_raw: int = 0
    quantity_raw: int = 0
    commission: int = 0

    def __post_init__(self) -> None:
        need(self.price_raw > 0 and self.quantity_raw > 0, f"correction of {self.fill_id}: price and quantity must be positive")


@final
@dataclass(frozen=True, slots=True)
class OrderStillWorks(OrderEvent):
    """The venue certainly works an order, or a leg of one, that we take for ended; it is called back."""

    time: int
    client_order_id: str = ""
    venue_order_id: str = ""


@final
@dataclass(frozen=True, slots=True)
class Warmup(Event):
    """Between on and off, bars and session phases only bring prices, indicators, aggregators and histories up to date.

    It goes before everything else when it switches on, and behind the bars that wait when it switches off.
    """

    time: int
    on: bool = True

    @property
    def lane(self) -> int:
        return LANE_SYSTEM if self.on else LANE_MARKET


@final
@dataclass(frozen=True, slots=True)
class Split(Event):
    """``numerator`` new shares for ``denominator`` old ones, effective before the session's first bar."""

    time: int
    symbol: str = ""
    numerator: int = 1
    denominator: int = 1

    def __post_init__(self) -> None:
        need(self.numerator > 0 and self.denominator > 0, f"split of {self.symbol}: the ratio must be positive")

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@final
@dataclass(frozen=True, slots=True)
class Dividend(Event):
    """Cash per share (money) paid to who holds the shares at the open of the ex-date."""

    time: int
    symbol: str = ""
    amount: int = 0

    def __post_init__(self) -> None:
        need(self.amount > 0, f"dividend of {self.symbol}: the amount must be positive")

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@final
@dataclass(frozen=True, slots=True)
class SymbolChange(Event):
    """An instrument is quoted under a new symbol from now on."""

    time: int
    symbol: str = ""
    new_symbol: str = ""

    @property
    def lane(self) -> int:
        return LANE_ACCOUNT


@mypyc_attr(acyclic=True)
@final
class ScheduledTrigger(Event):
    """A session phase, a timer or a user's schedule is due. ``time`` is when it takes effect, ``scheduled_time`` when it was due.

    ``pre_open`` comes half an hour before the open, ``session_ending`` 30 seconds before the close (on bar data: with the last
    bar close before that). The positions in week and month count sessions from 0 and, with ``half_day`` (the session closes early),
    let schedule rules work without a calendar in the engine. ``name`` says which of the user's schedules a ``schedule`` is.
    """

    def __init__(
        self,
        time: int,
        trigger_type: str = "timer",
        scheduled_time: int = 0,
        session: Session | None = None,
        day_of_week: int = 0,
        days_to_week_end: int = 0,
        day_of_month: int = 0,
        days_to_month_end: int = 0,
        half_day: bool = False,
        name: str = "",
    ) -> None:
        self.time = time
        self.trigger_type: Final = trigger_type
        self.scheduled_time: Final = scheduled_time
        self.session: Final = session
        self.day_of_week: Final = day_of_week
        self.days_to_week_end: Final = days_to_week_end
        self.day_of_month: Final = day_of_month
        self.days_to_month_end: Final = days_to_month_end
        self.half_day: Final = half_day
        self.name: Final = name
        if trigger_type not in TRIGGERS:
            raise BadData(f"unknown trigger {trigger_type!r}")
        if session is None and trigger_type not in ("timer", "schedule"):
            raise BadData(f"{trigger_type} needs its session")
        if (trigger_type == "schedule") != bool(name):
            raise BadData("a user's schedule needs its name, and nothing else has one")

    @property
    def lane(self) -> int:
        return LANE_TIMERS


@final
@dataclass(frozen=True, slots=True)
class MarketData(Event):
    """One closed bar, one quote or one print; exactly one of the three is given. A bar is there at its close, not before."""

    time: int
    bar: Bar | None = None
    quote: Quote | None = None
    tick: TradeTick | None = None

    def __post_init__(self) -> None:
        given = (self.bar is not None) + (self.quote is not None) + (self.tick is not None)
        need(given == 1, "market data carries exactly one bar, quote or print")
        if self.bar is not None:
            check_bar(self.bar)
            if self.time < self.bar.close_time:
                raise BadData(f"{self.bar!r} comes before it closes")


@final
@dataclass(frozen=True, slots=True)
class SliceClosed(Event):
    """All bars that close at ``close_time`` are in, or the wait for the missing ones is over; 0 stands for ``time``."""

    time: int
    close_time: int = 0


@final
@dataclass(frozen=True, slots=True)
class TradingStatus(Event):
    """The venue halted or resumed an instrument."""

    time: int
    symbol: str = ""
    halted: bool = False
    reason: str = ""


made_from_fields(Event)
