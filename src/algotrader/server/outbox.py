"""Messages on their way to pages: each encoded once, kept for a while for whoever comes back, queued for each page in bounds."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from algotrader.server.documents import Document
from algotrader.server.models.stream import VERSION

RING_BYTES: Final = 8_000_000
"""How much is kept for pages that come back."""

QUEUE_MESSAGES: Final = 1_000
QUEUE_BYTES: Final = 4_000_000
"""How far a page may lag behind before it is dropped."""

_WHOLE_TEXT: Final = 0x81


def encode(kind: str, time: str | None, sequence: int, data: Document) -> str:
    """A message as text."""
    message = {"version": VERSION, "timestamp": time, "type": kind, "sequence": sequence, "data": data}
    return msgspec.json.encode(message).decode()


def frames(texts: Sequence[str], *, together: bool) -> bytes:
    """Messages as a server's WebSocket frames (RFC 6455, section 5.2), ready for the wire.

    Args:
        texts: messages.
        together: one frame with a list of them; else a frame for each.
    """
    return b"".join(_frame(text.encode()) for text in ([f"[{','.join(texts)}]"] if together else texts))


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", _WHOLE_TEXT, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", _WHOLE_TEXT, 126, size) + payload
    return struct.pack("!BBQ", _WHOLE_TEXT, 127, size) + payload


class Ring:
    """The last messages by their numbers, without a gap.

    Args:
        most: bytes kept, more or less.
        sequence: number of the message before the first.
    """

    def __init__(self, most: int = RING_BYTES, sequence: int = 0) -> None:
        self._most: Final = most
        self._kept: Final[deque[str]] = deque()
        self._size = 0
        self.sequence = sequence
        """Of the last message."""

    def add(self, text: str) -> None:
        """Keep the next message."""
        self.sequence += 1
        self._kept.append(text)
        self._size += len(text)
        while self._size > self._most:
            self._size -= len(self._kept.popleft())

    def forget(self) -> None:
        """Keep nothing: what comes after a pause does not follow on what was before it."""
        self._kept.clear()
        self._size = 0
        self.sequence += 1

    def after(self, sequence: int) -> list[str] | None:
        """The messages after a number; None where not all of them are kept, or the number is none of ours."""
        missing = self.sequence - sequence
        if not 0 <= missing <= len(self._kept):
            return None
        kept = self._kept
        return [kept[place] for place in range(len(kept) - missing, len(kept))]


class Client:
    """One page's queue. Once it has lagged behind too far it gets nothing any more.

    Args:
        messages: that may wait at most.
        size: of all of them in characters.
        together: it takes all messages that wait as one list, which costs the session much less.
        write: writes frames to its connection at once, or says that this has to wait; None where that cannot be done.
    """

    def __init__(
        self,
        messages: int = QUEUE_MESSAGES,
        size: int = QUEUE_BYTES,
        *,
        together: bool = False,
        write: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._together: Final = together
        self._write: Final = write
        self._is_abreast = False
        """Whether it has got everything, so that what is queued from now on is what is queued for everybody else who is."""
        self._most_messages: Final = messages
        self._most_bytes: Final = size
        self._queue: Final[deque[str]] = deque()
        self._size = 0
        self._ready: Final = asyncio.Event()
        self._lagged: Final = asyncio.Event()
        self._closing = False

    @property
    def dropped(self) -> bool:
        """Whether it has lagged behind too far."""
        return self._lagged.is_set()

    @property
    def waits(self) -> bool:
        """Whether something is queued for it."""
        return bool(self._queue) or self._lagged.is_set()

    async def lagged(self) -> None:
        """Wait until it is dropped."""
        await self._lagged.wait()

    def put(self, *texts: str) -> None:
        """Queue messages; ``wake`` lets them go."""
        if self._lagged.is_set():
            return
        self._queue.extend(texts)
        self._size += sum(map(len, texts))
        if len(self._queue) > self._most_messages or self._size > self._most_bytes:
            self._lagged.set()
            self._queue.clear()

    def put_out(self, made: dict[tuple[bool, int], bytes]) -> bool:
        """Write what is queued at once, without a turn of its own; tells whether that was done.

        Args:
            made: frames that were made for others by how many messages they are; pages that are abreast share them.
        """
        if self._write is None or not self._is_abreast or self._closing or not self._queue:
            return False
        key = self._together, len(self._queue)
        content = made.get(key)
        if content is None:
            content = made[key] = frames(list(self._queue), together=self._together)
        if not self._write(content):
            return False
        self._queue.clear()
        self._size = 0
        return True

    def wake(self) -> None:
        """Let what is queued go."""
        self._ready.set()

    def close(self) -> None:
        """Let what is queued go and then no more."""
        self._closing = True
        self._ready.set()

    async def next(self) -> str | None:
        """The next message, or list of messages; None when there will be none any more."""
        while not self._queue:
            if self.dropped or self._closing:
                return None
            self._ready.clear()
            self._is_abreast = True
            await self._ready.wait()
        self._is_abreast = False
        if self._together:
            text = f"[{','.join(self._queue)}]"
            self._queue.clear()
            self._size = 0
            return text
        text = self._queue.popleft()
        self._size -= len(text)
        return text
