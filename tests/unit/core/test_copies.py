"""Immutable values of the engine can be copied and sent to other processes, compiled or not."""

from __future__ import annotations

import copy
import copyreg
import importlib
import pickle
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import algotrader.core
import algotrader.simulation
from algotrader.core.instruments import ALPACA_LIKE, equity
from algotrader.core.market import Quote, Session, TradeTick
from algotrader.core.risk import RiskPolicy, Sizing
from algotrader.simulation.costs import commission_from_text, slippage_from_text
from algotrader.simulation.settings import SimulationSettings
from algotrader.strategies.scanners import GapUpScanner, StaticScanner, VolumeScanner

AAPL = equity("AAPL")
VALUES: list[Any] = [
    AAPL,
    ALPACA_LIKE,
    RiskPolicy(consecutive_loss_pause=7),
    Sizing(10, "risk"),
    Session("XNYS", "2025-11-26", 0, 100),
    TradeTick(AAPL, 1, 100, 1),
    Quote(AAPL, 1, 100, 101),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_copy_is_equal(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value


@pytest.mark.parametrize("commission", ["0.005", "per-trade:1", "per-dollar:0.0015", "maker-taker:0.001:0.002", "none"])
@pytest.mark.parametrize("slippage", ["0.01", "bps:5", "volume-share:0.025:0.1", "none"])
def test_a_copy_of_a_simulation_costs_the_same(slippage: str, commission: str) -> None:
    settings = SimulationSettings(slippage_from_text(slippage), commission_from_text(commission), latency_ns=5)
    again = pickle.loads(pickle.dumps(settings))
    assert again.slippage.describe() == settings.slippage.describe()
    assert again.commission.describe() == settings.commission.describe()
    assert again.latency_ns == 5


def test_a_copy_of_a_scanner_asks_the_same() -> None:
    assert pickle.loads(pickle.dumps(StaticScanner(("AAPL",)))).symbols == ("AAPL",)
    assert pickle.loads(pickle.dumps(GapUpScanner(3.0))).percent == 3.0
    assert copy.copy(VolumeScanner(2.0, 7)).sessions == 7


def _frozen() -> Iterator[type]:
    for package in (algotrader.core, algotrader.simulation):
        for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            for kind in vars(importlib.import_module(info.name)).values():
                parameters = vars(kind).get("__dataclass_params__") if isinstance(kind, type) else None
                if parameters is not None and parameters.frozen and kind.__module__ == info.name:
                    yield kind


@pytest.mark.parametrize("kind", list(_frozen()), ids=lambda kind: kind.__name__)
def test_no_frozen_class_is_forgotten(kind: type) -> None:
    assert kind in copyreg.dispatch_table
