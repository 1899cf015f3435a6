"""How long a session waits at Alpaca: never longer than the broker's timeout, and a request under way takes the machine's time."""

from __future__ import annotations

import pytest

pytest.importorskip("alpaca")

from algotrader.config.sections import BrokerSection
from algotrader.live.alpaca import alpaca_settings
from algotrader.venues.alpaca.settings import Patience


@pytest.mark.parametrize(
    ("timeout", "ping", "silence", "close"), [(1.0, 1.0, 1.0, 0.5), (15.0, 10.0, 15.0, 0.5), (30.0, 10.0, 20.0, 0.5)]
)
def test_no_wait_is_longer_than_the_timeout(timeout: float, ping: float, silence: float, close: float) -> None:
    section = BrokerSection.model_validate({"api_key": "k", "secret_key": "s", "timeout": timeout})
    patience = alpaca_settings(section, "127.0.0.1:1").patience
    assert (patience.ping, patience.pong, patience.silence, patience.close) == (ping, ping, silence, close)
    assert max(patience.connect, patience.read, patience.answer) <= timeout
    assert timeout < 30 or patience == Patience()
