"""What a sweep tries: an axis of values for each parameter, and the combinations of them that the strategy allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import prod
from typing import Final

from pydantic import ValidationError

from algotrader.errors import UserError
from algotrader.strategies.parameters import ParameterError, Parameters, parse_parameters

MOST_VALUES: Final = 100_000
"""Values on one axis; a range with more is a slip of the pen."""

_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_WHOLE: Final = re.compile(r"-?\d+")
_OWN_RULES: Final = ("value_error", "assertion_error")
"""Kinds of pydantic's errors that come from a strategy's own validators, which compare parameters with each other."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter and the values to try, in this order. One value alone fixes the parameter."""

    name: str
    values: tuple[object, ...]

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that near values may be expected to do alike."""
        return all(_NUMBER.fullmatch(str(value)) is not None for value in self.values)

    @property
    def whole(self) -> bool:
        """Whether every value is a whole number."""
        return all(_WHOLE.fullmatch(str(value)) is not None for value in self.values)


class Space:
    """All combinations of the axes' values, numbered from 0; the last axis runs fastest."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.axes: Final = tuple(axes)
        self.size: Final = prod(len(axis.values) for axis in self.axes)

    def at(self, point: int) -> dict[str, object]:
        """The parameters of a combination."""
        places = self.places(point)
        return {axis.name: axis.values[place] for axis, place in zip(self.axes, places, strict=True)}

    def places(self, point: int) -> list[int]:
        """Where a combination stands on each axis."""
        found: list[int] = []
        for axis in reversed(self.axes):
            point, place = divmod(point, len(axis.values))
            found.append(place)
        return found[::-1]

    def point(self, places: Iterable[int]) -> int:
        """The number of the combination that stands at these places."""
        number = 0
        for axis, place in zip(self.axes, places, strict=True):
            number = number * len(axis.values) + place
        return number


def read_axis(text: str) -> Axis:
    """Read ``fast=5:50:5`` (from, to, step; both ends included), ``kind=a,b`` (a list) or ``quantity=10`` (one value).

    Raises:
        UserError: it is not of that form.
    """
    name, equals, values = (part.strip() for part in text.partition("="))
    if not (name and equals and values):
        raise UserError(f"--param {text!r} is not of the form NAME=VALUES", "write it like fast=5:50:5, fast=10,20,50 or fast=10")
    return Axis(name, _checked(name, _values(name, values)))


def axes_of(grid: Mapping[str, object]) -> tuple[Axis, ...]:
    """Axes of a mapping from names to values: a text as on the command line, any sequence, or a single value.

    Raises:
        UserError: there is no parameter, or one has no values.
    """
    if not grid:
        raise UserError("there is nothing to sweep", "give at least one parameter, such as fast=5:50:5")
    axes = []
    for name, given in grid.items():
        if isinstance(given, str):
            axes.append(read_axis(f"{name}={given}"))
        elif isinstance(given, Iterable):
            axes.append(Axis(name, _checked(name, tuple(given))))
        else:
            axes.append(Axis(name, (given,)))
    return tuple(axes)


def _values(name: str, text: str) -> tuple[object, ...]:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) == 3 and all(_NUMBER.fullmatch(part) for part in parts):
        return _range(name, parts)
    return tuple(part.strip() for part in text.split(","))


def _range(name: str, parts: list[str]) -> tuple[object, ...]:
    """Every value from the first to the last, both included where the step meets them; exact decimals, no drift of floats."""
    first, last, step = (Decimal(part) for part in parts)
    if step <= 0 or last < first:
        raise UserError(f"{name}={':'.join(parts)} has no values", "write FROM:TO:STEP with FROM below TO and a positive STEP")
    count = int((last - first) / step) + 1
    if count > MOST_VALUES:
        raise UserError(f"{name}={':'.join(parts)} has {count:,} values", f"choose a larger step; {MOST_VALUES:,} is the most")
    exact = [first + step * place for place in range(count)]
    return tuple(int(value) for value in exact) if all(_WHOLE.fullmatch(part) for part in parts) else tuple(exact)


def _checked(name: str, values: tuple[object, ...]) -> tuple[object, ...]:
    texts = [str(value) for value in values]
    if not texts or "" in texts:
        raise UserError(f"{name} has an empty place in its list of values", "write it like fast=10,20,50")
    twice = sorted({text for text in texts if texts.count(text) > 1}) if len(texts) <= 1000 else []
    if twice:
        raise UserError(f"{name} has the value {twice[0]} twice", "give each value once")
    return values


def is_possible(kind: type[Parameters], given: Mapping[str, object], strategy: str) -> bool:
    """Whether a strategy allows a combination; one that breaks a rule between parameters (fast above slow) is only passed over.

    Raises:
        ParameterError: a name or a value is wrong by itself, whatever stands beside it.
    """
    try:
        kind(**dict(given))
    except ValidationError as error:
        if all(detail["type"] in _OWN_RULES for detail in error.errors()):
            return False
        parse_parameters(kind, given, strategy)
    return True


def why_impossible(kind: type[Parameters], given: Mapping[str, object], strategy: str) -> str:
    """The sentence with which a strategy turns a combination down; empty when it allows it."""
    try:
        parse_parameters(kind, given, strategy)
    except ParameterError as error:
        return str(error)
    return ""
