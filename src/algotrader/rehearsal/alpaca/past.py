"""Where another process left off: the account as its log has it, whatever became of that process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

from algotrader.core.instruments import Instrument
from algotrader.core.orders import OrderType, Side, TimeInForce
from algotrader.core.scaled import money
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.records import Holding
from algotrader.rehearsal.alpaca.book import Book
from algotrader.rehearsal.alpaca.orders import AlpacaOrder
from algotrader.rehearsal.alpaca.texts import read_time

Json = dict[str, Any]

UPDATE: Final = "update"
DEPOSIT: Final = "deposit"
START: Final = "start"
_TIMES: Final = {
    "created": "created_at",
    "updated": "updated_at",
    "submitted": "submitted_at",
    "filled": "filled_at",
    "expired": "expired_at",
    "canceled": "canceled_at",
    "failed": "failed_at",
    "replaced": "replaced_at",
}


@dataclass(slots=True)
class Past:
    """What a log says.

    Attributes:
        account_id: of the account.
        lines: how many there are.
        time: of the market, when the last one was written; the age of the log says how long ago that was.
        age: seconds of life since then.
        cash: of the account, scaled.
        entries: trade updates and deposits, oldest first.
    """

    account_id: str = ""
    lines: int = 0
    time: int = 0
    age: float = 0.0
    cash: int = 0
    entries: list[Json] = field(default_factory=list)

    def now(self, speed: float) -> int:
        """What the market's clock shows now, had it gone on."""
        return self.time + int(self.age * speed * 1_000_000_000)


def read_past(log: Path) -> Past | None:
    """What a log says; None when there is none, or nothing in it. A last line that was cut off is passed over."""
    if not log.exists():
        return None
    past = Past(age=max(time.time() - log.stat().st_mtime, 0.0))
    for text in log.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        past.lines += 1
        past.time = max(past.time, line["time"])
        if line["kind"] == START:
            past.account_id = past.account_id or line["account_id"]
        if "cash" in line:
            past.cash = money(Decimal(line["cash"]))
        if line["kind"] in (UPDATE, DEPOSIT):
            past.entries.append(line)
    return past if past.account_id else None


def open_log(log: Path) -> TextIO:
    """Open a log to add to it; a last line that was cut off is left to itself."""
    is_cut = log.exists() and log.stat().st_size > 0 and not log.read_bytes().endswith(b"\n")
    found = log.open("a", encoding="utf-8")
    if is_cut:
        found.write("\n")
    return found


def restore(past: Past, book: Book, find: Callable[[str], Instrument | None]) -> None:
    """Have the orders, the positions and the log of a past in an exchange that holds none yet; its cash is there already."""
    orders: dict[str, AlpacaOrder] = {}
    for line in past.entries:
        if line["kind"] == DEPOSIT:
            book.activities.transfer(money(Decimal(line["amount"])), line["name"], line["time"])
            continue
        record = line["order"]
        order = _take(orders, record, line["raw"], find)
        if order is None:
            continue
        order.legs = [leg for each in record["legs"] or () if (leg := _take(orders, each, line["raw"], find)) is not None]
        for leg in order.legs:
            leg.parent = order
        if line["event"] in ("fill", "partial_fill"):
            _fill(book, order, line)
    for order in orders.values():
        book.take_up(order)
    book.settle()


def _fill(book: Book, order: AlpacaOrder, line: Json) -> None:
    made = order.instrument
    price, quantity = made.price_raw(Decimal(line["price"])), made.quantity_raw(Decimal(line["qty"]))
    order.filled_value += price * quantity
    book.activities.fill(order, line["execution_id"], line["price"], line["qty"], line["time"])
    _hold(book.exchange, made, order.sign * quantity, price)


def _hold(exchange: PaperExchange, made: Instrument, signed: int, price: int) -> None:
    """Book an execution once more; the exchange's average would be rounded, what was paid is not."""
    holding = exchange.records.holdings.get(made.symbol) or Holding()
    holding.book(signed, price)
    exchange.place_position(made.symbol, holding.quantity_raw, holding.average_raw)
    exchange.records.holdings[made.symbol] = holding


def _take(
    orders: dict[str, AlpacaOrder], record: Json, raw: dict[str, list[int]], find: Callable[[str], Instrument | None]
) -> AlpacaOrder | None:
    """The order of a record, as the record has it; None when its instrument is not traded any more."""
    order = orders.get(record["id"])
    if order is None:
        made = find(record["symbol"])
        if made is None:
            return None
        order = _begin(record, made)
        if (before := orders.get(order.replaces)) is not None:
            _follow(before, order, keeps_fills=Decimal(record["filled_qty"]) > 0)
        orders[order.id] = order
    made = order.instrument
    order.quantity_raw, order.trail_raw = raw[order.id]
    order.status, order.replaced_by = record["status"], record["replaced_by"] or ""
    order.filled_raw = made.quantity_raw(Decimal(record["filled_qty"]))
    order.limit_raw, order.stop_raw = (
        made.price_raw(Decimal(record[name])) if record[name] else 0 for name in ("limit_price", "stop_price")
    )
    for name, told in _TIMES.items():
        setattr(order, name, read_time(record[told]) if record[told] else 0)
    return order


def _follow(before: AlpacaOrder, order: AlpacaOrder, *, keeps_fills: bool) -> None:
    """An order takes the place of the one that it replaces."""
    order.filled_value = before.filled_value if keeps_fills else 0
    order.parent = before.parent
    if order.parent is not None:
        order.parent.legs = [order if leg is before else leg for leg in order.parent.legs]


def _begin(record: Json, made: Instrument) -> AlpacaOrder:
    order = AlpacaOrder(
        record["id"],
        record["client_order_id"],
        made,
        Side(record["side"]),
        OrderType(record["type"]),
        0,
        TimeInForce(record["time_in_force"]),
        0,
        record["order_class"],
        record["notional"],
    )
    order.trail_percent, order.extended_hours = record["trail_percent"], record["extended_hours"]
    order.replaces, order.closes = record["replaces"] or "", record["position_intent"].endswith("close")
    return order
