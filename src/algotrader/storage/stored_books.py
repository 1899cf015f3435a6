"""The books in a snapshot, read without the strategies: for an engine that is set up differently from the one that was saved.

Positions, cash, orders, holdings, counters, the breaker and what people have switched come over. Indicators, windows and whatever
strategies keep are passed over; their classes need not be there any more.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from algotrader.core.engine import Engine
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.core.state import PROTECT_EMERGENCY, Holding
from algotrader.storage.shapes import arguments_of
from algotrader.storage.snapshot_form import no_collection, opened
from algotrader.storage.snapshot_reader import Reader
from algotrader.storage.unpacking import CannotRestore

_HOLDING: Final = "holding/"
_BOOKS: Final = ("state", "ledger", "breaker")


@dataclass(slots=True)
class Books:
    """What an account has, in an engine without strategies; ``disabled`` names the strategies that a person has switched off."""

    engine: Engine
    disabled: list[str]


class _BooksReader(Reader):
    """Reads every part, since objects are numbered in the order in which they were met, but gives only the books what it reads."""

    def __init__(self, engine: Engine, content: dict[str, Any]) -> None:
        super().__init__(engine, content)
        self.disabled: Final[list[str]] = []
        self._slots: Final[list[list[Any]]] = content["setup"][2]
        # What only strategies keep is counted and not made.
        passed: dict[str, Callable[[Any], Any]] = {
            "record": lambda parts: self._passed_over(parts[2]),
            "made": lambda parts: self._passed_over(parts[2]),
            "named": lambda parts: self.many(parts[2]) and None,
            "method": lambda parts: self.unpack(parts[0]) and None,
            "defaultdict": self._keyed,
            "global": lambda parts: None,
            "enum": lambda parts: None,
        }
        self._ways.update(passed)

    def _passed_over(self, values: list[Any]) -> None:
        self.met(None)
        self.many(values)

    def _keyed(self, parts: list[Any]) -> None:
        self.met(None)
        self.many(parts)

    def at(self, name: str) -> Any:
        if name in self.parts:
            return self.parts[name]
        if not name.startswith(_HOLDING):
            return None
        owner, _, index = name.removeprefix(_HOLDING).rpartition("/")
        state = self.parts["state"]
        track = state.tracks[int(index)]
        made = Holding(None, owner, track, state.ledger.position(owner, track.instrument), PROTECT_EMERGENCY)
        self.parts[name] = made
        return made

    def part(self, name: str, kind: str, content: Any) -> None:
        if name in _BOOKS or name.startswith(_HOLDING) or (name.startswith("track/") and name.count("/") == 1):
            self.at(name)
            super().part(name, kind, content)
        elif kind == "indicator":
            for values in content:
                self.many(values)
        elif kind == "attributes":
            self.many(content["kept"])
            if "state" in content:
                self.unpack(content["state"])
        else:
            kept = dict(zip(self.columns[f"part {kind}"], self.many(content), strict=True))
            if name.startswith("slot/") and kept.get("enabled") is False:
                self.disabled.append(str(self._slots[int(name.removeprefix("slot/"))][0]))


def read_books(payload: bytes, capabilities: VenueCapabilities) -> Books:
    """The books of the engine that ``freeze`` wrote down.

    Args:
        payload: of the snapshot.
        capabilities: what the venue allows now.

    Raises:
        CannotRestore: the snapshot is damaged, or of a program whose records this one does not understand.
    """
    try:
        content = opened(payload)
        instruments = [_instrument(record) for record in content["instruments"]]
        seconds, prefix, _ = content["setup"]
        engine = Engine([instruments[place] for _, place in content["tracks"]], seconds, None, capabilities, prefix)
        reader = _BooksReader(engine, content)
        with no_collection():
            for name, kind, saved in content["parts"]:
                reader.part(name, kind, saved)
    except (msgspec.MsgspecError, zlib.error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, CannotRestore):
            raise
        raise CannotRestore(f"the snapshot cannot be read: {type(error).__name__}: {error}") from error
    return Books(engine, reader.disabled)


def _instrument(record: list[Any]) -> Instrument:
    reader = Reader(Engine([]), {"columns": {}, "instruments": []})
    return Instrument(*reader.many(record)[: len(arguments_of(Instrument))])
