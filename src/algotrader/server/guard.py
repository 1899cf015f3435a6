"""Who may ask the server for what.

Whoever runs programs on this machine may read, as long as the server listens on loopback only; whatever changes the session needs
the token. A web page of somebody else must not get in through the user's browser: requests that name another origin are refused,
and so are host names that are not ours, which a page may have had resolved to this machine (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from algotrader.server.failures import answer
from algotrader.server.files import INSTANCE_HEADER
from algotrader.server.refusal import Refusal

READING: Final = ("GET", "HEAD", "OPTIONS")
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
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
        token: the secret.
        host: where the server listens.
        instance: a public name of this run, told with every answer.
    """

    def __init__(self, app: ASGIApp, token: str, host: str = "127.0.0.1", instance: str = "") -> None:
        self._app: Final = app
        self._token: Final = token.encode()
        self._private: Final = is_loopback(host)
        self._instance: Final = instance.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            send = self._signed(send)
            try:
                self._check(Request(scope))
            except Refusal as no:
                await answer(no.status, no.code, no.message, no.hint)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _signed(self, send: Send) -> Send:
        """Add who answers, and that no answer may be kept."""

        async def signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(INSTANCE_HEADER.lower().encode(), self._instance), (b"cache-control", b"no-store")]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        return signed

    def _check(self, request: Request) -> None:
        self._check_host(request)
        self._check_origin(request)
        known = self._knows_token(request)
        request.scope.setdefault("state", {})["trusted"] = known or self._private
        reading = request.method in READING
        if known or request.url.path == "/health" or (reading and self._private):
            return
        if request.headers.get("authorization"):
            raise Refusal(401, "wrong_token", "the token is not that of this session", _WHERE)
        what = "reading over a network needs" if reading else "what changes the session needs"
        raise Refusal(401, "token_missing", f"{what} the header 'Authorization: Bearer TOKEN'", _WHERE)

    def _check_host(self, request: Request) -> None:
        name = (urlsplit(f"//{request.headers.get('host', '')}").hostname or "").lower()
        if self._private and name not in LOCAL_NAMES and not is_loopback(name):
            raise Refusal(403, "wrong_host", f"this server is not called {name!r}", "use http://127.0.0.1 and its port")

    def _check_origin(self, request: Request) -> None:
        origin, host = request.headers.get("origin"), request.headers.get("host", "")
        foreign = origin is not None and origin.lower() != f"{request.url.scheme}://{host}".lower()
        if foreign or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise Refusal(403, "other_origin", "requests from other web pages are refused", "open the session's own address")

    def _knows_token(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), self._token)
