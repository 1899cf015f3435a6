"""What is hostile is refused: bodies too large, paths that climb, headers that are smuggled in; and what browsers are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from session_kit import ToldControl
from web_kit import BEARER, TOKEN, WHY, Web

from algotrader.server.bodies import MOST_BYTES
from algotrader.server.files import session_files
from algotrader.server.runner import LocalServer

DEMANDED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/health", "/api/status", "/api/nothing", "/openapi.json", "/api/halt", "/", "/risk"])
def test_every_answer_says_what_browsers_may_do(path: str) -> None:
    headers = Web().ask("GET", path).headers
    for name, value in DEMANDED.items():
        assert headers[name] == value, name
    # A browser may keep the page itself where it asks every time whether it is still the same.
    assert headers["cache-control"] in (("no-store", "no-cache") if path in ("/", "/risk") else ("no-store",))
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["connect-src"], policy["frame-ancestors"]) == ("'self'", "'self'", "'none'")
    assert "unsafe" not in headers["content-security-policy"]


def test_a_tear_sheet_is_shut_into_a_box() -> None:
    headers = Web().ask("GET", "/api/backtests/7/tearsheet").headers
    assert headers["content-security-policy"] == "sandbox allow-scripts; frame-ancestors 'self'"
    assert headers["x-frame-options"] == "SAMEORIGIN"


def test_a_mistake_of_ours_is_told_without_what_it_was() -> None:
    web = Web()

    async def broken() -> None:
        raise RuntimeError(f"with {TOKEN} in it")

    web.app.add_api_route("/api/broken", broken)
    answer = web.ask("GET", "/api/broken")
    assert web.error(answer) == (500, "internal_error")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def _pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b"x" * 1024


@pytest.mark.parametrize("told", [True, False], ids=["its length told", "in pieces"])
def test_a_body_is_taken_up_to_its_limit(told: bool) -> None:
    web = Web()
    for size, code in ((MOST_BYTES, (422, "invalid_request")), (MOST_BYTES + 1024, (413, "too_large"))):
        content: Any = b"x" * size if told else _pieces(size)
        assert web.error(web.ask("POST", "/api/halt", content=content, headers=BEARER)) == code
    assert web.control.events == []


@pytest.mark.parametrize("length", ["9" * 5000, "65537"])
def test_a_body_that_says_it_is_huge_is_not_waited_for(length: str) -> None:
    web = Web()
    assert web.error(web.ask("POST", "/api/login", headers={"Content-Length": length}, content=b"{}")) == (413, "too_large")


BAD_TEXTS = ["a\x00b", "line\r\nSet-Cookie: x=y", "\u2028", "\x1b[2J", "x" * 501]


@pytest.mark.parametrize("text", BAD_TEXTS)
@pytest.mark.parametrize("field", ["reason", "operator"])
def test_texts_that_nobody_types_reach_no_event(field: str, text: str) -> None:
    web = Web()
    assert web.error(web.send("POST", "/api/halt", WHY | {field: text})) == (422, "invalid_request")
    assert web.control.events == []


def test_half_characters_are_answered_too() -> None:
    web = Web()
    for body in ('{"reason": "\\ud800"}', '{"reason": "a drill", "\\ud800": 1}'):
        headers = BEARER | {"Content-Type": "application/json"}
        assert web.error(web.ask("POST", "/api/halt", content=body, headers=headers)) == (422, "invalid_request")


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "@", "127.0.0.1:x", ""])
@pytest.mark.parametrize("listens", ["127.0.0.1", "0.0.0.0"])
def test_a_host_that_is_nonsense(host: str, listens: str) -> None:
    web = Web(host=listens)
    for method, path in (("GET", "/api/status"), ("GET", "/api/nothing"), ("PUT", "/api/halt"), ("POST", "/api/login")):
        answer = web.ask(method, path, headers=BEARER | {"Host": host, "Origin": "http://x"}, json={"token": TOKEN})
        assert answer.status_code in (401, 403, 404, 405), (path, answer.text)
        answer = web.ask(method, path, headers=BEARER | {"Host": host}, json={"token": TOKEN})
        assert answer.status_code < 500, (path, answer.text)


RAW = [
    ("climbs", b"GET /../../../../etc/passwd HTTP/1.1", b""),
    ("climbs in code", b"GET /%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", b""),
    ("climbs in a call", b"GET /api/backtests/..%2f..%2f..%2fetc%2fpasswd/tearsheet HTTP/1.1", b""),
    ("a strategy that is a file", b"GET /api/strategy-types/%2Fetc%2Fpasswd HTTP/1.1", b""),
    ("a line in the path", b"GET /api/%0d%0aX-Evil:%20yes HTTP/1.1", b""),
    ("a line in the query", b"GET /api/orders?state=%0d%0aX-Evil:%20yes HTTP/1.1", b""),
    ("a line in a host", b"GET /health HTTP/1.1", b"X-Host: a\rX-Evil: yes\r\n"),
    ("two hosts", b"GET /health HTTP/1.1", b"Host: 127.0.0.1\r\n"),
    ("no host", b"GET /health HTTP/1.1", b"-"),
    ("not HTTP", b"\x16\x03\x01\x02\x00\x01", b""),
]


def test_raw_requests_that_no_browser_sends(tmp_path: Path) -> None:
    """Over a real socket, since clients would mend them: refused, nothing of a file in the answer, no header of the sender's."""

    async def go() -> None:
        server = LocalServer("127.0.0.1", 0, session_files(f"sqlite:///{tmp_path / 'algo.db'}", tmp_path))
        control = ToldControl()
        await server.start(control)
        port = int(server.url.rpartition(":")[2])
        for what, first, more in RAW:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            host = b"" if more == b"-" else b"Host: 127.0.0.1:%d\r\n" % port
            writer.write(first + b"\r\n" + host + more.removeprefix(b"-") + b"Connection: close\r\n\r\n")
            text = (await asyncio.wait_for(reader.read(), 5)).decode("latin-1")
            writer.close()
            head = text.partition("\r\n\r\n")[0].lower()
            if first.startswith((b"GET /api", b"GET /health")) or not first.startswith(b"GET"):
                assert head.startswith("http/1.1 4"), (what, text)
            assert "\nx-evil" not in head, (what, text)
            assert "root:" not in text, what
            assert "server: uvicorn" not in head, what
        assert control.events == []
        await server.stop()

    asyncio.run(go())


