"""What a strategy does and waits for: every situation has its word and its sentence."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from algorithm_run import AlgorithmRun
from engine_rig import DAY, Rig, Script, settings

from algotrader.core.events import EntryGate, TradingStatus
from algotrader.core.indicators import SMA
from algotrader.core.state import Slot
from algotrader.server.waiting import strategy_state, strategy_states
from algotrader.strategies.algorithm import TradingAlgorithm


def pending(rig: Rig, script: Script) -> None:
    rig.ack(rig.enter(script, price=Decimal(101))[0].split()[0])


def held(rig: Rig, script: Script) -> None:
    rig.hold(script)


def leaving(rig: Rig, script: Script) -> None:
    rig.hold(script)
    rig.ack("a2")
    script.leave = True
    rig.bar("101")


def halted(rig: Rig, script: Script) -> None:
    rig.bar("100")
    rig.tell(TradingStatus(rig.now, "AAPL", True, "news"))


SITUATIONS: list[tuple[str, Callable[[Rig, Script], object], str, str]] = [
    ("nothing is held", lambda rig, script: rig.bar("100"), "watching", "a signal on the next 1-minute bar"),
    ("an entry works", pending, "signal_active", "its entry to fill: buy 100 AAPL from 101.0000"),
    ("a position is open", held, "in_position", "its stop at 98.0000, or its own sign to leave"),
    ("it is being closed", leaving, "in_position", "its exit to fill (strategy exit)"),
    ("it is switched off", lambda rig, script: rig.operator("disable", owner="s"), "paused", "a person to enable it again"),
    ("trading is halted", lambda rig, script: rig.operator("halt"), "paused", "resume: trading is halted"),
    ("emergency stop", lambda rig, script: rig.operator("emergency"), "paused", "resume: the emergency stop was pulled"),
    (
        "entries are shut out",
        lambda rig, script: rig.tell(EntryGate(rig.now, False, "")),
        "paused",
        "the session to let entries pass",
    ),
    ("no connection", lambda rig, script: rig.connected(False), "paused", "the connection to the venue"),
    ("the instrument is halted", halted, "watching", "trading in AAPL to go on: news"),
]


@pytest.mark.covers("A202")
@pytest.mark.parametrize(("do", "status", "waits"), [row[1:] for row in SITUATIONS], ids=[row[0] for row in SITUATIONS])
def test_situations(do: Callable[[Rig, Script], object], status: str, waits: str) -> None:
    rig = Rig()
    script = rig.strategy()
    rig.phase("session_open")
    do(rig, script)
    (found,) = strategy_states(rig.state)
    assert (found["status"], found["waiting_for"]) == (status, waits)
    assert (found["name"], found["symbol"]) == ("s", "AAPL")


@pytest.mark.covers("A202")
def test_warming_up_counts_bars_and_shows_indicators() -> None:
    rig = Rig()
    script = Script()
    average = SMA(3)
    rig.engine.add_signal_strategy("s", script, settings(required_history=2), {"fast": average}, "AAPL")
    rig.phase("session_open")

    def look() -> tuple[str, str, int, float | None]:
        (found,) = strategy_states(rig.state)
        return found["status"], found["waiting_for"], found["bar_count"], found["indicators"]["fast"]

    assert look() == ("warming_up", "bars: 0 of 2 are there", 0, None)
    rig.bar("100")
    assert look() == ("warming_up", "bars: 1 of 2 are there", 1, None)
    rig.bar("101")
    assert look() == ("warming_up", "enough bars for fast", 2, None)
    rig.bar("102")
    assert look() == ("watching", "a signal on the next 1-minute bar", 3, 101.0)


def test_a_closed_market_is_waited_for() -> None:
    rig = Rig()
    rig.strategy()
    assert strategy_states(rig.state)[0]["waiting_for"] == "the market to open"
    rig.phase("session_open")
    rig.now = DAY.close_time
    rig.phase("session_close")
    assert strategy_states(rig.state)[0]["waiting_for"] == "the market to open"


def test_a_slot_of_neither_style_is_left_out() -> None:
    assert strategy_state(Slot(1, "x"), Rig().state) is None


class Buyer(TradingAlgorithm):
    """Buys ten on its first bar."""

    protection = "none"

    def initialize(self, context: Any) -> None:
        self.bought = False

    def handle_data(self, context: Any, data: Any) -> None:
        if not self.bought:
            self.bought = True
            self.order("AAPL", 10)


@pytest.mark.covers("A202")
def test_an_algorithm_over_several_instruments() -> None:
    run = AlgorithmRun(Buyer(), ("AAPL", "MSFT"))
    run.slot.add_indicator(run.engine.state.by_symbol["AAPL"], SMA(2))

    def look() -> tuple[str, str]:
        (found,) = strategy_states(run.engine.state)
        assert (found["symbols"], found["symbol"]) == (["AAPL", "MSFT"], "AAPL")
        return found["status"], found["waiting_for"]

    assert look() == ("watching", "the market to open")
    run.open()
    assert look() == ("watching", "the next 1-minute bar")
    run.bars({"AAPL": 100, "MSFT": 50})
    assert look() == ("signal_active", "its order to fill: buy 10 AAPL")
    (order_id,) = run.engine.state.live_orders
    run.fill(order_id, 100)
    assert look() == ("in_position", "its own sign to leave")
    run.bars({"AAPL": 102, "MSFT": 50})
    (found,) = strategy_states(run.engine.state)
    assert (found["indicators"], found["bar_count"]) == ({"AAPL SMA2": 101.0}, 2)
