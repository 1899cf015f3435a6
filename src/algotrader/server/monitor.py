"""The health monitor: looks at every part of a session each ten seconds, grades it, and raises an alert, but not twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from algotrader.core import reports
from algotrader.live.control import Control
from algotrader.server.alerts import UNWELL, Finding
from algotrader.server.checks import CRITICAL, DEGRADED, FAILED, HEALTHY, LEVELS, TITLES, Checks, Found
from algotrader.server.documents import Document, iso
from algotrader.server.picture import Picture

INTERVAL_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 60.0
"""A component that was not looked at for so long has failed: the monitor itself, or the event loop, stands still."""

QUIET_SECONDS: Final = 300.0
"""For how long the same status of the same component is not told again."""

RECOVERED: Final = "component_recovered"

_STEPS: Final = ((5, FAILED), (3, CRITICAL), (1, DEGRADED))
_LOUD: Final = {DEGRADED: reports.WARNING, CRITICAL: reports.ERROR, FAILED: reports.CRITICAL}
_SEEN_ALREADY: Final = ("feed", "gateway", "risk")
"""Components whose troubles are alerts of their own on the first screen."""


@dataclass(slots=True)
class Component:
    """What is known of one part."""

    name: str
    status: str = HEALTHY
    found: Found = field(default_factory=lambda: Found(True, "not looked at yet"))
    row: int = 0
    errors: int = 0
    checked: int = 0
    since: int = 0

    def take(self, found: Found, now: int) -> bool:
        """Take in a check; tells whether the status has changed."""
        self.found, self.checked = found, now
        self.row = 0 if found.good else self.row + 1
        self.errors += not found.good
        counted = next((level for row, level in _STEPS if self.row >= row), HEALTHY)
        status = max(counted, found.level, key=LEVELS.index)
        changed = status != self.status
        if changed or not self.since:
            self.since = now
        self.status = status
        return changed


class Monitor:
    """Watches a session.

    Args:
        control: the session.
        checks: what is looked at.
        picture: whose alerts get what was found.
        interval: seconds between looks.
    """

    def __init__(self, control: Control, checks: Checks, picture: Picture, interval: float = INTERVAL_SECONDS) -> None:
        self._control: Final = control
        self._checks: Final = checks
        self._picture: Final = picture
        self._interval: Final = interval
        self.components: Final = {name: Component(name) for name in TITLES}
        self._told: Final[dict[tuple[str, str], float]] = {}
        self._looked = 0.0

    async def run(self) -> None:
        """Look for ever."""
        loop = asyncio.get_running_loop()
        lag = 0.0
        while True:
            self.look(lag, loop.time())
            due = loop.time() + self._interval
            await asyncio.sleep(self._interval)
            lag = max(loop.time() - due, 0.0)

    def look(self, lag: float, moment: float) -> None:
        """Look once.

        Args:
            lag: how late the event loop woke us, seconds.
            moment: time of the event loop, seconds.
        """
        self._looked, now = moment, self._control.clock.now()
        for name, found in self._checks.all(lag).items():
            component = self.components[name]
            before = component.status
            if component.take(found, now) or component.status != HEALTHY:
                self._tell(component, before, moment)
        self._picture.more_findings = [
            Finding(UNWELL, _LOUD[each.status], each.name, f"{TITLES[each.name]}: {each.found.message}")
            for each in self.components.values()
            if each.status != HEALTHY and each.name not in _SEEN_ALREADY
        ]

    def document(self, moment: float) -> Document:
        """Everything that is known; ``moment`` is the time of the event loop, seconds."""
        silent = moment - self._looked > max(HEARTBEAT_SECONDS, 3 * self._interval) if self._looked else False
        components = [self._document(each, silent) for each in self.components.values()]
        return {
            "status": max((each["status"] for each in components), key=LEVELS.index),
            "components": components,
            "alerts": [_alert(each) for each in components if each["status"] != HEALTHY],
        }

    def _tell(self, component: Component, before: str, moment: float) -> None:
        """Raise an alert, or tell that all is well again; the same not twice within five minutes."""
        observers, status = self._control.observers, component.status
        if observers is None:
            return
        if status == HEALTHY:
            observers.tell(RECOVERED, reports.INFO, component.name, f"{TITLES[component.name]} was {before} and is healthy again")
            return
        last = self._told.get((component.name, status))
        if last is None or moment - last >= QUIET_SECONDS:
            self._told[component.name, status] = moment
            observers.tell(
                UNWELL, _LOUD[status], component.name, f"{TITLES[component.name]} is {status}: {component.found.message}"
            )

    def _document(self, component: Component, silent: bool) -> Document:
        return {
            "name": component.name,
            "title": TITLES[component.name],
            "status": FAILED if silent else component.status,
            "message": "the monitor stands still" if silent else component.found.message,
            "consecutive_errors": component.row,
            "errors": component.errors,
            "checked_at": iso(component.checked),
            "since": iso(component.since),
            "figures": component.found.figures,
        }


def _alert(component: Document) -> Document:
    return {
        "code": UNWELL,
        "level": _LOUD[component["status"]],
        "subject": component["name"],
        "message": f"{component['title']}: {component['message']}",
        "since": component["since"],
    }
