"""How long it takes until a stream that broke is open again, in seconds of life."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Final

from algotrader.rehearsal.alpaca.faults import DATA, ORDERS
from algotrader.rehearsal.alpaca.outlet import Outlet
from algotrader.rehearsal.alpaca.plans import BREAKING
from algotrader.rehearsal.alpaca.server import AlpacaServer

_STREAMS: Final = (ORDERS, DATA)


class Reconnects:
    """Looks at a server's connections again and again.

    Args:
        server: in the same event loop.

    Attributes:
        took: seconds from a break to the next connection that was let in, by the stream and the kind of fault.
    """

    def __init__(self, server: AlpacaServer) -> None:
        self._server: Final = server
        self._open: dict[str, set[Outlet]] = {where: set() for where in _STREAMS}
        self._broken: dict[str, tuple[str, float]] = {}
        self.took: Final[defaultdict[str, list[float]]] = defaultdict(list)

    def broke(self, where: str, kind: str) -> None:
        """A stream breaks now; what breaks meanwhile is part of the same break."""
        if kind in BREAKING and where in self._open:
            self._broken.setdefault(where, (kind, time.monotonic()))

    @property
    def missing(self) -> list[str]:
        """Streams that are broken still."""
        return list(self._broken)

    def look(self) -> None:
        """Compare with how it was at the last look."""
        for where in _STREAMS:
            now = {outlet for outlet in self._server.outlets(where) if outlet.socket.open and not outlet.socket.muted}
            if where in self._broken and now - self._open[where]:
                kind, since = self._broken.pop(where)
                self.took[f"{where}:{kind}"].append(time.monotonic() - since)
            self._open[where] = now
