"""What happened around a session that no backtest knows of: when it was down, halted or cut off, and what people did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from algotrader.core.engine import Engine
from algotrader.core.events import (
    CashMovement,
    ConnectionChanged,
    EntryGate,
    Event,
    OperatorCommand,
    RiskChanged,
    SystemError,
    TradingStatus,
)
from algotrader.core.market import utc

DOWN: Final = "down"
HALTED: Final = "halted"
CUT_OFF: Final = "cut_off"
INSTRUMENT: Final = "instrument"
DISABLED: Final = "disabled"
RISK: Final = "risk"
CLOSED: Final = "closed"
CASH: Final = "cash"

_STARTING: Final = "starting"
_CLOSING: Final = ("close", "flatten", "emergency")
_SWITCHING: Final = ("halt", "reduce", "resume", "emergency")


@dataclass(slots=True)
class Spell:
    """A time during which something was not as usual; ``end`` is 0 while it lasts, ``start`` where it began before the day.

    ``subject`` is a symbol or a strategy; empty for everything.
    """

    kind: str
    start: int
    end: int
    words: str
    subject: str = ""

    def covers(self, start: int, end: int) -> bool:
        """Whether it has a moment in common with a time, both ends included."""
        return self.start <= end and (self.end == 0 or self.end >= start)

    def text(self) -> str:
        """It in words."""
        if self.end == self.start:
            return f"{self.words} at {clock(self.start)}"
        since = f"from {clock(self.start)}" if self.start else "since before the day"
        return f"{self.words} {since} to {clock(self.end) if self.end else 'the end'}"


class Conditions:
    """Gathers the spells of a session from its events.

    Args:
        engine: at the beginning of the day.
        since: that moment.
    """

    def __init__(self, engine: Engine, since: int) -> None:
        self.spells: Final[list[Spell]] = []
        self._open: Final[dict[tuple[str, str], Spell]] = {}
        self._last = since
        self._stopped = ""
        state = engine.state
        self._trading_state = state.trading_state
        if state.trading_state != "active":
            self._begin(HALTED, 0, state.trading_state)
        if not state.connected:
            self._begin(CUT_OFF, 0, "the order stream was lost")
        for track in state.tracks:
            if track.halted:
                self._begin(INSTRUMENT, 0, f"{track.instrument.symbol} was halted at its venue", track.instrument.symbol)
        for slot in state.slots:
            if not slot.enabled:
                self._begin(DISABLED, 0, f"{slot.owner} was switched off", slot.owner)

    def take(self, event: Event, time: int, engine: Engine) -> None:
        """Take an event that the engine has just handled."""
        if isinstance(event, EntryGate):
            self._gate(event, time)
        elif isinstance(event, ConnectionChanged):
            if event.connected:
                self._end(CUT_OFF, time)
            else:
                self._begin(CUT_OFF, time, "the order stream was lost")
        elif isinstance(event, OperatorCommand):
            self._person(event, time)
        elif isinstance(event, TradingStatus):
            if event.halted:
                self._begin(INSTRUMENT, time, f"{event.symbol} was halted at its venue", event.symbol)
            else:
                self._end(INSTRUMENT, time, event.symbol)
        elif isinstance(event, RiskChanged):
            changes = ", ".join(f"{name} {value}" for name, value in event.changes)
            self.spells.append(Spell(RISK, time, time, f"limits were changed by a person ({changes})"))
        elif isinstance(event, CashMovement):
            self.spells.append(Spell(CASH, time, time, f"cash moved without a trade ({event.kind})"))
        self._follow_state(event, time, engine)

    def passed(self, time: int) -> None:
        """Take note that the session was alive."""
        self._last = time

    def _gate(self, event: EntryGate, time: int) -> None:
        if event.open:
            self._end(DOWN, time)
            self._stopped = ""
        elif event.reason == _STARTING:
            words = f"the session was stopped ({self._stopped})" if self._stopped else "the session was down"
            self._begin(DOWN, self._last, words)
        else:
            self._stopped = event.reason
            self._begin(DOWN, time, f"the session was stopped ({event.reason})")

    def _person(self, event: OperatorCommand, time: int) -> None:
        who = f"by {event.operator}" if event.operator in ("shutdown", "settings") else "by a person"
        if event.action in _CLOSING:
            self.spells.append(Spell(CLOSED, time, time, f"closed {who} ({event.reason})", event.symbol))
        elif event.action == "reduce_position":
            self.spells.append(Spell(CLOSED, time, time, f"reduced {who} ({event.reason})", event.symbol))
        elif event.action == "restop":
            self.spells.append(Spell(CLOSED, time, time, f"its stop was moved {who} ({event.reason})", event.symbol))
        elif event.action == "disable":
            self._begin(DISABLED, time, f"{event.owner} was switched off {who}", event.owner)
        elif event.action == "enable":
            self._end(DISABLED, time, event.owner)

    def _follow_state(self, event: Event, time: int, engine: Engine) -> None:
        now = engine.state.trading_state
        if now == self._trading_state:
            return
        self._trading_state = now
        self._end(HALTED, time)
        if now == "active":
            return
        if isinstance(event, OperatorCommand) and event.action in _SWITCHING:
            self._begin(HALTED, time, f"{now} by a person ({event.reason})")
        elif isinstance(event, SystemError):
            self._begin(HALTED, time, f"{now} after a failure ({event.error_type})")
        else:
            self._begin(HALTED, time, now)

    def _begin(self, kind: str, time: int, words: str, subject: str = "") -> None:
        if (kind, subject) not in self._open:
            spell = Spell(kind, time, 0, words, subject)
            self._open[kind, subject] = spell
            self.spells.append(spell)

    def _end(self, kind: str, time: int, subject: str = "") -> None:
        spell = self._open.pop((kind, subject), None)
        if spell is not None:
            spell.end = time

    def find(self, kind: str, start: int, end: int, subject: str = "") -> Spell | None:
        """The last spell of a kind that has a moment in common with a time; one without a subject is about everything."""
        for spell in reversed(self.spells):
            if spell.kind == kind and spell.covers(start, end) and spell.subject in ("", subject):
                return spell
        return None


def clock(time: int) -> str:
    """A moment as hours, minutes and seconds, UTC."""
    return f"{utc(time):%H:%M:%S}"
