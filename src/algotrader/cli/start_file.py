"""Defaults of ``algo-trader start`` from a settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from algotrader.errors import UserError, did_you_mean

SECTION: Final = "start"
"""The part of a settings file that holds defaults of the command's options."""

TYPED: Final = ("config", "live", "consent")
"""What cannot stand in a file: real money wants to be asked for anew, by a person, at every start."""


def read_defaults(ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """Take defaults of options from a file, before the other options are read; what the command line says wins.

    Raises:
        UserError: the file is not YAML, or names what is no option.
    """
    if path is None or ctx.resilient_parsing:
        return path
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}", "write it like start: {strategy: velez}") from None
    section = found.get(SECTION) or {} if isinstance(found, dict) else None
    if not isinstance(section, dict):
        raise UserError(f"{path}: {SECTION} must hold names and values", "write it like start: {strategy: velez}")
    options = [option for option in ctx.command.params if option.name not in TYPED]
    known = {text.removeprefix("--"): option for option in options for text in option.opts}
    defaults: dict[str, Any] = {}
    for key, value in section.items():
        name = str(key).replace("_", "-")
        if name not in known:
            raise UserError(f"{path}: {SECTION}.{key} is no setting", did_you_mean(name, known) or "see --help")
        defaults[str(known[name].name)] = _as_option(known[name], value)
    ctx.default_map = {**(ctx.default_map or {}), **defaults}
    return path


def _as_option(option: click.Parameter, value: Any) -> Any:
    """A value of YAML as the command line would give it."""
    if option.multiple:
        values = value if isinstance(value, list) else [value]
        if isinstance(value, dict):
            values = [f"{name}={inner}" for name, inner in value.items()]
        return [str(inner) for inner in values]
    if isinstance(value, list):
        return ",".join(str(inner) for inner in value)
    return value if isinstance(value, bool) else str(value)
