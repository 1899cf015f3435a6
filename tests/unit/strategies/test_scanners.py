"""Scanners and routes: which instruments a strategy may trade, from which moment of the session on."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from backtest_kit import Row, catalogue_of, ideal, minutes_of_sessions

from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, Bar
from algotrader.core.signal_hooks import Scanner
from algotrader.core.state import DayStats
from algotrader.research.backtest import backtest
from algotrader.research.result import BacktestResult
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.parameters import ParameterError
from algotrader.strategies.scanners import GapUpScanner, Route, StaticScanner, VolumeScanner, scanner_from_text

START = minutes_of_sessions("XNYS", 1)[0]


def day(open_raw: int = 0, previous: int = 0, volume: int = 0, volumes: list[int] | None = None) -> DayStats:
    """A session so far."""
    stats = DayStats()
    stats.previous_close_raw = previous
    stats.open_raw = open_raw
    stats.volume_raw = volume
    stats.volumes = volumes or []
    return stats


@pytest.mark.covers("A88")
@pytest.mark.parametrize(
    ("symbols", "symbol", "admitted"), [((), "AAPL", True), (("AAPL", "MSFT"), "MSFT", True), (("AAPL",), "MSFT", False)]
)
def test_a_static_scanner_admits_its_list(symbols: tuple[str, ...], symbol: str, admitted: bool) -> None:
    assert StaticScanner(symbols).admits(symbol, day()) is admitted


@pytest.mark.covers("A88")
@pytest.mark.parametrize(
    ("open_raw", "previous", "admitted"),
    [
        (1_020_000, 1_000_000, True),
        (1_019_999, 1_000_000, False),
        (1_000_000, 1_020_000, False),
        (1_020_000, 0, False),
        (0, 1_000_000, False),
    ],
    ids=["exactly the gap", "a unit less", "a gap down", "first session", "no bar yet"],
)
def test_a_gap_is_measured_from_the_last_close(open_raw: int, previous: int, admitted: bool) -> None:
    assert GapUpScanner(2.0).admits("AAPL", day(open_raw, previous)) is admitted


@pytest.mark.covers("A88")
@pytest.mark.parametrize(
    ("volume", "volumes", "admitted"),
    [
        (300, [100, 200, 300], True),
        (299, [100, 200, 300], False),
        (300, [9999, 100, 200, 300], True),
        (10_000, [100, 200], False),
        (10_000, [], False),
        (10, [0, 0, 0], False),
    ],
    ids=["exactly", "a unit less", "only the last sessions count", "too few sessions", "first session", "nothing ever traded"],
)
def test_volume_is_compared_with_the_last_sessions(volume: int, volumes: list[int], admitted: bool) -> None:
    assert VolumeScanner(1.5, 3).admits("AAPL", day(volume=volume, volumes=volumes)) is admitted


@pytest.mark.parametrize(
    ("text", "kind", "attributes"),
    [
        ("static", StaticScanner, {"symbols": ()}),
        ("static:AAPL+MSFT", StaticScanner, {"symbols": ("AAPL", "MSFT")}),
        ("gap_up", GapUpScanner, {"percent": 2.0}),
        ("gap_up:2.5", GapUpScanner, {"percent": 2.5}),
        ("volume", VolumeScanner, {"factor": 1.5, "sessions": 5}),
        ("volume:2", VolumeScanner, {"factor": 2.0, "sessions": 5}),
        ("volume:2:7", VolumeScanner, {"factor": 2.0, "sessions": 7}),
    ],
)
def test_scanners_written_as_text(text: str, kind: type, attributes: dict[str, Any]) -> None:
    found = scanner_from_text(text)
    assert type(found) is kind
    assert {name: getattr(found, name) for name in attributes} == attributes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gap", "unknown scanner 'gap'; known: static, gap_up, volume"),
        ("gap_up:many", "has a part that is no number"),
        ("gap_up:1:2", "or one too many"),
        ("gap_up:-1", "the gap must be positive, not -1 percent"),
        ("gap_up:nan", "the gap must be positive"),
        ("gap_up:inf", "the gap must be positive"),
        ("volume:0", "the factor must be positive"),
        ("volume:nan", "the factor must be positive"),
        ("volume:1:0", "sessions at least 1"),
        ("volume:1:2.5", "has a part that is no number"),
        ("volume:1:2:3", "or one too many"),
    ],
)
def test_texts_that_are_no_scanner(text: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        scanner_from_text(text)


class EveryBar(SignalStrategy):
    """Always wants to be long; closes with the session."""

    name: ClassVar[str] = "every_bar"
    protection: ClassVar[str] = "none"
    sizing: ClassVar[str] = "explicit"

    @property
    def required_history(self) -> int:
        """It needs to know nothing."""
        return 1

    def should_long(self, bar: Bar, indicators: Any) -> bool:
        """Yes."""
        return True

    def quantity(self, bar: Bar, indicators: Any) -> int:
        """One."""
        return 1


class EveryBarToo(EveryBar):
    """Another one of these."""

    name: ClassVar[str] = "every_bar_too"


def entries(result: BacktestResult) -> list[tuple[int, int, str, str]]:
    """Entries as (day, minute of the session, symbol, strategy)."""
    found = []
    for fill in result.fills:
        if fill.role == "entry":
            number, rest = divmod(fill.time - START, NS_PER_DAY)
            found.append((number, rest // NS_PER_MINUTE, fill.symbol, fill.strategy))
    return found


def days(*opens: float, volume: int = 1000) -> list[Row]:
    """Sessions that stand still at a price."""
    return [(price, price, price, price, volume) for price in opens for _ in range(390)]


@pytest.mark.covers("A88")
def test_a_gap_admits_for_the_day(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, {"AAPL": days(100, 102, 102), "MSFT": days(100, 101.9, 110)})
    routes = [Route(GapUpScanner(2), EveryBar)]
    result = backtest(None, ["AAPL", "MSFT"], data=catalogue, routes=routes, options=ideal())
    assert entries(result) == [(1, 1, "AAPL", "every_bar"), (2, 1, "MSFT", "every_bar")]


@pytest.mark.covers("A88")
def test_volume_admits_from_the_moment_on(tmp_path: Path) -> None:
    rows = days(100) + days(100, volume=1500)
    catalogue = catalogue_of(tmp_path, {"AAPL": rows})
    result = backtest(None, ["AAPL"], data=catalogue, routes=[Route(VolumeScanner(1, 1), EveryBar)], options=ideal())
    # 390,000 traded yesterday; at 1,500 a minute that is reached with the 260th.
    assert entries(result) == [(1, 260, "AAPL", "every_bar")]


@pytest.mark.covers("A88")
def test_routes_feed_strategies_of_their_own(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, {"AAPL": days(100), "MSFT": days(100)})
    routes = [
        Route(StaticScanner(("MSFT",)), EveryBarToo),
        Route(StaticScanner(("AAPL",)), "buy_and_hold", {"quantity": 7}),
    ]
    result = backtest(EveryBar, ["AAPL", "MSFT"], data=catalogue, routes=routes, options=ideal())
    assert sorted(entries(result)) == [
        (0, 1, "AAPL", "buy_and_hold"),
        (0, 1, "AAPL", "every_bar"),
        (0, 1, "MSFT", "every_bar"),
        (0, 1, "MSFT", "every_bar_too"),
    ]
    assert [fill.quantity for fill in result.fills if fill.strategy == "buy_and_hold"] == [Decimal(7)]
    assert result.parameters["buy_and_hold.quantity"] == Decimal(7)


class FromThree(Scanner):
    """A scanner of a user's own: admits from a volume of three bars on."""

    def admits(self, symbol: str, day: DayStats) -> bool:
        """Once three thousand have traded."""
        return day.volume_raw >= 3000


