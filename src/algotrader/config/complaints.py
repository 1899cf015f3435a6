"""What pydantic found wrong, as one line that a person can act on: the place, the value, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from algotrader.config.layers import ENVIRONMENT, Given, near
from algotrader.config.schema import Setting, all_settings
from algotrader.config.values import ConfigError

LONGEST: Final = 60
"""Characters of a wrong value that are repeated."""

_NOT_OF_KIND: Final = {
    "decimal": "is not a number",
    "float": "is not a number",
    "int": "is not a whole number",
    "bool": "is neither true nor false",
    "string": "is not text",
    "dict": "is not a mapping of names and values",
    "list": "is not a list",
    "tuple": "is not a list",
    "model": "is not a mapping of names and values",
}


def complaint(error: ValidationError, given: Mapping[str, Given]) -> ConfigError:
    """The first thing that is wrong, and how many there are besides."""
    details = error.errors(include_url=False)
    detail: Mapping[str, Any] = details[0]
    path = [str(part) for part in detail["loc"]]
    setting = _setting(path)
    found = given.get(setting.name) if setting is not None else None
    name = ".".join(path)
    place = name if found is None else _place(found, setting, path)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    # What was written is repeated, not what was made of it on the way.
    is_whole = found is not None and setting is not None and setting.name == name
    wrong = found.value if is_whole and found is not None else detail.get("input")
    return ConfigError(f"{place}: {_sentence(detail, setting, path, wrong)}{more}", _hint(found, name))


def _setting(path: list[str]) -> Setting | None:
    """The setting that a path leads to or into."""
    by_name = {setting.name: setting for setting in all_settings()}
    return next((by_name[name] for name in (".".join(path[:2]), path[0]) if name in by_name), None)


def _place(found: Given, setting: Setting | None, path: list[str]) -> str:
    inner = path[len(setting.name.split(".")) :] if setting is not None else []
    # What is inside of a list or a mapping is counted from 1, as people do.
    return " ".join([found.place, *(f"no. {int(part) + 1}" if part.isdigit() else part for part in inner)])


def _sentence(detail: Mapping[str, Any], setting: Setting | None, path: list[str], wrong: object) -> str:
    kind, context = str(detail["type"]), detail.get("ctx") or {}
    value = "the value" if setting is not None and setting.is_secret else _repeat(wrong)
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind == "extra_forbidden":
        return f"{path[-1]} is not known here{near(path[-1], _siblings(setting))}"
    if kind == "missing":
        return f"{path[-1]} is missing"
    if kind == "literal_error":
        expected = str(context.get("expected", "")).replace("'", "")
        choices = expected.replace(" or ", ", ").split(", ")
        return f"{value} is not possible; one of {', '.join(choices)}{near(str(wrong), choices)}"
    allowed = setting.allowed if setting is not None else ""
    if allowed and kind.startswith(("greater_than", "less_than")):
        return f"{value} is out of bounds; allowed is {allowed}"
    for start, words in _NOT_OF_KIND.items():
        if kind.startswith(start) and kind != "string_too_short":
            return f"{value} {words}" + (f"; allowed is {allowed}" if allowed and start != "bool" else "")
    text = str(detail["msg"])
    return f"{value} is not possible: {text[:1].lower()}{text[1:]}"


def _siblings(setting: Setting | None) -> list[str]:
    """What may stand beside an unknown key of a list's entries."""
    from algotrader.config.entries import StrategyEntry, TriggerEntry

    kind = TriggerEntry if setting is not None and setting.name == "scheduler.triggers" else StrategyEntry
    return list(kind.model_fields)


def _repeat(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _hint(found: Given | None, name: str) -> str:
    if found is None:
        return f"change {name}; `algo-trader config` lists every setting"
    if found.source == ENVIRONMENT or found.source == found.place:
        return f"change the environment variable {found.place}"
    return f"change it in {found.source}; `algo-trader config` lists every setting"
