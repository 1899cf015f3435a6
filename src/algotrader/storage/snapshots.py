"""The whole state of an engine as bytes, and back into an engine that was set up in the same way.

Afterwards both give the same commands and reports for the same events. The format is a versioned record of records: classes carry
the names of their attributes once, so a later version ignores what it does not know and leaves what is missing as setting up made
it. Nothing is ever executed that the snapshot names; strategies are made by setting up, and only what they keep is given to them.

A strategy's attributes and its ``context`` are saved when they are plain values, dataclasses, numpy arrays, or things of the engine
(indicators, assets, orders, bars). A strategy that keeps anything else defines ``save_state()``, which gives plain values, and
``load_state(state)``. What it keeps outside its instance, in globals or on its class, is not seen.
"""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import Any, Final

import msgspec
from librt.vecs import vec
from mypy_extensions import i64

from algotrader.core.bars import BarAggregator
from algotrader.core.catch_up import tells_all
from algotrader.core.engine import Engine
from algotrader.core.indicators import Indicator
from algotrader.core.instruments import Instrument
from algotrader.core.signal_hooks import Scanner
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import BarHistory, Slot
from algotrader.storage.parts import ENUMS, FIXED, MADE, TAGS, Columns, parts
from algotrader.storage.shapes import arguments_of
from algotrader.storage.values import CannotRestore, CannotSave, Packer, Unpacker, attributes

__all__ = ["FORMAT", "CannotRestore", "CannotSave", "freeze", "restore"]

FORMAT: Final = 1
_COLUMN: Final = type(vec[i64]())
_ROW: Final = 8
_MADE: Final = {kind.__name__: kind for kind in MADE}


class _Writer(Packer):
    """Packs one engine."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.parts: Final = dict(parts(engine))
        self.known: Final = {id(part): name for name, part in reversed(self.parts.items()) if part is not None}
        self.columns: Final[dict[str, list[str]]] = {}
        self.instruments: Final[dict[str, list[Any]]] = {}
        self._shapes: Final[dict[tuple[type, bool], Columns]] = {}
        self._places: Final[dict[int, tuple[int, Instrument]]] = {}
        self._ways.update({_COLUMN: _column, Instrument: self._instrument})
        self._ways.update(dict.fromkeys(ENUMS, lambda member: {type(member).__name__: member.value}))
        self._ways.update(dict.fromkeys(MADE, self._made))

    def pack(self, value: Any) -> Any:
        kind = type(value)
        if kind is int or kind is str or value is None:
            return super().pack(value)
        if kind is FunctionType or kind is MethodType:
            return self._function(value)
        name = self.known.get(id(value))
        return super().pack(value) if name is None else {"at": name}

    def _function(self, value: Any) -> Any:
        try:
            return super().pack(value)
        except CannotSave:
            # A lambda that was scheduled in initialize is scheduled again when the engine is set up.
            if id(value) not in self.known:
                raise
            return {"at": self.known[id(value)]}

    def shape(self, value: Any, as_part: bool) -> Columns:
        """The columns of an object's class, noted for the reader."""
        key = (type(value), as_part)
        found = self._shapes.get(key)
        if found is None:
            found = self._shapes[key] = Columns(value, as_part)
            self.columns[f"{'part ' if as_part else ''}{type(value).__name__}"] = found.names
        return found

    def _made(self, value: Any) -> Any:
        known = self.meet(value)
        if known is not None:
            return known
        names = self.shape(value, False).names
        return {type(value).__name__: self.many([getattr(value, name) for name in names])}

    def _instrument(self, value: Instrument) -> dict[str, Any]:
        found = self._places.get(id(value))
        if found is None:
            record = self.many([getattr(value, name) for name in arguments_of(Instrument)])
            place = next((n for n, other in self._places.values() if other == value), len(self.instruments))
            self.instruments.setdefault(str(place), record)
            found = self._places[id(value)] = place, value
        return {"instrument": found[0]}

    def part(self, name: str, part: Any) -> Any:
        """What is saved of a part; None for one that only is referred to."""
        kind = type(part)
        if kind in FIXED:
            values = [getattr(part, attribute) for attribute in self.shape(part, True).names]
            if kind is BarAggregator and not part.parts:
                # No window waits: what is in there is left over from one that is done.
                values[self.columns["part BarAggregator"].index("_pending")] = None
            return [kind.__name__, self.many(values)]
        if isinstance(part, Indicator):
            return ["indicator", self._indicator(name, part)]
        if name.endswith("/hooks") or isinstance(part, Scanner) or hasattr(kind, "snapshot_fixed"):
            return ["attributes", self._attributes(name, part)]
        return None

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


def freeze(engine: Engine) -> bytes:
    """The whole state of an engine whose commands and reports have been taken.

    Raises:
        CannotSave: a strategy keeps something that cannot be saved, or commands or reports wait; the message says which.
    """
    if engine.state.commands or engine.state.reports:
        raise CannotSave("commands or reports wait; take them before the snapshot")
    writer = _Writer(engine)
    for slot in engine.state.slots:
        if isinstance(slot, SignalSlot) and slot.plan is not None:
            raise CannotSave(f"{slot.owner} runs on figures computed beforehand, as only a backtest does")
    tracks = [[track.first_symbol, writer.pack(track.instrument)["instrument"]] for track in engine.state.tracks]
    saved = [[name, *written] for name, part in writer.parts.items() if (written := writer.part(name, part)) is not None]
    content = {
        "format": FORMAT,
        "time": engine.state.now,
        "setup": _setup(engine),
        "tracks": tracks,
        "instruments": list(writer.instruments.values()),
        "columns": writer.columns,
        "parts": saved,
    }
    return msgspec.msgpack.encode(content)


