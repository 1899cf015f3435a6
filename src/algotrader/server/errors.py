"""What went wrong since the session started: warnings and worse, of the engine and of the parts around it, to be searched."""

from __future__ import annotations

from collections import deque
from typing import Final

from algotrader.core import reports
from algotrader.core.reports import Report
from algotrader.server.documents import Document, iso
from algotrader.server.happenings import Told
from algotrader.server.history import page

NAME: Final = "errors"
KEPT: Final = 2_000
LEVELS: Final = (reports.INFO, reports.WARNING, reports.ERROR, reports.CRITICAL)
_RANK: Final = {level: rank for rank, level in enumerate(LEVELS)}


class ErrorLog:
    """Keeps the last of what went wrong."""

    def __init__(self) -> None:
        self._kept: Final[deque[tuple[int, Told, str, str]]] = deque(maxlen=KEPT)
        self._number = 0

    def on_report(self, report: Report) -> None:
        """Keep what is no mere information."""
        if report.level != reports.INFO:
            told = Told(report.time, report.kind, report.level, report.symbol or report.owner, report.message)
            self._keep(told, report.order_id, report.correlation_id)

    def on_told(self, time: int, kind: str, level: str, subject: str, message: str) -> None:
        """Keep what is no mere information."""
        if level != reports.INFO:
            self._keep(Told(time, kind, level, subject, message), "", "")

    def on_measured(self, time: int, what: str, duration: int, order_id: str) -> None:
        """Nothing."""

    def find(self, level: str = reports.WARNING, text: str = "", limit: int = 100) -> Document:
        """What is at least so serious and has a text in it, newest first.

        Args:
            level: one of ``LEVELS``.
            text: anywhere in kind, subject, message or ids; case does not matter.
            limit: how many at most.
        """
        least, wanted = _RANK[level], text.lower()
        found: list[Document] = []
        for number, told, order_id, correlation_id in reversed(self._kept):
            if _RANK.get(told.level, 0) < least:
                continue
            words = (told.kind, told.subject, told.message, order_id, correlation_id)
            if wanted in "\n".join(words).lower():
                found.append(_document(number, told, order_id, correlation_id))
                if len(found) > limit:
                    break
        return page(found, limit, forgotten=self._number - len(self._kept))

    def _keep(self, told: Told, order_id: str, correlation_id: str) -> None:
        self._number += 1
        self._kept.append((self._number, told, order_id, correlation_id))


def _document(number: int, told: Told, order_id: str, correlation_id: str) -> Document:
    return {
        "id": number,
        "time": iso(told.time),
        "level": told.level,
        "kind": told.kind,
        "subject": told.subject,
        "message": told.message,
        "order_id": order_id,
        "correlation_id": correlation_id,
    }
