"""An engine without a venue: the test sends the events and reads the commands as lines of text.

Times are minutes after ``START``; prices and quantities are written as text. Ids of orders are ``a1``, ``a2``… as the engine
counts them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, RequestBars, SubmitOrder
from algotrader.core.engine import Engine
from algotrader.core.events import (
    CancelRejected,
    CashMovement,
    ConnectionChanged,
    Event,
    FillBusted,
    FillCorrected,
    MarketData,
    OperatorCommand,
    OrderAccepted,
    OrderCancel,
    OrderExpired,
    OrderFateUnknown,
    OrderFill,
    OrderReject,
    OrderReplaced,
    OrderSubmitted,
    ReplaceRejected,
    ScheduledTrigger,
    SliceClosed,
    SubmitFailed,
)
from algotrader.core.indicators import Indicator
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities, equity
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, Bar, Session, nanoseconds
from algotrader.core.orders import OrderRequest, OrderType, Side
from algotrader.core.reports import Report
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.core.signal_hooks import SignalHooks, SlotSettings
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import Holding

START = nanoseconds(datetime(2025, 11, 26, 14, 30, tzinfo=UTC))
AAPL = equity("AAPL")
MSFT = equity("MSFT")
DAY = Session("XNYS", "2025-11-26", START, START + 390 * NS_PER_MINUTE)
WIDE = RiskPolicy(
    max_position=Decimal(1), max_risk_per_trade_abs=Decimal(1_000_000), max_leverage=Decimal(4), max_open_positions=20
)
"""Caps opened, so that a test of something else need not think of them."""


def raw(price: str) -> int:
    """A price at four decimal places; nothing is 0."""
    return int(Decimal(price) * 10_000) if price else 0


class Script(SignalHooks):
    """A signal-style strategy that answers what the test has set; an entry is asked for once."""

    def __init__(self) -> None:
        super().__init__()
        self.entry: str = ""
        self.price: Any = None
        self.stop: Any = None
        self.take: Any = None
        self.size: Any = None
        self.sure: Any = 0.5
        self.new_stop: Any = None
        self.leave: bool = False
        self.give_up: bool = False
        self.closed: int = 0

    def should_long(self, bar: Bar, indicators: Any) -> object:
        return self.entry == "long"

    def should_short(self, bar: Bar, indicators: Any) -> object:
        return self.entry == "short"

    def entry_price(self, bar: Bar, indicators: Any) -> object:
        self.entry = ""
        return self.price

    def stop_loss_price(self, bar: Bar, indicators: Any) -> object:
        return self.stop

    def take_profit_price(self, bar: Bar, indicators: Any) -> object:
        return self.take

    def confidence(self, bar: Bar, indicators: Any) -> object:
        return self.sure

    def quantity(self, bar: Bar, indicators: Any) -> object:
        return self.size

    def should_update_stop(self, bar: Bar, indicators: Any) -> object:
        return self.new_stop

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        return self.leave

    def should_cancel_pending(self, bar: Bar, candles_since: int) -> object:
        return self.give_up

    def on_position_closed(self) -> None:
        self.closed += 1


def settings(**changes: Any) -> SlotSettings:
    """Settings of a strategy that is warm at once and may go both ways, with changes."""
    made = SlotSettings()
    made.required_history = 0
    made.allow_short = True
    made.closes_at_end = False
    made.risk_sized = False
    for name, value in changes.items():
        assert hasattr(made, name), name
        setattr(made, name, value)
    return made


def words(command: Command, engine: Engine) -> str:
    """A command as a line."""
    if isinstance(command, SubmitOrder):
        return f"{command.client_order_id} {engine.state.orders[command.client_order_id].role.value} {order_words(command.request)}"
    if isinstance(command, CancelOrder):
        return f"cancel {command.client_order_id}"
    if isinstance(command, ReplaceOrder):
        prices = _price(" stop", command.stop_raw) + _price(" limit", command.limit_raw)
        return f"replace {command.client_order_id} by {command.new_client_order_id}: {command.quantity_raw}{prices}"
    assert isinstance(command, RequestBars)
    return f"bars of {command.symbol}"


def order_words(request: OrderRequest) -> str:
    """What an order asks for, as words."""
    prices = _price(" at", request.limit_raw)
    if request.order_type in (OrderType.STOP, OrderType.STOP_LIMIT):
        prices = _price("", request.stop_raw) + prices
    attached = _price(" with stop", request.stop_loss_raw) + _price(" with take", request.take_profit_raw)
    symbol = "" if request.symbol == "AAPL" else f" {request.symbol}"
    return f"{request.side.value} {request.quantity_raw}{symbol} {request.order_type.value}{prices}{attached}"


def _price(label: str, price_raw: int) -> str:
    return f"{label} {Decimal(price_raw) / 10_000:.2f}" if price_raw else ""


class Rig:
    """An engine, strategies that do as they are told, and a pen for the venue's answers."""

    def __init__(
        self,
        capabilities: VenueCapabilities = GENERIC,
        policy: RiskPolicy = WIDE,
        instruments: list[Instrument] | None = None,
        strict: bool = True,
        cash: int = 1_000_000,
    ) -> None:
        self.engine = Engine(instruments or [AAPL, MSFT], 60, policy, capabilities, strict=strict)
        self.state = self.engine.state
        self.minute = 0
        self.fills = 0
        self.reports: list[Report] = []
        self.now = START
        if cash:
            self.engine.handle(CashMovement(START, "deposit", "USD", money(Decimal(cash))))

    # strategies and data

    def strategy(self, owner: str = "s", symbol: str = "AAPL", **changes: Any) -> Script:
        """Register a strategy; its answers are its attributes."""
        script = Script()
        indicators: dict[str, Indicator] = {}
        self.engine.add_signal_strategy(owner, script, settings(**changes), indicators, symbol)
        return script

    def slot(self, owner: str = "s") -> SignalSlot:
        """The engine's side of a strategy."""
        found = next(slot for slot in self.engine.slots() if slot.owner == owner)
        assert isinstance(found, SignalSlot)
        return found

    def holding(self, owner: str = "s") -> Holding:
        """What a strategy holds."""
        return self.slot(owner).holding

    def bar(self, close: str = "100", symbol: str = "AAPL", *, slice_: bool = True, spread: str = "1") -> list[str]:
        """The next minute's bar, and the end of its slice; gives the commands that follow."""
        self.now = max(self.now, START + self.minute * NS_PER_MINUTE)
        self.feed(close, symbol, spread=spread)
        self.minute += 1
        if slice_:
            self.send(SliceClosed(START + self.minute * NS_PER_MINUTE))
        return self.commands()

    def feed(self, close: str, symbol: str = "AAPL", *, spread: str = "1") -> None:
        """A bar of the current minute; the slice stays open and the clock where it is."""
        opens = START + self.minute * NS_PER_MINUTE
        instrument = self.state.by_symbol[symbol].instrument
        c, wide = raw(close), raw(spread)
        bar = Bar(instrument, opens, opens + NS_PER_MINUTE, c, c + wide, max(c - wide, 1), c, 1000)
        self.send(MarketData(opens + NS_PER_MINUTE, bar))

    def enter(self, script: Script, side: str = "long", quantity: int = 100, stop: str | None = "98", **more: Any) -> list[str]:
        """Let a strategy enter at market on the next bar, at 100."""
        script.entry, script.size = side, quantity
        script.stop = None if stop is None else Decimal(stop)
        script.price, script.take = more.get("price"), more.get("take")
        return self.bar("100")

    def hold(self, script: Script, side: str = "long", quantity: int = 100, stop: str | None = "98", **more: Any) -> list[str]:
        """Let a strategy enter and be filled at 100 at a venue that takes a stop beside the entry; gives what follows the fill."""
        entry = self.enter(script, side, quantity, stop, **more)[0].split()[0]
        self.ack(entry)
        return self.fill(entry, quantity, "100")

    # events

    def send(self, event: Event) -> None:
        """Hand the engine an event."""
        self.engine.handle(event)
        self.now = max(self.now, event.time)
        self.reports += self.engine.take_reports()

    def tell(self, event: Event) -> list[str]:
        """Hand the engine an event; gives the commands that follow."""
        self.send(event)
        return self.commands()

    def commands(self) -> list[str]:
        """The commands since last asked, as lines."""
        return [words(command, self.engine) for command in self.engine.take_commands()]

    def later(self, seconds: float) -> None:
        """Time passes, unknown to the engine until the next event."""
        self.now += int(seconds * NS_PER_SECOND)

    def ack(self, order_id: str) -> list[str]:
        return self.tell(OrderAccepted(self.now, order_id, "v-" + order_id))

    def submitted(self, order_id: str) -> list[str]:
        return self.tell(OrderSubmitted(self.now, order_id))

    def fill(
        self, order_id: str, quantity: int, price: str, *, fill_id: str = "", commission: str = "0", provisional: bool = False
    ) -> list[str]:
        self.fills += 1
        order = self.state.orders.get(order_id)
        side = Side.BUY if order is None else order.side
        symbol = "AAPL" if order is None else order.symbol
        name = fill_id or f"f{self.fills}"
        cost = money(Decimal(commission))
        return self.tell(OrderFill(self.now, order_id, name, symbol, side, raw(price), quantity, cost, provisional=provisional))

    def bust(self, order_id: str, fill_id: str) -> list[str]:
        return self.tell(FillBusted(self.now, order_id, fill_id))

    def correct(self, order_id: str, fill_id: str, quantity: int, price: str, commission: str = "0") -> list[str]:
        return self.tell(FillCorrected(self.now, order_id, fill_id, raw(price), quantity, money(Decimal(commission))))

    def cancelled(self, order_id: str, reason: str = "") -> list[str]:
        return self.tell(OrderCancel(self.now, order_id, reason))

    def expired(self, order_id: str) -> list[str]:
        return self.tell(OrderExpired(self.now, order_id))

    def reject(self, order_id: str, code: str = "", reason: str = "no") -> list[str]:
        return self.tell(OrderReject(self.now, order_id, reason, code))

    def failed(self, order_id: str) -> list[str]:
        return self.tell(SubmitFailed(self.now, order_id, "never sent"))

    def unknown(self, order_id: str) -> list[str]:
        return self.tell(OrderFateUnknown(self.now, order_id, "timeout"))

    def replaced(self, old: str, new: str) -> list[str]:
        return self.tell(OrderReplaced(self.now, old, new, "v-" + new))

    def no_replace(self, new: str, code: str = "") -> list[str]:
        return self.tell(ReplaceRejected(self.now, new, "no", code))

    def no_cancel(self, order_id: str) -> list[str]:
        return self.tell(CancelRejected(self.now, order_id, "no"))

    def connected(self, up: bool) -> list[str]:
        return self.tell(ConnectionChanged(self.now, "SIM", up))

    def operator(
        self, action: str, symbol: str = "", *, owner: str = "", mode: str = "", quantity: int = 0, stop: str = ""
    ) -> list[str]:
        return self.tell(OperatorCommand(self.now, action, "Ada", "a drill", symbol, owner, mode, quantity, raw(stop)))

    def timer(self) -> list[str]:
        """The engine's next timer comes due."""
        due = self.engine.next_deadline()
        assert due, "no timer is set"
        return self.tell(ScheduledTrigger(max(due, self.now), "timer", due))

    def phase(self, name: str, session: Session = DAY) -> list[str]:
        return self.tell(ScheduledTrigger(self.now, name, self.now, session))

    # what to look at

    def order(self, order_id: str) -> str:
        """An order's state, filled and asked quantity."""
        order = self.state.orders[order_id]
        return f"{order.state.value} {order.filled_raw}/{order.quantity_raw}"

    def told(self, kind: str) -> list[str]:
        """The messages of one kind so far."""
        return [report.message for report in self.reports if report.kind == kind]

    def denials(self) -> list[str]:
        """The codes of the signals denied so far."""
        return [message.split(":")[0] for message in self.told("signal_denied")]
