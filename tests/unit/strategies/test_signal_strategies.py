"""The signal style: what its base class promises, how strategies are found, and which instruments they may trade."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from backtest_kit import catalogue_of

from algotrader.core.indicators import SMA, Indicator
from algotrader.core.instruments import equity
from algotrader.core.market import Bar
from algotrader.core.state import DayStats
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.strategies.base import Price, SignalStrategy
from algotrader.strategies.parameters import ParameterError
from algotrader.strategies.registry import BUILT_IN, UnknownStrategy, load_strategy, strategy_names
from algotrader.strategies.scanners import GapUpScanner, Route, StaticScanner, VolumeScanner, scanner_from_text
from algotrader.strategies.sma_cross import SmaCross

RISING = [(100 + i, 101 + i, 99 + i, 100.5 + i) for i in range(40)]
A_BAR = Bar(equity("AAPL"), 0, 60, 10, 12, 9, 11, 1)
WIDE = BacktestOptions(capital=Decimal(1_000_000), ideal=True)


class Recorder(SignalStrategy):
    """Enters on its fifth bar and leaves on its tenth; writes down what it was asked, by symbol."""

    name: ClassVar[str] = "recorder"
    sizing: ClassVar[str] = "explicit"
    close_at_session_end: ClassVar[bool] = False
    made: ClassVar[list[Recorder]] = []

    def __init__(self, symbol: str, parameters: Any = None) -> None:
        super().__init__(symbol, parameters)
        self.asked: list[str] = []
        self.closed = 0
        self.seen = 0
        Recorder.made.append(self)

    @property
    def required_history(self) -> int:
        return 3

    def indicators(self) -> dict[str, Indicator]:
        return {"mean": SMA(3)}

    def should_long(self, bar: Bar, indicators: Any) -> object:
        self.seen += 1
        assert bar.symbol == self.symbol
        assert indicators.mean.value == float(sum(Decimal(str(100.5 + n)) for n in range(self.seen - 1, self.seen + 2)) / 3)
        return self.seen == 3

    def stop_loss_price(self, bar: Bar, indicators: Any) -> Price:
        return bar.low - 5

    def quantity(self, bar: Bar, indicators: Any) -> object:
        return 7

    def should_update_stop(self, bar: Bar, indicators: Any) -> Price:
        self.asked.append("stop")
        return None

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        self.asked.append("exit")
        return len(self.asked) >= 8

    def on_position_closed(self) -> None:
        self.closed += 1


@pytest.mark.covers("A73", "A74", "A76", "A87", "A66", "A125")
def test_one_instance_a_symbol_is_asked_in_order_and_told_of_the_end(tmp_path: Path) -> None:
    Recorder.made.clear()
    catalogue = catalogue_of(tmp_path, {"AAPL": RISING, "AMD": RISING})
    result = backtest(Recorder, ["AAPL", "AMD"], data=catalogue, options=WIDE)
    used = [one for one in Recorder.made if one.seen]
    assert sorted(one.symbol for one in used) == ["AAPL", "AMD"]
    for one in used:
        assert one.asked[:4] == ["stop", "exit", "stop", "exit"]
        assert one.closed == 1
    assert [(fill.symbol, fill.side, fill.quantity) for fill in result.fills] == [
        ("AAPL", "buy", Decimal(7)),
        ("AMD", "buy", Decimal(7)),
        ("AAPL", "sell", Decimal(7)),
        ("AMD", "sell", Decimal(7)),
    ]


@pytest.mark.covers("A75")
def test_the_defaults_of_the_base_class() -> None:
    first, second = SignalStrategy("AAPL"), SignalStrategy("AMD")
    assert first.required_history == 200
    assert first.should_short(A_BAR, None) is False
    assert first.indicators() is not second.indicators()
    assert first.parameters is not second.parameters


@pytest.mark.covers("A76")
@pytest.mark.parametrize(("bars", "answer"), [(0, False), (1, True), (5, True)])
def test_a_pending_entry_is_given_up_after_a_bar_unless_the_strategy_says_otherwise(bars: int, answer: bool) -> None:
    assert SignalStrategy("AAPL").should_cancel_pending(A_BAR, bars) is answer


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("protection", "maybe", "protection must be one of planned, emergency, none, not 'maybe'"),
        ("sizing", "all in", "sizing must be 'risk' or 'explicit', not 'all in'"),
        ("protection", "none", "sizing by risk needs planned stops"),
    ],
)
def test_an_impossible_declaration_is_refused(attribute: str, value: str, said: str) -> None:
    kind = type("Own", (SignalStrategy,), {attribute: value})
    with pytest.raises(ParameterError, match=said):
        kind("AAPL").settings(1)


@pytest.mark.covers("A85")
def test_names_lead_to_strategies_and_wrong_names_to_help() -> None:
    assert load_strategy("sma_cross") is SmaCross
    assert set(BUILT_IN) <= set(strategy_names())
    for name in BUILT_IN:
        assert load_strategy(name).strategy_name() == name
    with pytest.raises(UnknownStrategy, match="did you mean 'velez'"):
        load_strategy("veles")


def day(previous_close: int, opened: int, volume: int, volumes: list[int]) -> DayStats:
    stats = DayStats()
    stats.previous_close_raw, stats.open_raw, stats.volume_raw, stats.volumes = previous_close, opened, volume, volumes
    return stats


@pytest.mark.covers("A88")
@pytest.mark.parametrize(
    ("scanner", "stats", "admitted"),
    [
        (StaticScanner(), day(0, 0, 0, []), True),
        (StaticScanner(("AMD",)), day(0, 0, 0, []), False),
        (GapUpScanner(2.0), day(10_000, 10_199, 0, []), False),
        (GapUpScanner(2.0), day(10_000, 10_200, 0, []), True),
        (GapUpScanner(2.0), day(0, 10_200, 0, []), False),
        (VolumeScanner(1.5, 2), day(0, 1, 149, [100, 100]), False),
        (VolumeScanner(1.5, 2), day(0, 1, 150, [100, 100]), True),
        (VolumeScanner(1.5, 2), day(0, 1, 150, [100]), False),
    ],
)
def test_scanners_at_their_edges(scanner: StaticScanner, stats: DayStats, admitted: bool) -> None:
    assert scanner.admits("AAPL", stats) is admitted


@pytest.mark.parametrize(
    ("text", "kind"), [("static", StaticScanner), ("gap_up:2.5", GapUpScanner), ("volume:1.5:3", VolumeScanner)]
)
def test_scanners_from_text(text: str, kind: type) -> None:
    assert type(scanner_from_text(text)) is kind


@pytest.mark.parametrize("text", ["gap_up:wide", "gap_up:-1", "volume:1:0", "moon"])
def test_wrong_scanner_texts_are_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        scanner_from_text(text)


class Always(SignalStrategy):
    """Wants in on every bar."""

    name: ClassVar[str] = "always"
    sizing: ClassVar[str] = "explicit"
    protection: ClassVar[str] = "none"

    @property
    def required_history(self) -> int:
        return 1

    def should_long(self, bar: Bar, indicators: Any) -> object:
        return True

    def quantity(self, bar: Bar, indicators: Any) -> object:
        return 1


class Overnight(Always):
    """The same, but it may hold over night."""

    name: ClassVar[str] = "overnight"
    close_at_session_end: ClassVar[bool] = False


@pytest.mark.covers("A88")
def test_a_route_trades_only_what_its_scanner_admits(tmp_path: Path) -> None:
    first = [(100, 101, 99, 100)] * 390
    gap = [(110, 111, 109, 110)] * 30
    flat = [(100, 101, 99, 100)] * 30
    catalogue = catalogue_of(tmp_path, {"AAPL": first + gap, "AMD": first + flat})
    result = backtest(None, ["AAPL", "AMD"], data=catalogue, options=WIDE, routes=[Route(GapUpScanner(5), Always)])
    assert {fill.symbol for fill in result.fills} == {"AAPL"}


@pytest.mark.covers("A89")
def test_closing_with_the_session_is_a_strategys_choice(tmp_path: Path) -> None:
    two_days = [(100, 101, 99, 100)] * 400
    catalogue = catalogue_of(tmp_path, {"AAPL": two_days})
    closing = backtest(Always, ["AAPL"], data=catalogue, options=WIDE)
    staying = backtest(Overnight, ["AAPL"], data=catalogue, options=WIDE)
    assert [fill.side for fill in closing.fills[:3]] == ["buy", "sell", "buy"]
    assert closing.round_trips[0].exit_reason == "end of day"
    assert [fill.side for fill in staying.fills] == ["buy"]
