"""What every answer tells the browser: run and load nothing but our own, show us in no other page, keep nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

Header = tuple[bytes, bytes]

PAGE_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""No inline script or style and no eval; the page may frame our own tear sheets."""

SHEET_POLICY: Final = "sandbox allow-scripts; frame-ancestors 'self'"
"""A tear sheet is a file of its own, whose own policy allows its one script by its hash; here it gets an origin of nobody, so that
whatever may stand in it can call nothing."""

_SHEET: Final = re.compile(r"/api/backtests/[^/]+/tearsheet")

_ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def security_headers(path: str) -> list[Header]:
    """The headers of an answer from a path, whatever the route itself says."""
    is_sheet = _SHEET.fullmatch(path) is not None
    policy, frames = (SHEET_POLICY, b"SAMEORIGIN") if is_sheet else (PAGE_POLICY, b"DENY")
    return [*_ALWAYS, (b"content-security-policy", policy.encode()), (b"x-frame-options", frames)]


def with_headers(given: Iterable[Header], path: str, own: Iterable[Header] = ()) -> list[Header]:
    """An answer's headers with ours; nothing is kept by a browser unless the route says for how long.

    Args:
        given: by the route.
        path: of the request.
        own: further ones of the server's.
    """
    ours = [*security_headers(path), *own]
    names = {name for name, _ in ours}
    found = [(name, value) for name, value in given if name.lower() not in names]
    if not any(name.lower() == b"cache-control" for name, _ in found):
        ours.append((b"cache-control", b"no-store"))
    return [*found, *ours]
