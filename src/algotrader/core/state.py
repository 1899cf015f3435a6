"""What the engine knows: instruments and their last prices, holdings, orders, cash. Only the engine's own parts change it."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final, final

from librt.vecs import append, vec
from mypy_extensions import i64, mypyc_attr

from algotrader.core.breakers import DailyBreaker
from algotrader.core.commands import Command
from algotrader.core.events import AccountSnapshot, ForeignOrder, ScheduledTrigger
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.core.ledger import Ledger, Position, RoundTrip
from algotrader.core.market import NS_PER_SECOND, Session
from algotrader.core.orders import Fill, Order, OrderType, Side
from algotrader.core.reports import ACCOUNT_STALE, INFO, WARNING, FaultReport, Report, Words
from algotrader.core.risk import PPM, RiskPolicy, ppm

PROTECT_PLANNED: Final = "planned"
PROTECT_EMERGENCY: Final = "emergency"
PROTECT_NONE: Final = "none"
PROTECTIONS: Final = (PROTECT_PLANNED, PROTECT_EMERGENCY, PROTECT_NONE)

EXTERNAL: Final = "external"
"""The owner of what we did not open."""

MANAGED: Final = "manage"
CORRECTED: Final = "correct"
"""As ``Holding.adopted``: a person wants it handled as ours; it is only there to be closed."""

ACCOUNT_MAX_AGE_NS: Final = 5 * NS_PER_SECOND
"""How long what the venue says of the account counts."""


@final
class DayStats:
    """One instrument's regular session so far, and the sessions before it, for scanners and daily history."""

    def __init__(self) -> None:
        self.open_raw: int = 0
        self.high_raw: int = 0
        self.low_raw: int = 0
        self.close_raw: int = 0
        self.volume_raw: int = 0
        self.open_time: int = 0
        self.previous_close_raw: int = 0
        self.volumes: list[int] = []
        self.history: BarHistory = BarHistory()

    def add(self, open_time: int, o: int, h: int, low: int, c: int, v: int) -> None:
        """Take in one bar of the session."""
        if self.open_raw == 0:
            self.open_time = open_time
            self.open_raw = o
            self.high_raw = h
            self.low_raw = low
        else:
            if h > self.high_raw:
                self.high_raw = h
            if low < self.low_raw:
                self.low_raw = low
        self.close_raw = c
        self.volume_raw += v

    def roll(self) -> None:
        """Start a new session; the one that ended becomes history."""
        if self.open_raw == 0:
            return
        self.previous_close_raw = self.close_raw
        self.volumes.append(self.volume_raw)
        self.history.add(self.open_time, self.open_raw, self.high_raw, self.low_raw, self.close_raw, self.volume_raw)
        self.open_raw = 0
        self.volume_raw = 0

    def average_volume(self, sessions: int) -> int:
        """Mean volume of the last sessions (scaled, rounded down); 0 before there were that many."""
        if len(self.volumes) < sessions:
            return 0
        return sum(self.volumes[-sessions:]) // sessions


@final
class BarHistory:
    """The last bars of one instrument as columns; keeps at least ``KEEP`` rows, never more than twice as many."""

    KEEP: Final = 5000

    def __init__(self) -> None:
        self.time: vec[i64] = vec[i64]()
        self.open: vec[i64] = vec[i64]()
        self.high: vec[i64] = vec[i64]()
        self.low: vec[i64] = vec[i64]()
        self.close: vec[i64] = vec[i64]()
        self.volume: vec[i64] = vec[i64]()

    def add(self, time: int, o: int, h: int, low: int, c: int, v: int) -> None:
        """Append one bar (``time`` is its open time)."""
        if len(self.time) >= 2 * BarHistory.KEEP:
            self._trim()
        self.time = append(self.time, time)
        self.open = append(self.open, o)
        self.high = append(self.high, h)
        self.low = append(self.low, low)
        self.close = append(self.close, c)
        self.volume = append(self.volume, v)

    def _trim(self) -> None:
        drop = len(self.time) - BarHistory.KEEP
        self.time, self.open, self.high = self.time[drop:], self.open[drop:], self.high[drop:]
        self.low, self.close, self.volume = self.low[drop:], self.close[drop:], self.volume[drop:]

    def column(self, name: str) -> memoryview:
        """One of ``time``, ``open``, ``high``, ``low``, ``close`` and ``volume``, to be read at once: 64 bits a number."""
        if name == "time":
            return memoryview(self.time)
        if name == "close":
            return memoryview(self.close)
        if name == "open":
            return memoryview(self.open)
        if name == "high":
            return memoryview(self.high)
        return memoryview(self.low if name == "low" else self.volume)

    def rescale(self, numerator: int, denominator: int) -> None:
        """Restate prices and volumes for a split of ``numerator`` new for ``denominator`` old shares."""
        for column in (self.open, self.high, self.low, self.close):
            for i in range(len(column)):
                price: int = column[i]
                column[i] = (2 * price * denominator + numerator) // (2 * numerator)
        for i in range(len(self.volume)):
            volume: int = self.volume[i]
            self.volume[i] = volume * numerator // denominator