def _setup(engine: Engine) -> list[Any]:
    """What tells engines apart that were set up differently."""
    slots = [[slot.owner, type(slot).__name__, *_tracks_of(slot)] for slot in engine.state.slots]
    return [engine.base_seconds, engine.state.id_prefix, slots]


def _tracks_of(slot: Slot) -> list[int]:
    if isinstance(slot, SignalSlot):
        return [slot.track.index]
    return [track.index for track in getattr(slot, "tracks", ())]


class _Reader(Unpacker):
    """Gives an engine what a snapshot holds."""

    def __init__(self, engine: Engine, content: dict[str, Any]) -> None:
        super().__init__()
        self.parts: Final = dict(parts(engine))
        self.columns: Final[dict[str, list[str]]] = content["columns"]
        self.loads: Final[list[tuple[Any, Any]]] = []
        present = [track.instrument for track in engine.state.tracks]
        self.instruments: Final = [self._instrument(record, present) for record in content["instruments"]]
        self._arguments: Final = {kind: tuple(arguments_of(kind)) for kind in MADE}

    def _instrument(self, record: list[Any], present: list[Instrument]) -> Instrument:
        made = Instrument(*self.many(record))
        return next((known for known in present if known == made), made)

    def other(self, tag: str, content: Any) -> Any:
        if tag == "at":
            return self.at(content)
        if tag == "instrument":
            return self.instruments[content]
        if tag == "column":
            return vec[i64](memoryview(content).cast("q"))
        if tag in TAGS:
            return TAGS[tag](content)
        kind = _MADE.get(tag)
        return super().other(tag, content) if kind is None else self._build(kind, content)

    def at(self, name: str) -> Any:
        """The part of a name."""
        if name not in self.parts:
            raise CannotRestore(f"the snapshot refers to {name}, which this engine does not have; was it set up in the same way?")
        return self.parts[name]

    def _build(self, kind: type[Any], content: list[Any]) -> Any:
        number = self.reserve()
        names, known = self.columns[kind.__name__], self._arguments[kind]
        count = sum(1 for name in names if name in known)
        given = dict(zip(names[:count], self.many(content[:count]), strict=True))
        made = self.settle(number, kind(**given))
        for name, value in zip(names[count:], self.many(content[count:]), strict=True):
            if hasattr(made, name):
                setattr(made, name, value)
        return made

    def part(self, name: str, kind: str, content: Any) -> None:
        """Give a part what was saved of it."""
        part = self.at(name)
        if kind == "indicator":
            integers, floats, own = content
            part.restore(self.many(integers), self.many(floats))
            vars(part).update(self._flat(own)) if own else None
        elif kind == "attributes":
            self._attributes(part, content)
        else:
            for attribute, value in zip(self.columns[f"part {kind}"], self.many(content), strict=True):
                if hasattr(part, attribute) and not (value is None and attribute == "_pending"):
                    setattr(part, attribute, value)

    def _flat(self, content: list[Any]) -> dict[str, Any]:
        flat = self.many(content)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def _attributes(self, part: Any, content: dict[str, Any]) -> None:
        kept = self._flat(content["kept"])
        if "state" in content:
            self.loads.append((part, self.unpack(content["state"])))
        else:
            fixed = getattr(type(part), "snapshot_fixed", ())
            own = getattr(part, "__dict__", {})
            for name in [name for name in own if name not in kept and name not in fixed]:
                del own[name]
        own = getattr(part, "__dict__", None)
        for name, value in kept.items():
            # Past any __setattr__ of its own: this is not an assignment that a strategy makes.
            if own is None or hasattr(type(part), name):
                object.__setattr__(part, name, value)
            else:
                own[name] = value


def restore(engine: Engine, payload: bytes) -> None:
    """Give an engine the state that ``freeze`` wrote; it was just set up, with the same instruments, strategies and parameters.

    The engine is of no use after an error.

    Raises:
        CannotRestore: the snapshot is damaged or of a later format, or the engine was set up differently.
    """
    try:
        content = msgspec.msgpack.decode(payload)
        if content["format"] > FORMAT:
            raise CannotRestore(f"the snapshot has format {content['format']}; this program reads up to format {FORMAT}")
        _check_setup(engine, content)
        reader = _Reader(engine, content)
        for name, kind, saved in content["parts"]:
            reader.part(name, kind, saved)
    except (msgspec.MsgspecError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, CannotRestore):
            raise
        raise CannotRestore(f"the snapshot is damaged or does not fit this engine: {type(error).__name__}: {error}") from error
    for hooks, state in reader.loads:
        hooks.load_state(state)
    engine.take_commands()
    engine.take_reports()


def _check_setup(engine: Engine, content: dict[str, Any]) -> None:
    saved, own = content["setup"], _setup(engine)
    if saved != own:
        raise CannotRestore(f"the snapshot is of an engine set up as {saved}, this one was set up as {own}")
    names = [(first, content["instruments"][place][0]) for first, place in content["tracks"]]
    symbols = [track.first_symbol for track in engine.state.tracks]
    if len(names) != len(symbols) or any(symbol not in pair for symbol, pair in zip(symbols, names, strict=True)):
        raise CannotRestore(f"the snapshot is of {', '.join(first for first, _ in names)}; this engine has {', '.join(symbols)}")
