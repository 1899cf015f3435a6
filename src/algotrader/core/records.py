"""What is made often and not changed afterwards, and is therefore not a dataclass: compiled, those are slow to make.

Records hold nothing that could lead back to them. They are marked so (``acyclic``), which spares Python's search for cycles.
"""

from __future__ import annotations

from typing import Any

from mypy_extensions import mypyc_attr


@mypyc_attr(acyclic=True)
class Record:
    """Base: records of a kind are equal when all their fields are, and show them when printed. They are no keys of a dict."""

    def values(self) -> dict[str, Any]:
        """The fields by name, those of base classes first."""
        names: dict[str, None] = {}
        for kind in reversed(type(self).__mro__):
            # Compiled classes list their attributes, interpreted objects carry them.
            names.update(dict.fromkeys(getattr(kind, "__mypyc_attrs__", ())))
        return {name: getattr(self, name) for name in (names or self.__dict__)}

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Record):
            return NotImplemented
        return self.values() == other.values()

    def __repr__(self) -> str:
        shown = ", ".join([f"{name}={value!r}" for name, value in self.values().items()])
        return f"{type(self).__name__}({shown})"
