"""The signal style: what a strategy is asked when, what its answers become, and what its class attributes mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from backtest_kit import OPEN_POLICY, Row, Run, catalogue_of, frame_of, ideal, minutes_of_sessions

from algotrader.assembly import AssemblyError
from algotrader.core.indicators import SMA, Highest, Indicator
from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.core.orders import OrderState
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import backtest
from algotrader.research.result import BacktestResult
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.columns import Mask, StrategyColumns
from algotrader.strategies.parameters import ParameterError
from algotrader.strategies.sma_cross import SmaCross
from algotrader.strategies.velez import Velez

START = minutes_of_sessions("XNYS", 1)[0]
FLAT: Row = (100, 100.5, 99.5, 100)


def minute(bar: Bar) -> int:
    """Minutes from the first open to a bar's close: 1 for the first bar, 1441 for the first of the next day."""
    return (bar.close_time - START) // NS_PER_MINUTE


class Plan(SignalStrategy):
    """Enters ten shares at market on given bars and leaves on given bars, without a stop, over night too."""

    protection: ClassVar[str] = "none"
    sizing: ClassVar[str] = "explicit"
    close_at_session_end: ClassVar[bool] = False
    enter: ClassVar[tuple[int, ...]] = (1,)
    leave: ClassVar[tuple[int, ...]] = ()

    @property
    def required_history(self) -> int:
        """It needs to know nothing."""
        return 1

    def should_long(self, bar: Bar, indicators: Any) -> Any:
        """On the given bars."""
        return minute(bar) in self.enter

    def should_exit(self, bar: Bar, indicators: Any) -> Any:
        """On the given bars."""
        return minute(bar) in self.leave

    def quantity(self, bar: Bar, indicators: Any) -> Any:
        """Ten."""
        return 10


def made(base: type[SignalStrategy] = Plan, **attributes: Any) -> type[SignalStrategy]:
    """A class with attributes and methods of its own."""
    return type("Made", (base,), attributes)


def run(path: Path, kind: type[SignalStrategy], rows: list[Row] | int = 40, **options: Any) -> BacktestResult:
    """A backtest of a class over rows, or over so many flat bars."""
    catalogue = catalogue_of(path, {"AAPL": [FLAT] * rows if isinstance(rows, int) else rows})
    interval = options.pop("interval", None)
    return backtest(kind, ["AAPL"], data=catalogue, interval=interval, options=ideal(**options))


