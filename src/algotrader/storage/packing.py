"""Plain Python values as what msgspec can write. No pickle: what is not known here is refused by name.

Floats survive exactly, whole numbers of any size too. An object that is held in several places is one object again afterwards:
what can change is numbered in the order in which it is met, on both sides alike, and is written once. ``unpacking`` reads it.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from random import Random
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from algotrader.storage.unpacking import CannotRestore, find

LARGEST: Final = 2**64
SMALLEST: Final = -(2**63)
"""The whole numbers that msgspec writes as such."""

_AS_THEY_ARE: Final = frozenset((type(None), bool, float, str, bytes))
_OR_WHOLE: Final = _AS_THEY_ARE | {int}
_encode: Final = msgspec.msgpack.Encoder().encode


class CannotSave(ValueError):
    """Something that a snapshot has to hold is of a kind that cannot be written down."""


class Packer:
    """Turns values into what msgspec writes. One serves one snapshot, from its first value to its last."""

    def __init__(self) -> None:
        self._met: dict[int, tuple[int, object]] = {}
        self._ways: Final[dict[type, Callable[[Any], Any]]] = {
            int: self._int,
            list: self._list,
            tuple: lambda value: {"tuple": self.many(value)},
            dict: lambda value: self._once(value, lambda: {"dict": self.pairs(value)}),
            set: lambda value: self._once(value, lambda: {"set": self._sorted(value)}),
            frozenset: lambda value: {"frozenset": self._sorted(value)},
            deque: lambda value: self._once(value, lambda: {"deque": [value.maxlen, self.many(value)]}),
            OrderedDict: lambda value: self._once(value, lambda: {"ordered": self.pairs(value)}),
            Counter: lambda value: self._once(value, lambda: {"counter": self.pairs(value)}),
            defaultdict: lambda value: self._once(value, lambda: self._defaults(value)),
            Decimal: lambda value: {"decimal": str(value)},
            datetime: _moment,
            date: lambda value: {"date": value.isoformat()},
            time: _clock,
            timedelta: lambda value: {"timedelta": [value.days, value.seconds, value.microseconds]},
            timezone: _zone,
            ZoneInfo: _zone,
            np.ndarray: lambda value: self._once(value, lambda: _array(value)),
            Random: lambda value: self._once(value, lambda: {"random": self.pack(value.getstate())}),
            logging.Logger: lambda value: {"logger": value.name},
            MethodType: self._method,
            FunctionType: _named,
            BuiltinFunctionType: _named,
            type: _named,
        }

    def pack(self, value: Any) -> Any:
        """One value.

        Raises:
            CannotSave: it, or something in it, is of a kind that is not known.
        """
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        way = self._ways.get(kind)
        return self.other(value) if way is None else way(value)

    def many(self, values: Any) -> list[Any]:
        """Several values."""
        simple, pack = _AS_THEY_ARE, self.pack
        return [value if type(value) in simple else pack(value) for value in values]

    def quick(self, values: Any) -> list[Any]:
        """Several values, of which the whole numbers should fit into 64 bits: msgspec raises ``OverflowError`` if not."""
        simple, pack = _OR_WHOLE, self.pack
        return [value if type(value) in simple else pack(value) for value in values]

    def pairs(self, mapping: Any) -> list[Any]:
        """Keys and values of a mapping in its order, one behind the other."""
        return self.many([part for pair in mapping.items() for part in pair])

    def meet(self, value: object) -> dict[str, Any] | None:
        """Number an object that may be met again; when it has been met, what to write in its place."""
        known = self._met.get(id(value))
        if known is not None:
            return {"ref": known[0]}
        # The object is kept, so that no other one gets its id.
        self._met[id(value)] = len(self._met), value
        return None

    def other(self, value: Any) -> Any:
        """A value that is of none of the exact types above."""
        kind = type(value)
        if isinstance(value, Enum) and value.name is not None:
            return {"enum": [*_place(kind), value.name]}
        if isinstance(value, np.generic) and not value.dtype.hasobject and value.dtype.names is None:
            return {"number": [value.dtype.str, value.tobytes()]}
        if isinstance(value, type):
            return _named(value)
        if isinstance(value, tuple) and hasattr(kind, "_make"):
            return {"named": [*_place(kind), self.many(value)]}
        if is_dataclass(kind) and not hasattr(kind, "__mypyc_attrs__"):
            return self._once(value, lambda: {"record": [*_place(kind), self.pairs(attributes(value))]})
        arguments = getattr(kind, "snapshot_arguments", None)
        if arguments is not None:
            return self._once(value, lambda: {"made": [*_place(kind), self.many([getattr(value, name) for name in arguments])]})
        raise CannotSave(f"a {kind.__module__}.{kind.__qualname__}")

    def _once(self, value: object, write: Callable[[], Any]) -> Any:
        known = self.meet(value)
        return write() if known is None else known

    def _int(self, value: int) -> Any:
        return value if SMALLEST <= value < LARGEST else {"int": str(value)}

    def _list(self, value: list[Any]) -> Any:
        known = self.meet(value)
        return self.many(value) if known is None else known

    def _sorted(self, values: Any) -> list[Any]:
        # A set has no order of its own, and its snapshot shall not depend on the hashes of this process.
        return sorted(self.many(values), key=_encode)

    def _defaults(self, value: defaultdict[Any, Any]) -> dict[str, Any]:
        return {"defaultdict": [self.pack(value.default_factory), *self.pairs(value)]}

    def _method(self, value: MethodType) -> dict[str, Any]:
        if getattr(value.__self__, value.__name__, None) != value:
            raise CannotSave(f"a method {value.__qualname__} that its object does not have")
        return {"method": [self.pack(value.__self__), value.__name__]}


def attributes(value: Any) -> dict[str, Any]:
    """What an interpreted object keeps, by name: in its slots, in those of a compiled base class, and in its dict."""
    found: dict[str, Any] = {}
    for kind in reversed(type(value).__mro__):
        slots = kind.__dict__.get("__slots__", ())
        for name in (*((slots,) if isinstance(slots, str) else slots), *kind.__dict__.get("__mypyc_attrs__", ())):
            if hasattr(value, name) and name not in ("__dict__", "__weakref__"):
                found[name] = getattr(value, name)
    # In one order, whether the base class is compiled or not.
    return dict(sorted((found | getattr(value, "__dict__", {})).items()))


def _place(value: Any) -> list[str]:
    module, name = value.__module__ or "builtins", value.__qualname__
    try:
        same = find(module, name) is value
    except CannotRestore:
        same = False
    if not same:
        raise CannotSave(f"{name} of {module}, which cannot be found there by its name (a lambda, or defined inside a function)")
    return [module, name]


def _named(value: Any) -> dict[str, Any]:
    return {"global": _place(value)}


def _moment(value: datetime) -> dict[str, Any]:
    zone = None if value.tzinfo is None else _zone(value.tzinfo)["zone"]
    return {"datetime": [value.replace(tzinfo=None).isoformat(), zone, value.fold]}


def _clock(value: time) -> dict[str, Any]:
    if value.tzinfo is not None:
        raise CannotSave("a time of day with a time zone")
    return {"time": value.isoformat()}


def _zone(value: tzinfo) -> dict[str, Any]:
    if isinstance(value, ZoneInfo) and value.key is not None:
        return {"zone": value.key}
    if type(value) is timezone:
        offset = value.utcoffset(None)
        return {"zone": [offset.days, offset.seconds, offset.microseconds]}
    raise CannotSave(f"a time zone of {type(value).__module__}.{type(value).__qualname__}")


def _array(value: Any) -> dict[str, Any]:
    if value.dtype.hasobject or value.dtype.names is not None:
        raise CannotSave(f"a numpy array of {value.dtype}")
    return {"array": [value.dtype.str, list(value.shape), value.tobytes()]}
