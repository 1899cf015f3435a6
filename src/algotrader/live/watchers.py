"""Who hears of a session: for now its log."""

from __future__ import annotations

import logging
from typing import Final

from algotrader.core.reports import CRITICAL, ERROR, WARNING, Report

_LEVELS: Final = {WARNING: logging.WARNING, ERROR: logging.ERROR, CRITICAL: logging.CRITICAL}
_log: Final = logging.getLogger("algotrader.session")


class Watchers:
    """Writes what a session and its engine tell to the log."""

    def told(self, reports: list[Report]) -> None:
        """The engine's reports, once they are durable."""
        for report in reports:
            _log.log(_LEVELS.get(report.level, logging.INFO), "%r", report)

    def tell(self, kind: str, level: str, subject: str, message: str) -> None:
        """What happens to the session itself."""
        _log.log(_LEVELS.get(level, logging.INFO), "%s %s %s", kind, subject, message)

    def close(self) -> None:
        """Nothing is kept open."""
