"""Logging in: the page gives the token once and gets a cookie that stands for it, so that no script ever keeps the token.

Cookies do not tell ports apart: two sessions on one machine call theirs by their ports, so that neither logs a person out of the
other; and another program on this machine that a person visits in the same browser is sent ours too. What such a program could do
with it, the user who runs it could do anyway with the token's file.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from algotrader import __version__
from algotrader.server.models.login import LoginRequest, WebSession
from algotrader.server.refusal import Refusal

COOKIE: Final = "algo_session"
_PORT_DIGITS: Final = 5
LASTS_SECONDS: Final = 12 * 3600
MOST: Final = 64
"""Logins at a time; one more ends the oldest."""

MOST_WRONG: Final = 10
WRONG_SECONDS: Final = 60.0
"""After so many wrong tokens in so many seconds nothing is taken from the same address for a while."""

MOST_ADDRESSES: Final = 1024


class Logins:
    """Who is logged in. Kept in memory only: when the process ends, so do the logins.

    Args:
        token: the secret of the session.
        timer: seconds that only ever go forward.

    Raises:
        ValueError: the token is empty.
    """

    def __init__(self, token: str, timer: Callable[[], float] = time.monotonic) -> None:
        if not token:
            raise ValueError("a server without a token is not allowed")
        self._token: Final = token.encode()
        self._timer: Final = timer
        self._until: Final[dict[bytes, float]] = {}
        self._wrong: Final[dict[str, deque[float]]] = {}

    def is_token(self, given: str) -> bool:
        """Whether this is the token; takes equally long for every wrong one."""
        return secrets.compare_digest(given.encode(), self._token)

    def is_throttled(self, address: str) -> bool:
        """Whether an address has given too many wrong tokens lately."""
        times = self._wrong.get(address)
        if times is None:
            return False
        while times and times[0] <= self._timer() - WRONG_SECONDS:
            times.popleft()
        if not times:
            del self._wrong[address]
        return len(times) >= MOST_WRONG

    def check_wrong(self, address: str) -> None:
        """An address gave a wrong token.

        Raises:
            Refusal: it has given too many lately.
        """
        if self.is_throttled(address):
            raise Refusal(429, "too_many_attempts", "too many wrong tokens from this address", "wait a minute, then try again")
        if address not in self._wrong and len(self._wrong) >= MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
        self._wrong.setdefault(address, deque(maxlen=MOST_WRONG)).append(self._timer())

    def open(self) -> str:
        """Begin a login; gives its cookie."""
        cookie = secrets.token_urlsafe(32)
        while len(self._until) >= MOST:
            del self._until[next(iter(self._until))]
        self._until[_digest(cookie)] = self._timer() + LASTS_SECONDS
        return cookie

    def knows(self, cookie: str) -> bool:
        """Whether a cookie is of a login that has not ended."""
        if not cookie:
            return False
        key = _digest(cookie)
        until = self._until.get(key)
        if until is not None and until <= self._timer():
            del self._until[key]
            return False
        return until is not None

    def close(self, cookie: str) -> None:
        """End a login, if there is one."""
        self._until.pop(_digest(cookie), None)


def _digest(cookie: str) -> bytes:
    """What is kept of a cookie; looking it up tells nothing about the cookie by the time it takes."""
    return hashlib.sha256(cookie.encode()).digest()


def cookie_name(connection: HTTPConnection) -> str:
    """What the cookie is called at the port that a browser has asked."""
    port = connection.headers.get("host", "").rpartition(":")[2]
    return f"{COOKIE}_{port}" if port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS else COOKIE


def client_address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client is not None else ""


def login_routes(logins: Logins, *, instance: str, needs_login_to_read: bool) -> APIRouter:
    """The calls by which a browser logs in and out; the only ones that need no token.

    Args:
        logins: who is logged in.
        instance: a public name of this run.
        needs_login_to_read: the server can be reached from elsewhere.
    """
    router = APIRouter(prefix="/api", tags=["login"])

    def session_of(logged_in: bool) -> WebSession:
        return WebSession(logged_in=logged_in, needs_login_to_read=needs_login_to_read, instance=instance, version=__version__)

    async def login(request: Request, given: LoginRequest) -> JSONResponse:
        """Exchange the token for a cookie, which lasts twelve hours at most."""
        if not logins.is_token(given.token.get_secret_value().strip()):
            logins.check_wrong(client_address(request))
            hint = "the token stands in the file that `algo-trader start` names"
            raise Refusal(401, "wrong_token", "the token is not that of this session", hint)
        response = JSONResponse(session_of(True).model_dump())
        response.set_cookie(
            cookie_name(request),
            logins.open(),
            LASTS_SECONDS,
            path="/",
            secure=request.scope["scheme"] == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def logout(request: Request) -> JSONResponse:
        """End the login of this browser."""
        logins.close(request.cookies.get(cookie_name(request), ""))
        response = JSONResponse(session_of(False).model_dump())
        response.delete_cookie(cookie_name(request), path="/", httponly=True, samesite="strict")
        return response

    async def session(request: Request) -> WebSession:
        """Whether this browser is logged in, and whether it has to be for reading."""
        return session_of(bool(request.scope["state"]["logged_in"]))

    router.add_api_route("/login", login, methods=["POST"], response_model=WebSession)
    router.add_api_route("/logout", logout, methods=["POST"], response_model=WebSession)
    router.add_api_route("/session", session, methods=["GET"], response_model=WebSession)
    return router
