"""Writes an engine down."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType, MethodType
from typing import Any, Final

import msgspec

from algotrader.core.bars import BarAggregator, WindowBar
from algotrader.core.catch_up import tells_all
from algotrader.core.engine import Engine
from algotrader.core.indicators import Indicator
from algotrader.core.instruments import Instrument
from algotrader.core.orders import Fill
from algotrader.core.signal_hooks import Scanner
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import BarHistory, Slot
from algotrader.storage.packing import LARGEST, SMALLEST, CannotSave, Packer, attributes
from algotrader.storage.parts import ENUMS, FIXED, MADE, Columns, parts
from algotrader.storage.shapes import arguments_of
from algotrader.storage.snapshot_form import COLUMN, FORMAT, Seal, no_collection, setup_of
from algotrader.storage.snapshot_kept import CHUNK, MARKS, Chunk, Kept, consists_of

_ROW: Final = 8
_KINDS: Final = 6
"""Kinds of objects in chunks: orders and what is in them, round trips, bookings."""
_encode: Final = msgspec.msgpack.Encoder().encode


class _Writer(Packer):
    """Packs one engine."""

    def __init__(self, engine: Engine, kept: Kept, careful: bool) -> None:
        super().__init__()
        self._careful = careful
        self._known: Final = kept
        self._all: Final = self._met
        self._orders: Final = engine.state.orders
        self.parts: Final = dict(parts(engine))
        # What is always written in the same way, found by what it is: parts, members of enums, instruments.
        self._short: Final[dict[int, dict[str, Any]]] = {
            id(part): {"at": name} for name, part in reversed(self.parts.items()) if part is not None
        }
        self._short.update({id(member): {kind.__name__: member.value} for kind in ENUMS for member in kind})
        self.columns: Final[dict[str, list[str]]] = {}
        self.instruments: Final[list[list[Any]]] = []
        self.fresh: Final[list[tuple[Any, bytes]]] = []
        """What was written by itself and not taken over."""
        self.chunks: list[bytes] = []
        self.places: Final[dict[int, int]] = {}
        """Where it is there, by the object."""
        self._shapes: Final[dict[tuple[type, bool], Columns]] = {}
        self._instruments: Final[list[Instrument]] = []
        self._named_instruments: Final[list[Instrument]] = []
        self._ways.update({COLUMN: _column, Instrument: self._instrument})
        self._ways.update(dict.fromkeys(MADE, self._made))
        self._ways.update(dict.fromkeys(MARKS, self._kept))
        self._ways.update({list: self._list_or_each, dict: self._dict_or_each})

    def pack(self, value: Any) -> Any:
        kind = type(value)
        if kind is int:
            return value if SMALLEST <= value < LARGEST else {"int": str(value)}
        if kind is FunctionType or kind is MethodType:
            return self._function(value)
        return self._short.get(id(value)) or super().pack(value)

    def _function(self, value: Any) -> Any:
        try:
            return super().pack(value)
        except CannotSave:
            # A lambda that was scheduled in initialize is scheduled again when the engine is set up.
            if id(value) not in self._short:
                raise
            return self._short[id(value)]

    def shape(self, value: Any, as_part: bool) -> Columns:
        """The columns of an object's class, noted for the reader."""
        key = (type(value), as_part)
        found = self._shapes.get(key)
        if found is None:
            found = self._shapes[key] = Columns(value, as_part)
            self.columns[f"{'part ' if as_part else ''}{type(value).__name__}"] = found.names
        return found

    def _made(self, value: Any) -> Any:
        known = self._within(value) if type(value) is Fill and self._met is self._all else None
        known = self.meet(value) if known is None else known
        if known is not None:
            return known
        return {type(value).__name__: self._row(self.shape(value, False), value)}

    def _list_or_each(self, value: list[Any]) -> Any:
        if not value or type(value[0]) not in MARKS:
            return super()._list(value)
        known = self.meet(value)
        return {"each": self._each(value)} if known is None else known

    def _dict_or_each(self, value: dict[Any, Any]) -> Any:
        known = self.meet(value)
        if known is not None:
            return known
        if type(next(iter(value.values()), None)) not in MARKS:
            return {"dict": self.pairs(value)}
        return {"by": [self.many(value), self._each(value.values())]}

    def _each(self, values: Iterable[Any]) -> list[Any]:
        """Many objects that may be done with; of those that are only the place, to be sparing with memory."""
        found = []
        for value in values:
            place = self._place(value) if type(value) in MARKS else None
            found.append(self.pack(value) if place is None else place)
        return found

    def _kept(self, value: Any) -> Any:
        """An object that may be done with: written by itself, or taken over from the last snapshot."""
        place = self._place(value)
        return self._made(value) if place is None else {"kept": place}

    def _place(self, value: Any) -> int | None:
        place = self.places.get(id(value))
        if place is not None:
            return place
        if self._mark(value) is None:
            return None
        self.fresh.append((value, self._apart(value)))
        place = self.places[id(value)] = len(self.places)
        return place

    def _mark(self, value: Any) -> int | None:
        """A number for an object as it is now; None when it is still being changed."""
        mark = MARKS[type(value)](value)
        instrument = getattr(value, "instrument", None)
        if mark is None or instrument is None:
            return mark
        # It is written as its place among the instruments of the snapshot, which may have become another.
        return hash((mark, self.pack(instrument)["instrument"]))

    def take_over(self) -> None:
        """Give places to what was written before and has not changed."""
        good = [chunk for chunk in self._known.chunks if hash(tuple(map(self._mark, chunk.members))) == chunk.mark]
        self._known.chunks = good
        for chunk in good:
            for member in chunk.members:
                self.places[id(member)] = len(self.places)
                if len(self._shapes) < _KINDS:
                    for part in consists_of(member):
                        self.shape(part, False)
        self.chunks = [chunk.pressed for chunk in good]

    def keep(self) -> None:
        """Keep what was written anew for the next snapshot, as far as it fills chunks."""
        for start in range(0, len(self.fresh) - CHUNK + 1, CHUNK):
            some = self.fresh[start : start + CHUNK]
            members = tuple(value for value, _ in some)
            mark = hash(tuple(map(self._mark, members)))
            self._known.chunks.append(Chunk(members, mark, [written for _, written in some]))

    def _within(self, fill: Fill) -> dict[str, Any] | None:
        """How to refer to an execution that was written with its order. Strategies may keep some; orders come before them."""
        order = self._orders.get(fill.client_order_id)
        place = None if order is None else self.places.get(id(order))
        if order is None or place is None or order.fills.get(fill.fill_id) is not fill:
            return None
        return {"fill": [place, fill.fill_id]}

    def _apart(self, value: Any) -> bytes:
        around, careful = self._met, self._careful
        # The bytes must not depend on whether anything else in the snapshot is too large.
        self._met, self._careful = {}, True
        try:
            return _encode(self._made(value))
        finally:
            self._met, self._careful = around, careful

    def _row(self, shape: Columns, value: Any) -> list[Any]:
        found = shape.read(value)
        if type(value) is BarAggregator and not value.parts:
            # No window waits: what is in there is left over from one that is done.
            found = [None if type(number) is WindowBar else number for number in found]
        if self._careful:
            return self.many(found)
        row = self.quick(found)
        for place in shape.money:
            row[place] = self.pack(found[place])
        return row

    def _instrument(self, value: Instrument) -> dict[str, Any]:
        # Kept, so that no other object gets its id.
        self._named_instruments.append(value)
        if value not in self._instruments:
            self._instruments.append(value)
            self.instruments.append(self.many([getattr(value, name) for name in arguments_of(Instrument)]))
        short = self._short[id(value)] = {"instrument": self._instruments.index(value)}
        return short

    def saves(self, name: str, part: Any) -> bool:
        """Whether anything is saved of a part, or it only is referred to."""
        keeps = name.endswith("/hooks") or isinstance(part, Scanner) or hasattr(type(part), "snapshot_fixed")
        return type(part) in FIXED or isinstance(part, Indicator) or keeps

    def part(self, name: str, part: Any) -> list[Any]:
        """What is saved of a part."""
        kind = type(part)
        if kind in FIXED:
            return [kind.__name__, self._row(self.shape(part, True), part)]
        if isinstance(part, Indicator):
            return ["indicator", self._indicator(name, part)]
        return ["attributes", self._attributes(name, part)]

    def _indicator(self, name: str, part: Indicator) -> list[Any]:
        integers, floats = part.state()
        own = {} if tells_all(part) else _own_of_indicator(part)
        return [self.many(integers), self.many(floats), self._named(name, part, own)]

    def _attributes(self, name: str, part: Any) -> dict[str, Any]:
        kept = attributes(part)
        for attribute in getattr(type(part), "snapshot_fixed", ()):
            kept.pop(attribute, None)
        hooks = self.parts.get("/".join([*name.split("/")[:2], "hooks"]), part)
        if not hasattr(hooks, "save_state") or not (part is hooks or name.endswith("/context")):
            return {"kept": self._named(name, part, kept)}
        base = getattr(type(part), "snapshot_base", ())
        written: dict[str, Any] = {"kept": self._named(name, part, {own: kept[own] for own in base if own in kept})}
        if part is hooks:
            written["state"] = self._named(name, part, {"save_state()": hooks.save_state()})[1]
        return written

    def _named(self, name: str, part: Any, kept: dict[str, Any]) -> list[Any]:
        written: list[Any] = []
        for attribute, value in kept.items():
            try:
                written += [attribute, self.pack(value)]
            except CannotSave as fault:
                raise CannotSave(_refusal(self._whose(name), name, part, attribute, fault)) from None
        return written

    def _whose(self, name: str) -> str:
        slot = self.parts.get("/".join(name.split("/")[:2]))
        if isinstance(slot, SignalSlot):
            return f"{slot.owner} on {slot.track.instrument.symbol}"
        return slot.owner if isinstance(slot, Slot) else name


