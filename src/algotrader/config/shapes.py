"""What a setting may be, for programs that ask people for it: its kind, its bounds, its choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from algotrader.config.forms import Fraction
from algotrader.config.schema import Config

NUMBER: Final = "number"
INTEGER: Final = "integer"
BOOLEAN: Final = "boolean"
TEXT: Final = "text"
LIST: Final = "list"
CHOICE: Final = "choice"

_UNITS: Final = (
    ("_seconds", "seconds"),
    ("_minutes", "minutes"),
    ("_ms", "milliseconds"),
    ("_mb", "megabytes"),
    ("_candles", "candles"),
    ("_bps_max", "basis points"),
    ("_abs", "USD"),
    ("capital", "USD"),
    ("_pct", "percent"),
    ("_pct_max", "percent"),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a setting's values. Bounds are exact text, None for none."""

    kind: str
    minimum: str | None = None
    maximum: str | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""


@cache
def shapes() -> Mapping[str, Shape]:
    """The shape of every setting by its name."""
    return dict(_shapes(Config, ""))


def _shapes(kind: type[BaseModel], above: str) -> list[tuple[str, Shape]]:
    found: list[tuple[str, Shape]] = []
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _shapes(inner, f"{above}{name}.")
        else:
            found.append((above + name, _shape(above + name, field)))
    return found


def _shape(name: str, field: FieldInfo) -> Shape:
    inner: Any = field.annotation
    kind, choices = TEXT, tuple[str, ...]()
    if inner is bool:
        kind = BOOLEAN
    elif inner is int:
        kind = INTEGER
    elif inner in (Decimal, float):
        kind = NUMBER
    elif get_origin(inner) is tuple:
        kind = LIST
    elif get_origin(inner) is not dict and get_args(inner) and all(isinstance(each, str | int) for each in get_args(inner)):
        kind, choices = CHOICE, tuple(str(each) for each in get_args(inner))
    return Shape(kind, _bound(field, "ge", "gt"), _bound(field, "le", "lt"), choices, _unit(name, field))


def _bound(field: FieldInfo, *marks: str) -> str | None:
    for constraint in field.metadata:
        for mark in marks:
            value = getattr(constraint, mark, None)
            if value is not None:
                return format(value, "f") if isinstance(value, Decimal) else str(value)
    return None


def _unit(name: str, field: FieldInfo) -> str:
    if any(mark in get_args(Fraction) for mark in field.metadata):
        return "fraction"
    return next((unit for end, unit in _UNITS if name.endswith(end)), "")
