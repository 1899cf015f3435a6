"""Judges what a session that died again and again has left behind: its database against the venue's own log.

The log has a line for every request for an order and every event of one, in the order in which they happened at the venue.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from algotrader.core.engine import Engine
from algotrader.core.orders import Order, OrderState
from algotrader.core.scaled import from_money
from algotrader.live.replaying import Replay
from algotrader.storage.sql_store import SqlStore

STOPS: Final = ("stop", "stop_limit", "trailing_stop")
FILL_ROWS: Final = ("fill", "partial_fill", "late_fill")
OPEN: Final = "open"


@dataclass(slots=True)
class Leg:
    """One order at the venue, under one id."""

    symbol: str
    side: str
    order_type: str
    quantity: int
    reduce_only: bool
    state: str = "asked"
    filled: int = 0
    replaced_by: str = ""

    @property
    def covers(self) -> int:
        """How much of a long position it takes care of: a stop, or an exit at market."""
        if self.state != OPEN or self.side != "sell" or self.order_type not in (*STOPS, "market"):
            return 0
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True)
class Bare:
    """A stretch of the venue's time in which a position was not wholly covered."""

    symbol: str
    start: int
    end: int


@dataclass(slots=True)
class VenueLog:
    """What happened at the venue.

    Attributes:
        legs: by client order id, in the order in which they were first asked for.
        fills: by fill id.
        asked: how often each id was asked for.
        bare: stretches without full cover, by the log alone.
    """

    legs: dict[str, Leg] = field(default_factory=dict)
    fills: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    bare: list[Bare] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    _since: dict[str, int] = field(default_factory=dict)
    _wanted: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def read(path: Path) -> VenueLog:
        """Read a log to its end."""
        found = VenueLog()
        for line in path.read_text().splitlines():
            found._take(json.loads(line))
        return found

    def _take(self, entry: dict[str, Any]) -> None:
        name, kind = entry["client_order_id"], entry["kind"]
        if kind == "submit":
            self.asked[name] = self.asked.get(name, 0) + 1
            self.legs.setdefault(name, _leg(entry))
            if entry["stop_loss_raw"]:
                child = Leg(entry["instrument"], "sell" if entry["side"] == "buy" else "buy", "stop", entry["quantity_raw"], True)
                self.legs.setdefault(f"{name}-sl", child)
        elif kind == "replace":
            self._wanted[entry["new_client_order_id"]] = entry["quantity_raw"]
        elif kind != "cancel":
            self._happened(name, kind, entry)
            self._look(self.legs[name].symbol, entry["time"])

    def _happened(self, name: str, kind: str, entry: dict[str, Any]) -> None:
        leg = self.legs[name]
        if kind == "OrderAccepted":
            leg.state = OPEN
        elif kind == "OrderFill":
            assert entry["fill_id"] not in self.fills, f"the venue told of {entry['fill_id']} twice"
            self.fills[entry["fill_id"]] = entry
            leg.filled += entry["quantity_raw"]
            leg.state = "filled" if leg.filled >= leg.quantity else leg.state
            sign = 1 if entry["side"] == "buy" else -1
            self.held[leg.symbol] = self.held.get(leg.symbol, 0) + sign * entry["quantity_raw"]
            if not leg.reduce_only and leg.side == "buy" and f"{name}-sl" in self.legs:
                self.legs[f"{name}-sl"].state = OPEN
        elif kind == "OrderReplaced":
            new = entry["new_client_order_id"]
            leg.state, leg.replaced_by = "replaced", new
            self.legs[new] = Leg(leg.symbol, leg.side, leg.order_type, self._wanted[new], leg.reduce_only, OPEN, leg.filled)
        elif kind in ("OrderCancel", "OrderExpired"):
            leg.state = "canceled" if kind == "OrderCancel" else "expired"
        elif kind != "OrderTriggered":
            raise AssertionError(f"the log has a {kind}")

    def _look(self, symbol: str, time: int) -> None:
        covered = sum(leg.covers for leg in self.legs.values() if leg.symbol == symbol)
        if self.held.get(symbol, 0) > covered:
            self._since.setdefault(symbol, time)
        elif symbol in self._since:
            self.bare.append(Bare(symbol, self._since.pop(symbol), time))

    def last(self, name: str) -> Leg:
        """The leg in which an order ended."""
        leg = self.legs[name]
        while leg.replaced_by:
            leg = self.legs[leg.replaced_by]
        return leg


