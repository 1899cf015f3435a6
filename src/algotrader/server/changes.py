"""What has changed since it was last told to pages. Looked at in small portions, so that the session never waits for long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from algotrader.core.market import Bar
from algotrader.server.documents import Document, exact, iso
from algotrader.server.picture import Picture
from algotrader.server.protection import protection_level
from algotrader.server.waiting import strategy_state

Message = tuple[str, Document]

PORTION: Final = 25
"""Strategies and bars that are looked at in one go."""

SELDOM_SECONDS: Final = 1.0
"""A strategy's figures and an instrument's bars are told no more often than this."""

_FIGURE: Final = ("server_time",)


class Changes:
    """Compares a session with what was told of it.

    Args:
        picture: draws it.
    """

    def __init__(self, picture: Picture) -> None:
        self._picture: Final = picture
        self._told: Final[dict[str, Any]] = {}
        self._held: object = None
        self._next_slot = 0
        self._next_bar = 0
        self._bars_told: Final[dict[str, Bar]] = {}
        self._told_at: Final[dict[str, float]] = {}

    def take_over(self, snapshot: Document) -> None:
        """Take everything for told that a snapshot has."""
        self._told.clear()
        for name in ("pnl", "connection", "session", "alerts"):
            self._told[name] = _without_time(snapshot[name])
        for found in snapshot["strategies"]:
            self._told[f"strategy {found['name']} {found['symbol']}"] = found
        self._held = self._holdings()
        self._bars_told.update(self._picture.control.vitals.newest)

    def prices(self) -> Iterator[Message]:
        """Positions and profit, where they have changed."""
        held = self._holdings()
        if held != self._held:
            self._held = held
            yield "position_update", {"positions": self._picture.positions()}
        yield from self._if_new("pnl", "pnl_update", self._picture.pnl())

    def bars(self, moment: float) -> Iterator[Message]:
        """Bars that have closed, a portion of the instruments at a time; ``moment``: of the event loop, seconds."""
        newest, told = self._picture.control.vitals.newest, self._bars_told
        symbols = list(newest)
        for symbol in _portion(symbols, self._next_bar):
            bar = newest[symbol]
            if told.get(symbol) is not bar and self._due(f"bar {symbol}", moment):
                told[symbol] = bar
                yield "bar", bar_document(bar)
        self._next_bar = _turn(self._next_bar, len(symbols))

    def strategies(self, moment: float) -> Iterator[Message]:
        """Strategies that do something else or have seen a bar, a portion at a time; ``moment``: of the event loop, seconds."""
        state = self._picture.control.engine.state
        for slot in _portion(state.slots, self._next_slot):
            found = strategy_state(slot, state)
            if found is None:
                continue
            name = f"strategy {found['name']} {found['symbol']}"
            before = self._told.get(name)
            if found != before and (before is None or found["status"] != before["status"] or self._due(name, moment)):
                self._told[name] = found
                yield "strategy_state", found
        self._next_slot = _turn(self._next_slot, len(state.slots))

    def standing(self) -> Iterator[Message]:
        """Connection, session and alerts, where they have changed."""
        yield from self._if_new("connection", "connection_status", self._picture.connection())
        yield from self._if_new("session", "session", self._picture.session())
        alerts = self._picture.alerts()
        if alerts != self._told.get("alerts"):
            self._told["alerts"] = alerts
            yield "alerts", {"alerts": alerts}

    def _due(self, name: str, moment: float) -> bool:
        """Whether something that in life changes once a minute may be told again."""
        if moment - self._told_at.get(name, -SELDOM_SECONDS) < SELDOM_SECONDS:
            return False
        self._told_at[name] = moment
        return True

    def _if_new(self, name: str, kind: str, found: Document) -> Iterator[Message]:
        bare = _without_time(found)
        if bare != self._told.get(name):
            self._told[name] = bare
            yield kind, found

    def _holdings(self) -> object:
        """What positions look like in short: when this is the same, so are their documents."""
        state = self._picture.control.engine.state
        return [
            (
                holding.owner,
                holding.instrument.symbol,
                holding.quantity_raw,
                holding.position.cost,
                holding.track.last_raw,
                holding.stop_raw,
                holding.take_raw,
                holding.exit_quantity_raw,
                holding.adopted,
                holding.track.halted,
                None if holding.stop_order is None else holding.stop_order.client_order_id,
                protection_level(holding, state),
            )
            for holding in state.holdings.values()
            if holding.quantity_raw
        ]


def _without_time(found: Any) -> Any:
    return {name: value for name, value in found.items() if name not in _FIGURE} if isinstance(found, dict) else found


def _portion(items: list[Any], start: int) -> list[Any]:
    return items[start : start + PORTION]


def _turn(start: int, count: int) -> int:
    return start + PORTION if start + PORTION < count else 0


def bar_document(bar: Bar) -> Document:
    """A closed bar."""
    minutes, seconds = divmod((bar.close_time - bar.open_time) // 1_000_000_000, 60)
    interval = f"{seconds + 60 * minutes}s" if seconds else f"{minutes}m" if minutes < 360 else "1d"
    prices = {name: exact(getattr(bar, name)) for name in ("open", "high", "low", "close", "volume")}
    return {"symbol": bar.symbol, "interval": interval, "bar": {"time": iso(bar.open_time), **prices}}