def at(result: BacktestResult) -> list[tuple[int, str, str]]:
    """Fills as (minutes after the open, side, role)."""
    return [((fill.time - START) // NS_PER_MINUTE, fill.side, fill.role) for fill in result.fills]


# ---------------------------------------------------------------------- what a class is without its own answers


@pytest.mark.covers("A75")
def test_defaults() -> None:
    plain = SignalStrategy("AAPL")
    bar = Bar(equity("AAPL"), 0, 1, 1, 1, 1, 1, 1)
    assert plain.required_history == 200
    assert plain.interval_minutes is None
    assert plain.shorts is False
    assert (plain.should_long(bar, None), plain.should_short(bar, None), plain.should_exit(bar, None)) == (False, False, False)
    assert plain.close_at_session_end
    assert plain.regular_hours
    assert plain.protection == "planned"
    assert plain.sizing == "risk"


@pytest.mark.covers("A74")
def test_prices_are_none_until_they_are_answered() -> None:
    plain = SignalStrategy("AAPL")
    bar = Bar(equity("AAPL"), 0, 1, 1, 1, 1, 1, 1)
    questions = ("entry_price", "stop_loss_price", "take_profit_price", "should_update_stop", "quantity")
    assert [getattr(plain, question)(bar, None) for question in questions] == [None] * 5


@pytest.mark.covers("A73", "A75")
def test_no_two_instances_share_anything_that_changes() -> None:
    one, other = Velez("AAPL"), Velez("MSFT")
    assert (one.symbol, other.symbol) == ("AAPL", "MSFT")
    assert one.indicators()["fast"] is not other.indicators()["fast"]
    assert one.__dict__ is not other.__dict__
    shared = [name for name in vars(one) if isinstance(vars(one)[name], (list, dict, set)) and vars(one)[name] is vars(other)[name]]
    assert shared == []


@pytest.mark.covers("A76")
@pytest.mark.parametrize(("candles", "cancels"), [(0, False), (1, True), (2, True)])
def test_an_entry_is_given_up_after_one_bar_unless_told_otherwise(candles: int, cancels: bool) -> None:
    bar = Bar(equity("AAPL"), 0, 1, 1, 1, 1, 1, 1)
    assert bool(SignalStrategy("AAPL").should_cancel_pending(bar, candles)) is cancels


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"protection": "maybe"}, "protection must be one of planned, emergency, none, not 'maybe'"),
        ({"sizing": "all"}, "sizing must be 'risk' or 'explicit', not 'all'"),
        ({"sizing": "risk", "protection": "none"}, "sizing by risk needs planned stops"),
    ],
)
def test_impossible_attributes_are_refused(attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        made(**attributes)("AAPL").settings(1)


# ---------------------------------------------------------------------- when it is asked


def test_nothing_is_asked_before_the_history_is_there(tmp_path: Path) -> None:
    asked: list[int] = []

    def should_long(self: Any, bar: Bar, indicators: Any) -> bool:
        asked.append(minute(bar))
        return False

    run(tmp_path, made(should_long=should_long, required_history=7), 10)
    assert asked == [7, 8, 9, 10]


def test_nothing_is_asked_before_every_indicator_is_warm(tmp_path: Path) -> None:
    asked: list[tuple[int, float, float]] = []

    def should_long(self: Any, bar: Bar, indicators: Any) -> bool:
        asked.append((minute(bar), indicators.average.value, indicators.top.value))
        return False

    def indicators(self: Any) -> dict[str, Indicator]:
        return {"average": SMA(4), "top": Highest(6)}

    rows: list[Row] = [(100 + i, 101 + i, 99 + i, 100 + i) for i in range(8)]
    run(tmp_path, made(should_long=should_long, indicators=indicators), rows)
    assert asked == [(6, 103.5, 106.0), (7, 104.5, 107.0), (8, 105.5, 108.0)]


@pytest.mark.covers("A125", "A126", "A124")
def test_a_question_fits_the_situation(tmp_path: Path) -> None:
    asked: list[tuple[int, str]] = []

    def noted(name: str, answer: Callable[[Bar], object]) -> Callable[..., object]:
        def question(self: Any, bar: Bar, *rest: Any) -> object:
            asked.append((minute(bar), name))
            return answer(bar)

        return question

    names: dict[str, Callable[[Bar], object]] = {
        "should_long": lambda bar: minute(bar) == 2,
        "entry_price": lambda bar: Decimal(101),
        "should_cancel_pending": lambda bar: False,
        "should_update_stop": lambda bar: None,
        "should_exit": lambda bar: minute(bar) == 6,
    }
    given: dict[str, Any] = {name: noted(name, answer) for name, answer in names.items()}
    kind = made(**given)
    run(tmp_path, kind, [FLAT, FLAT, FLAT, FLAT, (100, 101, 100, 101), FLAT, FLAT, FLAT])
    assert asked == [
        (1, "should_long"),
        (2, "should_long"),
        (2, "entry_price"),
        (3, "should_cancel_pending"),
        (4, "should_cancel_pending"),
        (5, "should_update_stop"),
        (5, "should_exit"),
        (6, "should_update_stop"),
        (6, "should_exit"),
        (7, "should_long"),
        (8, "should_long"),
    ]


@pytest.mark.covers("A76", "A126", "A132")
def test_bars_of_a_waiting_entry_are_counted_from_one(tmp_path: Path) -> None:
    counted: list[tuple[int, int]] = []

    def should_cancel_pending(self: Any, bar: Bar, candles_since: int) -> bool:
        counted.append((minute(bar), candles_since))
        return candles_since == 3

    kind = made(enter=(2, 7), entry_price=lambda self, bar, indicators: 105, should_cancel_pending=should_cancel_pending)
    result = run(tmp_path, kind, 12)
    assert counted == [(3, 1), (4, 2), (5, 3), (8, 1), (9, 2), (10, 3)]
    assert result.counts["order_canceled"] == 2


@pytest.mark.covers("A76")
def test_a_closed_position_is_told(tmp_path: Path) -> None:
    closed: list[str] = []
    kind = made(leave=(4,), on_position_closed=lambda self: closed.append(self.symbol))
    run(tmp_path, kind)
    assert closed == ["AAPL"]


# ---------------------------------------------------------------------- what answers become


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (None, ("market", "100.0000")),
        (Decimal("100.50"), ("stop", "100.5000")),
        (100, ("stop", "100.0000")),
        (99.75, ("limit", "99.7500")),
        (99.999, ("stop", "100.0000")),
        (99.991, ("stop", "100.0000")),
        (99.99, ("limit", "99.9900")),
    ],
)
def test_the_price_decides_the_kind_of_order(tmp_path: Path, price: object, expected: tuple[str, str]) -> None:
    result = run(tmp_path, made(entry_price=lambda self, bar, indicators: price), 4)
    assert [str(fill.price) for fill in result.fills] == [expected[1]]


