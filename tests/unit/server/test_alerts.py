"""What a person should see without looking for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_rig import DAY, START
from session_kit import ToldControl

from algotrader.core.market import NS_PER_MINUTE
from algotrader.live.control import DISCONNECTED, INITIALIZING
from algotrader.server.alerts import AlertBook, Finding, findings
from algotrader.server.picture import Picture


def found_in(control: ToldControl) -> list[tuple[str, str, str]]:
    return [(found.code, found.level, found.subject) for found in findings(control)]


def silent(control: ToldControl, minutes: int) -> None:
    control.rig.phase("session_open")
    control.clock.time = START + minutes * NS_PER_MINUTE


@pytest.mark.covers("A131")
@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda control: None, []),
        (lambda control: silent(control, 3), []),
        (lambda control: silent(control, 4), [("market_data_stale", "warning", "")]),
        (lambda control: setattr(control.vitals, "bar_stream", DISCONNECTED), [("bar_stream_down", "error", "")]),
        (lambda control: setattr(control.vitals, "order_stream", DISCONNECTED), [("order_stream_down", "error", "")]),
        (lambda control: control.rig.operator("halt"), [("trading_halted", "warning", "")]),
        (lambda control: control.rig.operator("emergency"), [("emergency_stop", "critical", "")]),
        (lambda control: setattr(control.engine.state.breaker, "reason", "3 losses"), [("circuit_breaker", "warning", "")]),
    ],
)
def test_what_is_the_matter(change: Callable[[ToldControl], object], codes: list[tuple[str, str, str]]) -> None:
    control = ToldControl()
    change(control)
    assert found_in(control) == codes


def test_before_it_runs_streams_are_no_matter() -> None:
    control = ToldControl()
    control.state, control.vitals.bar_stream = INITIALIZING, DISCONNECTED
    assert found_in(control) == []


def test_a_position_without_its_stop_and_an_order_whose_fate_is_unknown() -> None:
    control = ToldControl()
    rig = control.rig
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    assert found_in(control) == []
    rig.unknown("a2")
    assert found_in(control) == [("order_unknown", "warning", "AAPL")]
    holding = rig.holding()
    holding.stop_order = None
    holding.track.unknown_orders = 0
    assert found_in(control) == [("position_without_stop", "critical", "AAPL")]


def test_an_alert_keeps_the_time_at_which_it_was_first_seen() -> None:
    book, finding = AlertBook(), Finding("x", "warning", "AAPL", "first")
    assert [one["since"] for one in book.documents([finding], START)] == ["2025-11-26T14:30:00Z"]
    again = finding._replace(message="second")
    (found,) = book.documents([again], START + NS_PER_MINUTE)
    assert (found["since"], found["message"]) == ("2025-11-26T14:30:00Z", "second")
    assert book.documents([], START + 2 * NS_PER_MINUTE) == []
    assert book.documents([finding], START + 3 * NS_PER_MINUTE)[0]["since"] == "2025-11-26T14:33:00Z"


def test_the_session_names_its_markets_hours() -> None:
    control = ToldControl()
    picture = Picture(control, "i-1")
    found = picture.session()
    assert (found["market_open"], found["next_close"]) == (True, "2025-11-26T21:00:00Z")
    assert found["next_open"] == "2025-11-28T14:30:00Z"
    control.clock.time = DAY.close_time
    found = picture.session()
    assert (found["market_open"], found["next_close"], found["instance"]) == (False, None, "i-1")
