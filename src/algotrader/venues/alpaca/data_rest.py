"""One request to Alpaca's market-data REST, within the service's allowance; nothing is sent twice."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import httpx

from algotrader.venues.alpaca.history_records import HistoryFault, parse_json
from algotrader.venues.alpaca.settings import AlpacaSettings, is_loopback
from algotrader.venues.protocols import NotAllowed, NotSent, Refused, Throttled, Unanswered, VenueError

PER_MINUTE: Final = 200
"""Requests a minute until the service tells its allowance."""

LONGEST_HOLD: Final = 120.0
"""Seconds that the service can make us wait at a time."""

_LARGEST_PAGE: Final = 64 * 2**20
_LARGEST_ERROR: Final = 16 * 2**10
_WHOLE_ANSWER: Final = 6
"""How many times the patience between two parts an answer may take in all."""


class Allowance:
    """Keeps to the requests a minute that the service allows, as its headers tell.

    Args:
        now: seconds since the epoch.
        sleep: waits.
    """

    def __init__(self, now: Callable[[], float] = time.time, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._now: Final = now
        self._sleep: Final = sleep
        self._limit = PER_MINUTE
        self._times: Final[deque[float]] = deque()
        self._held_until = 0.0

    async def turn(self) -> None:
        """Wait until one more request is allowed, and count it."""
        while (wait := self._wait()) > 0:
            await self._sleep(wait)
        self._times.append(self._now())

    def _wait(self) -> float:
        now = self._now()
        while self._times and not 0 <= now - self._times[0] < 60:
            self._times.popleft()
        full = len(self._times) >= self._limit
        return max(min(self._held_until - now, LONGEST_HOLD), self._times[-self._limit] + 60 - now if full else 0.0)

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take what an answer says of the allowance; nonsense is passed over."""
        limit, remaining, reset = (_count(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining", "reset"))
        if limit:
            self._limit = limit
        if remaining == 0 and reset is not None:
            self._held_until = min(float(reset), self._now() + LONGEST_HOLD)

    def until_reset(self) -> float | None:
        """Seconds until the service counts anew; None when it has not said."""
        left = self._held_until - self._now()
        return left if left > 0 else None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 12 else None


class DataRest:
    """Asks for one thing at a time.

    Args:
        settings: address, keys and patience.
        client: to use instead of one of its own; it is not closed here.
        allowance: shared with others that use the same keys.
        keys: False leaves them out; pairs can be had without.
    """

    def __init__(
        self,
        settings: AlpacaSettings,
        client: httpx.AsyncClient | None = None,
        allowance: Allowance | None = None,
        keys: bool = True,
    ) -> None:
        self._url: Final = settings.data_url.rstrip("/")
        self._own: Final = client is None
        self._client: Final = client or httpx.AsyncClient(trust_env=not is_loopback(settings.data_url))
        self._timeout: Final = httpx.Timeout(settings.patience.read, connect=settings.patience.connect)
        self._whole: Final = settings.patience.read * _WHOLE_ANSWER
        self._headers: Final = {"APCA-API-KEY-ID": settings.key, "APCA-API-SECRET-KEY": settings.secret} if keys else {}
        self._allowance: Final = allowance or Allowance()

    async def close(self) -> None:
        """Close the connections; a second call does nothing."""
        if self._own:
            await self._client.aclose()

    async def get(self, path: str, params: Mapping[str, str]) -> bytes:
        """The body of a good answer.

        Raises:
            VenueError: by its kind.
        """
        await self._allowance.turn()
        try:
            async with (
                asyncio.timeout(self._whole),
                self._client.stream("GET", self._url + path, params=params, headers=self._headers, timeout=self._timeout) as answer,
            ):
                self._allowance.hear(answer.headers)
                body = await _read(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"{self._url} cannot be reached: {_short(error)}") from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unanswered(f"{self._url} did not answer in full: {_short(error)}") from None
        if answer.status_code != httpx.codes.OK:
            raise self._error(answer, body)
        return body

    def _error(self, answer: httpx.Response, body: bytes) -> VenueError:
        status, message = answer.status_code, _message(body)
        text = f"Alpaca answered {status}: {message}" if message else f"Alpaca answered {status}"
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return NotAllowed(text)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            said = _count(answer.headers.get("retry-after"))
            return Throttled(text, float(said) if said is not None else self._allowance.until_reset())
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
            return Unanswered(text)
        return Refused(text)


async def _read(answer: httpx.Response) -> bytes:
    """The whole body, as long as it is of a size that a page may have."""
    largest = _LARGEST_PAGE if answer.status_code == httpx.codes.OK else _LARGEST_ERROR
    parts, size = [], 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > largest:
            if answer.status_code == httpx.codes.OK:
                raise Unanswered(f"Alpaca's answer is larger than {largest} bytes")
            break
        parts.append(part)
    return b"".join(parts)


def _message(body: bytes) -> str:
    """What an error's body says, without anything that could disturb a terminal or a log."""
    try:
        found = parse_json(body).get("message")
    except HistoryFault:
        return ""
    return "".join(c for c in found[:200] if c.isprintable()) if isinstance(found, str) else ""


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
