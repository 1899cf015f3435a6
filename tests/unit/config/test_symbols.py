"""Symbols by asset class: the configuration's rule is the engine's."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from algotrader.config.symbols import read_symbol, read_symbols, read_watchlist
from algotrader.core.instruments import BadSymbol, guess_asset_class


@pytest.mark.covers("A18")
@given(st.text("ABZ19/. CPFH", max_size=22))
@example("AAPL")
@example("BRK.B")
@example("BTC/USDT")
@example("EUR.USD")
@example("ESZ5")
@example("AAPL260116C00150000")
@example("TOOLONG")
def test_configuration_and_engine_agree(text: str) -> None:
    text = text.strip()
    try:
        guess_asset_class(text)
    except BadSymbol:
        with pytest.raises(ValueError, match="is not a symbol"):
            read_symbol(text)
    else:
        assert read_symbol(text) == text


@pytest.mark.parametrize("value", [True, False, ["AAPL", True]])
def test_symbols_that_yaml_took_for_yes_and_no(value: object) -> None:
    with pytest.raises(ValueError, match="in quotes"):
        read_symbols(value if isinstance(value, list) else [value])


@pytest.mark.covers("A18")
@pytest.mark.parametrize("value", ["", " ", ",", [], [""], ()])
def test_an_empty_watchlist_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="the watchlist is empty"):
        read_watchlist(value)


def test_lists_and_texts() -> None:
    assert read_symbols("AAPL, BRK.B ,BTC/USDT") == read_symbols(["AAPL", "BRK.B", "BTC/USDT"]) == ("AAPL", "BRK.B", "BTC/USDT")
