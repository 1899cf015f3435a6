"""Reads what ``packing`` wrote. Of what a snapshot names only classes and functions are looked up, in modules that are loaded."""

from __future__ import annotations

import logging
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np


class CannotRestore(ValueError):
    """A snapshot does not fit what it is to be restored into, or is damaged."""


class Unpacker:
    """Turns what a ``Packer`` made back into values, in the same order."""

    def __init__(self) -> None:
        self._met: list[Any] = []
        self._ways: Final[dict[str, Callable[[Any], Any]]] = {
            "int": int,
            "tuple": lambda parts: tuple(self.many(parts)),
            "dict": lambda parts: self._pairs({}, parts),
            "ordered": lambda parts: self._pairs(OrderedDict(), parts),
            "counter": lambda parts: self._pairs(Counter(), parts),
            "defaultdict": lambda parts: self._defaults(parts),
            "set": lambda parts: self._set(parts),
            "frozenset": lambda parts: frozenset(self.many(parts)),
            "deque": lambda parts: self._deque(parts),
            "decimal": Decimal,
            "datetime": _read_moment,
            "date": date.fromisoformat,
            "time": time.fromisoformat,
            "timedelta": lambda parts: timedelta(*parts),
            "zone": _read_zone,
            "array": lambda parts: self.met(read_array(parts)),
            "number": lambda parts: np.frombuffer(parts[1], dtype=parts[0])[0],
            "random": lambda state: self._random(state),
            "logger": logging.getLogger,
            "method": lambda parts: getattr(self.unpack(parts[0]), parts[1]),
            "global": lambda parts: find(*parts),
            "enum": lambda parts: find(parts[0], parts[1])[parts[2]],
            "named": lambda parts: find(parts[0], parts[1])._make(self.many(parts[2])),
            "record": lambda parts: self._record(parts),
            "made": lambda parts: self._made(parts),
            "ref": lambda number: self._met[number],
        }

    def unpack(self, value: Any) -> Any:
        """One value."""
        kind = type(value)
        if kind is dict:
            ((tag, content),) = value.items()
            way = self._ways.get(tag)
            return self.other(tag, content) if way is None else way(content)
        if kind is list:
            made: list[Any] = self.met([])
            made.extend(self.many(value))
            return made
        return value

    def many(self, values: list[Any]) -> list[Any]:
        """Several values."""
        unpack = self.unpack
        return [unpack(value) if type(value) in (dict, list) else value for value in values]

    def met(self, value: Any) -> Any:
        """Number an object as the packer did, before what is in it is read."""
        self._met.append(value)
        return value

    def reserve(self) -> int:
        """The number of an object that can only be made when parts of it are read; ``settle`` gives it."""
        self._met.append(None)
        return len(self._met) - 1

    def settle(self, number: int, value: Any) -> Any:
        """The object of a number that was reserved."""
        self._met[number] = value
        return value

    def apart(self, value: Any) -> Any:
        """One value that was written by itself, with numbers of its own for what is met in it."""
        around, self._met = self._met, []
        try:
            return self.unpack(value)
        finally:
            self._met = around

    def other(self, tag: str, content: Any) -> Any:
        """What a tag means that is none of the above."""
        raise CannotRestore(f"the snapshot holds a {tag!r}, which this program does not know")

    def _pairs(self, made: Any, parts: list[Any]) -> Any:
        self.met(made)
        flat = self.many(parts)
        for place in range(0, len(flat), 2):
            made[flat[place]] = flat[place + 1]
        return made

    def _defaults(self, parts: list[Any]) -> Any:
        made: defaultdict[Any, Any] = self.met(defaultdict())
        made.default_factory = self.unpack(parts[0])
        flat = self.many(parts[1:])
        made.update(zip(flat[::2], flat[1::2], strict=True))
        return made

    def _set(self, parts: list[Any]) -> Any:
        made: set[Any] = self.met(set())
        made.update(self.many(parts))
        return made

    def _deque(self, parts: list[Any]) -> Any:
        made: deque[Any] = self.met(deque(maxlen=parts[0]))
        made.extend(self.many(parts[1]))
        return made

    def _random(self, state: Any) -> Random:
        made: Random = self.met(Random(0))
        made.setstate(self.unpack(state))
        return made

    def _record(self, parts: list[Any]) -> Any:
        kind = find(parts[0], parts[1])
        if not is_dataclass(kind) or not isinstance(kind, type):
            raise CannotRestore(f"{parts[0]}.{parts[1]} is no dataclass any more")
        made = self.met(object.__new__(kind))
        flat = self.many(parts[2])
        for place in range(0, len(flat), 2):
            object.__setattr__(made, flat[place], flat[place + 1])
        return made

    def _made(self, parts: list[Any]) -> Any:
        number = self.reserve()
        kind = find(parts[0], parts[1])
        return self.settle(number, kind(*self.many(parts[2])))


def find(module: str, name: str) -> Any:
    """What a module that is loaded calls by a (dotted) name.

    Raises:
        CannotRestore: there is no such thing.
    """
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise CannotRestore(f"the snapshot needs {module}.{name}, which is not there any more")
    return found


def _read_moment(parts: list[Any]) -> datetime:
    zone = None if parts[1] is None else _read_zone(parts[1])
    return datetime.fromisoformat(parts[0]).replace(tzinfo=zone, fold=parts[2])


def _read_zone(value: Any) -> tzinfo:
    if isinstance(value, str):
        return ZoneInfo(value)
    offset = timedelta(*value)
    return timezone(offset) if offset else UTC


def read_array(parts: list[Any]) -> Any:
    """The array of a type, a shape and the bytes of its numbers."""
    return np.frombuffer(parts[2], dtype=parts[0]).reshape(parts[1]).copy()
