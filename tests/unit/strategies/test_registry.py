"""Finding strategies: by name, from installed packages, from files; and what is said when there is none."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from backtest_kit import catalogue_of, ideal

from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import BacktestError, backtest
from algotrader.strategies import registry
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.buy_and_hold import BuyAndHold
from algotrader.strategies.momentum import Momentum
from algotrader.strategies.rebalance import Rebalance
from algotrader.strategies.registry import StrategyType, UnknownStrategy, load_strategy, strategy_names
from algotrader.strategies.sma_cross import SmaCross
from algotrader.strategies.velez import Velez

BUILT_IN: dict[str, StrategyType] = {
    "velez": Velez,
    "sma_cross": SmaCross,
    "buy_and_hold": BuyAndHold,
    "momentum": Momentum,
    "rebalance": Rebalance,
}

OWN = """
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.velez import Velez


class Mine(SignalStrategy):
    protection = "none"
    sizing = "explicit"
    close_at_session_end = False
    required_history = 1

    def should_long(self, bar, indicators):
        return True

    def quantity(self, bar, indicators):
        return 3
"""


@pytest.mark.covers("A85", "C4")
@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_names(name: str) -> None:
    assert load_strategy(name) is BUILT_IN[name]
    assert name in strategy_names()
    assert BUILT_IN[name].strategy_name() == name


@pytest.mark.covers("A85")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("velz", "no strategy named 'velz'; did you mean 'velez'? (known: buy_and_hold, "),
        ("sma-cross", "did you mean 'sma_cross'?"),
        ("zzz", "no strategy named 'zzz' (known: "),
        ("", "no strategy named '' (known: "),
        ("velez:Velez", "no strategy named 'velez:Velez'"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(name: str, words: str) -> None:
    with pytest.raises(UnknownStrategy) as caught:
        load_strategy(name)
    assert words in str(caught.value)
    assert "or give path/to/file.py:Name" in str(caught.value)


@pytest.mark.covers("A85")
def test_a_backtest_with_a_wrong_name_says_so_before_it_reads_data(tmp_path: Path) -> None:
    with pytest.raises(BacktestError, match="did you mean 'velez'"):
        backtest("velezz", ["AAPL"], data=Catalogue(tmp_path / "nothing"))


@pytest.mark.covers("A85", "C7")
@pytest.mark.parametrize("spec", ["{path}", "{path}:Mine"])
def test_a_class_in_a_file_is_found_and_trades(tmp_path: Path, spec: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN, encoding="utf-8")
    kind = load_strategy(spec.format(path=path))
    assert issubclass(kind, SignalStrategy)
    assert kind.strategy_name() == "Mine"
    catalogue = catalogue_of(tmp_path / "bars", {"AAPL": [(10, 11, 9, 10)] * 3})
    result = backtest(spec.format(path=path), ["AAPL"], data=catalogue, options=ideal())
    assert [(fill.side, int(fill.quantity)) for fill in result.fills] == [("buy", 3)]
    assert result.strategy == "Mine"


@pytest.mark.covers("C6")
@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (OWN, ":Other", "has no class 'Other'; strategies in it: Mine"),
        (OWN, ":Velez", None),
        (OWN, ":SignalStrategy", None),
        (OWN + "\nclass Second(Mine):\n    pass\n", "", "has 2 strategies (Mine, Second); say which as"),
        ("x = 1\n", "", "has 0 strategies (none)"),
        ("x = 1\n", ":x", "is not a strategy; derive it from SignalStrategy or TradingAlgorithm"),
        ("def broken(:\n", "", "cannot be imported: SyntaxError"),
        ("import nothing_of_that_name\n", "", "cannot be imported: ModuleNotFoundError"),
        ("raise SystemError('no')\n", "", "cannot be imported: SystemError: no"),
        ("from zipline.api import order\n", "", "write 'from algotrader.api import ...' instead"),
    ],
)
def test_files_that_do_not_say_what_is_meant(tmp_path: Path, text: str, name: str, words: str | None) -> None:
    path = tmp_path / "own.py"
    path.write_text(text, encoding="utf-8")
    if words is None:
        assert load_strategy(f"{path}{name}").__name__ == name[1:]
        return
    with pytest.raises(UnknownStrategy) as caught:
        load_strategy(f"{path}{name}")
    assert words in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownStrategy, match="no strategy file"):
        load_strategy(str(tmp_path / "gone.py"))


def test_two_files_of_the_same_name_do_not_mix(tmp_path: Path) -> None:
    for folder, quantity in (("one", 3), ("two", 4)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").write_text(OWN.replace("return 3", f"return {quantity}"), encoding="utf-8")
    bar: Any = None
    kinds: list[Any] = [load_strategy(str(tmp_path / folder / "own.py")) for folder in ("one", "two")]
    assert [kind("AAPL").quantity(bar, None) for kind in kinds] == [3, 4]


class Points:
    """Installed packages with entry points of ours."""

    def __init__(self, *points: EntryPoint) -> None:
        self.points = points

    def __call__(self, *, group: str) -> tuple[EntryPoint, ...]:
        assert group == "algotrader.strategies"
        return self.points


@pytest.mark.covers("C4", "C6")
def test_strategies_of_installed_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    good = EntryPoint("other", "algotrader.strategies.sma_cross:SmaCross", "algotrader.strategies")
    greedy = EntryPoint("velez", "algotrader.strategies.sma_cross:SmaCross", "algotrader.strategies")
    broken = EntryPoint("broken", "algotrader.strategies.sma_cross:Gone", "algotrader.strategies")
    nothing = EntryPoint("nothing", "algotrader.strategies.parameters:Parameters", "algotrader.strategies")
    monkeypatch.setattr(registry, "entry_points", Points(good, greedy, broken, nothing))
    assert load_strategy("other") is SmaCross
    assert load_strategy("velez") is Velez
    with pytest.raises(UnknownStrategy, match="'broken' cannot be loaded"):
        load_strategy("broken")
    with pytest.raises(UnknownStrategy, match="nothing is not a strategy"):
        load_strategy("nothing")


@pytest.mark.covers("A87")
def test_every_symbol_gets_the_one_strategy(tmp_path: Path) -> None:
    bars = [(10, 11, 9, 10)] * 3
    catalogue = catalogue_of(tmp_path, {"AAPL": bars, "MSFT": bars, "TSLA": bars})
    result = backtest("buy_and_hold", ["TSLA", "AAPL", "MSFT"], data=catalogue, options=ideal())
    assert [(fill.symbol, fill.strategy) for fill in result.fills] == [
        ("TSLA", "buy_and_hold"),
        ("AAPL", "buy_and_hold"),
        ("MSFT", "buy_and_hold"),
    ]
