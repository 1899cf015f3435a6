"""The text of ``.env.example``: every variable with its meaning, what it may be, and its default."""

from __future__ import annotations

import textwrap
from typing import Final

from algotrader.config.layers import CONFIG_FILE, CONFIG_VARIABLE, ENV_FILE_VARIABLE, FLAT
from algotrader.config.schema import all_settings
from algotrader.config.values import DATA

WIDTH: Final = 80

_HEAD: Final = f"""\
Settings of algo-trader as environment variables. Copy this file to .env and
take the # away from what you change; .env is read from the folder where the
program is started, or from the file that {ENV_FILE_VARIABLE} names.
Stronger than .env is the environment itself; weaker is the YAML file {CONFIG_FILE},
or the one that {CONFIG_VARIABLE} names. Never put real keys where others read them."""


def env_example() -> str:
    """The file. Nothing in it acts before somebody takes a comment sign away."""
    lines = [f"# {line}" for line in _HEAD.splitlines()]
    section = ""
    for setting in all_settings():
        above = setting.name.rpartition(".")[0]
        if above != section:
            lines += ["", f"# ---- {above} " + "-" * (WIDTH - len(above) - 8)]
            section = above
        said = setting.meaning + (f" ({setting.allowed})" if setting.allowed else "")
        lines += ["", *textwrap.wrap(said, WIDTH, initial_indent="# ", subsequent_indent="# ")]
        lines += [f"# also: {flat}" for flat, name in FLAT.items() if name == setting.name]
        default = "" if setting.name == DATA or (setting.default == "none" and not setting.allowed) else setting.default
        lines.append(f"#{setting.variable}={default}")
    return "\n".join(lines) + "\n"
