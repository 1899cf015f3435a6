"""A venue that says anything at any time, and books of our own beside the engine's. For the property tests of the engine.

``Chaos`` turns numbers into events: bars, answers in any order and to nothing at all, late and repeated executions, busts, lost
connections, splits, a person's orders. After every event the engine is held against the books kept here.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

from engine_rig import AAPL, DAY, MSFT, START, WIDE, Rig, Script, words

from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.events import (
    CancelRejected,
    CashMovement,
    ConnectionChanged,
    Dividend,
    Event,
    FillBusted,
    FillCorrected,
    OperatorCommand,
    OrderAccepted,
    OrderCancel,
    OrderEvent,
    OrderExpired,
    OrderFateUnknown,
    OrderFill,
    OrderReject,
    OrderReplaced,
    OrderSubmitted,
    OrderTriggered,
    ReplaceRejected,
    ScheduledTrigger,
    SliceClosed,
    Split,
    SubmitFailed,
    SystemError,
    TradingStatus,
)
from algotrader.core.instruments import VenueCapabilities
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND
from algotrader.core.orders import Order, OrderRole, Side
from algotrader.core.scaled import money
from algotrader.core.state import EXTERNAL, Holding

MOST_COMMANDS = 50
UNIT = 10**14  # money in one ten-thousandth of a dollar, times one share
CODES = ("", "through_market", "opposing_order", "insufficient_quantity", "duplicate_id", "market_closed", "too_late")
Key = tuple[str, str]


class Entry:
    """One execution or split in our own books."""

    def __init__(self, fill_id: str, root: str, sign: int, price: int, quantity: int, commission: int, provisional: bool) -> None:
        self.fill_id = fill_id
        self.root = root
        self.sign = sign
        self.price = price
        self.quantity = quantity
        self.commission = commission
        self.provisional = provisional
        self.ratio = (0, 1)


class Books:
    """Executions by owner and symbol, worked out anew every time."""

    def __init__(self) -> None:
        self.entries: dict[Key, list[Entry]] = {}
        self.seen: dict[str, Key] = {}
        self.moved = 0

    def book(self, key: Key, entry: Entry) -> None:
        """Take an execution in, once; a real one stands in for what was only inferred of the same order."""
        if entry.fill_id in self.seen:
            return
        self.seen[entry.fill_id] = key
        history = self.entries.setdefault(key, [])
        guesses = [] if entry.provisional else [e for e in history if e.provisional and e.root == entry.root]
        if not guesses:
            history.append(entry)
            return
        history.insert(history.index(guesses[0]), entry)
        rest = entry.quantity
        for guess in guesses:
            taken = min(rest, guess.quantity)
            guess.quantity -= taken
            rest -= taken
            if guess.quantity == 0:
                history.remove(guess)

    def find(self, fill_id: str) -> Entry | None:
        """An execution that still counts."""
        for entry in self.entries.get(self.seen.get(fill_id, ("", "")), []):
            if entry.fill_id == fill_id:
                return entry
        return None

    def remove(self, fill_id: str) -> None:
        """A bust."""
        entry = self.find(fill_id)
        if entry is not None:
            self.entries[self.seen[fill_id]].remove(entry)

    def split(self, symbol: str, numerator: int, denominator: int, price: int) -> None:
        """Every history in the symbol goes on in new shares."""
        for key, history in self.entries.items():
            if key[1] == symbol and history:
                entry = Entry("", "", 1, price, 0, 0, False)
                entry.ratio = (numerator, denominator)
                history.append(entry)

    def quantity(self, key: Key) -> int:
        """What is held."""
        return self._walk(key)[0]

    def cash(self) -> int:
        """All cash, money."""
        return self.moved + sum(self._walk(key)[1] for key in self.entries)

    def _walk(self, key: Key) -> tuple[int, int]:
        held, cash = 0, 0
        for entry in self.entries.get(key, []):
            numerator, denominator = entry.ratio
            if numerator:
                whole, rest = divmod(abs(held) * numerator, denominator)
                sign = 1 if held >= 0 else -1
                cash += sign * (rest * entry.price * UNIT // denominator)
                held = sign * whole
            else:
                held += entry.sign * entry.quantity
                cash -= entry.sign * entry.quantity * entry.price * UNIT + entry.commission
        return held, cash


class Draw:
    """Makes one number into as many choices as are wanted."""

    def __init__(self, number: int) -> None:
        self._random = Random(number)

    def below(self, bound: int) -> int:
        """A choice of ``bound``."""
        return self._random.randrange(max(bound, 1))


def answers(event: OrderEvent, kind: str, leg: str, unknown: bool) -> bool:
    """Whether an event answers the request of that kind about that leg; what confirms an order in doubt settles all about it."""
    if isinstance(event, (OrderCancel, OrderExpired)):
        return event.client_order_id == leg
    if isinstance(event, OrderReplaced):
        return kind == "submit" or unknown or (kind == "replace" and event.new_client_order_id == leg)
    if isinstance(event, CancelRejected):
        return kind == "cancel"
    if isinstance(event, ReplaceRejected):
        return kind == "replace" and event.client_order_id == leg
    if isinstance(event, OrderReject):
        return event.client_order_id == leg and (event.code != "duplicate_id" or kind != "cancel")
    if isinstance(event, SubmitFailed):
        return kind != "cancel" and event.client_order_id == leg
    if isinstance(event, OrderAccepted):
        return unknown or (kind != "cancel" and event.client_order_id == leg)
    return isinstance(event, OrderFill) and kind != "cancel" and event.client_order_id == leg


class Chaos:
    """The engine under fire."""

    def __init__(self, capabilities: VenueCapabilities, wary: bool = False, rig: type[Rig] = Rig) -> None:
        self.rig = rig(capabilities, WIDE if not wary else WARY, [AAPL, MSFT])
        self.state = self.rig.state
        self.books = Books()
        self.books.moved = money(Decimal(1_000_000))
        self.scripts: list[Script] = [
            self.rig.strategy("one", "AAPL", take_profit_ppm=0),
            self.rig.strategy("two", "AAPL", protection="emergency"),
            self.rig.strategy("three", "MSFT", closes_at_end=True),
        ]
        self.roots: list[str] = []
        self.legs: list[str] = []
        self.unanswered: dict[str, str] = {}
        self.ids: dict[str, bool] = {}
        self.price = {"AAPL": 1_000_000, "MSFT": 2_000_000}
        self.fills = 0
        self.trail: list[str] = []
        self.repeated = False
        self.tell(ScheduledTrigger(START, "session_open", START, DAY))

    # what happens

    def step(self, kind: int, number: int) -> None:
        """Let one thing happen."""
        draw = Draw(number)
        while 0 < self.rig.engine.next_deadline() <= self.rig.now + 3 * NS_PER_SECOND:
            self._timer(draw)
        acts = (
            [self._bar] * 12
            + [self._answer] * 14
            + [self._fill] * 12
            + [self._ends] * 5
            + [self._doubt] * 4
            + [self._amend] * 3
            + [self._timer] * 4
            + [self._session] * 2
            + [
                self._operator,
                self._by_hand,
                self._by_hand,
                self._connection,
                self._connection,
                self._corporate,
                self._stranger,
                self._noise,
                self._noise,
            ]
        )
        acts[kind % len(acts)](draw)

    def _now(self, draw: Draw) -> int:
        return self.rig.now + (0, 1, NS_PER_SECOND, 3 * NS_PER_SECOND)[draw.below(4)]

    def _bar(self, draw: Draw) -> None:
        for number, script in enumerate(self.scripts):
            symbol = "MSFT" if number == 2 else "AAPL"
            self._wish(script, self.price[symbol], draw)
        symbols = (["AAPL"], ["MSFT"], ["AAPL", "MSFT"])[draw.below(3)]
        self.rig.minute = max(self.rig.minute, (self.rig.now - START) // NS_PER_MINUTE)
        close = START + (self.rig.minute + 1) * NS_PER_MINUTE
        while 0 < self.rig.engine.next_deadline() <= close:
            self._timer(draw)
        for symbol in symbols:
            step = (draw.below(9) - 4) * 100 * (1 if draw.below(5) else 40)
            self.price[symbol] = max(self.price[symbol] + step, 20_000)
            self.trail.append(f"bar {symbol} {self.price[symbol]}")
            self.rig.feed(str(Decimal(self.price[symbol]) / 10_000), symbol)
            self.after()
        self.rig.minute += 1
        self.tell(SliceClosed(close))

    def _wish(self, script: Script, price: int, draw: Draw) -> None:
        script.entry = ("", "", "long", "short")[draw.below(4)]
        sign = -1 if script.entry == "short" else 1
        cent = Decimal("0.01")
        last = Decimal(price) / 10_000
        script.price = (None, None, last + sign * cent * 5, last - sign * cent * 5)[draw.below(4)]
        script.stop = (last - sign * cent * (20 + draw.below(50))) if draw.below(8) else None
        script.take = (last + sign * cent * (20 + draw.below(50))) if draw.below(2) else None
        script.size = (1, 3, 10, 100)[draw.below(4)]
        script.new_stop = (last - cent * (draw.below(80) - 40)) if draw.below(2) else None
        script.leave = draw.below(8) == 0
        script.give_up = draw.below(3) == 0

    def _some(self, names: list[str], draw: Draw) -> str:
        # Mostly the newest: they are the ones about which something is open.
        back = draw.below(4) if draw.below(3) else draw.below(len(names))
        return names[-1 - min(back, len(names) - 1)]

    def _answer(self, draw: Draw) -> None:
        """What a venue would say next about an open request: mostly yes."""
        if not self.unanswered:
            return
        root = list(self.unanswered)[draw.below(len(self.unanswered))]
        kind, leg = self.unanswered[root].split(" ")
        yes, now = draw.below(4) > 0, self._now(draw)
        order = self.state.orders[root]
        code = CODES[draw.below(len(CODES))]
        if kind == "submit":
            self.tell(OrderAccepted(now, leg, "v" + leg) if yes else OrderReject(now, leg, "no", code))
        elif kind == "cancel":
            self.tell(OrderCancel(now, leg, "") if yes else CancelRejected(now, leg, "no"))
        elif yes:
            self.tell(OrderReplaced(now, order.working_leg.leg_id, leg, "v" + leg))
        else:
            self.tell(ReplaceRejected(now, leg, "no", code))

    def _fill(self, draw: Draw) -> None:
        if not self.legs:
            return
        leg = self._some(self.legs, draw)
        order = self.state.orders[leg]
        if order.parent_id and self.state.orders[order.parent_id].filled_raw == 0:
            return
        left = max(order.quantity_raw - order.filled_raw, 0)
        most = left if draw.below(10) else left + 7
        quantity = max((most, 1 + draw.below(max(most, 1)))[draw.below(2)], 1)
        self.fills += 1
        known = list(self.books.seen)
        name = known[draw.below(len(known))] if known and draw.below(8) == 0 else f"x{self.fills}"
        self._execution(leg, order, name, quantity, draw, draw.below(10) == 0)

    def _execution(self, leg: str, order: Order, name: str, quantity: int, draw: Draw, provisional: bool) -> None:
        price = max(self.price[order.symbol] + (draw.below(21) - 10) * 100, 100)
        commission = 0 if provisional else draw.below(3) * 10**16
        sign = 1 if order.side is Side.BUY else -1
        root = order.client_order_id
        self.repeated = name in self.books.seen
        self.books.book((order.owner, order.symbol), Entry(name, root, sign, price, quantity, commission, provisional))
        now = self._now(draw)
        self.tell(OrderFill(now, leg, name, order.symbol, order.side, price, quantity, commission, "", provisional))
        self.repeated = False

    def _ends(self, draw: Draw) -> None:
        if not self.legs:
            return
        leg, now = self._some(self.legs, draw), self._now(draw)
        code = CODES[draw.below(len(CODES))]
        events: list[Event] = [
            OrderCancel(now, leg, "venue"),
            OrderExpired(now, leg),
            OrderReject(now, leg, "no", code),
            SubmitFailed(now, leg, "never sent"),
        ]
        self.tell(events[draw.below(4)])

    def _doubt(self, draw: Draw) -> None:
        if not self.legs:
            return
        leg, now = self._some(self.legs, draw), self._now(draw)
        events: list[Event] = [
            OrderFateUnknown(now, leg, "timeout"),
            OrderAccepted(now, leg, "v" + leg),
            OrderSubmitted(now, leg),
            OrderTriggered(now, leg),
            CancelRejected(now, leg, "no"),
            ReplaceRejected(now, leg, "no", CODES[draw.below(len(CODES))]),
        ]
        if "-r" in leg:
            old = [known for known in self.legs if known != leg and self.state.orders[known] is self.state.orders[leg]]
            events += [OrderReplaced(now, old[draw.below(len(old))], leg, "v" + leg)]
        self.tell(events[draw.below(len(events))])

    def _amend(self, draw: Draw) -> None:
        known = [name for name in self.books.seen if self.books.find(name) is not None]
        if not known:
            return
        name = known[-1 - draw.below(len(known))]
        entry = self.books.find(name)
        assert entry is not None
        now = self._now(draw)
        if entry.provisional or draw.below(2):
            self.books.remove(name)
            self.tell(FillBusted(now, entry.root, name))
            return
        entry.price = max(entry.price + 100, 100)
        entry.quantity = max(entry.quantity + draw.below(5) - 2, 1)
        self.tell(FillCorrected(now, entry.root, name, entry.price, entry.quantity, entry.commission))

    def _timer(self, draw: Draw) -> None:
        due = self.rig.engine.next_deadline()
        if due:
            self.tell(ScheduledTrigger(max(due, self.rig.now), "timer", due))

    def _session(self, draw: Draw) -> None:
        self.tell(ScheduledTrigger(self._now(draw), ("session_ending", "session_close", "session_open")[draw.below(3)], START, DAY))

    def _by_hand(self, draw: Draw) -> None:
        """A person sells a part of one position or moves its stop, sensibly or not: no stop is loosened, nothing is oversold."""
        symbol, owner, held, low = ("AAPL", "MSFT")[draw.below(2)], ("", "one", "two", EXTERNAL)[draw.below(4)], 40, 900_000
        open_ones = [found for found in self.state.holdings.values() if found.quantity_raw]
        if open_ones and draw.below(5):
            meant = open_ones[draw.below(len(open_ones))]
            symbol, owner, held, low = meant.instrument.symbol, meant.owner, abs(meant.quantity_raw), meant.stop_raw
        now = self._now(draw)
        before = [(found, found.stop_raw, found.exit_quantity_raw) for found in self.state.holdings.values()]
        if draw.below(2):
            quantity = 1 + draw.below(held + held // 10)
            command = OperatorCommand(now, "reduce_position", "Ada", "a drill", symbol, owner, quantity_raw=quantity)
        else:
            price = max(low + (self.price[symbol] - low) * (draw.below(140) - 20) // 100, 1)
            command = OperatorCommand(now, "restop", "Ada", "a drill", symbol, owner, stop_raw=price)
        self.tell(command)
        for holding, stop, exiting in before:
            sign = 1 if holding.quantity_raw > 0 else -1
            assert stop == 0 or holding.stop_raw * sign >= stop * sign, f"{command} loosened the stop of {holding.owner}"
            assert holding.exit_quantity_raw <= max(exiting, abs(holding.quantity_raw)), f"{command} sells more than is held"

    def _operator(self, draw: Draw) -> None:
        calm = self.state.trading_state == "active" and draw.below(2)
        action = "flatten" if calm else ("halt", "reduce", "resume", "resume", "resume")[draw.below(5)]
        self.tell(OperatorCommand(self._now(draw), action, "Ada", "a drill", ("", "AAPL", "MSFT")[draw.below(3)]))

    def _connection(self, draw: Draw) -> None:
        self.tell(ConnectionChanged(self._now(draw), "SIM", not self.state.connected or draw.below(3) > 0))

    def _corporate(self, draw: Draw) -> None:
        symbol = ("AAPL", "MSFT")[draw.below(2)]
        if any(entry.provisional for history in self.books.entries.values() for entry in history):
            return
        numerator, denominator = ((2, 1), (3, 2), (1, 10))[draw.below(3)]
        last = self.state.by_symbol[symbol].last_raw
        whole, rest = divmod(last * denominator, numerator)
        price = whole + (1 if 2 * rest > numerator or (2 * rest == numerator and whole % 2) else 0)
        self.books.split(symbol, numerator, denominator, price)
        self.price[symbol] = max(self.price[symbol] * denominator // numerator // 100 * 100, 20_000)
        self.tell(Split(self._now(draw), symbol, numerator, denominator))

    def _stranger(self, draw: Draw) -> None:
        """A person trades in the same account."""
        if draw.below(5):
            return
        self.fills += 1
        side, name = (Side.BUY, Side.SELL)[draw.below(2)], f"x{self.fills}"
        quantity, price = 1 + draw.below(50), self.price["MSFT"]
        sign = 1 if side is Side.BUY else -1
        self.books.book((EXTERNAL, "MSFT"), Entry(name, "hand", sign, price, quantity, 0, False))
        self.tell(OrderFill(self._now(draw), "hand", name, "MSFT", side, price, quantity))

    def _noise(self, draw: Draw) -> None:
        now, amount = self._now(draw), (1 + draw.below(100)) * 10**16
        choice = draw.below(6)
        if choice == 0:
            self.books.moved += amount
            self.tell(CashMovement(now, "interest", "USD", amount))
        elif choice == 1:
            net = sum(self.books.quantity(key) for key in self.books.entries if key[1] == "AAPL")
            self.books.moved += amount * net
            self.tell(Dividend(now, "AAPL", amount))
        elif choice == 2:
            self.tell(SystemError(now, "feed", "stumbled", ("warning", "error", "error", "critical")[draw.below(4)]))
        elif choice == 3:
            self.tell(TradingStatus(now, "AAPL", draw.below(4) == 0))
        elif choice == 4:
            self.tell(OrderCancel(now, "nobody's", ""))
        else:
            self.tell(TradingStatus(now, "XYZ", True))

    # what must hold

    def tell(self, event: Event) -> None:
        """Hand the engine an event and check what follows."""
        self._note_answer(event)
        self.trail.append(f"{event}".replace("client_order_id=", ""))
        self.rig.send(event)
        self.after()

    def _note_answer(self, event: Event) -> None:
        order = self.state.orders.get(getattr(event, "client_order_id", ""))
        if order is None or order.client_order_id not in self.unanswered or not isinstance(event, OrderEvent) or self.repeated:
            return
        kind, leg = self.unanswered[order.client_order_id].split(" ")
        if answers(event, kind, leg, order.is_unknown):
            del self.unanswered[order.client_order_id]

    def after(self) -> None:
        """Take the commands and check everything."""
        self.rig.reports += self.rig.engine.take_reports()
        commands = self.rig.engine.take_commands()
        self.trail += [f"    {words(command, self.rig.engine)}" for command in commands]
        assert len(commands) < MOST_COMMANDS, "a storm of commands"
        if not self.state.connected:
            assert not [c for c in commands if not self._recalls(c)], "something was sent while the order stream is down"
        self.unanswered = {root: kind for root, kind in self.unanswered.items() if not self.state.orders[root].is_final}
        for command in commands:
            self._check_command(command)
        self._check_books()
        for holding in self.state.holdings.values():
            self._check_protected(holding)
        live = [order for order in self.state.live_orders.values() if order.is_unknown]
        for track in self.state.tracks:
            count = len([order for order in live if order.symbol == track.instrument.symbol])
            assert track.unknown_orders == count, f"{track.unknown_orders} orders counted as unknown, {count} are"

    def _recalls(self, command: Command) -> bool:
        """A leg that should not be there is called back whatever the state of the stream: its own answer has just come."""
        return isinstance(command, CancelOrder) and self.state.orders[command.client_order_id].is_final

    def _check_command(self, command: Command) -> None:
        if isinstance(command, SubmitOrder):
            self._new_id(command.client_order_id)
            self.roots.append(command.client_order_id)
            self.legs.append(command.client_order_id)
            self.unanswered[command.client_order_id] = f"submit {command.client_order_id}"
            for suffix, price in (("-sl", command.request.stop_loss_raw), ("-tp", command.request.take_profit_raw)):
                if price:
                    self._new_id(command.client_order_id + suffix)
                    self.legs.append(command.client_order_id + suffix)
            order = self.state.orders[command.client_order_id]
            if order.role is OrderRole.ENTRY:
                self._check_entry(order)
            else:
                # But for what gives back that closing orders have taken from somebody else.
                holding = self.state.order_holding[command.client_order_id]
                assert command.request.reduce_only or (holding.turned and holding.track.shortfall)
            return
        order = self.state.orders[command.client_order_id]
        root = order.client_order_id
        if order.is_final:
            assert self._recalls(command), f"{command} about an order that has ended"
            return
        assert root not in self.unanswered, f"{command} while {self.unanswered[root]} is unanswered"
        if isinstance(command, ReplaceOrder):
            self._new_id(command.new_client_order_id)
            self.legs.append(command.new_client_order_id)
            self.unanswered[root] = f"replace {command.new_client_order_id}"
        else:
            self.unanswered[root] = f"cancel {command.client_order_id}"

    def _new_id(self, name: str) -> None:
        assert name not in self.ids, f"the id {name} is used twice"
        self.ids[name] = True

    def _check_entry(self, order: Order) -> None:
        track = self.state.by_symbol[order.symbol]
        assert self.state.trading_state == "active"
        assert self.state.connected
        assert not (self.state.breaker.tripped and self.state.policy.breaker_for_all)
        assert not track.halted
        assert not self.books.entries.get((EXTERNAL, order.symbol))
        assert not [o for o in self.state.live_orders.values() if o.symbol == order.symbol and o.is_unknown]
        for holding in self.state.holdings.values():
            if holding.track is track and holding.owner != order.owner:
                assert holding.quantity_raw * order.sign >= 0, "an entry against another strategy"

    def _check_books(self) -> None:
        ledger = self.state.ledger
        for (owner, symbol), position in ledger.positions.items():
            assert position.quantity_raw == self.books.quantity((owner, symbol)), f"{owner} {symbol}"
        for key in self.books.entries:
            assert key in ledger.positions
        assert self.state.total_cash() == self.books.cash()
        for symbol in ("AAPL", "MSFT"):
            mine = sum(self.books.quantity(key) for key in self.books.entries if key[1] == symbol)
            assert ledger.net_quantity(symbol) == mine
        total = 0
        for position in ledger.positions.values():
            total += position.realized - position.commission - position.cost
        assert self.state.total_cash() == self.books.moved + total, "profit, cost and cash do not add up"

    def _check_protected(self, holding: Holding) -> None:
        held = holding.quantity_raw
        if held == 0 or holding.owner == EXTERNAL or not self.state.connected:
            return
        owed = self.owed(holding)
        mine = [
            order
            for order in self.state.live_orders.values()
            if self.state.order_holding[order.client_order_id] is holding and not order.attached
        ]
        covered, closing = 0, 0
        for order in mine:
            if order.sign * held < 0 and order.role is OrderRole.EXIT:
                closing += order.remaining_raw
            elif order.sign * held < 0 and order.role is not OrderRole.TAKE_PROFIT:
                covered += max(order.remaining_raw, order.target[0] - order.filled_raw)
        # A part that is being sold waits for the stop to give way.
        covered += max(closing, holding.exit_quantity_raw)
        excused = (
            any(order.cancel_requested for order in mine)
            or holding.partial_deadline
            or holding.waits_until > self.state.now
            or holding.exit_quantity_raw >= owed
            or (holding.stop_order is not None and holding.stop_order.is_unknown)
        )
        assert covered >= owed or excused, f"{owed} of {holding.owner} are not protected"

    def owed(self, holding: Holding) -> int:
        """What is held, less what a person has sold of it; only the third strategy has to share its instrument with one.

        What closing orders took from a person is owed back whole: nobody has sold anything of that.
        """
        if holding.turned:
            return abs(holding.quantity_raw)
        others = self.books.quantity((EXTERNAL, holding.instrument.symbol))
        held = holding.quantity_raw
        return abs(held) if held * others >= 0 else max(abs(held) - abs(others), 0)

    # a venue that behaves, at last

    def settle(self) -> None:
        """From now on the venue answers every request and carries it out; the engine must come to rest."""
        self.trail.append("--- the venue behaves")
        self.tell(ConnectionChanged(self.rig.now, "SIM", True))
        for _ in range(300):
            if not self._answer_one():
                break
        else:
            raise AssertionError("the engine does not come to rest")

    def _answer_one(self) -> bool:
        now = self.rig.now
        for order in list(self.state.live_orders.values()):
            name = order.client_order_id
            request = self.unanswered.get(name, "")
            if order.is_unknown:
                self.unanswered.pop(name, None)
                self.tell(OrderAccepted(now, order.working_leg.leg_id, "v"))
            elif order.attached:
                parent = self.state.orders[order.parent_id]
                if not parent.is_final:
                    continue
                self.tell(OrderAccepted(now, name, "v") if parent.remaining_raw == 0 else OrderCancel(now, name, ""))
            elif request.startswith("cancel"):
                self.tell(OrderCancel(now, request.split()[1], ""))
            elif request.startswith("replace"):
                self.tell(OrderReplaced(now, order.working_leg.leg_id, request.split()[1], "v"))
            elif request or (order.role is OrderRole.EXIT and not order.acknowledged):
                self.tell(OrderAccepted(now, name, "v"))
            elif order.remaining_raw == 0:
                self.tell(OrderCancel(now, order.working_leg.leg_id, "nothing is left of it after a split"))
            elif order.role is OrderRole.EXIT:
                self.fills += 1
                self._execution(name, order, f"x{self.fills}", order.remaining_raw, Draw(0), False)
            else:
                continue
            return True
        due = self.rig.engine.next_deadline()
        if due:
            self.tell(ScheduledTrigger(max(due, now), "timer", due))
        return bool(due)

    def check_rest(self) -> None:
        """At rest every position has its stop, for all of it and on the right side, and nothing else could sell it twice."""
        for holding in self.state.holdings.values():
            if holding.owner == EXTERNAL:
                continue
            held = holding.quantity_raw
            mine = [o for o in self.state.live_orders.values() if self.state.order_holding[o.client_order_id] is holding]
            stops = [o for o in mine if o.role is OrderRole.STOP_LOSS and not o.attached]
            owed = self.owed(holding)
            if owed == 0:
                assert not [o for o in mine if o.role is not OrderRole.ENTRY and not o.attached], f"{mine} without a position"
                continue
            assert len(stops) == 1, f"{len(stops)} stops for {held} of {holding.owner}: {mine}"
            stop = stops[0]
            assert stop.remaining_raw == owed
            assert stop.sign * held < 0
            assert stop.working_leg.quantity_raw == stop.quantity_raw
            assert stop.working_leg.stop_raw == holding.stop_raw == stop.stop_raw
            assert not [o for o in mine if o.role is OrderRole.EXIT]
            takes = [o for o in mine if o.role is OrderRole.TAKE_PROFIT and not o.attached]
            assert sum(o.remaining_raw for o in takes) <= owed


WARY = type(WIDE)(
    max_position=Decimal(1),
    max_risk_per_trade_abs=Decimal(1_000_000),
    max_leverage=Decimal(4),
    max_open_positions=20,
    breaker_for_all=True,
    consecutive_loss_pause=2,
)
MINUTE = NS_PER_MINUTE
