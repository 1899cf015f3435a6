"""Strategies that are plain functions in a file, and what is said when such a file is not right."""

from __future__ import annotations

from pathlib import Path

import pytest
from algorithm_run import AlgorithmRun

from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.registry import UnknownStrategy, load_strategy

CROSSING = '''
"""Two averages of daily closes."""

from algotrader.api import order_target, record, symbol


def initialize(context):
    """Buy when the fast average is above the slow one."""
    context.asset = symbol("AAPL")


def handle_data(context, data):
    closes = data.history(context.asset, "price", bar_count=3, frequency="1d")
    if len(closes) < 3:
        return
    order_target(context.asset, 100 if closes.iloc[-2:].mean() > closes.mean() else 0)
    record(price=data.current(context.asset, "price"))


def on_order_fill(context, order, transaction):
    context.filled = transaction.amount
'''


def _file(folder: Path, text: str) -> str:
    path = folder / "my_crossing.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.covers("B164")
def test_a_file_of_functions_is_a_strategy(tmp_path: Path) -> None:
    kind = load_strategy(_file(tmp_path, CROSSING))
    assert issubclass(kind, TradingAlgorithm)
    assert kind.strategy_name() == "my_crossing"
    assert kind.__doc__ == "Buy when the fast average is above the slow one."
    run = AlgorithmRun(kind.create(("AAPL",), {}), daily=True)
    for day, price in enumerate((100, 101, 102)):
        run.open(day)
        run.bars(price)
        run.close()
    assert [str(quantity) for _, quantity in run.signed] == ["100"]
    run.fill(run.orders[0].client_order_id, 102)
    assert run.algorithm.context.filled == 100
    assert run.algorithm.recorded == {"price": [(run.now, 102.0)]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def initialize(context):\n    pass\n", r"does not define handle_data\(context, data\); 'pass' is enough"),
        ("def handle_data(context, data):\n    pass\n", r"does not define initialize\(context\)"),
        ("from zipline.api import order\n", "No module named 'zipline'; write 'from algotrader.api import ...' instead"),
        ("import nonsense_of_mine\n", "No module named 'nonsense_of_mine'$"),
        ("x = 1\n", r"has 0 strategies \(none\)"),
    ],
)
def test_a_file_that_is_not_right_gets_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UnknownStrategy, match=message):
        load_strategy(_file(tmp_path, text))


def test_a_class_in_the_file_comes_before_functions(tmp_path: Path) -> None:
    own = "\nclass Mine(TradingAlgorithm):\n    initialize = handle_data = lambda self, *a: None\n"
    kind = load_strategy(_file(tmp_path, "from algotrader.api import TradingAlgorithm\n" + own + CROSSING))
    assert kind.__name__ == "Mine"
