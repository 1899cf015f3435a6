"""The session of requests that carries everything to Alpaca: bounded in time and size, exact in its numbers, quick with orders.

Imported only once something is sent: requests takes a while to import.
"""

from __future__ import annotations

import json
import os
import time
from decimal import Decimal
from typing import Any, Final, NoReturn

from requests import PreparedRequest, Request, Response, Session
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from algotrader.venues.alpaca.settings import Patience, is_loopback

_MOST_BYTES: Final = 64 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_LONGEST: Final = 3.0
"""An answer that comes in drops is given up after so many times the patience for one of its parts."""

_Template = tuple[dict[str, str], PreparedRequest, dict[str, Any]]


def make_session(patience: Patience, url: str, connections: int) -> BoundedSession:
    """A session for one service.

    Args:
        patience: how long to wait.
        url: the service's address.
        connections: that are kept open at most.
    """
    session = BoundedSession(patience)
    # Proxies and certificates of the environment are looked up here and not for every order, and a file of passwords never is.
    session.trust_env = False
    if not is_loopback(url):
        session.proxies = get_environ_proxies(url)
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class BoundedSession(Session):
    """Never waits for ever and takes no endless answer.

    Args:
        patience: how long to wait.
    """

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience: Final = patience
        self._templates: Final[dict[str, _Template]] = {}

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]  # as it is called
        """Make a request and read its answer whole.

        Raises:
            ValueError: the answer is too long, comes too slowly, or leads elsewhere.
            RequestException: as ever.
        """
        bounds: dict[str, Any] = {"timeout": (self._patience.connect, self._patience.read), "stream": True}
        if method == "POST" and set(kwargs) == {"headers", "json", "allow_redirects"} and not self.cookies:
            response = self._post(url, kwargs["headers"], kwargs["json"], kwargs["allow_redirects"], bounds)
        else:
            response = super().request(method, url, *args, **{**kwargs, **bounds})
        _read(response, self._patience.read * _LONGEST)
        return response

    def _post(self, url: str, headers: dict[str, str], body: Any, redirects: bool, bounds: dict[str, Any]) -> Response:
        """Send a new order: everything but its body is as it was the last time, and preparing that takes longest."""
        known = self._templates.get(url)
        if known is None or known[0] != headers:
            template = self.prepare_request(Request("POST", url, headers=headers))
            known = headers, template, dict(self.merge_environment_settings(url, {}, True, None, None))
            self._templates[url] = known
        _, template, settings = known
        prepared = template.copy()
        prepared.prepare_body(None, None, body)
        return self.send(prepared, allow_redirects=redirects, **{**settings, **bounds})


def _read(response: Response, seconds: float) -> None:
    """Read an answer's body; numbers in it are read exactly.

    Raises:
        ValueError: it is too long, comes too slowly, or leads elsewhere.
    """
    ends = time.monotonic() + seconds
    body = bytearray()
    for part in response.iter_content(_CHUNK):
        body += part
        if len(body) > _MOST_BYTES or time.monotonic() > ends:
            response.close()
            raise ValueError(f"more than {_MOST_BYTES} bytes, or longer than {seconds:g} s")
    response._content = bytes(body)
    response.encoding = "utf-8"
    if 300 <= response.status_code < 400:
        raise ValueError(f"HTTP {response.status_code} leads elsewhere")
    response.json = lambda **_: json.loads(response.content, parse_float=Decimal, parse_constant=_no_number)  # type: ignore[method-assign]


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
