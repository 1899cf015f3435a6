"""A database counts an instrument for ever as it did first."""

from __future__ import annotations

from pathlib import Path

import pytest

from algotrader.core.instruments import GENERIC, Instrument, crypto, equity
from algotrader.core.risk import RiskPolicy
from algotrader.live.setup import SessionSetup, remember
from algotrader.live.units import check_all_units
from algotrader.storage.records import StoreFailed
from algotrader.storage.sql_store import open_store

COIN = crypto("BTC/USD", price_scale=4)


@pytest.mark.parametrize(
    ("now", "complaint"),
    [
        (equity("AAPL"), ""),
        (equity("TSLA", fractional=True), ""),
        (COIN, ""),
        (equity("AAPL", fractional=True), r"counts AAPL otherwise \(decimals of the quantity: 0, now 6\)"),
        (crypto("BTC/USD", price_scale=2), r"counts BTC/USD otherwise \(decimals of the price: 4, now 2\)"),
        (Instrument("AAPL", currency="EUR"), r"counts AAPL otherwise \(currency: USD, now EUR\)"),
    ],
)
def test_an_instrument_cannot_be_counted_otherwise_than_before(tmp_path: Path, now: Instrument, complaint: str) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'trading.db'}", durable=False)
    try:
        check_all_units(store, [now])
        remember(store, SessionSetup((), "", (equity("AAPL"), COIN), RiskPolicy(), GENERIC, False, "a"), "build")
        if complaint:
            with pytest.raises(StoreFailed, match=complaint):
                check_all_units(store, [now])
        else:
            check_all_units(store, [now])
    finally:
        store.close()
