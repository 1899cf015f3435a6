"""Gives an engine what was written down of another."""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec
from librt.vecs import vec
from mypy_extensions import i64

from algotrader.core.bars import BarAggregator
from algotrader.core.engine import Engine
from algotrader.core.instruments import Instrument
from algotrader.storage.parts import MADE, TAGS, parts
from algotrader.storage.shapes import arguments_of
from algotrader.storage.snapshot_form import no_collection, opened, setup_of
from algotrader.storage.snapshot_kept import unpressed
from algotrader.storage.unpacking import CannotRestore, Unpacker

_MADE: Final = {kind.__name__: kind for kind in MADE}


class Reader(Unpacker):
    """Gives the parts of an engine what a snapshot holds of them."""

    def __init__(self, engine: Engine, content: dict[str, Any]) -> None:
        super().__init__()
        self.parts: Final = dict(parts(engine))
        self.columns: Final[dict[str, list[str]]] = content["columns"]
        self._kept: Final[list[Any]] = unpressed(content)
        self._made_again: Final[dict[int, Any]] = {}
        self.loads: Final[list[tuple[Any, Any]]] = []
        present = [track.instrument for track in engine.state.tracks]
        self.instruments: Final = [self._instrument(record, present) for record in content["instruments"]]
        self._arguments: Final = {kind: tuple(arguments_of(kind)) for kind in MADE}

    def _instrument(self, record: list[Any], present: list[Instrument]) -> Instrument:
        made = Instrument(*self.many(record))
        return next((known for known in present if known == made), made)

    def other(self, tag: str, content: Any) -> Any:
        """What only a snapshot of an engine has: parts, instruments, columns, and objects that are made again."""
        if tag == "at":
            return self.at(content)
        if tag == "instrument":
            return self.instruments[content]
        if tag == "kept":
            return self._from_kept(content)
        if tag == "each":
            return self._each(self.met([]), content)
        if tag == "by":
            made: dict[Any, Any] = self.met({})
            keys = self.many(content[0])
            made.update(zip(keys, self._each([], content[1]), strict=True))
            return made
        if tag == "fill":
            return self._from_kept(content[0]).fills[content[1]]
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

    def _each(self, made: list[Any], content: list[Any]) -> list[Any]:
        made.extend(self._from_kept(value) if type(value) is int else self.unpack(value) for value in content)
        return made

    def _from_kept(self, place: int) -> Any:
        found = self._made_again.get(place)
        if found is None:
            found = self._made_again[place] = self.apart(self._kept[place])
        return found

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
                if hasattr(part, attribute) and not (value is None and type(part) is BarAggregator):
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
        content = opened(payload)
        _check_setup(engine, content)
        reader = Reader(engine, content)
        with no_collection():
            for name, kind, saved in content["parts"]:
                reader.part(name, kind, saved)
    except (msgspec.MsgspecError, zlib.error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, CannotRestore):
            raise
        raise CannotRestore(f"the snapshot is damaged or does not fit this engine: {type(error).__name__}: {error}") from error
    for hooks, state in reader.loads:
        hooks.load_state(state)
    engine.take_commands()
    engine.take_reports()


def _check_setup(engine: Engine, content: dict[str, Any]) -> None:
    saved, own = content["setup"], setup_of(engine)
    if saved != own:
        raise CannotRestore(f"the snapshot is of an engine set up as {saved}, this one was set up as {own}")
    names = [(first, content["instruments"][place][0]) for first, place in content["tracks"]]
    symbols = [track.first_symbol for track in engine.state.tracks]
    if len(names) != len(symbols) or any(symbol not in pair for symbol, pair in zip(symbols, names, strict=True)):
        raise CannotRestore(f"the snapshot is of {', '.join(first for first, _ in names)}; this engine has {', '.join(symbols)}")
