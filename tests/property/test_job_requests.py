"""Whatever is asked for over HTTP becomes an order that can be sent to a worker, or is refused in a sentence; nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from job_rig import small_market
from pydantic import ValidationError

from algotrader.server.jobs.checks import Checker
from algotrader.server.models.backtests import BacktestRequest, SweepRequest
from algotrader.server.refusal import Refusal

NUMBERS = ["0", "1", "-1", "0.0000001", "999999999999", "1e99", "1e999", "nan", "inf", "1_0", "___", "٣", ""]
MODELS = [
    *(f"{name}:{number}" for name in ("bps", "per-share", "maker-taker", "none") for number in NUMBERS),
    "none",
    "0.01",
    "a:b:c",
]
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(NUMBERS), st.text(max_size=8))
SHARED: dict[str, Any] = {
    "strategy": ["velez", "sma_cross", "momentum", "rebalance", "buy_and_hold", "x.py:Y"],
    "symbols": [["AAPL"], ["msft", "AAPL"], ["AAPL", "aapl"], ["../x"]],
    "interval": [None, "1m", "30m", "1d"],
    "capital": NUMBERS,
    "slippage": MODELS,
    "commission": MODELS,
    "volume_limit": ["none", "2.5%", *NUMBERS],
    "scanner": ["static", "volume:1:2:3", *(f"gap_up:{number}" for number in NUMBERS)],
    "latency_ms": [0, 60_000, 1e-300, -1],
    "venue": ["generic", "alpaca-like"],
}
GRIDS = st.dictionaries(
    st.sampled_from(["fast", "slow", "quantity", "period", "candle_interval_minutes", "odd"]),
    st.one_of(st.sampled_from(["5:9:2", "9:5:1", "1:999999999999:1", "0:1:0.1", "1,2", "1,1", ","]), st.lists(VALUES, max_size=3)),
    max_size=3,
)
PARAMETERS = st.dictionaries(st.sampled_from(["fast", "slow", "quantity", "period", "allow_short"]), VALUES, max_size=3)
BODIES = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in SHARED.items()})


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    folder: Path = tmp_path_factory.mktemp("bars")
    return Checker(small_market(folder), None, "")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(BODIES, PARAMETERS, st.one_of(st.none(), GRIDS))
def test_requests_become_orders_or_are_refused(
    checker: Checker, body: dict[str, Any], parameters: dict[str, Any], grid: dict[str, Any] | None
) -> None:
    asked = {"strategy": "sma_cross", "symbols": ["AAPL"], **body}
    refusal: Refusal | None = None
    order: dict[str, Any] = {}
    try:
        if grid is None:
            order = checker.backtest(BacktestRequest.model_validate_json(json.dumps({**asked, "parameters": parameters})))
        else:
            order = checker.sweep(SweepRequest.model_validate_json(json.dumps({**asked, "grid": grid})))
    except ValidationError:
        return
    except Refusal as no:
        refusal = no
    if refusal is not None:
        assert refusal.status == 422
        assert refusal.message
        assert refusal.hint
    else:
        assert len(json.dumps(order, allow_nan=False)) < 100_000
        assert set(order["request"]["symbols"]) <= {"AAPL", "MSFT"}
