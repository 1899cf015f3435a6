"""What must hold at every moment of a rehearsal, whatever goes wrong. Each rule is checked against the venue's own records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from algotrader.core import reports
from algotrader.core.commands import ReplaceOrder, SubmitOrder
from algotrader.core.engine import Engine
from algotrader.core.events import Event
from algotrader.core.orders import Order, OrderRequest, OrderRole, OrderType, Side
from algotrader.core.reports import Report
from algotrader.core.state import PROTECT_NONE
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.control import RUNNING, SHUTTING_DOWN
from algotrader.live.kernel import Outgoing
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.session import Session
from algotrader.rehearsal.faults import SeededFaults
from algotrader.rehearsal.outcome import Violation
from algotrader.storage.records import OutboxEntry

SENT_TWICE: Final = "no order is sent twice"
EVIDENCE: Final = "no order is taken for absent that comes to the venue after all"
ANSWERED: Final = "what became of every request is known in the end"
DOUBT: Final = "no order is in doubt for long"
FILLS: Final = "no fill is lost or counted twice"
BOOKS: Final = "our positions and cash are the venue's once all is quiet"
PROTECTED: Final = "a position is never for long without its stop"
GUARANTEE: Final = "every position is protected or being closed"
ENTRIES: Final = "no entry while halted, tripped or in doubt"
OVERNIGHT: Final = "nothing that closes with the session stays open without a stop and an alert"
STRANGERS: Final = "what is not ours is left alone"
REPLAY: Final = "the journal gives the same commands again"
RESTART: Final = "after a restart the state is what it was"
ALIVE: Final = "a session lives through every fault"

PERSON: Final = "person-1"
"""The order of somebody who trades in the same account."""

WITHOUT_STOP_NS: Final = 5 * NS_PER_SECOND
"""How long a position may be without a working or in-flight stop while we are connected."""

IN_DOUBT_NS: Final = 150 * NS_PER_SECOND
"""How long a request may be without an answer, or an order unknown, while we are connected.