@final
class Track:
    """One instrument as the engine follows it.

    ``external``: something there is not ours, so that entries have to wait; ``first_symbol``: the symbol under which it was
    registered; ``shortfall`` is how much less the venue holds than
    our strategies together (scaled, unsigned), which no order of ours may sell.
    """

    def __init__(self, index: int, instrument: Instrument) -> None:
        self.index: Final = index
        self.first_symbol: Final = instrument.symbol
        self.instrument: Instrument = instrument
        self.last_raw: int = 0
        self.last_time: int = 0
        self.last_open_time: int = 0
        self.session: Session | None = None
        self.halted: bool = False
        self.halt_reason: str = ""
        self.external: bool = False
        self.shortfall: int = 0
        self.unknown_orders: int = 0
        self.dropped_bars: int = 0
        self.day: DayStats | None = None
        self.history: BarHistory | None = None
        self.bars_seen: int = 0
        self.live_orders: int = 0
        self.held: bool = False


@mypyc_attr(allow_interpreted_subclasses=True)
class Slot:
    """One strategy instance in the engine. The engine calls these; both styles of strategy are built on them."""

    def __init__(self, number: int, owner: str) -> None:
        self.number = number
        self.owner = owner
        self.enabled = True
        self.regular_hours = True
        self.closes_at_end = False
        self.risk_sized = False
        self.errors = 0

    def on_session(self, event: ScheduledTrigger) -> None:
        """A phase of the trading day: pre_open, session_open, session_ending or session_close."""

    def on_slice(self, now: int) -> None:
        """All bars of one close time have been handled."""

    def on_schedule(self, name: str) -> None:
        """One of the user's schedules is due."""

    def on_fill(self, holding: Holding, order: Order, fill: Fill) -> None:
        """One of its orders was executed, wholly or in part; the ledger knows already."""

    def on_order_final(self, holding: Holding, order: Order) -> None:
        """One of its orders came to its end."""

    def on_round_trip(self, holding: Holding, trip: RoundTrip) -> None:
        """A position was closed."""

    def on_message(self, message: str) -> None:
        """The venue or the system said something that concerns no single order."""

    def on_split(self, symbol: str, numerator: int, denominator: int) -> None:
        """An instrument it follows was split."""

    def on_warm_session(self, event: ScheduledTrigger) -> None:
        """A phase of a trading day that is only caught up on: figures follow it, nothing is asked and nothing done."""

    def on_warm_end(self) -> None:
        """What was missed is caught up on; from here on the strategy is asked."""


@final
class Holding:
    """What one strategy has to do with one instrument: its position, the stop that it owes, the orders that work on it.

    ``stop_raw`` is the protective stop that should be working, ``take_raw`` the take profit (0: none);
    ``exit_quantity_raw`` is how much is being closed at market; ``leaving``: what the entry still fills is closed too; ``turned``:
    closing orders have filled more than was held, so that what is held now was never wanted. ``adopted`` is for what is nobody's of
    ours: how far the engine looks after it, ``protect``, ``manage``, ``correct`` or not at all.
    """

    def __init__(self, slot: Slot | None, owner: str, track: Track, position: Position, protection: str) -> None:
        self.slot: Final = slot
        self.owner: Final = owner
        self.track: Final = track
        self.position: Position = position
        self.protection: str = protection
        self.stop_raw: int = 0
        self.take_raw: int = 0
        self.planned_stop_raw: int = 0
        self.planned_take_raw: int = 0
        self.entry_order: Order | None = None
        self.stop_order: Order | None = None
        self.take_order: Order | None = None
        self.exit_order: Order | None = None
        self.exit_quantity_raw: int = 0
        self.exit_reason: str = ""
        self.exit_at_open: bool = False
        self.exit_attempts: int = 0
        self.stop_attempts: int = 0
        self.take_attempts: int = 0
        self.leaving: bool = False
        self.turned: bool = False
        self.partial_deadline: int = 0
        self.waits_until: int = 0
        self.correlation_id: str = ""
        self.plain_orders: list[Order] = []
        self.target_set: bool = False
        self.target_raw: int = 0
        self.target_type: OrderType = OrderType.MARKET
        self.target_limit_raw: int = 0
        self.target_stop_raw: int = 0
        self.oco_serial: int = 0
        self.synthetic_take: bool = False
        self.adopted: str = ""

    @property
    def is_ours(self) -> bool:
        """A strategy of ours holds it."""
        return self.owner != EXTERNAL

    @property
    def managed(self) -> bool:
        """It is closed when everything is to be closed: ours, and what a person has told us to handle like ours."""
        return self.owner != EXTERNAL or self.adopted in (MANAGED, CORRECTED)

    @property
    def instrument(self) -> Instrument:
        """The instrument."""
        return self.track.instrument

    @property
    def quantity_raw(self) -> int:
        """Signed quantity held."""
        return self.position.quantity_raw

    @property
    def has_live_entry(self) -> bool:
        """An entry order is working, in flight or unknown."""
        return self.entry_order is not None and not self.entry_order.is_final

    @property
    def occupied(self) -> bool:
        """It holds something or is about to."""
        return self.position.quantity_raw != 0 or self.has_live_entry or len(self.plain_orders) > 0