def _refusal(whose: str, name: str, part: Any, attribute: str, fault: CannotSave) -> str:
    where = {"hooks": "self", "context": "context"}.get(name.rsplit("/", 1)[-1], type(part).__name__)
    place = attribute if attribute.endswith("()") else f"{where}.{attribute}"
    return (
        f"strategy {whose}: {place} holds {fault}; a snapshot cannot save that. Keep plain values there (numbers, texts, lists, "
        "dicts, dataclasses, numpy arrays), or define save_state(), which gives such values, and load_state(state)"
    )


def _own_of_indicator(part: Indicator) -> dict[str, Any]:
    common = getattr(Indicator(1, 1), "__dict__", {})
    return {name: value for name, value in getattr(part, "__dict__", {}).items() if name not in common}


def _column(value: Any) -> dict[str, Any]:
    return {"column": bytes(memoryview(value))[-BarHistory.KEEP * _ROW :]}


def freeze(engine: Engine, kept: Kept | None = None) -> bytes:
    """The whole state of an engine whose commands and reports have been taken.

    Args:
        engine: to write down.
        kept: of the snapshots before of the same engine; saves time and changes nothing.

    Raises:
        CannotSave: a strategy keeps something that cannot be saved, or commands or reports wait; the message says which.
    """
    if engine.state.commands or engine.state.reports:
        raise CannotSave("commands or reports wait; take them before the snapshot")
    for slot in engine.state.slots:
        if isinstance(slot, SignalSlot) and slot.plan is not None:
            raise CannotSave(f"{slot.owner} runs on figures computed beforehand, as only a backtest does")
    # When a window has to be given up is remembered as "not before"; asked, it is exact, whoever has asked before.
    engine.streams.next_deadline()
    kept = Kept() if kept is None else kept
    with no_collection():
        try:
            return _written(_Writer(engine, kept, False), engine)
        except OverflowError:
            return _written(_Writer(engine, kept, True), engine)


def _written(writer: _Writer, engine: Engine) -> bytes:
    tracks = [[track.first_symbol, writer.pack(track.instrument)["instrument"]] for track in engine.state.tracks]
    parts = [(name, part) for name, part in writer.parts.items() if writer.saves(name, part)]
    writer.take_over()
    seal = Seal(9)
    seal.entries("parts", len(parts))
    for name, part in parts:
        seal.add(_encode([name, *writer.part(name, part)]))
    seal.entries("kept", len(writer.fresh))
    for _, written in writer.fresh:
        seal.add(written)
    writer.keep()
    seal.entry("chunks", writer.chunks)
    seal.entry("format", FORMAT)
    seal.entry("time", engine.state.now)
    seal.entry("setup", setup_of(engine))
    seal.entry("tracks", tracks)
    seal.entry("instruments", writer.instruments)
    seal.entry("columns", dict(sorted(writer.columns.items())))
    return seal.closed()
