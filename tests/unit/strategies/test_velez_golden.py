"""Velez on 500 stored candles: the signals are the ones that the definition gives, and every fill is as accepted."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from golden.make_velez_500 import CANDLES, FILLS, described, run, write_candles
from reference.velez_reference import Candle, Rules, is_signal

from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.strategies.velez import Velez


def stored() -> list[Candle]:
    """The candles as scaled integers."""
    with CANDLES.open(encoding="utf-8") as file:
        rows = [[int(Decimal(row[name]) * 10_000) for name in ("open", "high", "low", "close")] for row in csv.DictReader(file)]
    return [(o, h, low, c) for o, h, low, c in rows]


def test_the_candles_are_the_ones_that_the_script_writes(tmp_path: Path) -> None:
    write_candles(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == CANDLES.read_bytes()
    assert len(stored()) == 500
    assert CANDLES.stat().st_size < 60_000


@pytest.mark.covers("A77")
def test_signals_are_those_of_the_definition_and_no_others() -> None:
    candles = stored()
    velez = Velez("AAPL")
    indicators = velez.indicators()
    found: list[int] = []
    for number, (o, h, low, c) in enumerate(candles):
        for indicator in indicators.values():
            indicator.update_bar(o, h, low, c, 0)
        warm = number + 1 >= velez.required_history
        bar = Bar(equity("AAPL"), number * NS_PER_MINUTE, (number + 1) * NS_PER_MINUTE, o, h, low, c, 0)
        if warm and velez.should_long(bar, None):
            found.append(number)
    wanted = [number for number in range(len(candles)) if is_signal(candles[: number + 1], Rules())]
    assert found == wanted
    assert len(found) == 45


def test_every_fill_is_as_accepted(tmp_path: Path) -> None:
    golden: dict[str, Any] = json.loads(FILLS.read_text(encoding="utf-8"))
    assert described(run(tmp_path)) == golden
    assert set(golden["reasons"]) == {"stop_loss", "strategy exit", "stop at the market", "end of day"}
    assert len(golden["fills"]) == 20