@pytest.mark.parametrize(
    "answer",
    [Decimal("99.5"), 99.5, np.float64(99.5), np.float32(99.5), "numpy int"],
    ids=["Decimal", "float", "float64", "float32", "int64"],
)
def test_numbers_of_all_kinds_are_taken(tmp_path: Path, answer: object) -> None:
    value: Any = np.int64(99) if answer == "numpy int" else answer
    kind = made(
        entry_price=lambda self, bar, indicators: value,
        quantity=lambda self, bar, indicators: np.int64(3),
        should_long=lambda self, bar, indicators: np.bool_(minute(bar) == 1),
        should_exit=lambda self, bar, indicators: np.bool_(minute(bar) == 3),
    )
    result = run(tmp_path, kind, [FLAT, (100, 100.5, 99, 100), FLAT, FLAT, FLAT])
    assert [(fill.side, fill.quantity) for fill in result.fills] == [("buy", Decimal(3)), ("sell", Decimal(3))]
    assert result.fills[0].price == Decimal(str(value))


@pytest.mark.covers("A86")
@pytest.mark.parametrize(
    ("question", "answer", "words"),
    [
        ("should_long", "yes", "should_long must answer True or False, not 'yes'"),
        ("should_long", 1, "should_long must answer True or False, not 1"),
        ("entry_price", float("nan"), "entry_price is NaN"),
        ("entry_price", "100", "entry_price must be a number, not '100'"),
        ("entry_price", -5, "entry_price must be positive, not -5"),
        ("entry_price", True, "entry_price must be a number, not True"),
        ("stop_loss_price", Decimal("Infinity"), "stop_loss_price is Infinity"),
        ("take_profit_price", [1], "take_profit_price must be a number, not list"),
        ("confidence", 1.5, "confidence must lie between 0 and 1, not 1.5"),
        ("quantity", "ten", "quantity must be a number, not 'ten'"),
    ],
)
def test_an_answer_that_cannot_be_used_costs_the_bar_and_is_told(tmp_path: Path, question: str, answer: object, words: str) -> None:
    given: dict[str, Any] = {
        question: lambda self, bar, *rest: answer if minute(bar) == 2 else getattr(Plan, question)(self, bar, *rest)
    }
    result = run(tmp_path, made(enter=(2, 5), **given), 8)
    assert at(result) == [(5, "buy", "entry")]
    (problem,) = result.problems
    assert problem.kind == "strategy_value_refused"
    assert words in problem.message
    assert "AAPL" in problem.message


