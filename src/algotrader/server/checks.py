"""The checks of the health monitor: one function a component, each giving whether it works, what was found, and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from algotrader.live.clock import NS_PER_SECOND
from algotrader.live.control import CONNECTED, RUNNING, Control
from algotrader.live.observers import EVENT_TO_COMMAND
from algotrader.server import machine
from algotrader.server.alerts import HALTED, NO_STOP, findings
from algotrader.server.meter import Meter
from algotrader.server.status import silence

HEALTHY: Final = "healthy"
DEGRADED: Final = "degraded"
CRITICAL: Final = "critical"
FAILED: Final = "failed"
LEVELS: Final = (HEALTHY, DEGRADED, CRITICAL, FAILED)

TITLES: Final = {
    "feed": "Market data",
    "gateway": "Venue",
    "risk": "Risk and protection",
    "strategies": "Strategies",
    "store": "Database",
    "engine": "Engine and event loop",
    "memory": "Memory",
    "disk": "Disk",
}

SLOW_SECONDS: Final = 0.1
"""Mean latency of an interval, or lag of the event loop, beyond which the engine is not healthy."""

COMMIT_SECONDS: Final = 15.0
"""Events are made durable within a second; more than this is a fault."""

MEMORY_PCT: Final = (80.0, 90.0)
DISK_PCT: Final = (85.0, 95.0)


@dataclass(frozen=True, slots=True)
class Found:
    """What a check has found. ``level`` is the least that it means, whatever the number of failures before."""

    good: bool
    message: str
    figures: Mapping[str, float | None] = field(default_factory=dict)
    level: str = HEALTHY


class Checks:
    """Looks at the parts of a session.

    Args:
        control: the session.
        meter: counts what happens in it.
        folder: on the disk that must not fill up.
    """

    def __init__(self, control: Control, meter: Meter, folder: Path) -> None:
        self._control: Final = control
        self._meter: Final = meter
        self._folder: Final = folder
        self._errors = 0
        self._events = 0
        self._busy = 0
        self._commands = (0, 0)

    def all(self, lag: float) -> dict[str, Found]:
        """Every check, by the component's name. ``lag``: how late the event loop woke the monitor, seconds."""
        return {
            "feed": self._feed(),
            "gateway": self._gateway(),
            "risk": self._risk(),
            "strategies": self._strategies(),
            "store": self._store(),
            "engine": self._engine(lag),
            "memory": self._memory(),
            "disk": self._disk(),
        }

    @property
    def _runs(self) -> bool:
        return self._control.state == RUNNING

    def _age(self, moment: int) -> float | None:
        return round(max(self._control.clock.now() - moment, 0) / NS_PER_SECOND, 3) if moment else None

    def _feed(self) -> Found:
        vitals = self._control.vitals
        age = self._age(vitals.last_bar)
        figures = {"last_bar_age_seconds": age, "bars": float(vitals.bars)}
        if self._runs and vitals.bar_stream != CONNECTED:
            return Found(False, f"the stream of bars is {vitals.bar_stream}", figures)
        silent = silence(self._control)
        if self._runs and silent is not None:
            return Found(False, f"no bar for {silent} s while the market is open", figures)
        return Found(True, "no bar has come yet" if age is None else f"the last bar came {age:.0f} s ago", figures)

    def _gateway(self) -> Found:
        vitals, state = self._control.vitals, self._control.engine.state
        unknown = sum(track.unknown_orders for track in state.tracks)
        figures = {
            "last_reconciliation_age_seconds": self._age(vitals.last_reconciliation),
            "live_orders": float(len(state.live_orders)),
            "unknown_orders": float(unknown),
        }
        if self._runs and (vitals.order_stream != CONNECTED or not state.connected):
            return Found(False, f"the stream of orders is {vitals.order_stream}", figures)
        if unknown:
            return Found(False, f"the fate of {unknown} orders is not known", figures)
        return Found(True, f"the stream of orders is {vitals.order_stream}", figures)

    def _risk(self) -> Found:
        found = [each for each in findings(self._control) if each.code in (NO_STOP, HALTED)]
        bare = [each.message for each in found if each.code == NO_STOP]
        figures = {"positions_without_stop": float(len(bare))}
        if bare:
            return Found(False, "; ".join(bare), figures, CRITICAL)
        return Found(True, found[0].message if found else "every position has the stop that it owes", figures)

    def _strategies(self) -> Found:
        slots = self._control.engine.state.slots
        errors = sum(slot.errors for slot in slots)
        fresh, self._errors = errors - self._errors, errors
        figures = {"strategies": float(len(slots)), "enabled": float(sum(slot.enabled for slot in slots)), "errors": float(errors)}
        if fresh > 0:
            return Found(False, f"{fresh} failures since the last look", figures)
        return Found(True, f"{len(slots)} are there, none has failed lately", figures)

    def _store(self) -> Found:
        vitals, busy = self._control.vitals, self._meter.errors["warning", "database_busy"]
        age = self._age(vitals.last_commit)
        figures = {"last_commit_age_seconds": age, "last_checkpoint_age_seconds": self._age(vitals.last_snapshot)}
        news, self._events = vitals.events - self._events, vitals.events
        waited, self._busy = busy - self._busy, busy
        late = age is not None and news > 0 and age > self._control.clock.patience(COMMIT_SECONDS)
        if late:
            return Found(False, f"nothing was made durable for {age:.0f} s", figures, CRITICAL)
        if waited:
            return Found(False, f"the database was busy {waited} times since the last look", figures)
        return Found(True, "everything handled is durable", figures)

    def _engine(self, lag: float) -> Found:
        found = self._meter.durations.get(EVENT_TO_COMMAND)
        now = (0, 0) if found is None else (found.count, found.total)
        count, total = now[0] - self._commands[0], now[1] - self._commands[1]
        self._commands = now
        mean = total / count / NS_PER_SECOND if count else None
        figures = {
            "event_loop_lag_ms": round(lag * 1_000, 1),
            "event_to_command_ms": None if mean is None else round(mean * 1_000, 3),
        }
        if mean is not None and mean > SLOW_SECONDS:
            return Found(False, f"a command took {mean * 1_000:.0f} ms on average since the last look", figures)
        if lag > SLOW_SECONDS:
            return Found(False, f"the event loop was {lag * 1_000:.0f} ms late", figures)
        return Found(True, "events are handled without delay", figures)

    def _memory(self) -> Found:
        used, own = machine.memory_used_pct(), machine.process_bytes() / 1_000_000
        figures = {"machine_used_pct": used, "process_megabytes": round(own, 1)}
        return _share("the machine's memory", used, MEMORY_PCT, figures)

    def _disk(self) -> Found:
        used = machine.disk_used_pct(self._folder)
        return _share("the disk", used, DISK_PCT, {"used_pct": used})


def _share(what: str, used: float | None, bounds: tuple[float, float], figures: Mapping[str, float | None]) -> Found:
    if used is None:
        return Found(True, f"this system does not say how full {what} is", figures)
    level = CRITICAL if used > bounds[1] else DEGRADED if used > bounds[0] else HEALTHY
    return Found(level == HEALTHY, f"{used:.0f} % of {what} is in use", figures, level)
