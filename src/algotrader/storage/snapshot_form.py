"""What writer and reader of snapshots have in common: the seal, and what tells engines apart that were set up differently."""

from __future__ import annotations

import gc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from librt.vecs import vec
from mypy_extensions import i64

from algotrader.core.engine import Engine
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import Slot
from algotrader.storage.unpacking import CannotRestore

FORMAT: Final = 2
COLUMN: Final[type[Any]] = type(vec[i64]())
_SUM: Final = 4
_FAST: Final = 1
_COMPRESSED: Final = b"x"
"""How zlib begins."""
_MAP: Final = 0x80
_LIST: Final = b"\xdd"
"""How a short map and a long list begin in MessagePack."""
_encode: Final = msgspec.msgpack.Encoder().encode


class Seal:
    """Makes bytes of a snapshot, with a sum that shows damage. Entry by entry, so that it is never there as a whole but compressed.

    Args:
        entries: how many there will be; at most 15.
    """

    def __init__(self, entries: int) -> None:
        self._press: Final = zlib.compressobj(_FAST)
        self._found: Final[list[bytes]] = []
        self.add(bytes([_MAP | entries]))

    def add(self, written: bytes) -> None:
        """Something that is packed already."""
        pressed = self._press.compress(written)
        if pressed:
            self._found.append(pressed)

    def entry(self, name: str, value: Any) -> None:
        """One entry."""
        self.add(_encode(name))
        self.add(_encode(value))

    def entries(self, name: str, count: int) -> None:
        """One entry that is a list; so many packed values have to be added after it."""
        self.add(_encode(name))
        self.add(_LIST + count.to_bytes(4, "big"))

    def closed(self) -> bytes:
        """The snapshot."""
        written = b"".join((*self._found, self._press.flush()))
        return zlib.crc32(written).to_bytes(_SUM, "big") + written


def opened(payload: bytes) -> dict[str, Any]:
    """The content of a snapshot.

    Raises:
        CannotRestore: the snapshot is damaged or of a later format.
    """
    written = memoryview(payload)[_SUM:]
    if zlib.crc32(written).to_bytes(_SUM, "big") != payload[:_SUM]:
        raise CannotRestore("the snapshot is damaged: its sum does not fit what it holds")
    try:
        # Format 1 was not compressed, and never began like this.
        plain = zlib.decompress(written) if payload[_SUM : _SUM + 1] == _COMPRESSED else written
    except zlib.error as error:
        raise CannotRestore(f"the snapshot is damaged: {error}") from None
    content: dict[str, Any] = msgspec.msgpack.decode(plain)
    if content["format"] > FORMAT:
        raise CannotRestore(f"the snapshot has format {content['format']}; this program reads up to format {FORMAT}")
    return content


@contextmanager
def no_collection() -> Iterator[None]:
    """Spare the search for cycles among the many objects of a snapshot, none of which is in one."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def setup_of(engine: Engine) -> list[Any]:
    """What tells engines apart that were set up differently."""
    slots = [[slot.owner, type(slot).__name__, *_tracks_of(slot)] for slot in engine.state.slots]
    return [engine.base_seconds, engine.state.id_prefix, slots]


def _tracks_of(slot: Slot) -> list[int]:
    if isinstance(slot, SignalSlot):
        return [slot.track.index]
    return [track.index for track in getattr(slot, "tracks", ())]
