"""The built page as it is given to browsers: right types, right caching, nothing but its own files."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware

from algotrader.server.failures import add_failures
from algotrader.server.page import NOT_BUILT, Page, is_page

INDEX = "<!doctype html><title>page</title>"
SCRIPT = "export const found = 1;\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built page beside a secret."""
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text(INDEX, encoding="utf-8")
    (page / "theme.js").write_text("1", encoding="utf-8")
    (page / "favicon.svg").write_text("<svg/>", encoding="utf-8")
    (page / ".sources").write_text("stamp", encoding="utf-8")
    (page / "assets" / "index-abc.js").write_text(SCRIPT, encoding="utf-8")
    return page


def ask(folder: Path, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """One request, to a server that has one call of its own besides the page."""
    app = FastAPI(middleware=[Middleware(Page, folder=folder)])
    add_failures(app)
    app.add_api_route("/api/status", lambda: {"ok": True}, methods=["GET", "POST"])

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.request(method, path, headers={"accept-encoding": "identity", **headers})

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("path", "kind", "caching"),
    [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/symbol/BRK.B", "text/html; charset=utf-8", "no-cache"),
        ("/risk", "text/html; charset=utf-8", "no-cache"),
        ("/orders/a1-7", "text/html; charset=utf-8", "no-cache"),
        ("/apis", "text/html; charset=utf-8", "no-cache"),
        ("/theme.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/assets/index-abc.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
    ],
)
def test_files_and_addresses(folder: Path, path: str, kind: str, caching: str) -> None:
    found = ask(folder, path)
    assert found.status_code == 200
    assert (found.headers["content-type"], found.headers["cache-control"]) == (kind, caching)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/orders/..%2f..%2fsecret.txt",
        "/.sources",
    ],
)
def test_no_other_file_is_ever_given(folder: Path, path: str) -> None:
    found = ask(folder, path)
    assert found.status_code == 404 or found.text == INDEX
    assert "stamp" not in found.text
    assert found.text != "secret"


@pytest.mark.parametrize("path", ["/assets/gone-123.js", "/robots.txt"])
def test_a_file_that_is_gone_is_not_the_page(folder: Path, path: str) -> None:
    assert ask(folder, path).status_code == 404


def test_what_is_for_programs_passes(folder: Path) -> None:
    assert ask(folder, "/api/status").json() == {"ok": True}
    assert ask(folder, "/api/status", "POST").json() == {"ok": True}
    assert ask(folder, "/api/nothing").json()["error"]["code"] == "not_found"
    assert ask(folder, "/", "POST").status_code in (404, 405)


def test_an_address_is_either_for_programs_or_of_the_page() -> None:
    asked = ("/api", "/ws", "/health/components", "/metrics", "/openapi.json", "/API/status")
    assert not any(is_page(path) for path in asked)
    assert all(is_page(path) for path in ("/healthy", "/", "/symbol/BTC/USD"))


def test_large_files_are_packed_for_those_who_can_unpack(folder: Path) -> None:
    plain = ask(folder, "/assets/index-abc.js")
    packed = ask(folder, "/assets/index-abc.js", **{"accept-encoding": "gzip"})
    assert plain.text == packed.text == SCRIPT
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), mtime=0))
    assert packed.headers["vary"] == "accept-encoding"


def test_what_a_browser_has_is_not_sent_again(folder: Path) -> None:
    tag = ask(folder, "/").headers["etag"]
    again = ask(folder, "/", **{"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert ask(folder, "/", "HEAD").status_code == 200


def test_without_a_page_it_says_how_to_build_one(tmp_path: Path) -> None:
    found = ask(tmp_path / "nothing", "/risk")
    assert (found.status_code, found.text) == (503, NOT_BUILT)
    assert ask(tmp_path / "nothing", "/api/status").json() == {"ok": True}