def _root(name: str) -> str:
    """The order that a leg belongs to."""
    return re.sub(r"-r\d+$", "", name)


def _leg(entry: dict[str, Any]) -> Leg:
    return Leg(entry["instrument"], entry["side"], entry["order_type"], entry["quantity_raw"], entry["reduce_only"])


def longest_bare(log: VenueLog, symbols: Iterable[str], absent: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The longest time without full cover: in all, and less the times in which no session ran (nanoseconds of the venue)."""
    wanted, longest, alive = tuple(symbols), 0, 0
    for bare in log.bare:
        if bare.symbol in wanted:
            away = sum(max(min(bare.end, end) - max(bare.start, start), 0) for start, end in absent)
            longest, alive = max(longest, bare.end - bare.start), max(alive, bare.end - bare.start - away)
    return longest, alive


def replayed(store: SqlStore) -> Engine:
    """The engine after the whole journal; every command has to be the one that was stored."""
    again = Replay(store)
    for step in again.steps():
        assert step.difference is None, str(step.difference)
    assert again.verdict.events == store.last_sequence()
    assert again.assembly is not None
    return again.assembly.engine


def compare_fills(log: VenueLog, engine: Engine, database: sqlite3.Connection) -> None:
    """Every execution is in our books and in the table of order events, once, with the same numbers."""
    ours = {
        fill.fill_id: (order.client_order_id, fill.side.value, fill.price_raw, fill.quantity_raw, fill.commission)
        for order in engine.state.orders.values()
        for fill in order.fills.values()
    }
    theirs = {
        name: (_root(entry["client_order_id"]), entry["side"], entry["price_raw"], entry["quantity_raw"], entry["commission"])
        for name, entry in log.fills.items()
    }
    assert {name: (ours.get(name), theirs.get(name)) for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)} == {}
    marks = ", ".join("?" * len(FILL_ROWS))
    rows = database.execute(
        f"SELECT detail, order_local_id, qty_filled, fill_price FROM order_event WHERE event_type IN ({marks})", FILL_ROWS
    ).fetchall()
    known = {instrument.symbol: instrument for instrument in (track.instrument for track in engine.state.tracks)}
    assert len(rows) == len({row[0] for row in rows}), "an execution is in two rows"
    assert {row[0] for row in rows} == set(theirs)
    for fill_id, _, quantity, price in rows:
        entry = log.fills[fill_id]
        instrument = known[entry["symbol"]]
        assert Decimal(quantity) == instrument.quantity(entry["quantity_raw"])
        assert Decimal(price) == instrument.price(entry["price_raw"])


def compare_orders(log: VenueLog, engine: Engine, database: sqlite3.Connection) -> None:
    """Orders ended as the venue says, and nothing was sent that is not in the database."""
    rows = {
        name: (state, Decimal(filled))
        for name, state, filled in database.execute("SELECT local_id, state, qty_filled FROM order_state")
    }
    # The legs of an order are found by their own ids too.
    orders = {order.client_order_id: order for order in engine.state.orders.values()}
    ours = {name: (order.state.value, order.filled) for name, order in orders.items()}
    assert {name: (ours.get(name), rows.get(name)) for name in {**ours, **rows} if ours.get(name) != rows.get(name)} == {}
    unknown = [name for name in log.asked if name not in rows]
    assert not unknown, f"sent, and not in the database: {unknown}"
    for name, order in orders.items():
        _compare_order(log, name, order)


def _compare_order(log: VenueLog, name: str, order: Order) -> None:
    if name not in log.legs or log.legs[name].state == "asked":
        assert order.state in (OrderState.SUBMIT_FAILED, OrderState.REJECTED), f"{name} never came to be, and is {order.state}"
        assert not order.filled_raw
        return
    leg = log.last(name)
    state = "accepted" if leg.state == OPEN else leg.state
    assert (order.state.value, order.filled_raw) == (state, leg.filled), name


def compare_money(engine: Engine, database: sqlite3.Connection, log: VenueLog, cash: int, capital: int) -> None:
    """Cash is the venue's; once all is flat, round trips add up to what was won or lost."""
    assert engine.state.total_cash() == cash
    assert not any(log.held.values())
    assert not any(holding.quantity_raw for holding in engine.state.holdings.values())
    profits, commissions = zip(*database.execute("SELECT pnl, commission FROM trade").fetchall(), strict=True)
    assert sum(map(Decimal, commissions)) == from_money(sum(entry["commission"] for entry in log.fills.values()))
    assert sum(map(Decimal, profits)) == from_money(cash - capital)
