"""Who may ask the server for what.

Whoever runs programs on this machine may read, as long as the server listens on loopback only; whatever changes the session needs
the token, or the cookie of a login. A web page of somebody else must not get in through the user's browser: requests that name
another origin are refused, and so are host names that are not ours, which a page may have had resolved to this machine (DNS
rebinding). A web socket counts as reading. What the page itself consists of is no secret.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from algotrader.server.bodies import read_body
from algotrader.server.failures import answer
from algotrader.server.files import INSTANCE_HEADER
from algotrader.server.headers import with_headers
from algotrader.server.login import Logins, cookie_name
from algotrader.server.page import is_page
from algotrader.server.refusal import Refusal

READING: Final = ("GET", "HEAD", "OPTIONS")
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
OPEN: Final = ("/health", "/api/login", "/api/logout", "/api/session")
"""Calls that need no token, wherever the server listens."""

_POLICY_VIOLATION: Final = 1008
_WHERE: Final = "the token stands in the file that `algo-trader start` names; the command line on this machine finds it by itself"


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own and reachable from nowhere else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses what must not pass, before a route sees it.

    Args:
        app: what is guarded.
        logins: knows the token and the cookies.
        host: where the server listens.
        instance: a public name of this run, told with every answer.
    """

    def __init__(self, app: ASGIApp, logins: Logins, host: str = "127.0.0.1", instance: str = "") -> None:
        self._app: Final = app
        self._logins: Final = logins
        self._private: Final = is_loopback(host)
        self._instance: Final = instance.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection, is_http = HTTPConnection(scope), scope["type"] == "http"
        send = self._signed(send, scope["path"])
        try:
            self._check(connection)
            if is_http:
                receive = await read_body(connection, receive)
        except Refusal as no:
            refused = answer(no.status, no.code, no.message, no.hint)
            await (refused(scope, receive, send) if is_http else _refuse_socket(scope, receive, send, refused))
            return
        await self._app(scope, receive, send)

    def _signed(self, send: Send, path: str) -> Send:
        """Add who answers, and what browsers have to know."""
        own = [(INSTANCE_HEADER.lower().encode(), self._instance)]

        async def signed(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message = {**message, "headers": with_headers(message.get("headers", ()), path, own)}
            elif message["type"] == "websocket.accept":
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        return signed

    def _check(self, connection: HTTPConnection) -> None:
        self._check_host(connection)
        self._check_origin(connection)
        path, reading = connection.scope["path"], connection.scope.get("method", "GET") in READING
        known = self._knows(connection, reading)
        state = connection.scope.setdefault("state", {})
        state["logged_in"] = known
        state["trusted"] = known or self._private
        if known or path in OPEN or (reading and (self._private or is_page(path))):
            return
        if connection.headers.get("authorization"):
            raise Refusal(401, "wrong_token", "the token is not that of this session", _WHERE)
        what = "reading over a network needs" if reading else "what changes the session needs"
        raise Refusal(401, "token_missing", f"{what} the header 'Authorization: Bearer TOKEN', or a login in the page", _WHERE)

    def _check_host(self, connection: HTTPConnection) -> None:
        name = _host_name(connection.headers.get("host", ""))
        if self._private and name not in LOCAL_NAMES and not is_loopback(name):
            raise Refusal(403, "wrong_host", f"this server is not called {name!r}", "use http://127.0.0.1 and its port")

    def _check_origin(self, connection: HTTPConnection) -> None:
        origin = connection.headers.get("origin")
        foreign = origin is not None and not _is_ours(origin, connection)
        elsewhere = connection.headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if foreign or (elsewhere and not _comes_by_link(connection)):
            raise Refusal(403, "other_origin", "requests from other web pages are refused", "open the session's own address")

    def _knows(self, connection: HTTPConnection, reading: bool) -> bool:
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._knows_token(connection, given.strip())
        return self._vouched_for(connection, reading) and self._logins.knows(connection.cookies.get(cookie_name(connection), ""))

    def _knows_token(self, connection: HTTPConnection, given: str) -> bool:
        """Whether the token is right; who gives wrong ones from elsewhere has to wait, who has the right one never does."""
        if self._logins.is_token(given):
            return True
        address = connection.client.host if connection.client is not None else ""
        if not is_loopback(address):
            self._logins.check_wrong(address)
        return False

    def _vouched_for(self, connection: HTTPConnection, reading: bool) -> bool:
        """Whether a browser says that it is our own page that asks; for mere reading it is enough that nothing says otherwise."""
        if reading and connection.scope["type"] == "http":
            return True
        # A foreign origin was refused before.
        return "origin" in connection.headers or connection.headers.get("sec-fetch-site") == "same-origin"


def _comes_by_link(connection: HTTPConnection) -> bool:
    """Whether a person has followed a link to the page, which then is a document of its own and no part of another one."""
    headers = connection.headers
    is_document = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return is_document and connection.scope.get("method") in READING and is_page(connection.scope["path"])


def _is_ours(origin: str, connection: HTTPConnection) -> bool:
    # Not by its URL, which cannot be put together where the host is nonsense.
    given = connection.scope["scheme"]
    scheme = {"ws": "http", "wss": "https"}.get(given, given)
    return origin.lower() == f"{scheme}://{connection.headers.get('host', '')}".lower()


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


async def _refuse_socket(scope: Scope, receive: Receive, send: Send, refused: Response) -> None:
    """Refuse a web socket before it is opened: with an answer where the server can give one, else with a bare no."""
    socket = WebSocket(scope, receive, send)
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await socket.send_denial_response(refused)
    else:
        await socket.close(_POLICY_VIOLATION)