@final
class EngineState:
    """All state of one engine, with the few questions that several of its parts ask."""

    def __init__(self, policy: RiskPolicy, capabilities: VenueCapabilities, id_prefix: str) -> None:
        self.policy: RiskPolicy = policy
        self.capabilities: Final = capabilities
        self.id_prefix: Final = id_prefix
        self.now: int = 0
        self.trading_state: str = "active"
        self.gate_open: bool = True
        self.connected: bool = True
        self.ledger: Final = Ledger()
        self.breaker: Final = DailyBreaker(policy.consecutive_loss_pause, ppm(policy.max_daily_loss), policy.break_even_is_loss)
        self.tracks: list[Track] = []
        self.by_symbol: dict[str, Track] = {}
        self.slots: list[Slot] = []
        self.holdings: dict[tuple[str, int], Holding] = {}
        self.orders: dict[str, Order] = {}
        self.live_orders: dict[str, Order] = {}
        self.order_holding: dict[str, Holding] = {}
        self.commands: list[Command] = []
        self.reports: list[Report] = []
        self.timers: list[tuple[int, int, str, str]] = []
        self.order_count: int = 0
        self.correlation_count: int = 0
        self.timer_count: int = 0
        self.breaker_since: int = 0
        self.breaker_before: list[int] = []
        self.risk_ppm: int = ppm(policy.max_leverage)
        self.strict: bool = False
        self.warming: bool = False
        self.warm_opens: list[Session] = []
        self.emergency: bool = False
        self.account: AccountSnapshot | None = None
        self.account_spent: int = 0
        self.account_stale_told: bool = False
        self.foreign: dict[str, ForeignOrder] = {}
        self.unpriced: list[Holding] = []

    def holding(self, slot: Slot | None, owner: str, track: Track, protection: str) -> Holding:
        """The holding of an owner in an instrument, made when there was none."""
        key = (owner, track.index)
        found = self.holdings.get(key)
        if found is None:
            found = Holding(slot, owner, track, self.ledger.position(owner, track.instrument), protection)
            self.holdings[key] = found
        return found

    def retire(self, order: Order) -> None:
        """Forget an order as working."""
        if self.live_orders.pop(order.client_order_id, None) is not None:
            self.order_holding[order.client_order_id].track.live_orders -= 1

    def note_held(self, track: Track) -> None:
        """Keep in mind whether anything is held of an instrument."""
        track.held = False
        for holding in self.holdings.values():
            if holding.track is track and holding.position.quantity_raw:
                track.held = True

    def note_shortfall(self, track: Track) -> None:
        """Work out how much of what our strategies hold the venue lacks: somebody else has sold it."""
        ours, others = 0, 0
        for holding in self.holdings.values():
            if holding.track is track:
                if holding.is_ours:
                    ours += holding.position.quantity_raw
                else:
                    others += holding.position.quantity_raw
        track.shortfall = min(abs(ours), abs(others)) if ours * others < 0 else 0

    def report(
        self, kind: str, level: str, holding: Holding | None, message: str, order: Order | None = None, number: int = 0
    ) -> None:
        """Tell the observers something."""
        self._tell(kind, level, holding, message, order, number, None)

    def report_words(self, kind: str, holding: Holding, words: Words, order: Order | None) -> None:
        """Tell the observers of an everyday event."""
        self._tell(kind, INFO, holding, "", order, 0, words)

    def _tell(
        self, kind: str, level: str, holding: Holding | None, message: str, order: Order | None, number: int, words: Words | None
    ) -> None:
        owner = "" if holding is None else holding.owner
        symbol = "" if holding is None else holding.instrument.symbol
        order_id = "" if order is None else order.client_order_id
        correlation = "" if order is None else order.correlation_id
        self.reports.append(Report(kind, self.now, level, owner, symbol, message, order_id, correlation, number, words))

    def note(self, kind: str, message: str, symbol: str = "", owner: str = "", level: str = INFO) -> None:
        """Tell the observers something that concerns no holding."""
        self.reports.append(Report(kind, self.now, level, owner, symbol, message))

    def failed(self, owner: str, symbol: str, message: str, error: Exception) -> None:
        """Tell the observers that a strategy raised; they format the trace, for that reads source files."""
        text = f"{type(error).__name__}: {error} {message}"
        self.reports.append(FaultReport(self.now, owner, symbol, text, error))

    def total_cash(self) -> int:
        """All cash, money; quote currencies of one account count at par."""
        total = 0
        for amount in self.ledger.cash.values():
            total += amount
        return total

    def equity(self) -> int:
        """Cash and positions at their last prices, money."""
        total = self.total_cash()
        for holding in self.holdings.values():
            quantity = holding.position.quantity_raw
            if quantity:
                total += quantity * holding.track.last_raw * holding.track.instrument.money_factor
        return total

    def gross_exposure(self) -> int:
        """Positions at their last prices, longs and shorts both counted up, money."""
        total = 0
        for holding in self.holdings.values():
            quantity = holding.position.quantity_raw
            if quantity:
                total += abs(quantity) * holding.track.last_raw * holding.track.instrument.money_factor
        return total

    def reserved(self) -> int:
        """What working entries will cost when they fill, money."""
        total = 0
        for order in self.live_orders.values():
            if not order.request.reduce_only:
                holding = self.order_holding[order.client_order_id]
                if holding.position.quantity_raw * order.sign >= 0:
                    price = order.limit_raw or max(order.stop_raw, holding.track.last_raw)
                    total += order.remaining_raw * price * holding.track.instrument.money_factor
        for foreign in self.foreign.values():
            track = self.by_symbol.get(foreign.symbol)
            if track is not None and foreign.side is Side.BUY:
                total += foreign.quantity_raw * (foreign.price_raw or track.last_raw) * track.instrument.money_factor
        return total

    def buying_power(self) -> int:
        """What may still be spent, money: equity times leverage, less exposure, less what pending entries have reserved.

        What the venue has said lately may lower it; what it said longer ago does not count.
        """
        power = self.equity() * self.risk_ppm // PPM - self.gross_exposure() - self.reserved()
        account = self.account
        if account is None:
            return power
        age = self.now - account.time
        if age <= ACCOUNT_MAX_AGE_NS:
            return min(power, account.buying_power - self.account_spent)
        if not self.account_stale_told:
            self.account_stale_told = True
            self.note(ACCOUNT_STALE, f"the account was last read {age // NS_PER_SECOND} s ago; our own books decide", level=WARNING)
        return power

    def open_positions(self) -> int:
        """Positions plus pending entries, over all strategies."""
        count = 0
        for holding in self.holdings.values():
            if holding.occupied and holding.is_ours:
                count += 1
        return count

    def others_sign(self, holding: Holding) -> int:
        """The direction in which other strategies hold, or are about to hold, the same instrument: -1, 0 or 1."""
        for other in self.holdings.values():
            if other is not holding and other.track is holding.track:
                if other.position.quantity_raw:
                    return 1 if other.position.quantity_raw > 0 else -1
                if other.entry_order is not None and not other.entry_order.is_final:
                    return other.entry_order.sign
                if other.plain_orders:
                    return other.plain_orders[0].sign
        return 0

    def next_correlation(self) -> str:
        """A new id that ties a signal, its orders and its round trip."""
        self.correlation_count += 1
        return f"{self.id_prefix}c{self.correlation_count}"

    def next_order_id(self) -> str:
        """A new client order id; a counter, so that the same events give the same ids."""
        self.order_count += 1
        return f"{self.id_prefix}{self.order_count}"

    def set_timer(self, time: int, kind: str, key: str) -> None:
        """Ask to be woken at a time."""
        self.timer_count += 1
        heappush(self.timers, (time, self.timer_count, kind, key))

    def next_timer(self) -> int:
        """When the earliest timer is due; 0 when there is none."""
        return self.timers[0][0] if self.timers else 0

    def pop_timer(self) -> tuple[int, int, str, str]:
        """Take the earliest timer away."""
        return heappop(self.timers)
