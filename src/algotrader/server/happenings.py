"""What happens in a session as the page's feed tells it; kept as it comes, and put into words only when somebody looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

from algotrader.core import reports
from algotrader.core.reports import Report
from algotrader.live.control import ENGINE_STATE, STATES
from algotrader.server.documents import Document, iso

KEPT: Final = 200
"""How much of what happened lately a new page is told."""

WORDS: Final = {
    reports.SIGNAL: "signal",
    reports.ORDER_SUBMITTED: "order_submitted",
    reports.ORDER_FILLED: "order_filled",
    reports.LATE_FILL: "order_filled",
    reports.ORDER_CANCELED: "order_canceled",
    reports.ORDER_EXPIRED: "order_canceled",
    reports.ORDER_REJECTED: "order_rejected",
    reports.STOP_PLACED: "stop_moved",
    reports.STOP_MOVED: "stop_moved",
    reports.BREAKER_TRIPPED: "circuit_breaker",
    reports.BREAKER_RESET: "circuit_breaker",
    reports.BREAKER_RESTORED: "circuit_breaker",
    reports.STRATEGY_ERROR: "error",
    reports.STRATEGY_VALUE: "error",
}
"""The page's words for the engine's."""

SERIOUS: Final = (reports.ERROR, reports.CRITICAL)


class Told(NamedTuple):
    """Something that a part of the session around the engine told."""

    time: int
    kind: str
    level: str
    subject: str
    message: str


def happening(number: int, told: Report | Told) -> Document:
    """Something of this run as the feed tells it."""
    if isinstance(told, Told):
        word = "error" if told.level in SERIOUS else told.kind
        found = _document(told.kind, word, told.time, told.message, told.level)
        return found | {"id": f"live-{number}", "strategy": "", "symbol": told.subject, "order_id": "", "correlation_id": ""}
    word = WORDS.get(told.kind) or ("error" if told.level in SERIOUS else told.kind)
    return _document(told.kind, word, told.time, told.message, told.level) | {
        "id": f"live-{number}",
        "strategy": told.owner,
        "symbol": told.symbol,
        "order_id": told.order_id,
        "correlation_id": told.correlation_id,
    }


def _document(event: str, kind: str, time: int, message: str, level: str) -> Document:
    return {"timestamp": iso(time), "kind": kind, "event": event, "message": message or _words(event), "level": level}


def _words(event: str) -> str:
    """For what is told without a sentence."""
    return event.replace("_", " ")


def kept_happening(row: Document) -> Document:
    """A row of the database, from before this run, in the same form."""
    word = WORDS.get(row["kind"]) or ("error" if row["level"] in SERIOUS else row["kind"])
    return {
        "id": str(row["id"]),
        "timestamp": row["time"],
        "kind": word,
        "event": row["kind"],
        "message": row["message"] or _words(row["kind"]),
        "level": row["level"],
        "strategy": row["strategy"],
        "symbol": row["symbol"],
        "order_id": row["order_id"],
        "correlation_id": row["correlation_id"],
    }


def worth_telling(kind: str, level: str, message: str) -> bool:
    """Whether what a part of the session tells belongs into the feed: warnings, and the session's own states."""
    return level != reports.INFO or (kind == ENGINE_STATE and message in STATES)


def left_out(count: int, number: int, time: int) -> Document:
    """In place of what came too fast to be told one by one."""
    words = f"{count} more happened than can be told here; the list of activity has them"
    return _document("left_out", "left_out", time, words, reports.INFO) | {
        "id": f"left-out-{number}",
        "strategy": "",
        "symbol": "",
        "order_id": "",
        "correlation_id": "",
    }


class Recent:
    """The last of what happened; the newest has the largest number."""

    def __init__(self) -> None:
        self._live: Final[deque[tuple[int, Report | Told]]] = deque(maxlen=KEPT)
        self._before: Sequence[Document] = ()
        self.number = 0

    def add(self, told: Report | Told) -> None:
        """Keep something."""
        self.number += 1
        self._live.append((self.number, told))

    def remember(self, rows: Sequence[Document]) -> None:
        """Take rows of the database, newest first, for what was before this run."""
        self._before = [kept_happening(row) for row in rows]

    def since(self, number: int, most: int) -> list[tuple[int, Document]]:
        """What came after a number, with its own, oldest first; the oldest may not be kept any more."""
        fresh = min(self.number - number, len(self._live))
        start = len(self._live) - fresh
        return [(each, happening(each, told)) for each, told in islice(self._live, start, start + min(fresh, most))]

    def documents(self, limit: int = 100) -> list[Document]:
        """The last, newest first."""
        live = [happening(number, told) for number, told in islice(reversed(self._live), limit)]
        return [*live, *self._before[: limit - len(live)]]
