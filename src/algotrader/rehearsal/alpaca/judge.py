"""What a session has left behind, judged by the log of the server that it traded at: nothing lost, doubled or left bare."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.orders import Order, OrderState
from algotrader.core.scaled import from_money, money
from algotrader.live.replaying import Replay
from algotrader.rehearsal.alpaca.past import DEPOSIT, UPDATE
from algotrader.rehearsal.invariants import ANSWERED, BOOKS, EVIDENCE, FILLS, GUARANTEE, REPLAY, SENT_TWICE
from algotrader.rehearsal.outcome import Violation
from algotrader.storage.checks import check
from algotrader.storage.sql_store import SqlStore, open_store

ORDERS: Final = "every order ended as the venue says"
SOUND: Final = "the database is sound"

_OPEN: Final = "open"
_ENDS: Final = ("filled", "canceled", "expired", "rejected")
_FILLS: Final = ("fill", "partial_fill")

Execution = tuple[str, str, Decimal, Decimal]
"""Order at the venue, side, price and quantity."""


@dataclass(slots=True)
class Books:
    """What the log of a server says in the end.

    Attributes:
        fills: by execution id.
        orders: newest record of each, by the venue's id.
        legs: ids of the orders that the venue attached to each.
        held: signed quantities, by symbol.
        cash: of the account, as the last line has it.
        deposits: money that came or went without trading.
        doubled: executions told twice with different ids of events.
    """

    fills: dict[str, Execution] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    legs: dict[str, list[str]] = field(default_factory=dict)
    held: dict[str, Decimal] = field(default_factory=dict)
    cash: Decimal = Decimal(0)
    deposits: Decimal = Decimal(0)
    doubled: list[str] = field(default_factory=list)

    @staticmethod
    def read(log: Path) -> Books:
        """Read a log to its end; a line that was cut off by a death is passed over."""
        found = Books()
        for text in log.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if "cash" in line:
                found.cash = Decimal(line["cash"])
            if line["kind"] == DEPOSIT:
                found.deposits += Decimal(line["amount"])
            if line["kind"] == UPDATE:
                found._take(line)
        return found

    def _take(self, line: dict[str, Any]) -> None:
        for record in (line["order"], *(line["order"]["legs"] or ())):
            self.orders[record["id"]] = record
        if line["order"]["legs"]:
            self.legs[line["order"]["id"]] = [record["id"] for record in line["order"]["legs"]]
        if line["event"] not in _FILLS:
            return
        record, name = line["order"], line["execution_id"]
        if name in self.fills:
            self.doubled.append(name)
        price, quantity = Decimal(line["price"]), Decimal(line["qty"])
        self.fills[name] = (record["id"], record["side"], price, quantity)
        signed = quantity if record["side"] == "buy" else -quantity
        self.held[record["symbol"]] = self.held.get(record["symbol"], Decimal(0)) + signed

    def last(self, order_id: str) -> dict[str, Any]:
        """The record in which a chain of replacements ended."""
        record = self.orders[order_id]
        while record["replaced_by"] in self.orders:
            record = self.orders[record["replaced_by"]]
        return record


@dataclass(slots=True)
class Judgement:
    """What came of a comparison.

    Attributes:
        violations: rules that were broken.
        engine: after the whole journal.
        events: how many there are in the journal.
        told: how often the engine reported each kind of thing.
    """

    violations: list[Violation] = field(default_factory=list)
    engine: Engine | None = None
    events: int = 0
    told: dict[str, int] = field(default_factory=dict)

    def broken(self, rule: str, message: str, time: int = 0) -> None:
        """Note that a rule was broken."""
        self.violations.append(Violation(time, rule, message))


def judge(log: Path, database: str) -> Judgement:
    """Compare a database with the log of the server, once every session has ended and nothing is under way.

    Raises:
        StoreFailed: the database cannot be read.
    """
    found = Judgement()
    store = open_store(database, create=False)
    try:
        for fault in check(store.database):
            found.broken(SOUND, fault)
        for entry in store.unanswered():
            found.broken(ANSWERED, f"{entry.kind} {entry.client_order_id} of event {entry.sequence} has no answer")
        _replay(store, found)
    finally:
        store.close()
    if found.engine is not None:
        _compare(Books.read(log), found.engine, found)
    return found


def _replay(store: SqlStore, found: Judgement) -> None:
    """Handle the journal once more; what the engine itself reports counts."""
    again = Replay(store)
    for step in again.steps():
        found.events += 1
        if step.difference is not None:
            found.broken(REPLAY, str(step.difference), step.entry.time)
        for report in step.reports:
            found.told[report.kind] = found.told.get(report.kind, 0) + 1
            if report.kind == reports.STOP_BREACH:
                found.broken(GUARANTEE, f"{report.symbol}: {report.message}", step.entry.time)
    found.engine = None if again.assembly is None else again.assembly.engine


def _compare(books: Books, engine: Engine, found: Judgement) -> None:
    for name in books.doubled:
        found.broken(FILLS, f"the venue told of {name} twice")
    _compare_fills(books, engine, found)
    _compare_orders(books, engine, found)
    _compare_money(books, engine, found)


def _orders(engine: Engine) -> list[Order]:
    """Every order once: its legs are found by their own ids too."""
    return list({order.client_order_id: order for order in engine.state.orders.values()}.values())


def _compare_fills(books: Books, engine: Engine, found: Judgement) -> None:
    ours: dict[str, tuple[str, Decimal, Decimal]] = {}
    for order in _orders(engine):
        for name, fill in order.fills.items():
            if name in ours:
                found.broken(FILLS, f"{name} is in two orders of ours")
            ours[name] = (fill.side.value, order.instrument.price(fill.price_raw), order.instrument.quantity(fill.quantity_raw))
    theirs = {name: fill[1:] for name, fill in books.fills.items()}
    for name in sorted(set(ours) | set(theirs)):
        if ours.get(name) != theirs.get(name):
            whose = books.orders[books.fills[name][0]]["client_order_id"] if name in books.fills else "an unknown order"
            found.broken(FILLS, f"{name} of {whose}: we have {ours.get(name)}, the venue {theirs.get(name)}")


def _compare_orders(books: Books, engine: Engine, found: Judgement) -> None:
    by_name: dict[str, list[str]] = {}
    for record in books.orders.values():
        by_name.setdefault(record["client_order_id"], []).append(record["id"])
    for name, several in by_name.items():
        if len(several) > 1:
            found.broken(SENT_TWICE, f"{name} is {len(several)} orders at the venue")
    claimed: set[str] = set()
    for order in _orders(engine):
        ids = _ids(order, by_name) or _attached(books, order, engine, by_name)
        claimed.update(ids)
        _compare_order(books, order, ids, found)
    for order_id in _followers(books, claimed):
        claimed.add(order_id)
    for order_id, record in books.orders.items():
        if order_id not in claimed:
            found.broken(ORDERS, f"{record['client_order_id']} ({record['status']}) is at the venue and not in our books")


def _followers(books: Books, claimed: set[str]) -> list[str]:
    """Orders that came of ours by replacement."""
    return [order_id for first in claimed for order_id in _chain(books, first)]


def _chain(books: Books, order_id: str) -> list[str]:
    found = [order_id]
    while (after := books.orders[found[-1]]["replaced_by"]) in books.orders:
        found.append(after)
    return found


def _ids(order: Order, by_name: dict[str, list[str]]) -> list[str]:
    """The venue's ids of an order's legs; legs that the venue attached have names of its own."""
    known = [leg.venue_order_id for leg in order.legs if leg.venue_order_id]
    named = [order_id for leg in order.legs for order_id in by_name.get(leg.leg_id, ())]
    return list(dict.fromkeys([*named, *(one for one in known if any(one in ids for ids in by_name.values()))]))


def _attached(books: Books, order: Order, engine: Engine, by_name: dict[str, list[str]]) -> list[str]:
    """The leg that the venue attached to an order's parent, where it never had to be told to us: it ended with its parent."""
    parent = engine.state.orders.get(order.parent_id)
    above = [] if parent is None else _ids(parent, by_name)
    every = [leg for order_id in above for each in _chain(books, order_id) for leg in books.legs.get(each, ())]
    return [leg for leg in every if books.orders[leg]["type"] == order.order_type.value][:1]


