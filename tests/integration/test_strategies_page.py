"""The strategies on the page for users run as they stand there."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from algotrader.core.instruments import equity
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.research.backtest import backtest, verify_candidates

PAGE = Path(__file__).resolve().parents[2] / "docs" / "strategies.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SYMBOLS = ("AAPL", "MSFT")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Four months of made-up minute bars of two symbols."""
    made = Catalogue(tmp_path_factory.mktemp("page"))
    for symbol in SYMBOLS:
        made.write_bars(equity(symbol), "1m", generate(equity(symbol), date(2024, 1, 2), date(2024, 4, 30), 11))
    return made


@pytest.mark.parametrize(("number", "interval"), [(0, "15m"), (1, "15m"), (2, "1h"), (3, "1d"), (4, "15m")])
def test_a_strategy_of_the_page_trades_without_a_problem(number: int, interval: str, catalogue: Catalogue, tmp_path: Path) -> None:
    file = tmp_path / "from_the_page.py"
    file.write_text(BLOCKS[number], encoding="utf-8")
    result = backtest(str(file), SYMBOLS, data=catalogue, interval=interval)
    assert result.fills
    assert [problem for problem in result.problems if problem.kind.startswith("strategy")] == []


def test_every_strategy_of_the_page_is_tested() -> None:
    assert len(BLOCKS) == 5


@pytest.mark.parametrize("interval", ["1m", "15m"])
def test_the_candidates_of_the_page_keep_their_promise(interval: str, catalogue: Catalogue, tmp_path: Path) -> None:
    file = tmp_path / "from_the_page.py"
    file.write_text(BLOCKS[1], encoding="utf-8")
    assert verify_candidates(str(file), SYMBOLS, data=catalogue, interval=interval, end="2024-02-29") == ""


@pytest.mark.parametrize("name", ["momentum", "rebalance"])
@pytest.mark.parametrize("interval", ["1h", "1d"])
def test_the_built_in_algorithms_trade_without_a_problem(name: str, interval: str, catalogue: Catalogue) -> None:
    result = backtest(name, SYMBOLS, data=catalogue, interval=interval)
    assert result.fills
    assert [problem for problem in result.problems if problem.kind.startswith("strategy")] == []