@pytest.mark.covers("A88")
def test_a_scanner_of_a_user(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, {"AAPL": days(100)})
    result = backtest(None, ["AAPL"], data=catalogue, routes=[Route(FromThree(), EveryBar)], options=ideal())
    assert entries(result) == [(0, 3, "AAPL", "every_bar")]


class Numpy(Scanner):
    """A scanner that answers with numpy's kind of truth."""

    def admits(self, symbol: str, day: DayStats) -> object:
        """Yes."""
        return np.bool_(symbol == "AAPL")


def test_a_scanner_may_answer_with_a_numpy_truth(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, {"AAPL": days(100), "MSFT": days(100)})
    result = backtest(None, ["AAPL", "MSFT"], data=catalogue, routes=[Route(Numpy(), EveryBar)], options=ideal())
    assert entries(result) == [(0, 1, "AAPL", "every_bar")]


class Breaks(Scanner):
    """A scanner with a mistake."""

    def admits(self, symbol: str, day: DayStats) -> bool:
        """Fails for one symbol."""
        if symbol == "AAPL":
            raise LookupError("no list")
        return True


@pytest.mark.covers("A86")
def test_a_mistake_in_a_scanner_leaves_the_others_running(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, {"AAPL": days(100), "MSFT": days(100)})
    result = backtest(None, ["AAPL", "MSFT"], data=catalogue, routes=[Route(Breaks(), EveryBar)], options=ideal())
    assert entries(result) == [(0, 1, "MSFT", "every_bar")]
    assert "LookupError: no list" in result.problems[0].message