@pytest.mark.covers("A86")
@pytest.mark.parametrize("question", ["should_update_stop", "should_exit"])
@pytest.mark.parametrize("answer", [float("nan"), "soon"])
def test_a_mistake_while_holding_costs_the_bar(tmp_path: Path, question: str, answer: object) -> None:
    given: dict[str, Any] = {
        question: lambda self, bar, *rest: answer if minute(bar) == 3 else getattr(Plan, question)(self, bar, *rest)
    }
    result = run(tmp_path, made(leave=(3, 5), **given), 8)
    assert [problem.kind for problem in result.problems] == ["strategy_value_refused"]
    assert at(result) == [(1, "buy", "entry"), (5, "sell", "exit_market")]


@pytest.mark.covers("A86")
@pytest.mark.parametrize("question", ["should_long", "entry_price", "stop_loss_price", "confidence", "quantity"])
def test_an_exception_costs_that_symbol_that_bar(tmp_path: Path, question: str) -> None:
    def fails(self: Any, bar: Bar, *rest: Any) -> object:
        if self.symbol == "AAPL" and minute(bar) == 1:
            raise KeyError("lost")
        return getattr(Plan, question)(self, bar, *rest)

    catalogue = catalogue_of(tmp_path, {"AAPL": [FLAT] * 8, "MSFT": [FLAT] * 8})
    given: dict[str, Any] = {question: fails}
    result = backtest(made(enter=(1, 4), **given), ["AAPL", "MSFT"], data=catalogue, options=ideal())
    fills = [((fill.time - START) // NS_PER_MINUTE, fill.symbol) for fill in result.fills]
    assert fills == [(1, "MSFT"), (4, "AAPL")]
    (problem,) = result.problems
    assert (problem.kind, problem.symbol) == ("strategy_error", "AAPL")
    assert "KeyError: 'lost'" in problem.message
    assert "in fails" in problem.message


@pytest.mark.covers("A86")
def test_an_exception_in_the_last_hook_does_not_stop_the_run(tmp_path: Path) -> None:
    def fails(self: Any) -> None:
        raise ValueError("closed badly")

    result = run(tmp_path, made(enter=(1, 6), leave=(3, 8), on_position_closed=fails), 12)
    assert len(result.fills) == 4
    assert result.counts["strategy_error"] == 2


@pytest.mark.covers("A86")
def test_an_exception_while_holding_leaves_the_stop_in_place(tmp_path: Path) -> None:
    def fails(self: Any, bar: Bar, indicators: Any) -> object:
        raise RuntimeError("no")

    kind = made(protection="planned", stop_loss_price=lambda self, bar, indicators: 99, should_exit=fails)
    result = run(tmp_path, kind, [FLAT, FLAT, FLAT, (100, 100, 98, 98), FLAT])
    assert at(result)[-1][1:] == ("sell", "stop_loss")
    assert result.fills[-1].price == 99


class Fragile(Indicator):
    """An indicator of a user's own that fails on one bar."""

    def __init__(self) -> None:
        super().__init__(1, 1)

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        """Fail at 105, publish the close otherwise."""
        if c == 1_050_000:
            raise ZeroDivisionError("no range")
        self.publish(c / self.unit)


@pytest.mark.covers("A86")
def test_an_exception_in_an_indicator_costs_the_bar(tmp_path: Path) -> None:
    seen: list[tuple[str, int, float, float]] = []

    def should_exit(self: Any, bar: Bar, indicators: Any) -> bool:
        seen.append((self.symbol, minute(bar), indicators.own.value, indicators.average.value))
        return False

    kind = made(indicators=lambda self: {"own": Fragile(), "average": SMA(2)}, should_exit=should_exit)
    rows: list[Row] = [FLAT, FLAT, FLAT, (100, 105, 100, 105), (106, 106, 106, 106)]
    catalogue = catalogue_of(tmp_path, {"AAPL": rows, "MSFT": [FLAT] * 5})
    result = backtest(type("Made", (kind,), {"enter": (2,)}), ["AAPL", "MSFT"], data=catalogue, options=ideal())
    assert [row for row in seen if row[0] == "AAPL"] == [("AAPL", 3, 100.0, 100.0), ("AAPL", 5, 106.0, 105.5)]
    assert len([row for row in seen if row[0] == "MSFT"]) == 3
    (problem,) = result.problems
    assert (problem.kind, problem.symbol) == ("strategy_error", "AAPL")
    assert "ZeroDivisionError: no range in the indicator Fragile" in problem.message


def test_errors_on_every_bar_are_counted_but_not_all_kept(tmp_path: Path) -> None:
    def fails(self: Any, bar: Bar, indicators: Any) -> object:
        raise RuntimeError("always")

    result = run(tmp_path, made(should_long=fails), 100)
    assert 1 <= len(result.problems) <= 25
    assert result.fills == []


def test_an_indicator_nobody_declared_is_named(tmp_path: Path) -> None:
    kind = made(
        indicators=lambda self: {"average": SMA(2)},
        should_long=lambda self, bar, indicators: indicators.averige.value > 0,
    )
    result = run(tmp_path, kind, 4)
    assert "the strategy declares no indicator 'averige'; declared: average" in result.problems[0].message


# ---------------------------------------------------------------------- sizes and denials


def test_an_explicit_quantity_is_not_resized(tmp_path: Path) -> None:
    result = run(tmp_path, made(quantity=lambda self, bar, indicators: 12.9), 4)
    assert [fill.quantity for fill in result.fills] == [12]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"quantity": lambda self, bar, indicators: 0.4}, "asked for a quantity of 0"),
        ({"quantity": lambda self, bar, indicators: 10**6}, "need 100000000.00; buying power is 10000000.00"),
        ({"protection": "planned"}, "the strategy plans its stops but gave none"),
        ({"protection": "planned", "stop_loss_price": lambda self, bar, ind: 100}, "the stop 100.0000 of a long is not below"),
        ({"take_profit_price": lambda self, bar, ind: 100}, "the take profit 100.0000 of a long is not above"),
        ({"entry_price": lambda self, bar, ind: 250}, "is far from the last price"),
    ],
)
def test_a_signal_that_cannot_be_traded_is_denied_with_the_reason(tmp_path: Path, attributes: dict[str, Any], words: str) -> None:
    result = run(tmp_path, made(**attributes), 4)
    assert result.fills == []
    assert [problem.kind for problem in result.problems] == ["signal_denied"]
    assert words in result.problems[0].message


