from __future__ import annotations

import json
from decimal import Decimal

import pytest
from engine_rig import Rig
from snapshot_runs import SYMBOLS, Pair, assembled
from snapshot_strategies import Collector, Planner

from algotrader.core.scaled import from_money
from algotrader.storage.snapshots import FORMAT, CannotRestore, export_json, freeze


@pytest.mark.covers("B34", "C24")
def test_the_account_is_told_in_exact_decimals() -> None:
    rig = Rig()
    rig.hold(rig.strategy(), quantity=100, stop="98")
    other = rig.strategy("other", "MSFT")
    other.entry, other.size, other.stop, other.price = "long", 7, Decimal("199"), Decimal("201.25")
    rig.bar("200", "MSFT")
    rig.bar("101.37")
    shown = json.loads(export_json(freeze(rig.engine)))
    assert shown["format"] == FORMAT
    assert shown["time"] == "2025-11-26T14:33:00+00:00"
    assert shown["cash"] == {"SIM USD": "990000.00"}
    assert shown["portfolio_value"] == "1000137.00" == str(from_money(rig.state.equity()))
    assert shown["positions"] == [
        {
            "strategy": "s",
            "symbol": "AAPL",
            "quantity": "100",
            "average_price": "100.0000",
            "last_price": "101.3700",
            "stop_price": "98.0000",
        }
    ]
    orders = {order["id"]: order for order in shown["pending_orders"]}
    assert orders["a3"] == {
        "id": "a3",
        "strategy": "other",
        "symbol": "MSFT",
        "role": "entry",
        "side": "buy",
        "type": "stop",
        "state": "pending_submit",
        "quantity": "7",
        "filled": "0",
        "stop_price": "201.2500",
    }
    assert sorted(orders) == ["a2", "a3"]
    assert shown["strategies"][0]["attributes"]["size"] == 100
    assert shown["state"]["breaker"]["losses_in_row"] == 0


@pytest.mark.covers("B40")
@pytest.mark.parametrize("strategy", [Collector, Planner])
def test_all_that_strategies_keep_can_be_shown(strategy: type) -> None:
    pair = Pair(strategy, {}, 5, 200, "2m")
    pair.run(1, 10**6)
    text = export_json(freeze(pair.straight))
    shown = json.loads(text)
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    kept = shown["strategies"][0]
    if strategy is Collector:
        assert kept["attributes"]["money"] == "1.10"
        assert kept["attributes"]["last_bar"]["instrument"] == "AAPL"
        assert kept["attributes"]["mood"] in ("Mood.CALM", "Mood.EAGER")
    else:
        assert sorted(kept["context"]["wanted"]) == sorted(f"slot/0/asset/{n}" for n in range(len(SYMBOLS)))


def test_a_damaged_snapshot_is_refused() -> None:
    payload = freeze(assembled("velez", {}, ("AAPL",)))
    for damaged in (b"", payload[:-9], b"\x01", payload[:40] + bytes([payload[40] ^ 1]) + payload[41:]):
        with pytest.raises(CannotRestore, match="snapshot"):
            export_json(damaged)
