"""What must hold at every moment of a rehearsal, whatever goes wrong. Each rule is checked against the venue's own records."""

from __future__ import annotations

import asyncio
from typing import Final

from algotrader.core import reports
from algotrader.core.commands import ReplaceOrder, SubmitOrder
from algotrader.core.engine import Engine
from algotrader.core.events import Event
from algotrader.core.orders import OrderRole, OrderType, Side
from algotrader.core.reports import Report
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.control import RUNNING, SHUTTING_DOWN
from algotrader.live.kernel import Outgoing
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.session import Session
from algotrader.rehearsal.faults import SeededFaults
from algotrader.rehearsal.outcome import Violation

SENT_TWICE: Final = "no order is sent twice"
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
        self._alerted: dict[str, bool] = {}
        self.changed: Final = asyncio.Event()
        """Set while there is something to look at: the venue's word on an order, or a position that is bare."""
        exchange.observers.append(self._note)
        self.violations: Final[list[Violation]] = []

    def violated(self, rule: str, message: str) -> None:
        """Note that a rule was broken."""
        self.violations.append(Violation(self._clock.now(), rule, message))

    # ------------------------------------------------------------------ at every step

    def sending(self, engine: Engine, outgoing: Outgoing) -> None:
        """A command is about to be handed to the executor."""
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
        connected = session.state in (RUNNING, SHUTTING_DOWN) and session.engine.state.connected and not self._faults.blind
        uncovered = self._uncovered()
        # As long as something is bare, time alone changes the judgement.
        if not any(uncovered.values()):
            self.changed.clear()
        for symbol, bare in uncovered.items():
            if not bare or not connected or self._on_its_way(session.engine, symbol):
                self._bare_since.pop(symbol, None)
                self._told_bare.pop(symbol, None)
                continue
            since = self._bare_since.setdefault(symbol, now)
            if now - since > WITHOUT_STOP_NS and symbol not in self._told_bare:
                self._told_bare[symbol] = True
                seconds = (now - since) / NS_PER_SECOND
                self.violated(PROTECTED, f"{bare} of {symbol} have been without a stop at the venue for {seconds:.1f} s")

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
        """Whether anything about a stop or an exit is being asked of the venue, or waits for what the venue makes of an entry."""
        for order in engine.state.live_orders.values():
            if order.symbol == symbol and (order.request_in_flight or order.is_unknown):
                return True
        track = engine.state.by_symbol[symbol]
        for holding in engine.state.holdings.values():
            waits = holding.partial_deadline or holding.waits_until > engine.state.now or holding.exit_at_open
            if holding.track is track and holding.is_ours and waits:
                return True
        return track.session is None or self._clock.now() >= track.session.close_time

    # ------------------------------------------------------------------ once all is quiet

    def finish(self, engine: Engine) -> None:
        """Compare our books with the venue's, after the last session has ended."""
        state = engine.state
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
