"""The session of requests that carries everything to Alpaca: bounded in time and size, exact in its numbers, quick with orders.

Imported only once something is sent: requests takes a while to import.
"""

from __future__ import annotations

import json
import os
import time
from copy import copy
from decimal import Decimal
from typing import Any, Final, NoReturn
from urllib.parse import urlencode

from requests import PreparedRequest, Request, Response, Session
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3 import HTTPConnectionPool

from algotrader.venues.alpaca.settings import Patience, is_loopback

_MOST_BYTES: Final = 64 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_LONGEST: Final = 3.0
"""An answer that comes in drops is given up after so many times the patience for one of its parts."""

_PREPARED: Final = {"GET": {"headers", "params", "allow_redirects"}, "POST": {"headers", "json", "allow_redirects"}}
"""What alpaca-py gives with a request."""

_MOST_TEMPLATES: Final = 64
"""Addresses that a request is kept of; some have an order's id in them and are asked for once."""

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
    adapter = _OneService(pool_connections=1, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _OneService(HTTPAdapter):
    """Looks the pool of connections up once: it is for one service, with the same certificates and proxies for every request."""

    _pool: HTTPConnectionPool | None = None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """The pool."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool


class BoundedSession(Session):
    """Never waits for ever and takes no endless answer.

    Args:
        patience: how long to wait.
    """

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience: Final = patience
        self._templates: Final[dict[tuple[str, str], _Template]] = {}

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]  # as it is called
        """Make a request and read its answer whole.

        Raises:
            ValueError: the answer is too long, comes too slowly, or leads elsewhere.
            RequestException: as ever.
        """
        bounds: dict[str, Any] = {"timeout": (self._patience.connect, self._patience.read), "stream": True}
        if method in _PREPARED and kwargs.keys() == _PREPARED[method] and not args and not self.cookies:
            prepared, settings = self._prepared(method, url, kwargs)
            response = self.send(prepared, allow_redirects=kwargs["allow_redirects"], **{**settings, **bounds})
        else:
            response = super().request(method, url, *args, **{**kwargs, **bounds})
        _read(response, self._patience.read * _LONGEST)
        return response

    def _prepared(self, method: str, url: str, given: dict[str, Any]) -> tuple[PreparedRequest, dict[str, Any]]:
        """A request like the last one to that address, but for its body or its query: preparing the rest takes longest."""
        headers = given["headers"]
        known = self._templates.get((method, url))
        if known is None or known[0] != headers:
            template = self.prepare_request(Request(method, url, headers=headers))
            known = headers, template, dict(self.merge_environment_settings(url, {}, True, None, None))
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            self._templates[method, url] = known
        _, template, settings = known
        prepared = copy(template)
        prepared.headers = template.headers.copy()
        if method == "POST":
            prepared.prepare_body(None, None, given["json"])
        elif given["params"]:
            prepared.url = f"{template.url}?{urlencode(given['params'])}"
        return prepared, settings


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
    response._content = content = bytes(body)
    response.encoding = "utf-8"
    if 300 <= response.status_code < 400:
        raise ValueError(f"HTTP {response.status_code} leads elsewhere")
    # Not the response's own content: a response that holds itself would stay until the collector interrupts an order for it.
    response.json = lambda **_: json.loads(content, parse_float=Decimal, parse_constant=_no_number)  # type: ignore[method-assign]


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
