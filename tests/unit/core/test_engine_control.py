"""Sessions, timers, people and failures: who may do what, and when."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from engine_rig import AAPL, START, Rig

from algotrader.core.algorithm_style import AlgorithmHooks, AlgorithmSlot
from algotrader.core.events import Event, MarketData, SystemError, TradingStatus
from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, Bar, Quote, Session, TradeTick
from algotrader.core.orders import OrderType
from algotrader.core.signal_hooks import Scanner
from algotrader.core.state import DayStats


@pytest.mark.covers("A91")
@pytest.mark.parametrize(("action", "state"), [("halt", "halted"), ("reduce", "reducing")])
def test_a_person_stops_entries_and_lets_them_go_on(action: str, state: str) -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script, price=Decimal(99))
    rig.ack("a1")
    assert rig.operator(action) == ["cancel a1"]
    rig.cancelled("a1")
    assert rig.state.trading_state == state
    assert rig.enter(script) == []
    rig.operator("resume")
    assert rig.enter(script) == ["a2 entry buy 100 market"]
    assert rig.told("trading_state") == [f"{state} (Ada: a drill)", "active (Ada: a drill)"]


@pytest.mark.parametrize(("symbol", "closed"), [("", ["a2", "a4"]), ("AAPL", ["a2"]), ("MSFT", ["a4"]), ("XYZ", [])])
def test_flatten_closes_all_or_one_symbol(symbol: str, closed: list[str]) -> None:
    rig = Rig()
    one, two = rig.strategy("one"), rig.strategy("two", "MSFT")
    rig.hold(one)
    rig.ack("a2")
    rig.bar("100", "MSFT")
    two.entry, two.size, two.stop = "long", 10, 98
    rig.bar("100", "MSFT")
    rig.ack("a3")
    rig.fill("a3", 10, "100")
    rig.ack("a4")
    exits = {"a2": "exit_market sell 100 market", "a4": "exit_market sell 10 MSFT market"}
    assert [line.split(" ", 1)[1] for line in rig.operator("flatten", symbol)] == [exits[name] for name in closed]


def test_what_a_person_holds_is_not_flattened() -> None:
    rig = Rig()
    rig.strategy()
    rig.fill("hand", 50, "100")
    assert rig.operator("flatten") == []


@pytest.mark.covers("B5", "B13")
@pytest.mark.parametrize(("severity", "state"), [("warning", "active"), ("error", "active"), ("critical", "halted")])
def test_a_critical_failure_halts_entries(severity: str, state: str) -> None:
    rig = Rig()
    rig.tell(SystemError(rig.now, "disk", "full", severity))
    assert rig.state.trading_state == state
    assert rig.told("system_error") == ["disk: full"]


def test_a_failure_does_not_lift_what_a_person_has_restricted() -> None:
    rig = Rig()
    rig.operator("reduce")
    rig.tell(SystemError(rig.now, "disk", "full", "critical"))
    assert rig.state.trading_state == "reducing"


@pytest.mark.covers("B12")
def test_an_event_without_a_handler_is_a_warning() -> None:
    rig = Rig()
    event = Event()
    event.time = rig.now
    assert rig.tell(event) == []
    assert rig.told("system_error") == ["event Event has no handler"]
    assert rig.reports[-1].level == "warning"


# The trading day


@pytest.mark.covers("A123", "A177")
def test_a_strategy_that_closes_at_the_end_is_flat_by_the_close() -> None:
    rig = Rig()
    script = rig.strategy(closes_at_end=True)
    rig.hold(script)
    rig.ack("a2")
    assert rig.phase("session_ending") == ["a3 exit_market sell 100 market"]
    rig.fill("a3", 100, "101")
    script.entry = "long"
    assert rig.bar("100") == []
    assert rig.phase("session_close") == []
    assert rig.told("not_flat_after_close") == []


def test_a_strategy_that_may_hold_overnight_keeps_its_position_and_stop() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.ack("a2")
    for phase in ("session_ending", "session_close", "pre_open", "session_open"):
        assert rig.phase(phase) == []
    assert rig.order("a2") == "accepted 0/100"


@pytest.mark.covers("A177")
def test_what_is_not_flat_after_the_close_alarms_and_leaves_at_the_open() -> None:
    rig = Rig()
    rig.hold(rig.strategy(closes_at_end=True))
    rig.ack("a2")
    assert rig.phase("session_ending") == ["a3 exit_market sell 100 market"]
    assert rig.expired("a3") == []
    assert rig.phase("session_close") == []
    alarm = next(report for report in rig.reports if report.kind == "not_flat_after_close")
    assert alarm.level == "critical"
    assert rig.order("a2") == "accepted 0/100"
    assert rig.phase("session_open") == ["a4 exit_market sell 100 market"]


@pytest.mark.covers("A177")
def test_an_exit_that_fails_at_the_end_of_the_day_keeps_no_other_from_closing() -> None:
    rig = Rig()
    for owner, symbol in (("one", "AAPL"), ("two", "MSFT")):
        script = rig.strategy(owner, symbol, closes_at_end=True)
        script.entry, script.size, script.stop = "long", 100, 98
        entry = rig.bar("100", symbol)[0].split()[0]
        rig.ack(entry)
        rig.ack(rig.fill(entry, 100, "100")[0].split()[0])
    assert rig.phase("session_ending") == ["a5 exit_market sell 100 market", "a6 exit_market sell 100 MSFT market"]
    rig.reject("a5", "halted")
    rig.ack("a6")
    assert rig.fill("a6", 100, "101") == ["cancel a4"]
    assert (rig.holding("one").quantity_raw, rig.holding("two").quantity_raw) == (100, 0)
    assert rig.order("a2") == "accepted 0/100"
    assert rig.told("order_rejected")[-1] == "exit ended rejected with 100 unsold: halted: no"


@pytest.mark.covers("A178")
def test_an_entry_that_fills_while_the_day_is_closed_out_leaves_too() -> None:
    rig = Rig()
    rig.enter(rig.strategy(closes_at_end=True))
    rig.ack("a1")
    assert rig.phase("session_ending") == ["cancel a1"]
    assert rig.fill("a1", 100, "100") == ["a2 stop_loss sell 100 stop 98.00", "a3 exit_market sell 100 market"]


@pytest.mark.parametrize(("minute", "enters"), [(0, False), (9, True), (10, True), (19, True), (20, False)])
def test_entries_are_looked_for_in_their_windows_only(minute: int, enters: bool) -> None:
    rig = Rig()
    script = rig.strategy(entry_windows=[(10, 20)])
    rig.phase("session_open")
    rig.minute = minute
    assert bool(rig.enter(script)) is enters


@pytest.mark.parametrize("cooldown", [0, 1, 3])
def test_after_a_round_trip_a_strategy_cools_down(cooldown: int) -> None:
    rig = Rig()
    script = rig.strategy(cooldown_bars=cooldown)
    rig.hold(script)
    rig.ack("a2")
    rig.fill("a2", 100, "98")
    waited = 0
    while not rig.enter(script):
        waited += 1
    assert waited == cooldown


@pytest.mark.parametrize("bars", [1, 3])
def test_the_time_stop_closes_after_so_many_bars(bars: int) -> None:
    rig = Rig()
    rig.hold(rig.strategy(time_stop_bars=bars))
    rig.ack("a2")
    for _ in range(bars - 1):
        assert rig.bar("101") == []
    assert rig.bar("101") == ["a3 exit_market sell 100 market"]
    assert rig.told("exit_requested") == ["time stop"]


def test_a_take_profit_can_be_a_percentage() -> None:
    rig = Rig()
    commands = rig.hold(rig.strategy(take_profit_ppm=50_000))
    assert commands[1] == "a3 take_profit sell 100 limit at 105.00"


@pytest.mark.covers("A126")
@pytest.mark.parametrize(("patience", "bars"), [(True, 1), (False, 3)])
def test_a_strategy_gives_up_a_pending_entry_when_it_says_so(patience: bool, bars: int) -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script, price=Decimal(99))
    rig.ack("a1")
    script.give_up = patience
    sent = [rig.bar("100") for _ in range(bars)]
    assert sent[-1] == (["cancel a1"] if patience else [])


class Volume(Scanner):
    """Admits an instrument from its third bar on."""

    def admits(self, symbol: str, day: DayStats) -> bool:
        return day.volume_raw >= 3000


def test_a_scanner_decides_which_instruments_may_be_entered_today() -> None:
    rig = Rig()
    script = rig.strategy()
    slot = rig.slot()
    slot.scanner, slot.admitted = Volume(), False
    rig.engine.keep_days(slot.track)
    rig.phase("session_open")
    assert [len(rig.enter(script)) for _ in range(3)] == [0, 0, 1]
    rig.phase("session_open")
    assert not slot.admitted


# Market data


@pytest.mark.covers("C13", "C14", "B9")
def test_the_last_price_is_kept_whatever_brought_it() -> None:
    rig = Rig()
    rig.strategy()
    track = rig.state.by_symbol["AAPL"]
    rig.bar("100")
    assert AAPL.price(track.last_raw) == 100
    rig.send(MarketData(rig.now, tick=TradeTick(AAPL, rig.now, 1_010_000, 5)))
    assert AAPL.price(track.last_raw) == 101
    rig.send(MarketData(rig.now, quote=Quote(AAPL, rig.now, 1_000_000, 1_000_100)))
    assert AAPL.price(track.last_raw) == 101


def test_a_bar_that_is_not_newer_is_dropped_and_told() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.bar("100")
    rig.minute -= 1
    script.entry, script.size, script.stop = "long", 10, 98
    assert rig.bar("101") == []
    assert rig.told("bar_dropped") == ["bar is not newer than the last one"]
    assert AAPL.price(rig.state.by_symbol["AAPL"].last_raw) == 100


def test_a_bar_of_a_stranger_is_dropped_and_told() -> None:
    rig = Rig()
    rig.send(MarketData(START + 60, Bar(equity("XYZ"), START, START + 60, 1, 1, 1, 1, 1)))
    assert rig.told("bar_dropped") == ["bar of an instrument that nobody follows"]


@pytest.mark.parametrize(("regular_only", "seen"), [(True, []), (False, ["a1 entry buy 100 market"])])
def test_regular_hours_strategies_do_not_see_other_bars(regular_only: bool, seen: list[str]) -> None:
    rig = Rig()
    script = rig.strategy(regular_hours=regular_only)
    late = Session("XNYS", "2025-11-26", START + 60 * NS_PER_MINUTE, START + 90 * NS_PER_MINUTE)
    rig.phase("session_open", late)
    assert rig.enter(script) == seen


def test_a_halted_instrument_keeps_its_stop_and_its_exits() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    assert rig.tell(TradingStatus(rig.now, "AAPL", True, "news")) == []
    script.leave = True
    assert rig.bar("100") == ["a3 exit_market sell 100 market"]


# Algorithms beside all this


class Plain(AlgorithmHooks):
    """An algorithm that the test drives."""

    def __init__(self) -> None:
        self.port: Any = None

    def on_start(self, port: AlgorithmSlot) -> None:
        self.port = port


def algorithm(rig: Rig, **more: Any) -> AlgorithmSlot:
    """An algorithm on AAPL that holds 100."""
    slot = rig.engine.add_algorithm("algo", Plain(), ["AAPL"], 1, more.get("protection", "none"), more.get("closes", False))
    rig.bar("100")
    order(slot, 100)
    rig.ack("a1")
    rig.fill("a1", 100, "100")
    rig.commands()
    return slot


def order(slot: AlgorithmSlot, quantity: int) -> None:
    """An order at market."""
    slot.order(slot.tracks[0], quantity, OrderType.MARKET, 0, 0, 0, None)


def test_an_algorithm_that_is_not_flat_after_the_close_alarms_too() -> None:
    rig = Rig()
    algorithm(rig, closes=True)
    assert rig.phase("session_ending") == ["a2 exit_market sell 100 market"]
    rig.expired("a2")
    rig.phase("session_close")
    assert len(rig.told("not_flat_after_close")) == 1
    assert rig.phase("session_open") == ["a3 exit_market sell 100 market"]


def test_an_algorithm_sends_nothing_while_the_stream_is_down() -> None:
    rig = Rig()
    slot = algorithm(rig)
    rig.connected(False)
    order(slot, -100)
    assert rig.commands() == []
    assert slot.denial is not None
    assert slot.denial.code == "disconnected"


def test_an_algorithm_with_declared_protection_gets_its_emergency_stop() -> None:
    rig = Rig()
    rig.engine.add_algorithm("algo", Plain(), ["AAPL"], 1, "emergency")
    rig.bar("100")
    slot = rig.engine.slices.algorithms[0]
    order(slot, 100)
    rig.commands()
    assert rig.fill("a1", 100, "100") == ["a2 stop_loss sell 100 stop 98.00"]


def test_an_algorithm_that_turns_its_position_over_gets_the_stop_turned_too() -> None:
    rig = Rig()
    slot = algorithm(rig, protection="emergency")
    rig.ack("a2")
    order(slot, -150)
    assert rig.commands() == ["a3 plain sell 150 market"]
    assert rig.fill("a3", 150, "100") == ["cancel a2"]
    assert rig.cancelled("a2") == ["a4 stop_loss buy 50 stop 102.00"]


def test_opposing_algorithms_are_kept_apart_by_their_pending_orders() -> None:
    rig = Rig()
    first = rig.engine.add_algorithm("first", Plain(), ["AAPL"], 1, "none")
    second = rig.engine.add_algorithm("second", Plain(), ["AAPL"], 1, "none")
    rig.bar("100")
    order(first, 100)
    order(second, -100)
    assert rig.commands() == ["a1 plain buy 100 market"]
    assert second.denial is not None
    assert second.denial.code == "opposing_position"
