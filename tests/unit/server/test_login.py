"""Logging in: a cookie stands for the token, for calls of our own page and for nobody else's, and not for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from web_kit import BEARER, HOME, TOKEN, WHY, Web

from algotrader.server.guard import Guard
from algotrader.server.login import LASTS_SECONDS, MOST, MOST_WRONG, WRONG_SECONDS, Logins

OURS = {"Origin": HOME}
COOKIE = "algo_session_8000"
"""By the port, so that two sessions on one machine do not take each other's place in a browser."""

OPENED = {"type": "websocket.accept", "headers": [(b"x-algo-session", b"i-1")]}
AWAY = "http://trader.example:8000"


class Timer:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def logged_in(web: Web) -> dict[str, str]:
    """The header of a browser that has logged in."""
    answer = web.ask("POST", "/api/login", json={"token": TOKEN}, headers=OURS)
    assert answer.status_code == 200, answer.text
    return {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}


def test_the_cookie_is_not_the_token_and_no_script_reads_it() -> None:
    answer = Web().ask("POST", "/api/login", json={"token": TOKEN}, headers=OURS)
    assert answer.json() == {
        "logged_in": True,
        "needs_login_to_read": False,
        "instance": "i-1",
        "version": answer.json()["version"],
    }
    name, _, rest = answer.headers["set-cookie"].partition("=")
    flags = [part.strip().lower() for part in rest.split(";")[1:]]
    assert name == COOKIE
    assert len(answer.cookies[COOKIE]) >= 43
    assert set(flags) == {"httponly", "samesite=strict", "path=/", f"max-age={LASTS_SECONDS}"}
    assert TOKEN not in answer.headers["set-cookie"] + answer.text


