"""A strategy's parameters: a frozen class with bounds, and errors that say what to type instead."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class ParameterError(ValueError):
    """A parameter is unknown, of the wrong kind or out of bounds; the message names it and what is allowed."""


class Parameters(BaseModel):
    """Base of every strategy's parameters. Declare fields with pydantic's ``Field(default, ge=..., le=..., description=...)``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


P = TypeVar("P", bound=Parameters)


def parse_parameters(kind: type[P], given: Mapping[str, object], strategy: str) -> P:
    """Build a strategy's parameters from what a user gave, texts or values.

    Raises:
        ParameterError: one sentence for each mistake.
    """
    known = kind.model_fields
    for name in given:
        if name not in known:
            raise ParameterError(_unknown(name, list(known), strategy))
    try:
        return kind(**dict(given))
    except ValidationError as error:
        raise ParameterError("; ".join(_sentence(dict(detail), strategy) for detail in error.errors())) from None


def _unknown(name: str, known: list[str], strategy: str) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(known) or "none"
    return f"{strategy} has no parameter {name!r}{hint} (it has: {listed})"


def _sentence(detail: dict[str, Any], strategy: str) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    text = str(detail["msg"]).removeprefix("Value error, ")
    if not where:
        return f"{strategy}: {text}"
    return f"{strategy}: parameter {where!r} = {detail.get('input')!r} is not valid: {text[0].lower()}{text[1:]}"


def describe_parameters(kind: type[Parameters]) -> list[tuple[str, str, str, str]]:
    """Name, default, bounds and meaning of every parameter, for people."""
    rows = []
    for name, field in kind.model_fields.items():
        bounds = []
        for constraint in field.metadata:
            for attribute, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<")):
                value = getattr(constraint, attribute, None)
                if value is not None:
                    bounds.append(f"{sign} {value}")
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "allowed" in extra:
            bounds.append(f"one of {extra['allowed']}")
        rows.append((name, str(field.default), ", ".join(bounds) or "any", field.description or ""))
    return rows
