"""Where Alpaca is and with which keys; what may not be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from algotrader.core.instruments import crypto, equity
from algotrader.core.orders import Side
from algotrader.errors import UserError
from algotrader.venues.alpaca.rules import CRYPTO, STOCKS, capabilities_for
from algotrader.venues.alpaca.settings import AlpacaSettings, loopback_settings
from algotrader.venues.alpaca.stop_limits import with_limit


def test_the_usual_addresses_follow_from_the_kind_of_account() -> None:
    paper, live = AlpacaSettings("K", "S"), AlpacaSettings("K", "S", paper=False, feed="sip")
    assert (paper.trading_url, paper.stream_url) == ("https://paper-api.alpaca.markets", "wss://paper-api.alpaca.markets/stream")
    assert (live.trading_url, live.stream_url) == ("https://api.alpaca.markets", "wss://api.alpaca.markets/stream")
    assert (paper.stock_stream, live.stock_stream) == tuple(
        f"wss://stream.data.alpaca.markets/v2/{feed}" for feed in ("iex", "sip")
    )
    assert live.crypto_stream == "wss://stream.data.alpaca.markets/v1beta3/crypto/us"
    assert (paper.is_paper_endpoint, live.is_paper_endpoint) == (True, False)


def test_a_rehearsal_has_everything_at_one_address() -> None:
    found = loopback_settings("127.0.0.1:8123", "K", "S", paper=False)
    assert found.is_loopback
    assert found.is_paper_endpoint
    assert found.stream_url == "ws://127.0.0.1:8123/stream"
    assert found.stock_stream == "ws://127.0.0.1:8123/v2/iex"


def test_keys_are_never_shown() -> None:
    text = repr(AlpacaSettings("KEYKEY", "SECRETSECRET"))
    assert "KEYKEY" not in text
    assert "SECRETSECRET" not in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"key": ""}, "needs a key"),
        ({"secret": ""}, "needs a key"),
        ({"secret": "two words"}, "characters"),
        ({"secret": "line\nbreak"}, "characters"),
        ({"trading_url": "http://api.alpaca.markets"}, "plain text"),
        ({"stream_url": "ws://paper-api.alpaca.markets/stream"}, "plain text"),
        ({"data_url": "ftp://data.alpaca.markets"}, "no address"),
        ({"data_stream_url": "wss://user@stream.data.alpaca.markets"}, "no address"),
        ({"data_url": "https://data.alpaca.markets:port"}, "no address"),
        ({"trading_url": "https://api.alpaca.markets?x=1"}, "no address"),
    ],
)
def test_what_would_not_work_or_would_tell_keys_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        AlpacaSettings(**{"key": "K", "secret": "S", **changes})
    assert "line" not in str(caught.value)


def test_stocks_and_crypto_have_rules_of_their_own() -> None:
    assert capabilities_for([equity("AAPL")]) is STOCKS
    assert capabilities_for([crypto("BTC/USD")]) is CRYPTO
    with pytest.raises(ValueError, match="different rules"):
        capabilities_for([equity("AAPL"), crypto("BTC/USD")])


@pytest.mark.parametrize(("side", "limit"), [(Side.SELL, "95"), (Side.BUY, "105")])
def test_a_stop_in_crypto_gets_a_limit_behind_it(side: Side, limit: str) -> None:
    coin = crypto("BTC/USD", price_scale=2)
    body = {"type": "stop", "stop_price": "100", "qty": "1"}
    found = with_limit(body, coin, side)
    assert (found["type"], Decimal(found["limit_price"])) == ("stop_limit", Decimal(limit))
    assert with_limit({"stop_price": "100"}, coin, side).keys() == {"stop_price", "limit_price"}
    assert with_limit(body, equity("AAPL"), side) == body
    assert with_limit({"type": "market"}, coin, side) == {"type": "market"}
