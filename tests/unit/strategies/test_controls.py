"""Trading controls: what they forbid, what they let pass, and what a violation does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from algorithm_run import AlgorithmRun, Script

from algotrader.core.risk import RiskPolicy
from algotrader.strategies.algorithm_errors import AlgorithmError, TradingControlViolation

Setup = Callable[[Script, Any], None]


def controlled(setup: Setup, step: Any = None, *symbols: str, **options: Any) -> AlgorithmRun:
    """An algorithm with its controls set, after its first bar at 100."""
    run = AlgorithmRun(Script(setup, step), symbols or ("AAPL",), **options)
    run.open()
    run.bars({track.instrument.symbol: 100 for track in run.engine.state.tracks})
    return run


def call(run: AlgorithmRun, function: str, *arguments: Any) -> Any:
    result = getattr(run.algorithm, function)(*arguments)
    run._take()
    return result


class Odd:
    """Restrictions that go by the time."""

    def is_restricted(self, asset: str, when: datetime) -> bool:
        return asset == "MSFT" and when.minute == 31


@pytest.mark.parametrize(
    ("setup", "order", "message"),
    [
        (
            lambda s, c: s.set_max_order_size(max_shares=50, on_error="log"),
            ("AAPL", 51),
            "order of 51 AAPL is above the maximum of 50",
        ),
        (lambda s, c: s.set_max_order_size("AAPL", max_shares=50, on_error="log"), ("AAPL", -51), "order of 51 AAPL"),
        (
            lambda s, c: s.set_max_order_size(max_notional=5000, on_error="log"),
            ("AAPL", 51),
            "worth 5100.00, above the maximum of 5000",
        ),
        (lambda s, c: s.set_max_position_size(max_shares=50, on_error="log"), ("AAPL", 51), "position of 51 AAPL"),
        (
            lambda s, c: s.set_max_position_size(max_notional=5000, on_error="log"),
            ("AAPL", -51),
            "position of 51 AAPL is worth 5100.00",
        ),
        (lambda s, c: s.set_max_order_count(0, on_error="log"), ("AAPL", 1), "0 orders were placed today; the maximum is 0"),
        (lambda s, c: s.set_do_not_order_list(["AAPL"], on_error="log"), ("AAPL", 1), "AAPL is on the list of restricted assets"),
        (lambda s, c: s.set_asset_restrictions(Odd(), on_error="log"), ("MSFT", 1), "MSFT is restricted"),
        (lambda s, c: s.set_long_only(on_error="log"), ("AAPL", -1), "the position would be -1 AAPL; this strategy is long only"),
        (
            lambda s, c: s.set_max_leverage(0.5, on_error="log"),
            ("AAPL", 126),
            "leverage 0.5040 after this order would pass the maximum of 0.5",
        ),
    ],
)
def test_a_control_denies_what_breaks_it(setup: Setup, order: tuple[str, int], message: str) -> None:
    run = controlled(setup, None, "AAPL", "MSFT")
    assert call(run, "order", *order) is None
    assert message in run.algorithm.get_denial()
    assert "trading_control" in run.told("order_denied")[0]
    assert not run.algorithm.stopped


@pytest.mark.parametrize(
    ("setup", "order"),
    [
        (lambda s, c: s.set_max_order_size(max_shares=50), ("AAPL", 50)),
        (lambda s, c: s.set_max_order_size("MSFT", max_shares=1), ("AAPL", 50)),
        (lambda s, c: s.set_max_order_size(max_notional=5000), ("AAPL", -50)),
        (lambda s, c: s.set_max_position_size(max_shares=50), ("AAPL", 50)),
        (lambda s, c: s.set_max_order_count(1), ("AAPL", 1)),
        (lambda s, c: s.set_do_not_order_list(["MSFT"]), ("AAPL", 1)),
        (lambda s, c: s.set_asset_restrictions(Odd()), ("AAPL", 1)),
        (lambda s, c: s.set_long_only(), ("AAPL", 1)),
        (lambda s, c: s.set_max_leverage(0.5), ("AAPL", 125)),
    ],
)
def test_a_control_lets_pass_what_keeps_it(setup: Setup, order: tuple[str, int]) -> None:
    run = controlled(setup, None, "AAPL", "MSFT")
    assert call(run, "order", *order) == "a1"


def test_working_orders_count_towards_a_position() -> None:
    run = controlled(lambda s, c: s.set_max_position_size(max_shares=50, on_error="log"))
    assert call(run, "order", "AAPL", 30)
    assert call(run, "order", "AAPL", 21) is None
    assert "position of 51 AAPL" in run.algorithm.get_denial()
    assert call(run, "order", "AAPL", 20)


def test_working_orders_count_towards_the_leverage() -> None:
    run = controlled(lambda s, c: s.set_max_leverage(0.5, on_error="log"))
    assert call(run, "order", "AAPL", 125)
    assert call(run, "order", "AAPL", 1) is None


@pytest.mark.parametrize(
    "setup",
    [
        lambda s, c: s.set_max_order_size(max_shares=50),
        lambda s, c: s.set_max_order_count(0),
        lambda s, c: s.set_asset_restrictions(["AAPL"]),
        lambda s, c: s.set_max_leverage(0.1, on_error="log"),
    ],
)
def test_no_control_keeps_a_strategy_from_getting_out(setup: Setup) -> None:
    run = controlled(lambda s, c: None)
    call(run, "order", "AAPL", 100)
    run.fill("a1", 100)
    run.algorithm._stage = "initialize"
    setup(run.algorithm, None)
    run.algorithm._stage = ""
    assert call(run, "order", "AAPL", -60) == "a2"
    run.fill("a2", 100)
    assert call(run, "order_target", "AAPL", 0) == "a3"


def test_the_count_of_orders_starts_anew_with_the_session() -> None:
    run = controlled(lambda s, c: s.set_max_order_count(2, on_error="log"))
    assert [call(run, "order", "AAPL", 1) for _ in range(3)] == ["a1", "a2", None]
    run.close()
    run.open(1)
    run.bars(100)
    assert call(run, "order", "AAPL", 1) == "a3"


def test_a_violation_stops_the_strategy_with_a_report() -> None:
    run = controlled(lambda s, c: s.set_max_order_size(max_shares=50), lambda s, c, d: s.order("AAPL", 60))
    assert run.algorithm.stopped
    assert "TradingControlViolation: order of 60 AAPL is above the maximum of 50" in run.told("strategy_error")[0]
    assert "stopped by its own control: order of 60 AAPL" in run.told("strategy_note")[0]
    run.bars(100, count=3)
    assert run.algorithm.calls.count("handle_data") == 1
    assert run.orders == []


def test_a_stopped_strategy_takes_back_what_would_add_to_a_position() -> None:
    def step(self: Script, context: Any, data: Any) -> None:
        count = self.calls.count("handle_data")
        if count == 1:
            self.order("AAPL", 20)
        elif count == 2:
            self.order("AAPL", 10, limit_price=90)
            self.order("AAPL", -10, limit_price=120)
        elif count == 3:
            self.order("AAPL", 60)

    run = controlled(lambda s, c: s.set_max_order_size(max_shares=50), step)
    run.fill("a1", 100)
    run.bars(100)
    run.accept("a2")
    run.accept("a3")
    run.bars(100)
    assert run.cancels == ["a2"]
    run.cancel("a2")
    run.fill("a3", 120)
    assert [told[0] for told in run.algorithm.told] == ["fill"]
    assert run.algorithm.context.portfolio.positions["AAPL"].amount == 10


def test_a_strategy_may_catch_its_violation_and_go_on() -> None:
    def step(self: Script, context: Any, data: Any) -> None:
        with pytest.raises(TradingControlViolation):
            self.order("AAPL", 60)
        self.order("AAPL", 40)

    run = controlled(lambda s, c: s.set_max_order_size(max_shares=50), step)
    assert not run.algorithm.stopped
    assert run.signed == [("AAPL", Decimal(40))]


def test_a_violation_in_a_scheduled_function_stops_the_strategy() -> None:
    def setup(self: Script, context: Any) -> None:
        self.set_max_order_size(max_shares=50)
        self.schedule_function(lambda context, data: self.order("AAPL", 60))

    run = controlled(setup)
    run.bars(100)
    assert run.algorithm.stopped
    assert run.algorithm.calls.count("handle_data") == 1


def test_a_violation_of_a_target_that_waited_stops_the_strategy_too() -> None:
    run = controlled(lambda s, c: s.set_max_order_count(1))
    call(run, "order", "AAPL", 50, 90)
    run.accept("a1")
    assert call(run, "order_target", "AAPL", 20) is None
    run.cancel("a1")
    assert run.algorithm.stopped
    assert "the maximum is 1" in run.told("strategy_error")[0]


def test_a_target_that_waits_is_forgotten_when_the_strategy_stops() -> None:
    run = controlled(lambda s, c: s.set_max_order_size(max_shares=50))
    call(run, "order", "AAPL", 50, 90)
    run.accept("a1")
    call(run, "order_target", "AAPL", 20)
    with pytest.raises(TradingControlViolation):
        call(run, "order", "AAPL", 60)
    run.algorithm._stop(TradingControlViolation("as its hook would have done"))
    run.cancel("a1")
    assert len(run.orders) == 1


def test_turning_a_position_over_frees_what_it_held() -> None:
    run = controlled(lambda s, c: s.set_max_leverage(0.5, on_error="log"))
    call(run, "order", "AAPL", 100)
    run.fill("a1", 100)
    assert call(run, "order_target", "AAPL", -50)


def test_leverage_is_watched_with_every_bar() -> None:
    policy = RiskPolicy(max_leverage=Decimal(4))
    run = controlled(lambda s, c: s.set_max_leverage(2, on_error="log"), policy=policy)
    call(run, "order", "AAPL", 500)
    run.fill("a1", 100)
    run.bars(90, count=2)
    told = run.told("strategy_note")
    assert len(told) == 1
    assert told[0] == "leverage 2.2500 is above the maximum of 2"
    run.bars(100)
    run.bars(90)
    assert len(run.told("strategy_note")) == 2


def test_too_much_leverage_stops_a_strategy_that_said_so() -> None:
    run = controlled(lambda s, c: s.set_max_leverage(2), policy=RiskPolicy(max_leverage=Decimal(4)))
    call(run, "order", "AAPL", 500)
    run.fill("a1", 100)
    run.bars(90)
    assert run.algorithm.stopped


def test_too_little_leverage_counts_after_the_grace_period() -> None:
    run = controlled(lambda s, c: s.set_min_leverage(0.5, timedelta(minutes=2)))
    run.bars(100, count=2)
    assert not run.algorithm.stopped
    run.bars(100)
    assert run.algorithm.stopped
    assert "leverage 0.0000 is below the minimum of 0.5" in run.told("strategy_error")[0]


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        (lambda s, c: s.set_long_only("warn"), "on_error must be 'fail' or 'log', not 'warn'"),
        (lambda s, c: s.set_max_order_size(), "max_shares and max_notional are both missing"),
        (lambda s, c: s.set_max_order_size(max_shares=-1), "max_shares must not be negative"),
        (lambda s, c: s.set_max_position_size(max_notional="much"), "max_notional must be a number"),
        (lambda s, c: s.set_max_order_count(1.5), "max_count must be a whole number"),
        (lambda s, c: s.set_max_leverage(None), "max_leverage is missing"),
        (lambda s, c: s.set_min_leverage(None, timedelta(0)), "min_leverage is missing"),
        (lambda s, c: s.set_asset_restrictions("AAPL"), "'AAPL' is no list of assets"),
        (lambda s, c: s.set_cancel_policy("never"), "is no cancel policy"),
    ],
)
def test_impossible_controls_are_refused(setup: Setup, message: str) -> None:
    with pytest.raises(AlgorithmError, match=message):
        controlled(setup)
