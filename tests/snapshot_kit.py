"""Two engines side by side, attribute by attribute, without knowing what they consist of."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from librt.vecs import vec
from mypy_extensions import i64

from algotrader.core.bars import BarAggregator
from algotrader.core.engine import Engine
from algotrader.core.state import BarHistory

VEC = type(vec[i64]())
UNLIKE = {"ready", "_asked_quantity", "_quantity_raw"}
"""What is left over from a call that is done, or spares the work of doing it again."""


def names_of(value: Any) -> list[str]:
    """All attributes of an object, compiled or not."""
    found: set[str] = set(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        found.update(kind.__dict__.get("__mypyc_attrs__", ()))
        found.update(kind.__dict__.get("__slots__", ()))
    return sorted(found - UNLIKE)


def differences(first: Engine, second: Engine) -> list[str]:
    """Where two engines are not alike; empty when they are, in every object that can be reached."""
    return list(Walk().compare(first, second, "engine"))


class Walk:
    """Goes through two graphs of objects at once."""

    def __init__(self) -> None:
        self.pairs: dict[int, tuple[int, object, object]] = {}
        self.back: dict[int, int] = {}

    def compare(self, a: Any, b: Any, where: str) -> Iterator[str]:
        """What differs at a place and below it."""
        if type(a) is not type(b):
            yield f"{where}: {type(a).__name__} and {type(b).__name__}"
        elif a is None or isinstance(a, (bool, int, float, str, bytes, type)) or callable(a):
            if repr(a) != repr(b) and not callable(a):
                yield f"{where}: {a!r} and {b!r}"
        elif isinstance(a, VEC):
            if list(a)[-BarHistory.KEEP :] != list(b)[-BarHistory.KEEP :]:
                yield f"{where}: columns differ"
        elif isinstance(a, tuple):
            yield from self._each(list(a), list(b), where)
        elif id(a) in self.pairs or id(b) in self.back:
            if self.pairs.get(id(a), (0,))[0] != id(b) or self.back.get(id(b)) != id(a):
                yield f"{where}: what is one object here is two there"
        else:
            self.pairs[id(a)] = id(b), a, b
            self.back[id(b)] = id(a)
            yield from self._inside(a, b, where)

    def _inside(self, a: Any, b: Any, where: str) -> Iterator[str]:
        if isinstance(a, dict):
            yield from self._each(list(a), list(b), f"{where} keys")
            yield from self._each(list(a.values()), list(b.values()), f"{where}[{list(a)}]"[:200])
        elif isinstance(a, list):
            yield from self._each(a, b, where)
        elif isinstance(a, Random):
            yield from self.compare(a.getstate(), b.getstate(), where)
        elif not type(a).__module__.startswith(("algotrader", "engine_rig", "snapshot_strategies")):
            if repr(a) != repr(b):
                yield f"{where}: {a!r} and {b!r}"
        else:
            idle = isinstance(a, BarAggregator) and a.parts == 0
            for name in names_of(a):
                if idle and name == "_pending":
                    # The numbers of a window that is done.
                    continue
                yield from self.compare(getattr(a, name, None), getattr(b, name, None), f"{where}.{name}")

    def _each(self, a: list[Any], b: list[Any], where: str) -> Iterator[str]:
        if len(a) != len(b):
            yield f"{where}: {len(a)} and {len(b)} of them"
            return
        for place, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from self.compare(one, other, f"{where}[{place}]")
