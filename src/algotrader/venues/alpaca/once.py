"""What a venue sends that nobody understands is logged, once for each kind: a stream may repeat it a thousand times a second."""

from __future__ import annotations

import logging
from typing import Final

_KINDS: Final = 200
"""A stranger may invent kinds without end."""


class Once:
    """Logs and counts.

    Args:
        name: of the logger.
    """

    def __init__(self, name: str) -> None:
        self._log: Final = logging.getLogger(name)
        self.counts: Final[dict[str, int]] = {}

    def note(self, kind: str, message: str) -> None:
        """Note that there was another one of a kind."""
        if kind not in self.counts and len(self.counts) >= _KINDS:
            kind = "other"
        known = self.counts.get(kind, 0)
        self.counts[kind] = known + 1
        if not known:
            self._log.warning("%s: %.500s", kind, message)