An enquiry asks twice ten seconds apart, and every question may be lost, late or refused for being one too many; the next regular
comparison would come after five minutes.
"""

_STOPS: Final = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


class Invariants:
    """Watches one rehearsal.

    Args:
        clock: of the rehearsal.
        exchange: the venue.
        faults: what goes wrong.
    """

    def __init__(self, clock: Clock, exchange: PaperExchange, faults: SeededFaults) -> None:
        self._clock: Final = clock
        self._exchange: Final = exchange
        self._faults: Final = faults
        self._sent: dict[str, str] = {}
        self._bare_since: dict[str, int] = {}
        self._told_bare: dict[str, bool] = {}
        self._asked: dict[str, int] = {}
        self._told_doubt: dict[str, bool] = {}
        self._connected_since = 0
        self._alerted: dict[str, bool] = {}
        self.changed: Final = asyncio.Event()
        """Set while there is something to look at: the venue's word on an order, or a position that is bare."""
        self.engine: Engine | None = None
        """Of the session that runs, or of the one that died last."""
        exchange.observers.append(self._note)
        self.violations: Final[list[Violation]] = []

    def violated(self, rule: str, message: str) -> None:
        """Note that a rule was broken."""
        self.violations.append(Violation(self._clock.now(), rule, message))

    # ------------------------------------------------------------------ at every step

    def arriving(self, request: OrderRequest) -> None:
        """A new order is at the venue's door.

        What opens a position may come there once and never again, whatever became of the first time. What reduces one may come
        again under the same id while the venue refuses ids that it has seen.
        """
        name = request.client_order_id
        order = self.engine.state.orders.get(name) if self.engine is not None else None
        if order is not None and order.is_final and name not in self._asked:
            self.violated(EVIDENCE, f"{name} came to the venue when it was {order.state.value} for us: {order.reason}")
        if name in self._asked and not request.reduce_only:
            self.violated(SENT_TWICE, f"{name} came to the venue twice, the first time {self._since(self._asked[name]):.1f} s ago")
        self._asked[name] = self._clock.now()

    def _since(self, moment: int) -> float:
        return (self._clock.now() - moment) / NS_PER_SECOND

    def sending(self, engine: Engine, outgoing: Outgoing) -> None:
        """A command is about to be handed to the executor."""
        self.changed.set()
        command = outgoing.command
        leg = command.new_client_order_id if isinstance(command, ReplaceOrder) else command.client_order_id
        if isinstance(command, SubmitOrder | ReplaceOrder):
            if leg in self._sent:
                self.violated(SENT_TWICE, f"{leg} was sent at event {self._sent[leg]} and again at {outgoing.sequence}")
            self._sent[leg] = str(outgoing.sequence)
        if isinstance(command, SubmitOrder):
            self._judge_entry(engine, command)

    def _judge_entry(self, engine: Engine, command: SubmitOrder) -> None:
        state = engine.state
        order = state.orders[command.client_order_id]
        if order.role is not OrderRole.ENTRY or order.cancel_requested:
            return
        track = state.order_holding[command.client_order_id].track
        doubts = {
            "trading is " + state.trading_state: state.trading_state != "active",
            "the gate is shut": not state.gate_open,
            "the daily breaker has tripped": state.breaker.tripped,
            "an order there is unknown": track.unknown_orders > 0,
        }
        for reason, holds in doubts.items():
            if holds:
                self.violated(ENTRIES, f"{command.client_order_id} in {order.symbol}: {reason}")

    def reported(self, told: list[Report]) -> None:
        """The engine has told something."""
        for report in told:
            if report.kind == reports.STOP_BREACH:
                self.violated(GUARANTEE, f"{report.symbol}: {report.message}")
            if report.kind == reports.NOT_FLAT:
                self._alerted[report.symbol] = True

    def _note(self, event: Event) -> None:
        self.changed.set()

    def look(self, session: Session) -> None:
        """Compare what is held at the venue with the stops that work there. Called often."""
        now = self._clock.now()
        up = session.state in (RUNNING, SHUTTING_DOWN) and session.engine.state.connected
        self._look_for_doubt(session.engine, now, up)
        connected = up and not self._faults.blind
        uncovered = {symbol: bare for symbol, bare in self._uncovered().items() if _owes_stop(session.engine, symbol)}
        # As long as something is bare, time alone changes the judgement.
        if not any(uncovered.values()) and not any(_in_doubt(order) for order in session.engine.state.live_orders.values()):
            self.changed.clear()
        for symbol, bare in uncovered.items():
            if not bare:
                self._told_bare.pop(symbol, None)
            if not bare or not connected or self._on_its_way(session.engine, symbol):
                self._bare_since.pop(symbol, None)
                continue
            since = self._bare_since.setdefault(symbol, now)
            if now - since > WITHOUT_STOP_NS and symbol not in self._told_bare:
                self._told_bare[symbol] = True
                seconds = (now - since) / NS_PER_SECOND
                self.violated(PROTECTED, f"{bare} of {symbol} have been without a stop at the venue for {seconds:.1f} s")

    def _look_for_doubt(self, engine: Engine, now: int, up: bool) -> None:
        """Time counts from the last connection on; hiccups of single requests are no excuse, they are what enquiries are for."""
        if not up:
            self._connected_since = 0
            return
        self._connected_since = self._connected_since or now
        for order in engine.state.live_orders.values():
            if not _in_doubt(order) or order.client_order_id in self._told_doubt:
                continue
            since = max(order.changed_time, self._connected_since)
            if now - since > IN_DOUBT_NS:
                self._told_doubt[order.client_order_id] = True
                seconds = (now - since) / NS_PER_SECOND
                self.violated(DOUBT, f"{order.client_order_id} in {order.symbol} is {order.state.value} since {seconds:.0f} s")

    def _uncovered(self) -> dict[str, int]:
        """How much of each position of ours no working stop or exit of ours covers."""
        held = {position.symbol: position.quantity_raw for position in self._exchange.positions()}
        found: dict[str, int] = {}
        for instrument in self._exchange.instruments:
            symbol = instrument.symbol
            ours = held.get(symbol, 0) - self._strangers(symbol)
            found[symbol] = max(abs(ours) - self._cover(symbol, Side.SELL if ours > 0 else Side.BUY), 0) if ours else 0
        return found

    def _strangers(self, symbol: str) -> int:
        """How much of a position is somebody else's."""
        status = self._exchange.order(PERSON)
        return status.filled_raw if status is not None and status.symbol == symbol else 0

    def _cover(self, symbol: str, side: Side) -> int:
        cover = 0
        for order in self._exchange.working():
            kind = order.order_type
            if order.symbol == symbol and order.side is side and not order.held and (kind in _STOPS or kind is OrderType.MARKET):
                cover += order.quantity_raw - order.filled_raw
        return cover

    def _on_its_way(self, engine: Engine, symbol: str) -> bool:
        """Whether anything about a stop or an exit is being asked of the venue, or waits for what the venue makes of an entry.

        A change of a stop that is under way protects nothing: until it is accepted, the old stop has to.
        """
        for order in engine.state.live_orders.values():
            changing = order.pending_leg is not None and not order.cancel_in_flight and not order.is_unknown
            if order.symbol == symbol and (order.request_in_flight or order.is_unknown) and not changing:
                return True
        track = engine.state.by_symbol[symbol]
        for holding in engine.state.holdings.values():
            waits = holding.partial_deadline or holding.waits_until > engine.state.now or holding.exit_at_open
            if holding.track is track and holding.is_ours and waits:
                return True
        return track.session is None or self._clock.now() >= track.session.close_time

    # ------------------------------------------------------------------ once all is quiet

    def finish(self, engine: Engine, unanswered: Sequence[OutboxEntry]) -> None:
        """Compare our books with the venue's, after the last session has ended.

        Args:
            engine: of the last session.
            unanswered: the commands in its database whose fate nobody has written down.
        """
        state = engine.state
        for entry in unanswered:
            self.violated(ANSWERED, f"{entry.kind} {entry.client_order_id} of event {entry.sequence} has no answer")
        theirs = {fill.fill_id: fill for fill in self._exchange.fills(0) if fill.client_order_id != PERSON}
        ours = {fill_id: fill for order in state.orders.values() for fill_id, fill in order.fills.items()}
        missing, surplus = [name for name in theirs if name not in ours], [name for name in ours if name not in theirs]
        if missing or surplus:
            self.violated(FILLS, f"not in our books: {missing or 'none'}; not in the venue's: {surplus or 'none'}")
        held = {position.symbol: position.quantity_raw for position in self._exchange.positions()}
        for track in state.tracks:
            symbol = track.instrument.symbol
            net = state.ledger.net_quantity(symbol)
            if net != held.get(symbol, 0):
                self.violated(BOOKS, f"{symbol}: we have {net}, the venue {held.get(symbol, 0)}")
            self._judge_overnight(engine, symbol, held.get(symbol, 0))
        cash = self._exchange.account().cash
        if state.total_cash() != cash:
            self.violated(BOOKS, f"cash: we have {state.total_cash()}, the venue {cash}")

    def _judge_overnight(self, engine: Engine, symbol: str, held: int) -> None:
        strangers = self._strangers(symbol)
        if strangers and abs(held) < abs(strangers):
            self.violated(STRANGERS, f"{symbol}: a person had {strangers}, now the account has {held}")
        if held - strangers and not self._alerted.get(symbol):
            closing = any(
                slot.closes_at_end for holding in engine.state.holdings.values() if (slot := holding.slot) and holding.quantity_raw
            )
            if closing:
                self.violated(OVERNIGHT, f"{held - strangers} of {symbol} are open after the close, and nobody was alerted")


def _in_doubt(order: Order) -> bool:
    """Attached stops wait for their entry, however long that takes."""
    return (order.request_in_flight or order.is_unknown) and not order.attached


def _owes_stop(engine: Engine, symbol: str) -> bool:
    """Whether no strategy that trades an instrument has declared to go without protection."""
    return not any(
        holding.protection == PROTECT_NONE and holding.instrument.symbol == symbol and holding.is_ours
        for holding in engine.state.holdings.values()
    )