@pytest.mark.covers("A155")
@pytest.mark.parametrize(
    ("capital", "stop", "limits", "shares"),
    [
        (25_000, "124.50", {}, 200),
        (25_000, "120.00", {}, 50),
        (25_000, "119.99", {}, 49),
        (5_000, "124.50", {}, 40),
        (25_000, "124.50", {"max_position": Decimal("0.05")}, 10),
        (25_000, "124.50", {"max_risk_per_trade_abs": Decimal(40)}, 80),
        (25_000, "124.50", {"max_risk_per_trade": Decimal("0.001")}, 50),
    ],
    ids=["all the money", "the risk", "the risk, rounded down", "less money", "the position", "the amount", "the share"],
)
def test_size_by_risk(tmp_path: Path, capital: int, stop: str, limits: dict[str, Any], shares: int) -> None:
    kind = made(
        protection="planned",
        sizing="risk",
        entry_price=lambda self, bar, indicators: 125,
        stop_loss_price=lambda self, bar, indicators: Decimal(stop),
        quantity=lambda self, bar, indicators: None,
    )
    rows: list[Row] = [FLAT, (125, 125, 125, 125), (125, 125, 125, 125)]
    result = run(tmp_path, kind, rows, policy=replace(OPEN_POLICY, **limits), capital=Decimal(capital))
    assert [fill.quantity for fill in result.fills] == [shares]


