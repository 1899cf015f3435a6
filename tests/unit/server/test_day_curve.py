"""Equity over the day: looked at once a minute, bounded, and without a gap after a restart."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_rig import Rig
from session_watch import Watched
from web_kit import Web

from algotrader.core.events import CashMovement
from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.scaled import money as money_of
from algotrader.server.day_curve import MOST, DayCurve
from algotrader.server.documents import iso, money
from algotrader.server.picture import day_start


def amounts(curve: DayCurve) -> list[Decimal]:
    return [Decimal(point["equity"]) for point in curve.document()["points"]]


def handled(watched: Watched) -> None:
    watched.happened()
    watched.watching.day_curve.on_measured(watched.rig.now, "event", 1, "")


def test_equity_is_looked_at_with_every_minute_bar() -> None:
    watched = Watched(holding=True)
    handled(watched)
    found = []
    for price in ("101", "102", "100.5"):
        watched.rig.bar(price)
        handled(watched)
        found.append(Decimal(money(watched.rig.state.equity())))
    assert amounts(watched.watching.day_curve)[-3:] == found
    times = [point["time"] for point in watched.watching.day_curve.document()["points"]]
    assert times == sorted(set(times))
    assert times[-1] == iso(watched.rig.state.now)


def test_the_curve_begins_when_the_account_is_known() -> None:
    """A market that never closes may begin its day while a session still asks its venue."""
    rig = Rig(cash=0)
    curve = DayCurve(rig.state)
    rig.bar("100")
    curve.look()
    assert amounts(curve) == []
    rig.engine.handle(CashMovement(rig.now, "deposit", "USD", money_of(Decimal(25_000))))
    curve.look()
    assert set(amounts(curve)) == {Decimal(25_000)}


def test_within_a_minute_the_last_point_follows_and_no_other_is_added() -> None:
    watched = Watched(holding=True)
    handled(watched)
    before = len(amounts(watched.watching.day_curve))
    for _ in range(10):
        handled(watched)
    assert len(amounts(watched.watching.day_curve)) == before


def test_after_a_restart_the_round_trips_tell_what_was_before() -> None:
    watched = Watched(holding=True)
    rig, script = watched.rig, watched.script
    script.leave = True
    rig.bar("101")
    leaving = next(o.client_order_id for o in rig.state.live_orders.values() if o.role.value == "exit_market")
    rig.ack(leaving)
    rig.fill(leaving, 100, "101")
    rig.state.breaker.start_equity = rig.state.equity() - rig.state.ledger.trips[-1].profit
    points = DayCurve(rig.state).document()["points"]
    start, gained = Decimal(points[0]["equity"]), Decimal(money(rig.state.ledger.trips[-1].profit))
    assert gained == 100
    assert points[0]["time"] == iso(day_start(rig.state))
    assert [Decimal(point["equity"]) for point in points] in ([start, start + gained], [start, start + gained, start + gained])


@pytest.mark.parametrize("minutes", [MOST // 2, MOST, 1439])
def test_however_long_the_day_the_points_are_few_and_the_ends_stay(minutes: int) -> None:
    rig = Rig()
    rig.state.now = day = day_start(rig.state)
    curve = DayCurve(rig.state)
    curve.look()
    for minute in range(1, minutes + 1):
        rig.state.now = day + minute * NS_PER_MINUTE
        curve.on_measured(rig.state.now, "event", 1, "")
    points = curve.document()["points"]
    assert MOST // 2 < len(points) <= MOST + 1
    assert (points[0]["time"], points[-1]["time"]) == (iso(day), iso(rig.state.now))


def test_a_new_day_begins_anew() -> None:
    rig = Rig()
    curve = DayCurve(rig.state)
    curve.look()
    day = day_start(rig.state)
    rig.state.now = day + 1500 * NS_PER_MINUTE
    assert all(time >= iso(day_start(rig.state)) for time, _ in curve.document()["points"])


@pytest.mark.covers("A206")
def test_it_is_told_over_http() -> None:
    answer = Web().ask("GET", "/api/equity")
    assert answer.status_code == 200
    assert set(answer.json()) == {"start_equity", "points"}
