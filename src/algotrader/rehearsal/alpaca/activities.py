"""The account's log: fills, and money that came or went without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from algotrader.rehearsal.alpaca.answers import unprocessable
from algotrader.rehearsal.alpaca.orders import AlpacaOrder
from algotrader.rehearsal.alpaca.texts import money_text, quantity_text, read_time, time_text

MAX_PAGE: Final = 100
DEPOSIT: Final = "CSD"
WITHDRAWAL: Final = "CSW"
FILL: Final = "FILL"

Json = dict[str, Any]


class Activities:
    """Entries in the order in which they happened.

    Args:
        account_id: whose they are.
    """

    def __init__(self, account_id: str) -> None:
        self._account_id: Final = account_id
        self.entries: Final[list[tuple[int, Json]]] = []

    def fill(self, order: AlpacaOrder, execution_id: str, price: str, quantity: str, now: int) -> None:
        """An order was filled, or part of it; the id ends with that of the execution."""
        made = order.instrument
        entry = {
            "activity_type": FILL,
            "id": activity_id(now, execution_id),
            "account_id": self._account_id,
            "cum_qty": quantity_text(made, order.filled_raw),
            "leaves_qty": quantity_text(made, order.remaining_raw),
            "price": price,
            "qty": quantity,
            "side": order.side.value,
            "symbol": made.symbol,
            "transaction_time": time_text(now),
            "order_id": order.id,
            "type": "partial_fill" if order.remaining_raw else "fill",
            "order_status": order.status,
        }
        self.entries.append((now, entry))

    def transfer(self, amount: int, name: str, now: int) -> None:
        """Money came, or went when negative."""
        day = str(time_text(now))[:10]
        entry = {
            "activity_type": DEPOSIT if amount >= 0 else WITHDRAWAL,
            "id": activity_id(now, name),
            "account_id": self._account_id,
            "date": day,
            "created_at": time_text(now),
            "net_amount": money_text(amount),
            "description": "",
            "status": "executed",
        }
        self.entries.append((now, entry))

    def page(self, query: Mapping[str, str], kinds: set[str]) -> list[Json]:
        """A page of entries, as asked for by ``after``, ``until``, ``date``, ``direction``, ``page_size`` and ``page_token``.

        Raises:
            ApiError: it is not asked for as it should be.
        """
        found = [(time, entry) for time, entry in self.entries if not kinds or entry["activity_type"] in kinds]
        try:
            found = _within(found, query)
            size = int(query.get("page_size") or MAX_PAGE)
        except ValueError as error:
            raise unprocessable(f"invalid query: {error}") from None
        if not 0 < size <= MAX_PAGE:
            raise unprocessable(f"page_size must be between 1 and {MAX_PAGE}")
        if (query.get("direction") or "desc") != "asc":
            found.reverse()
        rows = [entry for _, entry in found]
        return _after(rows, query.get("page_token", ""))[:size]


def _within(found: list[tuple[int, Json]], query: Mapping[str, str]) -> list[tuple[int, Json]]:
    after = read_time(query["after"]) if query.get("after") else -1
    until = read_time(query["until"]) if query.get("until") else 2**63
    if day := query.get("date"):
        found = [(time, entry) for time, entry in found if str(time_text(time))[:10] == day[:10]]
    return [(time, entry) for time, entry in found if after < time <= until]


def _after(rows: list[Json], token: str) -> list[Json]:
    """What comes after the entry that a page's token names: the last one of the page before."""
    if not token:
        return rows
    ids = [row["id"] for row in rows]
    if token not in ids:
        raise unprocessable("invalid page_token")
    return rows[ids.index(token) + 1 :]


def activity_id(time: int, name: str) -> str:
    """The id of an entry: its time to the millisecond, and a name of its own."""
    text = str(time_text(time - time % 1_000_000_000 + 1))
    stamp = "".join(character for character in text[:19] if character.isdigit())
    return f"{stamp}{time // 1_000_000 % 1000:03d}::{name}"
