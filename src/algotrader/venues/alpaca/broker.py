"""The account at Alpaca."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from algotrader.core.commands import REFUSED_DUPLICATE, REFUSED_NOT_FOUND, ReplaceOrder, SubmitOrder
from algotrader.core.events import ConnectionChanged, Event
from algotrader.core.instruments import AssetClass, Instrument, VenueCapabilities
from algotrader.core.orders import FINAL_STATES
from algotrader.venues.alpaca.errors import AlreadyThere
from algotrader.venues.alpaca.history_records import format_time
from algotrader.venues.alpaca.once import Once
from algotrader.venues.alpaca.order_stream import Probes, TradeUpdates
from algotrader.venues.alpaca.orders import MOST_PAGES, Orders
from algotrader.venues.alpaca.rest import Rest
from algotrader.venues.alpaca.rules import capabilities_for
from algotrader.venues.alpaca.settings import AlpacaSettings
from algotrader.venues.alpaca.stop_limits import with_limit
from algotrader.venues.alpaca.trade_updates import Update, events_of, nameless_successor, unresolved
from algotrader.venues.alpaca.values import AlpacaRecordFault, Record, record_of, records_of, text, text_or_empty
from algotrader.venues.alpaca.wire import (
    AlpacaAccount,
    account,
    clock,
    fill_of_activity,
    position,
    replace_body,
    submit_body,
)
from algotrader.venues.protocols import (
    AccountInfo,
    Broker,
    NotAllowed,
    NotSent,
    OrderStatus,
    Refused,
    StreamClosed,
    Throttled,
    Unanswered,
    VenueError,
    VenueFill,
    VenuePosition,
)

T = TypeVar("T")

FILLS_PAGE: Final = 100
"""Executions in an answer at most."""


class AlpacaBroker(Broker):
    """Orders over REST, what becomes of them over the stream.

    Args:
        settings: addresses and keys.
        instruments: what the session trades.
        now: the session's clock, nanoseconds UTC.
        capabilities: what the account may do; None for what Alpaca allows for these instruments.
        settled_cash: buying power is never more than what is settled.

    Attributes:
        rest: the service, for what is asked besides.
        known: the account as it was when it was last asked for; None before.
        stream: the order updates; None before they were first listened to.
    """

    def __init__(
        self,
        settings: AlpacaSettings,
        instruments: Iterable[Instrument],
        now: Callable[[], int],
        capabilities: VenueCapabilities | None = None,
        *,
        settled_cash: bool = False,
    ) -> None:
        self.name = "alpaca"
        self.ids_unique_for_ever = True
        self._settings: Final = settings
        self._instruments: Final = {instrument.symbol: instrument for instrument in instruments}
        self._now: Final = now
        self._settled_cash: Final = settled_cash
        self._once: Final = Once("algotrader.venues.alpaca")
        self.capabilities = capabilities or capabilities_for(self._instruments.values())
        self.rest: Final = Rest(settings)
        self._orders: Final = Orders(self.rest, self._instruments, self._once)
        self._probes: Final = Probes()
        self.known: AlpacaAccount | None = None
        self.stream: TradeUpdates | None = None

    async def connect(self) -> None:
        await self.account()

    async def disconnect(self) -> None:
        self.rest.close()
        if self.stream is not None:
            await self.stream.close()

    async def events(self) -> AsyncIterator[Event]:
        if self.stream is not None:
            await self.stream.close()
        self.stream = stream = TradeUpdates(self._settings, self._once, self._probes)
        await stream.open()
        try:
            yield ConnectionChanged(self._now(), self.name, connected=True)
            while True:
                for event in await self._told(await stream.next()):
                    yield event
        finally:
            await stream.close()

    async def _told(self, update: Update) -> list[Event]:
        """The events of an update; none of one that cannot be read, unless it is about money: then the records have to be compared.

        Raises:
            VenueError: something had to be asked and was not answered, or an execution cannot be read; the stream is opened again.
        """
        if not update.is_known:
            self._once.note(f"an update of the kind {update.kind!r:.60}", "nothing is known about that")
        try:
            if unresolved(update, self._orders.names):
                await self._orders.learn_leg(update.order)
            if successor := nameless_successor(update, self._orders.names):
                await self._orders.learn(successor)
            return events_of(update, self._instruments, self._now(), self._orders.names)
        except AlpacaRecordFault as fault:
            if update.is_execution:
                raise StreamClosed(f"an execution cannot be read: {fault}") from None
            self._once.note(f"an update of the kind {update.kind!r:.60} cannot be read", str(fault))
            return []

    async def submit(self, command: SubmitOrder) -> OrderStatus:
        body = with_limit(submit_body(command), command.request.instrument, command.request.side)
        try:
            record = await self.rest.post("/orders", body)
        except Refused as error:
            if error.code != REFUSED_DUPLICATE:
                raise
            # It is there: the first sending arrived.
            found = await _after_the_answer(self._orders.find(command.client_order_id))
            if found is None:
                raise
            return found
        return await _after_the_answer(self._orders.status(record))

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> None:
        await self.rest.delete(f"/orders/{await self._venue_id(client_order_id, venue_order_id)}")

    async def replace(self, command: ReplaceOrder) -> OrderStatus:
        body = await self._change(command)
        venue_id = await self._venue_id(command.client_order_id, command.venue_order_id)
        # The stream may be faster than the answer.
        self._orders.names.expect(venue_id, command.new_client_order_id)
        try:
            record = await self.rest.patch(f"/orders/{venue_id}", body)
        except (NotSent, Throttled, Refused, NotAllowed) as error:
            if not isinstance(error, AlreadyThere):
                # Whoever takes its place now was sent by somebody else, and goes by another name.
                self._orders.names.expect_no_more(venue_id)
            raise
        return await _after_the_answer(self._orders.status(record))

    async def _change(self, command: ReplaceOrder) -> dict[str, Any]:
        """The body of a change; a stop in crypto moves together with its limit."""
        instrument = self._instruments[command.symbol]
        body = replace_body(command, instrument)
        if instrument.asset_class is not AssetClass.CRYPTO or not command.stop_raw:
            return body
        found = await self._orders.find(command.client_order_id)
        if found is None:
            raise Refused(f"Alpaca has no order {command.client_order_id}", REFUSED_NOT_FOUND)
        return with_limit(body, instrument, found.side)

    async def _venue_id(self, client_order_id: str, told: str) -> str:
        known = told or self._orders.venue_id(client_order_id)
        if known:
            return known
        found = await self._orders.find(client_order_id)
        if found is None:
            raise Refused(f"Alpaca has no order {client_order_id}", REFUSED_NOT_FOUND)
        return found.venue_order_id

    async def order(self, client_order_id: str, symbol: str) -> OrderStatus | None:
        return await self._orders.find(client_order_id)

    async def open_orders(self) -> Sequence[OrderStatus]:
        # A filled entry comes along with the legs that work on.
        return [status for status in await self._orders.listed("open") if status.state not in FINAL_STATES]

    async def recent_orders(self, since: int) -> Sequence[OrderStatus]:
        # Those that are older and have changed since are asked for by their ids.
        return await self._orders.listed("all", since)

    async def fills(self, since: int) -> Sequence[VenueFill]:
        records = await self._activities(since)
        orders = [text_or_empty(record, "order_id") for record in records]
        await self._learn_orders([venue_id for venue_id in orders if venue_id], since)
        found = []
        for record in records:
            try:
                found.append(fill_of_activity(record, self._instruments, self._orders.names))
            except AlpacaRecordFault as fault:
                self._once.note("an execution's record cannot be read", str(fault))
        # The records may have a corrected execution as it was and as it is.
        return list({fill.fill_id: fill for fill in found if fill.time >= since}.values())

    async def _learn_orders(self, venue_ids: Sequence[str], since: int) -> None:
        """Learn which of ours these orders are: all at once where that is possible, then one by one."""
        names = self._orders.names
        if any(not names.named(venue_id) for venue_id in venue_ids):
            await self._orders.listed("all", since)
        for venue_id in dict.fromkeys(venue_ids):
            if not names.named(venue_id):
                await self._orders.learn(venue_id)

    async def _activities(self, since: int) -> list[Record]:
        """Executions in the account's activities, oldest first."""
        params = {"direction": "asc", "page_size": str(FILLS_PAGE), "after": format_time(max(since - 1, 0))}
        found: dict[str, Record] = {}
        try:
            for _ in range(MOST_PAGES):
                page = records_of(await self.rest.get("/account/activities/FILL", params), "the activities")
                fresh = {text(record, "id"): record for record in page if text(record, "id") not in found}
                found |= fresh
                if len(page) < FILLS_PAGE or not fresh:
                    return list(found.values())
                params["page_token"] = text(page[-1], "id")
        except AlpacaRecordFault as fault:
            raise Unanswered(f"the account's executions cannot be read: {fault}") from None
        raise Unanswered(f"more than {MOST_PAGES * FILLS_PAGE} executions")

    async def positions(self) -> Sequence[VenuePosition]:
        try:
            found = records_of(await self.rest.get("/positions"), "the positions")
            return [held for record in found if (held := position(record, self._instruments)).quantity_raw]
        except AlpacaRecordFault as fault:
            # A list that lacks one position would have us take it for closed.
            raise Unanswered(f"the positions cannot be read: {fault}") from None

    async def account(self) -> AccountInfo:
        try:
            found = account(record_of(await self.rest.get("/account"), "the account"))
        except AlpacaRecordFault as fault:
            raise Unanswered(f"the account cannot be read: {fault}") from None
        # Either of the two may be wrong; only together they make sure that no real money is traded.
        is_paper = self._settings.is_paper_endpoint and found.is_practice
        power = found.info.buying_power
        if self._settled_cash and found.settled_cash is not None:
            power = min(power, found.settled_cash)
        self.known = replace(found, info=replace(found.info, is_paper=is_paper, buying_power=power))
        return self.known.info

    async def time(self) -> int | None:
        try:
            return clock(record_of(await self.rest.get("/clock"), "the clock")).time
        except AlpacaRecordFault as fault:
            raise Unanswered(f"the clock cannot be read: {fault}") from None


async def _after_the_answer(question: Awaitable[T]) -> T:
    """Ask what an answer leaves open. The request itself has arrived: whatever fails here must not be taken for it.

    Raises:
        Unanswered: it is not known.
    """
    try:
        return await question
    except VenueError as error:
        raise Unanswered(f"the request has arrived, what became of it is not known: {error}") from None