SAME = [
    ("our own page", OURS, 202),
    ("a browser that names no origin but the relation", {"Sec-Fetch-Site": "same-origin"}, 202),
    ("nobody who says where from", {}, 401),
    ("a page elsewhere", {"Origin": "http://evil.example"}, 403),
    ("another port", {"Origin": "http://127.0.0.1:9999"}, 403),
    ("another scheme", {"Origin": "https://127.0.0.1:8000"}, 403),
    ("a page without an origin", {"Origin": "null"}, 403),
    ("a page of another port that hides its origin", {"Sec-Fetch-Site": "same-site"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_the_cookie_changes_something_only_for_our_own_page(headers: dict[str, str], status: int) -> None:
    web = Web()
    answer = web.ask("POST", "/api/halt", json=WHY, headers=logged_in(web) | headers)
    assert answer.status_code == status, answer.text
    assert len(web.control.events) == (status == 202)


def test_a_login_ends_with_logout_and_with_time() -> None:
    timer = Timer()
    web = Web(timer=timer)
    cookie = logged_in(web)
    other = logged_in(web)

    def is_in(header: dict[str, str]) -> bool:
        found: bool = web.ask("GET", "/api/session", headers=header).json()["logged_in"]
        return found

    assert (is_in(cookie), is_in(other), is_in({}), is_in(BEARER)) == (True, True, False, True)
    gone = web.ask("POST", "/api/logout", headers=cookie | OURS)
    assert "max-age=0" in gone.headers["set-cookie"].lower()
    assert (is_in(cookie), is_in(other)) == (False, True)
    timer.now = LASTS_SECONDS
    assert not is_in(other)


def test_there_are_only_so_many_logins() -> None:
    logins = Logins(TOKEN)
    cookies = [logins.open() for _ in range(MOST + 1)]
    assert [logins.knows(cookie) for cookie in cookies] == [False] + [True] * MOST
    assert len(set(cookies)) == MOST + 1
    assert not logins.knows("")


def test_wrong_tokens_are_counted_by_address() -> None:
    timer = Timer()
    web = Web(timer=timer)
    for _ in range(MOST_WRONG):
        assert web.error(web.ask("POST", "/api/login", json={"token": "guess"})) == (401, "wrong_token")
    assert web.error(web.ask("POST", "/api/login", json={"token": "guess"})) == (429, "too_many_attempts")
    assert web.error(web.ask("POST", "/api/login", json={"token": "guess"}, address="192.0.2.7")) == (401, "wrong_token")
    # Somebody behind the same address who guesses must not keep whoever has the token from stopping the session.
    assert web.ask("POST", "/api/login", json={"token": TOKEN}).status_code == 200
    assert web.ask("POST", "/api/halt", json=WHY, headers=BEARER).status_code == 202
    timer.now = WRONG_SECONDS
    assert web.error(web.ask("POST", "/api/login", json={"token": "guess"})) == (401, "wrong_token")


def test_from_elsewhere_bearer_tokens_are_counted_too() -> None:
    web = Web(host="0.0.0.0", timer=Timer())
    for _ in range(MOST_WRONG):
        wrong = web.ask("GET", "/api/status", headers={"Authorization": "Bearer guess"}, address="192.0.2.7")
        assert web.error(wrong) == (401, "wrong_token")
    guess = web.ask("GET", "/api/status", headers={"Authorization": "Bearer guess"}, address="192.0.2.7")
    assert web.error(guess) == (429, "too_many_attempts")
    assert web.ask("GET", "/api/status", headers=BEARER, address="192.0.2.7").status_code == 200


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": 5}, {"token": "x" * 5000}, {"token": "x", "more": 1}, []])
def test_what_is_no_login(body: Any) -> None:
    answer = Web().ask("POST", "/api/login", json=body)
    assert answer.status_code == 422
    assert "x" * 100 not in answer.text


def test_beyond_loopback_the_page_is_there_and_nothing_else_before_the_login() -> None:
    web = Web(host="0.0.0.0")
    web.home = AWAY
    told = web.ask("GET", "/api/session").json()
    assert (told["logged_in"], told["needs_login_to_read"]) == (False, True)
    for path in ("/api/status", "/openapi.json", "/metrics", "/health/components", "/API/status", "/%2fapi/status", "/ws"):
        assert web.error(web.ask("GET", path)) == (401, "token_missing"), path
    assert web.ask("GET", "/some/page.js").status_code != 401
    cookie = web.ask("POST", "/api/login", json={"token": TOKEN}, headers={"Origin": AWAY}).cookies[COOKIE]
    assert web.ask("GET", "/api/status", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 200


LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
LINKS = [
    ("to the page", "GET", "/orders", LINK, 200),
    ("to a call", "GET", "/api/status", LINK, 403),
    ("into a frame", "GET", "/orders", LINK | {"Sec-Fetch-Dest": "iframe"}, 403),
    ("as an image", "GET", "/icon.png", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
    ("with a form", "POST", "/orders", LINK | {"Origin": "http://evil.example"}, 403),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), [row[1:] for row in LINKS], ids=[row[0] for row in LINKS])
def test_a_link_from_elsewhere_leads_to_the_page_only(method: str, path: str, headers: dict[str, str], status: int) -> None:
    async def go() -> int:
        guarded = Guard(PlainTextResponse("the page"), Logins(TOKEN))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url=HOME) as client:
            return (await client.request(method, path, headers=headers)).status_code

    assert asyncio.run(go()) == status


def socket(web: Web, headers: dict[str, str], *, denial: bool = True) -> list[dict[str, Any]]:
    """What a web socket's opening leads to, when nothing is behind it."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/ws",
        "raw_path": b"/ws",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}} if denial else {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def accept(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    async def go() -> None:
        await Guard(accept, web.logins, "0.0.0.0" if web.home == AWAY else "127.0.0.1", "i-1")(scope, receive, send)

    asyncio.run(go())
    return sent


HOST = {"Host": "127.0.0.1:8000"}
SOCKETS = [
    ("a program on this machine", HOST, 0),
    ("our page", HOST | OURS, 0),
    ("a page elsewhere", HOST | {"Origin": "http://evil.example"}, 403),
    ("another port's page", HOST | {"Origin": "http://127.0.0.1:9999"}, 403),
    ("another name for us", {"Host": "evil.example", "Origin": "http://evil.example"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), [row[1:] for row in SOCKETS], ids=[row[0] for row in SOCKETS])
def test_web_sockets_are_checked_like_reading(headers: dict[str, str], status: int) -> None:
    sent = socket(Web(), headers)
    if status == 0:
        assert sent == [OPENED]
        return
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", status)
    assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]
    assert socket(Web(), headers, denial=False) == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_from_elsewhere_a_web_socket_needs_a_login_of_our_own_page() -> None:
    web = Web(host="0.0.0.0")
    web.home = AWAY
    cookie = {"Cookie": f"{COOKIE}={web.logins.open()}"}
    host = {"Host": "trader.example:8000"}
    assert socket(web, host | {"Origin": AWAY})[0]["status"] == 401
    assert socket(web, host | cookie)[0]["status"] == 401
    assert socket(web, host | cookie | {"Origin": AWAY}) == [OPENED]
    assert socket(web, host | BEARER) == [OPENED]
