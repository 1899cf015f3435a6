"""Where Alpaca is, with which keys, and how patient we are with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from algotrader.errors import UserError

Feed = Literal["iex", "sip"]

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Hosts to which keys may go in plain text: they are this machine."""

PAPER_TRADING: Final = "https://paper-api.alpaca.markets"
LIVE_TRADING: Final = "https://api.alpaca.markets"
PAPER_STREAM: Final = "wss://paper-api.alpaca.markets/stream"
LIVE_STREAM: Final = "wss://api.alpaca.markets/stream"
DATA: Final = "https://data.alpaca.markets"
DATA_STREAM: Final = "wss://stream.data.alpaca.markets"

_KEY: Final = re.compile(r"[!-~]{1,200}")
_SECURE: Final = {"https": ("http",), "wss": ("ws",)}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of the machine: a socket does not get faster when a rehearsal's clock does.

    Attributes:
        connect: until a connection stands.
        read: until an answer to a request, and between two parts of it.
        answer: until a stream confirms what it was told.
        ping: between two signs of life that a socket asks for by itself; one that is not answered within ``pong`` is dead.
        silence: of a stream, after which it has to confirm its subscriptions once more.
        close: until a closing handshake is given up.
    """

    connect: float = 5.0
    read: float = 20.0
    answer: float = 10.0
    ping: float = 10.0
    pong: float = 10.0
    silence: float = 20.0
    close: float = 0.5


@dataclass(frozen=True, slots=True)
class AlpacaSettings:
    """One account at Alpaca.

    Attributes:
        key, secret: of the account; neither is ever shown.
        paper: the addresses are those of the paper account.
        trading_url: REST of the account.
        stream_url: of the order updates.
        data_url: REST of the market data.
        data_stream_url: of the market-data streams, without the feed's path.
        feed: ``iex`` (one exchange, free) or ``sip`` (all, needs a subscription).
        quotes: want live quotes besides bars.
        patience: waits.

    Raises:
        UserError: a key is missing, or an address would send it in plain text to another machine.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)
    paper: bool = True
    trading_url: str = ""
    stream_url: str = ""
    data_url: str = DATA
    data_stream_url: str = DATA_STREAM
    feed: Feed = "iex"
    quotes: bool = False
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        if not self.key or not self.secret:
            raise UserError(
                f"Alpaca needs a key and its secret: {_missing(self)}", "set ALGO_BROKER_API_KEY and ALGO_BROKER_SECRET_KEY"
            )
        if not _KEY.fullmatch(self.key) or not _KEY.fullmatch(self.secret):
            raise UserError("Alpaca's key or secret has characters that neither can have", "copy both once more, whole")
        self._default("trading_url", PAPER_TRADING if self.paper else LIVE_TRADING)
        self._default("stream_url", PAPER_STREAM if self.paper else LIVE_STREAM)
        for name, scheme in (("trading_url", "https"), ("data_url", "https"), ("stream_url", "wss"), ("data_stream_url", "wss")):
            check_address(getattr(self, name), scheme)

    def _default(self, name: str, value: str) -> None:
        object.__setattr__(self, name, (getattr(self, name) or value).rstrip("/"))

    @property
    def is_loopback(self) -> bool:
        """Whether orders go to a rehearsal on this machine."""
        return is_loopback(self.trading_url)

    @property
    def is_paper_endpoint(self) -> bool:
        """Whether no real money can be traded at the address, as far as it tells."""
        return self.is_loopback or self.trading_url == PAPER_TRADING

    @property
    def stock_stream(self) -> str:
        """Address of the stream of stock data."""
        return f"{self.data_stream_url}/v2/{self.feed}"

    @property
    def crypto_stream(self) -> str:
        """Address of the stream of crypto data."""
        return f"{self.data_stream_url}/v1beta3/crypto/us"


def _missing(settings: AlpacaSettings) -> str:
    if settings.key or settings.secret:
        return "the secret is not set" if settings.key else "the key is not set"
    return "neither is set"


def loopback_settings(
    address: str, key: str, secret: str, *, paper: bool = True, feed: Feed = "iex", patience: Patience | None = None
) -> AlpacaSettings:
    """The settings for a rehearsal server that has everything at one address (``host:port`` of this machine)."""
    return AlpacaSettings(
        key,
        secret,
        paper,
        trading_url=f"http://{address}",
        stream_url=f"ws://{address}/stream",
        data_url=f"http://{address}",
        data_stream_url=f"ws://{address}",
        feed=feed,
        patience=patience or Patience(),
    )


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    return (urlsplit(url).hostname or "") in LOOPBACK


def check_address(url: str, scheme: str) -> None:
    """Refuse what is no address of a scheme (``https``, ``wss``); plain text is for this machine only.

    Raises:
        UserError: it is not.
    """
    try:
        found = urlsplit(url)
        valid = bool(found.hostname) and (found.port is None or found.port > 0)
    except ValueError:
        raise UserError(f"{url!r} is no address", f"write it like {scheme}://host") from None
    if not valid or found.username or found.query or found.fragment or found.scheme not in (scheme, *_SECURE[scheme]):
        raise UserError(f"{url!r} is no address of {scheme}", f"write it like {scheme}://host")
    if found.scheme != scheme and found.hostname not in LOOPBACK:
        raise UserError(f"{url} would send keys and orders in plain text", f"write {scheme}://, or an address of this machine")