def test_the_link_carries_the_token_behind_the_address_and_a_pause_keeps_the_port(tmp_path: Path) -> None:
    async def go() -> None:
        server = LocalServer("127.0.0.1", 0, session_files(f"sqlite:///{tmp_path / 'algo.db'}", tmp_path), "a b/c")
        assert server.login_link == f"{server.url}/#token=a%20b%2Fc"
        async with httpx.AsyncClient(base_url=server.url) as client:
            await server.start(ToldControl())
            await client.post("/api/login", json={"token": "a b/c"})
            await server.pause()
            asking = asyncio.create_task(client.get("/api/session"))
            await asyncio.sleep(0)
            second = ToldControl()
            await server.start(second)
            assert (await asking).json()["logged_in"] is True
            origin = {"Origin": server.url}
            assert (await client.post("/api/halt", json=WHY, headers=origin)).status_code == 202
            assert len(second.events) == 1
        await server.stop()

    asyncio.run(go())


def test_nobody_is_answered_by_a_session_that_has_ended(tmp_path: Path) -> None:
    """Connections that come in while the server closes: cut, or answered by the next session."""

    async def go() -> None:
        server = LocalServer("127.0.0.1", 0, session_files(f"sqlite:///{tmp_path / 'algo.db'}", tmp_path), TOKEN)
        port = int(server.url.rpartition(":")[2])
        first, second = ToldControl(), ToldControl()
        await server.start(first)
        pausing = asyncio.create_task(server.pause())
        opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        while not pausing.done() and len(opened) < 500:
            opened.append(await asyncio.open_connection("127.0.0.1", port))
        await pausing
        await server.start(second)
        body = b'{"reason": "a drill"}'
        head = f"POST /api/halt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        answered = 0
        for reader, writer in opened:
            with suppress(ConnectionError):
                writer.write(head.encode() + body)
                answered += (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 202")
            writer.close()
        assert first.events == []
        assert len(second.events) == answered
        await server.stop()

    asyncio.run(go())