def _compare_order(books: Books, order: Order, ids: list[str], found: Judgement) -> None:
    name, ours = order.client_order_id, order.state
    if not ids:
        if ours not in (OrderState.SUBMIT_FAILED, OrderState.REJECTED) and not (order.attached and order.is_final):
            found.broken(ORDERS, f"{name} never came to the venue, and is {ours.value} for us")
        if order.fills:
            found.broken(FILLS, f"{name} never came to the venue, and has executions")
        return
    record = books.last(ids[0])
    theirs = record["status"] if record["status"] in _ENDS else _OPEN
    mine = ours.value if order.is_final else _OPEN
    if order.recalled and theirs == "canceled":
        found.broken(EVIDENCE, f"{name} came to the venue when it was {ours.value} for us, and was canceled there")
        return
    if theirs != mine:
        found.broken(ORDERS, f"{name} is {ours.value} for us and {record['status']} at the venue")


def _compare_money(books: Books, engine: Engine, found: Judgement) -> None:
    for track in engine.state.tracks:
        made = track.instrument
        ours, theirs = made.quantity(engine.state.ledger.net_quantity(made.symbol)), books.held.get(made.symbol, Decimal(0))
        if ours != theirs:
            found.broken(BOOKS, f"{made.symbol}: we have {ours}, the venue {theirs}")
    cash = engine.state.total_cash()
    if cash != money(books.cash):
        found.broken(BOOKS, f"cash: we have {from_money(cash)}, the venue {books.cash}")
