"""Instruments: how symbols are written, in what a venue counts, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from algotrader.core.instruments import (
    ALPACA_LIKE,
    GENERIC,
    AssetClass,
    BadSymbol,
    Instrument,
    check_symbol,
    crypto,
    equity,
    guess_asset_class,
    normal_symbol,
)
from algotrader.core.scaled import NotExact

AAPL = equity("AAPL")
BTC = crypto("BTC/USDT")


@pytest.mark.parametrize(
    ("symbol", "asset_class"),
    [
        ("A", "equity"),
        ("GOOGL", "equity"),
        ("BRK.B", "equity"),
        ("BTC/USDT", "crypto"),
        ("1INCH/USD", "crypto"),
        ("ESZ5", "future"),
        ("AAPL260116C00150000", "option"),
        ("EUR.USD", "forex"),
    ],
)
def test_symbols_are_written_as_their_asset_class_asks(symbol: str, asset_class: str) -> None:
    assert check_symbol(symbol, AssetClass(asset_class)) == symbol
    assert guess_asset_class(symbol) is AssetClass(asset_class)


@pytest.mark.parametrize("symbol", ["", "aapl", "TOOLONG", "BRK.BB", "AA PL", "AAPL\n", "BTC/", "€UR.USD"])
def test_other_texts_are_no_symbols(symbol: str) -> None:
    with pytest.raises(BadSymbol):
        guess_asset_class(symbol)
    with pytest.raises(BadSymbol, match=r"write it like AAPL or BRK\.B"):
        check_symbol(symbol, AssetClass.EQUITY)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [(" aapl ", "AAPL"), ("brk.b", "BRK.B"), ("btcusdt", "BTC/USDT"), ("BTC-USD", "BTC/USD"), ("BTC/EUR", "BTC/EUR")],
)
def test_symbols_of_other_spelling_are_written_our_way(text: str, symbol: str) -> None:
    assert normal_symbol(text) == symbol


@pytest.mark.covers("A22")
@pytest.mark.parametrize(
    ("instrument", "price", "quantity", "value"),
    [
        (AAPL, "165.37", "100", "16537"),
        (AAPL, "0.0001", "1", "0.0001"),
        (BTC, "97123.45678901", "0.00000001", "0.0009712345678901"),
        (equity("AAPL", fractional=True), "165.37", "0.5", "82.685"),
        (Instrument("ESZ5", AssetClass.FUTURE, multiplier=50), "6800.25", "2", "680025"),
    ],
)
def test_notionals_are_exact(instrument: Instrument, price: str, quantity: str, value: str) -> None:
    raw = instrument.notional(instrument.price_raw(Decimal(price)), instrument.quantity_raw(Decimal(quantity)))
    assert Decimal(raw).scaleb(-18) == Decimal(value)


@pytest.mark.parametrize(
    ("raw", "down", "up"),
    [(1_653_740, "165.37", "165.38"), (1_653_700, "165.37", "165.37"), (10_001, "1", "1.01"), (1_234, "0.1234", "0.1234")],
)
def test_prices_are_rounded_to_the_increment_of_their_height(raw: int, down: str, up: str) -> None:
    assert AAPL.price(AAPL.round_price_down(raw)) == Decimal(down)
    assert AAPL.price(AAPL.round_price_up(raw)) == Decimal(up)


@pytest.mark.parametrize(("quantity", "rounded"), [(7, 0), (12, 10), (10, 10), (0, 0), (29, 20)])
def test_quantities_are_rounded_down_to_what_the_venue_trades(quantity: int, rounded: int) -> None:
    lots = Instrument("AAPL", quantity_increment=10, min_quantity=10)
    assert lots.round_quantity_down(quantity) == rounded


@pytest.mark.parametrize("value", ["0.00001", "900719925474.0993", "NaN"])
def test_a_price_that_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(NotExact):
        AAPL.price_raw(Decimal(value))


@pytest.mark.parametrize("change", [{"price_scale": 19}, {"price_scale": -1}, {"price_increment": 0}, {"multiplier": 0}])
def test_an_instrument_that_cannot_be_counted_in_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="AAPL"):
        Instrument("AAPL", **change)  # type: ignore[arg-type]


@pytest.mark.covers("A27")
def test_venues_are_described_by_data() -> None:
    assert GENERIC.reduce_only
    assert not GENERIC.reserves_holdings
    assert ALPACA_LIKE.reserves_holdings
    assert ALPACA_LIKE.refuses_opposing
    assert not ALPACA_LIKE.reduce_only
    assert set(GENERIC.order_types) == {"market", "limit", "stop", "stop_limit", "trailing_stop"}
