"""Gives browsers the built page. All its files are in memory, by name: no path of a request is ever opened.

The page holds nothing of a session, so it is given to whoever asks; what it shows it has to ask for like everybody else.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from algotrader.server.failures import answer

FOLDER: Final = Path(__file__).with_name("page")
INDEX: Final = "index.html"
FOR_PROGRAMS: Final = ("api", "ws", "health", "metrics", "openapi.json")
"""First parts of paths that programs ask for; every other address is the page's."""

NOT_BUILT: Final = "The page has not been built. `make page` builds it; everything else of this session works without.\n"

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_WORTH_PACKING: Final = 1_000


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent; ``packed`` is empty where packing does not help."""

    content: bytes
    packed: bytes
    headers: dict[str, str]


def read_page(folder: Path = FOLDER) -> dict[str, PageFile]:
    """Read the built page; nothing where it has not been built. Files of a kind that no page needs are left out."""
    if not (folder / INDEX).is_file():
        return {}
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _TYPES)
    return {f"/{path.relative_to(folder).as_posix()}": _read(path, path.parent.name == "assets") for path in found}


def _read(path: Path, is_hashed: bool) -> PageFile:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0) if len(content) > _WORTH_PACKING else b""
    headers = {
        "content-type": _TYPES[path.suffix],
        # The name of an asset changes with its content; everything else has to be asked for again.
        "cache-control": "public, max-age=31536000, immutable" if is_hashed else "no-cache",
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "vary": "accept-encoding",
    }
    return PageFile(content, packed if len(packed) < len(content) else b"", headers)


class Page:
    """Answers what browsers ask for, and passes on what is for programs.

    Args:
        app: everything else.
        folder: of the built page.
    """

    def __init__(self, app: ASGIApp, folder: Path = FOLDER) -> None:
        self._app: Final = app
        self._files: Final = read_page(folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a file, or pass on."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not is_page(scope["path"]):
            await self._app(scope, receive, send)
            return
        await self._answer(scope["path"], Headers(scope=scope))(scope, receive, send)

    def _answer(self, path: str, asked: Headers) -> Response:
        if not self._files:
            return PlainTextResponse(NOT_BUILT, 503)
        file = self._files.get(path)
        if file is None and _is_file(path):
            return answer(404, "not_found", "the page has no such file", "load the page anew; it may be of another version")
        # The page itself knows its addresses, and says so when there is none.
        return _give(file or self._files[f"/{INDEX}"], asked)


def _give(file: PageFile, asked: Headers) -> Response:
    if asked.get("if-none-match") == file.headers["etag"]:
        return Response(status_code=304, headers=file.headers)
    if file.packed and "gzip" in asked.get("accept-encoding", ""):
        return Response(file.packed, headers={**file.headers, "content-encoding": "gzip"})
    return Response(file.content, headers=file.headers)


def _is_file(path: str) -> bool:
    """Whether an address can only be meant for a file; those of the page may hold points too, as in /symbol/BRK.B."""
    return path.startswith("/assets/") or (path.count("/") == 1 and PurePosixPath(path).suffix in _TYPES)


def is_page(path: str) -> bool:
    """Whether an address is one of the page, not of the interface for programs."""
    return path.lstrip("/").partition("/")[0].lower() not in FOR_PROGRAMS