def test_the_surest_signal_is_served_first_where_capital_is_short(tmp_path: Path) -> None:
    sure = {"AAPL": 0.2, "MSFT": 0.9, "TSLA": 0.9}
    kind = made(confidence=lambda self, bar, indicators: sure[self.symbol])
    catalogue = catalogue_of(tmp_path, {symbol: [FLAT] * 4 for symbol in sure})
    options = ideal(capital=Decimal(2_100))
    assert [fill.symbol for fill in backtest(kind, list(sure), data=catalogue, options=options).fills] == ["MSFT", "TSLA"]
    options = ideal(capital=Decimal(1_100))
    assert [fill.symbol for fill in backtest(kind, ["TSLA", "MSFT"], data=catalogue, options=options).fills] == ["TSLA"]


# ---------------------------------------------------------------------- protection


def test_an_emergency_stop_lies_a_percentage_below_the_entry(tmp_path: Path) -> None:
    result = run(tmp_path, made(protection="emergency"), [FLAT, FLAT, (100, 100, 97, 97), FLAT])
    assert [(str(fill.price), fill.role) for fill in result.fills] == [("100.0000", "entry"), ("98.0000", "stop_loss")]


def test_a_stop_is_rounded_away_from_the_entry(tmp_path: Path) -> None:
    kind = made(protection="planned", stop_loss_price=lambda self, bar, indicators: 98.999)
    assert [str(stop.price) for stop in run(tmp_path, kind, 4).stops] == ["98.9900"]


@pytest.mark.parametrize(
    ("attributes", "exit_price"),
    [
        ({"take_profit_price": lambda self, bar, indicators: 102.5}, "102.5000"),
        ({"take_profit_pct": 2.0}, "102.0000"),
        ({"take_profit_pct": 2.0, "take_profit_price": lambda self, bar, indicators: 101}, "101.0000"),
    ],
)
@pytest.mark.parametrize("venue", ["generic", "alpaca-like"])
def test_a_take_profit_closes_the_position(tmp_path: Path, attributes: dict[str, Any], exit_price: str, venue: str) -> None:
    kind = made(protection="planned", stop_loss_price=lambda self, bar, indicators: 95, **attributes)
    result = run(tmp_path, kind, [FLAT, FLAT, (100, 103, 100, 103), FLAT], venue=venue)
    assert [(str(fill.price), fill.role) for fill in result.fills][1:] == [(exit_price, "take_profit")]


# ---------------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("attributes", "fills"),
    [
        ({"enter": (2, 5, 8)}, [(2, "buy"), (4, "sell"), (5, "buy"), (7, "sell"), (8, "buy")]),
        ({"enter": (4, 5, 6), "leave": (3, 7), "cooldown_bars": 0}, [(4, "buy"), (7, "sell")]),
        ({"enter": (1, 4, 5, 6), "leave": (3,), "cooldown_bars": 2}, [(1, "buy"), (3, "sell"), (6, "buy")]),
        ({"enter": (1, 4, 5, 6), "leave": (3,), "cooldown_bars": 0}, [(1, "buy"), (3, "sell"), (4, "buy")]),
        ({"enter": (1,), "leave": (), "time_stop_bars": 4}, [(1, "buy"), (5, "sell")]),
        ({"enter": (1, 2, 3, 4, 5, 6), "entry_windows": ((5, 6),)}, [(5, "buy")]),
        ({"enter": (1, 2, 3, 4, 5, 6), "entry_windows": ((0, 0), (4, 5))}, [(4, "buy")]),
    ],
    ids=["in and out", "one round", "cooldown", "no cooldown", "time stop", "a window", "two windows"],
)
def test_waits_windows_and_time_stops(tmp_path: Path, attributes: dict[str, Any], fills: list[tuple[int, str]]) -> None:
    if attributes.get("enter") == (2, 5, 8):
        attributes = {**attributes, "leave": (4, 7)}
    result = run(tmp_path, made(**attributes), 12)
    assert [(number, side) for number, side, _ in at(result)] == fills


