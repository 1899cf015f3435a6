"""Lets immutable values be copied and sent to other processes in either form of the engine.

``copy`` and ``pickle`` put an object together by setting its attributes, which a compiled frozen dataclass and final attributes
refuse.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any


def made_from_fields(*kinds: type) -> None:
    """Have frozen dataclasses, and those made from them, copied by making them anew from their fields."""
    for kind in kinds:
        if is_dataclass(kind):
            copyreg.pickle(kind, _anew)
        made_from_fields(*kind.__subclasses__())


def made_from_attributes(kind: type, *names: str) -> None:
    """Have a class copied by calling it again.

    Args:
        kind: the class.
        names: its attributes that are the arguments to make an equal one, in order.
    """

    def again(value: Any) -> tuple[Any, ...]:
        return type(value), tuple(getattr(value, name) for name in names)

    copyreg.pickle(kind, again)


def _anew(value: Any) -> tuple[Any, ...]:
    given = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    kind: Callable[..., Any] = type(value)
    return partial(kind, **given), ()
