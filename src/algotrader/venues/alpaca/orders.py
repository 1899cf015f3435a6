"""Questions about orders: by our id, by the venue's, many pages of them. Whoever asks learns which order is which of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from algotrader.core.commands import REFUSED_NOT_FOUND
from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_SECOND
from algotrader.venues.alpaca.history_records import format_time
from algotrader.venues.alpaca.names import OrderNames, legs_of
from algotrader.venues.alpaca.once import Once
from algotrader.venues.alpaca.rest import Params, Rest
from algotrader.venues.alpaca.values import (
    AlpacaRecordFault,
    Record,
    record_of,
    records_of,
    text,
    text_or_empty,
    time_or_zero,
)
from algotrader.venues.alpaca.wire import order_status, read_orders
from algotrader.venues.protocols import OrderStatus, Refused, Unanswered

PAGE: Final = 500
"""Orders in an answer at most."""

MOST_PAGES: Final = 200
_LEG: Final = re.compile(r"(?P<parent>.+?)-(sl|tp)(-r\d+)*$")
_VENUE_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_CHAIN: Final = 50
_AROUND_NS: Final = 2 * NS_PER_SECOND
"""A leg is made with its parent."""


class Orders:
    """What the venue knows of orders.

    Args:
        rest: where to ask.
        instruments: the session's, by symbol.
        once: hears of records that cannot be read.

    Attributes:
        names: which order is which of ours.
    """

    def __init__(self, rest: Rest, instruments: Mapping[str, Instrument], once: Once) -> None:
        self._rest: Final = rest
        self._instruments: Final = instruments
        self._once: Final = once
        self._ids: Final[dict[str, str]] = {}
        self.names: Final = OrderNames()

    def venue_id(self, client_order_id: str) -> str:
        """The venue's id of an order of ours; empty when nobody has told."""
        return self._ids.get(client_order_id, "")

    async def status(self, record: object) -> OrderStatus:
        """One order as we know orders.

        Raises:
            Unanswered: the record cannot be read, so that nobody knows what the venue has said.
        """
        try:
            found = record_of(record, "an order")
            self.names.learn(found)
            for leg in legs_of(found):
                self._keep(leg)
            await self._learn_open([found])
            await self._learn_successor(found)
            self._keep(found)
            return order_status(found, self._instruments, self.names)
        except AlpacaRecordFault as fault:
            raise Unanswered(f"an order's record cannot be read: {fault}") from None

    async def find(self, client_order_id: str) -> OrderStatus | None:
        """One order by our id, None when the venue denies it."""
        try:
            record = await self._record(client_order_id)
        except AlpacaRecordFault as fault:
            raise Unanswered(f"an order's record cannot be read: {fault}") from None
        return None if record is None else await self.status(record)

    async def listed(self, status: str, after: int = 0) -> list[OrderStatus]:
        """Orders that are ``open`` or ``all``, submitted after a time (nanoseconds UTC), with their legs."""
        records = self._readable(await self._pages(status, after))
        try:
            await self._learn_open(records)
        except AlpacaRecordFault as fault:
            raise Unanswered(f"a leg's entry cannot be found: {fault}") from None
        found, faults = read_orders(records, self._instruments, self.names)
        for damage in faults:
            self._once.note("an order's record cannot be read", str(damage))
        for one in found:
            self._ids[one.client_order_id] = one.venue_order_id
        return list({one.venue_order_id: one for one in found}.values())

    async def learn(self, venue_order_id: str) -> None:
        """Learn which of ours an order is; nothing is learned where the venue denies it."""
        record = await self._ask(f"/orders/{venue_order_id}", {"nested": "true"})
        if record is not None:
            await self.status(record)

    async def learn_leg(self, record: Record) -> None:
        """Learn which entry a leg belongs to; it goes by the venue's name when there is none."""
        made = time_or_zero(record, "created_at") or time_or_zero(record, "submitted_at")
        params = _listing("all", text(record, "symbol"))
        if made:
            params |= {"after": format_time(made - _AROUND_NS), "until": format_time(made + _AROUND_NS)}
        self._readable(records_of(await self._rest.get("/orders", params), "the orders"))
        if self.names.is_open(record):
            self.names.accept(record)

    async def _record(self, client_order_id: str) -> Record | None:
        venue_id = self.venue_id(client_order_id)
        if not venue_id and _VENUE_ID.fullmatch(client_order_id):
            venue_id = client_order_id
        if venue_id:
            return await self._ask(f"/orders/{venue_id}", {"nested": "true"})
        leg = _LEG.fullmatch(client_order_id)
        return await self._named(client_order_id) if leg is None else await self._leg(client_order_id, leg["parent"])

    def _keep(self, record: Record) -> None:
        self._ids[self.names.name(record)] = text(record, "id")

    async def _learn_open(self, records: Sequence[Record]) -> None:
        for record in records:
            self.names.learn(record)
        for record in records:
            if self.names.is_open(record):
                await self.learn_leg(record)

    def _readable(self, records: Sequence[Record]) -> list[Record]:
        """The records of which names can be learned; the others take nothing else with them."""
        found = []
        for record in records:
            try:
                self.names.learn(record)
                found.append(record)
            except AlpacaRecordFault as fault:
                self._once.note("an order's record cannot be read", str(fault))
        return found

    async def _learn_successor(self, record: Record) -> None:
        """After a restart nobody has told yet which order took this one's place."""
        successor = text_or_empty(record, "replaced_by")
        if successor and not self.names.successor(record):
            found = await self._ask(f"/orders/{successor}", {})
            if found is not None:
                self.names.learn(found)
                self._keep(found)

    async def _named(self, client_order_id: str) -> Record | None:
        return await self._ask("/orders:by_client_order_id", {"client_order_id": client_order_id, "nested": "true"})

    async def _leg(self, client_order_id: str, parent_id: str) -> Record | None:
        """An attached order: the venue knows a leg by our id only once we have replaced it."""
        found = await self._named(client_order_id)
        if found is not None:
            return found
        parent = await self._named(parent_id)
        if parent is not None and not legs_of(parent):
            parent = await self._ask(f"/orders/{text(parent, 'id')}", {"nested": "true"})
        if parent is None:
            return None
        self.names.learn(parent)
        for leg in legs_of(parent):
            found = await self._back_to(client_order_id, parent, leg)
            if found is not None:
                return found
        return None

    async def _back_to(self, client_order_id: str, parent: Record, leg: Record) -> Record | None:
        """The leg with our id among those whose place this one has taken."""
        current: Record | None = leg
        for _ in range(_LONGEST_CHAIN):
            if current is None:
                return None
            # The entry's record has only the last of a leg's orders.
            self.names.learn({**parent, "legs": [current]})
            if self.names.name(current) == client_order_id:
                return current
            before = text_or_empty(current, "replaces")
            current = await self._ask(f"/orders/{before}", {}) if before else None
        return None

    async def _ask(self, path: str, params: Params) -> Record | None:
        """An order's record; None when the venue denies it."""
        try:
            return record_of(await self._rest.get(quote(path, safe="/:"), params), "an order")
        except Refused as error:
            if error.code == REFUSED_NOT_FOUND:
                return None
            raise
        except AlpacaRecordFault as fault:
            raise Unanswered(str(fault)) from None

    async def _pages(self, status: str, after: int) -> list[Record]:
        """All orders, oldest first, each once."""
        found: dict[str, Record] = {}
        for _ in range(MOST_PAGES):
            params = _listing(status)
            if after:
                params["after"] = format_time(after)
            try:
                page = records_of(await self._rest.get("/orders", params), "the orders")
                fresh = {text(record, "id"): record for record in page if text(record, "id") not in found}
                found |= fresh
                if len(page) < PAGE or not fresh:
                    return list(found.values())
                # Orders of the same moment may lie on both sides of a page's end.
                after = max(time_or_zero(record, "submitted_at") for record in page) - 1
            except AlpacaRecordFault as fault:
                raise Unanswered(f"the list of orders cannot be read: {fault}") from None
        raise Unanswered(f"more than {MOST_PAGES * PAGE} orders")


def _listing(status: str, symbol: str = "") -> Params:
    params = {"status": status, "nested": "true", "direction": "asc", "limit": str(PAGE)}
    return params | ({"symbols": symbol} if symbol else {})