@pytest.mark.covers("A89")
@pytest.mark.parametrize(("closes", "held"), [(True, False), (False, True)])
def test_over_night(tmp_path: Path, closes: bool, held: bool) -> None:
    result = run(tmp_path, made(enter=(380,), close_at_session_end=closes), 400)
    assert at(result)[0] == (380, "buy", "entry")
    assert (len(result.fills) == 1) is held
    if not held:
        # The exit is decided at the last close before 15:59:30 and fills at the open of the session's last bar.
        assert at(result)[1] == (389, "sell", "exit_market")
        assert result.round_trips[0].exit_reason == "end of day"


@pytest.mark.covers("A89")
@pytest.mark.parametrize(
    ("wanted", "entered"),
    [((386, 387, 388, 389, 390, 1441, 1442, 1443), [386, 388, 391, 393]), ((389, 390, 1441), [389, 391]), ((390,), [])],
    ids=["each given up on the next bar", "at 15:59, cancelled at once", "at the close"],
)
def test_no_entry_comes_after_the_close_of_the_day_began(tmp_path: Path, wanted: tuple[int, ...], entered: list[int]) -> None:
    kind = made(enter=wanted, entry_price=lambda self, bar, indicators: 101, close_at_session_end=True)
    catalogue = catalogue_of(tmp_path, {"AAPL": [FLAT] * 396})
    found = Run(kind, ["AAPL"], catalogue, ideal()).in_batches().engine.state.orders.values()
    minutes = minutes_of_sessions("XNYS", 396)
    assert [minutes.index(order.created_time - NS_PER_MINUTE) + 1 for order in found] == entered
    assert {order.state for order in found} <= {OrderState.CANCELED}


def test_a_strategy_that_closes_with_the_session_cannot_run_on_daily_bars(tmp_path: Path) -> None:

    catalogue = Catalogue(tmp_path)
    catalogue.write_bars(equity("AAPL"), "1d", frame_of(equity("AAPL"), [FLAT] * 2, [START, START + 1440 * NS_PER_MINUTE], 390))
    with pytest.raises(AssemblyError, match="cannot run on daily bars"):
        backtest(made(close_at_session_end=True), ["AAPL"], data=catalogue, options=ideal())


@pytest.mark.parametrize(("interval", "minutes"), [("2m", 2), ("5m", 5), ("10m", 10)])
def test_the_interval_of_the_run_is_taken(tmp_path: Path, interval: str, minutes: int) -> None:
    seen: list[int] = []
    kind = made(should_long=lambda self, bar, indicators: seen.append(minute(bar)))
    run(tmp_path, kind, 21, interval=interval)
    assert seen == list(range(minutes, 21, minutes))


# ---------------------------------------------------------------------- promises


class Every(SmaCross):
    """Enters and leaves on given bars instead of on crosses; what the base class promises does not hold for it."""

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """On every tenth bar."""
        return minute(bar) % 10 == 0

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        """Five bars later."""
        return minute(bar) % 10 == 5


class Promises(SmaCross):
    """Makes a promise of its own."""

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """On every tenth bar."""
        return minute(bar) % 10 == 0

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        """Everywhere."""
        return np.ones(len(columns), dtype=np.bool_)


def test_a_promise_is_not_inherited_by_other_answers(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, {"AAPL": [FLAT] * 40})
    result = backtest(Every, ["AAPL"], data=catalogue, parameters={"fast": 1, "slow": 2}, options=ideal())
    assert at(result) == [(10, "buy", "entry"), (15, "sell", "exit_market"), (20, "buy", "entry"), (25, "sell", "exit_market")] + [
        (30, "buy", "entry"),
        (35, "sell", "exit_market"),
    ]


def test_a_promise_of_its_own_is_kept() -> None:
    assert Promises.candidates is not SignalStrategy.candidates
    assert Promises.exit_candidates is SmaCross.exit_candidates
    assert Every.candidates is SignalStrategy.candidates
    assert Every.exit_candidates is SignalStrategy.exit_candidates
    assert type("Renamed", (SmaCross,), {"name": "renamed"}).candidates is SmaCross.candidates  # type: ignore[attr-defined]
    assert type("Grandchild", (Every,), {}).candidates is SignalStrategy.candidates  # type: ignore[attr-defined]
