"""Bodies of requests: read whole before anything else sees them, up to a size that no honest request reaches."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Message, Receive

from algotrader.server.refusal import Refusal

MOST_BYTES: Final = 64 * 1024
PATIENCE_SECONDS: Final = 10.0


async def read_body(connection: HTTPConnection, receive: Receive) -> Receive:
    """Read a request's body; what is given back hands it on.

    Raises:
        Refusal: it is longer than ``MOST_BYTES``, or takes too long.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _read(connection, receive)
    except TimeoutError:
        raise Refusal(408, "too_slow", f"the body did not come within {PATIENCE_SECONDS:.0f} seconds", "send it again") from None


async def _read(connection: HTTPConnection, receive: Receive) -> Receive:
    told = connection.headers.get("content-length", "")
    if told.isdecimal() and (len(told) > len(str(MOST_BYTES)) or int(told) > MOST_BYTES):
        raise _too_large()
    first, body = await receive(), b""
    message = first
    while message["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            first = {"type": "http.request", "body": body, "more_body": False}
            break
        message = await receive()
    else:
        first = message
    waiting = [first]

    async def hand_on() -> Message:
        return waiting.pop() if waiting else await receive()

    return hand_on


def _too_large() -> Refusal:
    return Refusal(413, "too_large", f"the body is longer than {MOST_BYTES} bytes", "send less")
