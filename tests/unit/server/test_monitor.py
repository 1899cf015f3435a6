"""The health monitor: what its checks find, how it grades failures in a row, and that an alert does not come twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from session_watch import Watched

from algotrader.core.reports import WARNING
from algotrader.live.control import DISCONNECTED
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.server import machine
from algotrader.server.checks import Found
from algotrader.server.monitor import QUIET_SECONDS, Component


@pytest.mark.parametrize(
    ("looks", "status"),
    [
        ("", "healthy"),
        ("-", "degraded"),
        ("--", "degraded"),
        ("---", "critical"),
        ("-----", "failed"),
        ("-----+", "healthy"),
        ("--+-", "degraded"),
    ],
)
def test_failures_in_a_row_are_graded(looks: str, status: str) -> None:
    component = Component("feed")
    for moment, look in enumerate(looks, start=1):
        component.take(Found(look == "+", "found"), moment)
    assert component.status == status
    assert component.errors == looks.count("-")


def test_a_finding_may_be_grave_at_once() -> None:
    component = Component("disk")
    assert component.take(Found(False, "full", level="critical"), 1)
    assert (component.status, component.row, component.since) == ("critical", 1, 1)


def breaks_feed(watched: Watched) -> None:
    watched.control.vitals.bar_stream = DISCONNECTED


def breaks_gateway(watched: Watched) -> None:
    watched.rig.connected(False)


def breaks_risk(watched: Watched) -> None:
    watched.rig.hold(watched.script)
    watched.rig.holding().stop_order = None


def breaks_strategies(watched: Watched) -> None:
    watched.rig.slot().errors += 2


def breaks_store(watched: Watched) -> None:
    watched.tell("database_busy", WARNING, "", "locked")


@pytest.mark.covers("C34")
@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("feed", breaks_feed),
        ("gateway", breaks_gateway),
        ("risk", breaks_risk),
        ("strategies", breaks_strategies),
        ("store", breaks_store),
    ],
)
def test_each_component_is_looked_at(name: str, harm: Callable[[Watched], None]) -> None:
    watched = Watched()
    monitor = watched.watching.monitor
    monitor.look(0.0, 1.0)
    machine_aside = [n for n, c in monitor.components.items() if c.status != "healthy" and n not in ("memory", "disk")]
    assert machine_aside == []
    harm(watched)
    monitor.look(0.0, 11.0)
    found = monitor.document(11.0)
    unwell = {c["name"]: c["message"] for c in found["components"] if c["status"] != "healthy"}
    assert name in unwell
    assert set(unwell) <= {name, "memory", "disk"}
    assert found["status"] != "healthy"
    assert name in [alert["subject"] for alert in found["alerts"]]


def test_a_late_event_loop_is_unwell() -> None:
    watched = Watched()
    watched.watching.monitor.look(0.25, 1.0)
    found = watched.watching.monitor.components["engine"]
    assert (found.status, found.found.message) == ("degraded", "the event loop was 250 ms late")


@pytest.mark.covers("C35")
def test_an_alert_is_raised_once_in_five_minutes_and_again_when_it_gets_worse() -> None:
    watched = Watched()
    monitor = watched.watching.monitor
    monitor.look(0.0, 0.0)
    breaks_feed(watched)
    for look in range(1, 40):
        monitor.look(0.0, look * 10.0)
    told = [one for one in watched.watching.errors.find()["items"] if one["subject"] == "feed"]
    words = [(one["kind"], one["level"], one["message"].split(":")[0]) for one in reversed(told)]
    assert words == [
        ("component_unhealthy", "warning", "Market data is degraded"),
        ("component_unhealthy", "error", "Market data is critical"),
        ("component_unhealthy", "critical", "Market data is failed"),
        ("component_unhealthy", "critical", "Market data is failed"),
    ]
    assert QUIET_SECONDS == 300.0
    watched.control.vitals.bar_stream = "connected"
    monitor.look(0.0, 400.0)
    assert watched.hub.recent.number == 4
    assert monitor.components["feed"].status == "healthy"


@pytest.mark.covers("C33")
def test_it_looks_every_ten_seconds_and_says_when_it_stands_still() -> None:
    async def go() -> None:
        watched = Watched()
        monitor = watched.watching.monitor
        await watched.watching.start(None)
        await asyncio.sleep(25)
        breaks_feed(watched)
        await asyncio.sleep(10)
        loop = asyncio.get_running_loop()
        assert monitor.components["feed"].status == "degraded"
        assert monitor.components["engine"].found.figures["event_loop_lag_ms"] == 0.0
        await watched.watching.stop()
        await asyncio.sleep(70)
        found = monitor.document(loop.time())
        assert found["status"] == "failed"
        assert {c["message"] for c in found["components"]} == {"the monitor stands still"}

    run_virtually(go())


def test_what_is_wrong_with_the_machine_is_an_alert_of_the_first_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    monkeypatch.setattr(machine, "disk_used_pct", lambda folder: 97.0)
    watched.watching.monitor.look(0.0, 1.0)
    found = [alert for alert in watched.watching.picture.alerts() if alert["subject"] == "disk"]
    assert [(alert["level"], alert["message"]) for alert in found] == [("error", "Disk: 97 % of the disk is in use")]


def test_the_machine_says_what_it_has(tmp_path: Path) -> None:
    assert 1_000_000 < machine.process_bytes() < 100_000_000_000
    assert 0 <= (machine.disk_used_pct(tmp_path) or 0) <= 100
    assert machine.disk_used_pct(tmp_path / "gone") is None
    assert 0 <= (machine.memory_used_pct() or 0) <= 100
