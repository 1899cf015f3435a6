"""The trade updates: each told once, those that belong together in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final
from uuid import UUID

from algotrader.live.clock import Clock
from algotrader.rehearsal.alpaca.orders import AlpacaOrder
from algotrader.rehearsal.alpaca.texts import time_text

Json = dict[str, Any]
Told = tuple[Json, dict[str, list[int]]]
"""An update, and what of the order it does not tell exactly, see ``AlpacaOrder.raw``."""


class Ids:
    """New ids, from a seed."""

    def __init__(self, seed: int | str) -> None:
        self._random: Final = Random(seed)

    def new(self) -> str:
        """A new id."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def tail(self) -> str:
        """The end of an id that begins with a time."""
        return f"{self._random.getrandbits(32):08x}"


class Updates:
    """Tells of every change of an order.

    Args:
        clock: of the exchange.
        ids: of the updates.

    Attributes:
        recorders: called with the updates that belong together, before any listener has them.
        listeners: called with every trade update.
    """

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock: Final = clock
        self._ids: Final = ids
        self.recorders: Final[list[Callable[[list[Told]], None]]] = []
        self.listeners: Final[list[Callable[[Json], None]]] = []
        self._waiting: list[Told] | None = None

    def tell(self, order: AlpacaOrder, event: str, **extra: str) -> None:
        """Tell of an order's change."""
        now = self._clock.now()
        update: Json = {
            "event": event,
            "event_id": f"{now:020d}{self._ids.tail()}",
            "execution_id": self._ids.new(),
            "timestamp": time_text(now),
            "at": time_text(now),
            **extra,
            "order": order.record(nested=True),
        }
        with self.together():
            assert self._waiting is not None
            self._waiting.append((update, order.raw()))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Tell what is told meanwhile in one go at the end, and nothing of it when it comes to nothing."""
        if self._waiting is not None:
            yield
            return
        told = self._waiting = []
        try:
            yield
        finally:
            self._waiting = None
        for recorder in self.recorders:
            recorder(told)
        for update, _ in told:
            for listener in self.listeners:
                listener(update)
