"""Where values come from: a YAML file, a ``.env`` file, the environment, overrides kept in the database. Weakest first.

A layer is flat: the dotted name of a setting, its raw value, and the place to name when the value is wrong.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from algotrader.config.values import PREFIX, ConfigError

CONFIG_VARIABLE: Final = "ALGO_CONFIG"
"""Names the YAML file."""

ENV_FILE_VARIABLE: Final = "ALGO_ENV_FILE"
"""Names the file to read instead of ``.env``."""

CONFIG_FILE: Final = "algo-trader.yaml"
ENV_FILE: Final = ".env"
"""Read from the folder where the program is started, when they are there and nothing else is named."""

ENVIRONMENT: Final = "environment"
OVERRIDE: Final = "override in the database"

FLAT: Final = {
    "ALGO_BROKER_API_KEY": "broker.api_key",
    "ALGO_BROKER_SECRET_KEY": "broker.secret_key",
    "ALGO_DB_PATH": "app.db_path",
}
"""Variables written with one underscore."""

ALIASES: Final = {
    "strategy": "strategies",
    "broker.adapter": "broker.provider",
    "broker.name": "broker.provider",
    "broker.credentials.api_key": "broker.api_key",
    "broker.credentials.secret_key": "broker.secret_key",
    "engine.capital_base": "paper.capital",
    "engine.checkpoint_interval": "app.snapshot_seconds",
    "engine.state_file": "app.db_path",
    "shadow_mode.enabled": "shadow.enabled",
    "shadow_mode.match_rate_min": "shadow.match_rate_min",
    "shadow_mode.slippage_error_bps_max": "shadow.slippage_error_bps_max",
    "shadow_mode.fill_rate_error_pct_max": "shadow.fill_rate_error_pct_max",
    "monitoring.prometheus_port": "web.metrics_port",
    "monitoring.alert_webhook": "alerts.urls",
    "monitoring.log_level": "app.log_level",
    "alerts.url": "alerts.urls",
    "backtest.slippage_per_share": "backtest.slippage",
}
"""Other names of settings, as configuration files for programs of this kind have them."""

SWITCH: Final = re.compile(r"strategies\.(?P<name>.+)\.enabled")
"""How the database calls the switch of a running strategy. It is no setting: the engine remembers what is switched off."""

_REFERENCE: Final = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<otherwise>[^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Given:
    """A raw value, where it stands (to be named in errors), and the kind of its source."""

    value: object
    place: str
    source: str


@dataclass(slots=True)
class Layer:
    """What one source says; ``unknown`` are sentences about what it says of no setting."""

    values: dict[str, Given] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


_LAYERS: ContextVar[tuple[Layer, ...]] = ContextVar("layers", default=())


def current_layers() -> tuple[Layer, ...]:
    """The layers of the load that is going on, weakest first."""
    return _LAYERS.get()


@contextmanager
def use_layers(layers: tuple[Layer, ...]) -> Iterator[None]:
    """Let a configuration that is made in the body take its values from these layers."""
    token = _LAYERS.set(layers)
    try:
        yield
    finally:
        _LAYERS.reset(token)


def nested(layer: Layer) -> dict[str, Any]:
    """A layer as a tree of sections."""
    tree: dict[str, Any] = {}
    for name, given in layer.values.items():
        section, dot, key = name.partition(".")
        if dot:
            tree.setdefault(section, {})[key] = given.value
        else:
            tree[name] = given.value
    return tree


def near(name: str, known: list[str]) -> str:
    """Give ``; did you mean X?``, or nothing when nothing is near."""
    found = get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def variables_layer(environ: Mapping[str, str], names: list[str], source: str) -> Layer:
    """The variables with our prefix. An empty one counts as not set; unknown ones are told without their values."""
    by_variable = {_variable(name): name for name in names}
    by_variable |= {_variable(alias): name for alias, name in ALIASES.items()} | FLAT
    layer = Layer()
    # A setting's own variable wins over its other names.
    for variable in sorted(by_variable, key=lambda v: v == _variable(by_variable[v])):
        if environ.get(variable, "").strip():
            place = variable if source == ENVIRONMENT else f"{source}: {variable}"
            layer.values[by_variable[variable]] = Given(environ[variable], place, variable if source == ENVIRONMENT else source)
    for variable in sorted(environ):
        known = variable in by_variable or variable in (CONFIG_VARIABLE, ENV_FILE_VARIABLE)
        if variable.startswith(PREFIX) and not known:
            where = "" if source == ENVIRONMENT else f"{source}: "
            layer.unknown.append(f"{where}{variable} names no setting{near(variable, list(by_variable))}")
    return layer


def _variable(name: str) -> str:
    return PREFIX + name.upper().replace(".", "__")


def env_file_layer(path: Path, names: list[str]) -> tuple[Layer, dict[str, str]]:
    """A ``.env`` file, and all that it sets.

    Raises:
        ConfigError: it cannot be read.
    """
    from dotenv import dotenv_values

    text = _read(path)
    found = {name: value for name, value in dotenv_values(stream=io.StringIO(text), interpolate=False).items() if value is not None}
    return variables_layer(found, names, path.name), found


def overrides_layer(overrides: Mapping[str, str], names: list[str]) -> Layer:
    """Overrides kept in the database; those of settings that are no more are told."""
    layer = Layer()
    for name, value in overrides.items():
        if name in names:
            layer.values[name] = Given(value, f"settings_override: {name}", OVERRIDE)
        elif SWITCH.fullmatch(name) is None:
            layer.unknown.append(f"settings_override: {name} names no setting{near(name, names)}")
    return layer


def yaml_layer(path: Path, names: list[str], environ: Mapping[str, str]) -> Layer:
    """A YAML file. ``${NAME}`` in its texts stands for a variable, ``${NAME:-text}`` with a text for when it is not set.

    Raises:
        ConfigError: it cannot be read, is not YAML, says something twice or of no setting, or asks for a variable that is not set.
    """
    from algotrader.config.yaml_text import parse_yaml

    tree = parse_yaml(_read(path), path.name)
    layer = Layer()
    if tree is None:
        return layer
    if not isinstance(tree, dict):
        raise ConfigError(f"{path.name}: the file must hold sections such as `risk:`, not {type(tree).__name__}", _HINT)
    _walk(tree, "", names, layer, path.name)
    for name, given in layer.values.items():
        layer.values[name] = Given(_expand(given.value, given.place, environ), given.place, given.source)
    return layer


_HINT: Final = "`algo-trader config` lists every setting"


def _walk(tree: dict[Any, Any], above: str, names: list[str], layer: Layer, file: str) -> None:
    known = names + list(ALIASES)
    for key, value in tree.items():
        path = f"{above}{key}"
        name = path if path in names else ALIASES.get(path, "")
        if name:
            if value is not None:
                if name in layer.values:
                    raise ConfigError(f"{file}: {path} is set twice, also as {layer.values[name].place.rpartition(': ')[2]}", _HINT)
                layer.values[name] = Given(value, f"{file}: {path}", file)
        elif any(other.startswith(path + ".") for other in known):
            if isinstance(value, dict):
                _walk(value, path + ".", names, layer, file)
            elif value is not None:
                raise ConfigError(f"{file}: {path} is a section; write its settings below it", _HINT)
        else:
            sections = sorted({other.partition(".")[0] for other in known})
            guess = near(path, known) or near(path, sections) or near(path, [k.rpartition(".")[2] for k in known])
            raise ConfigError(f"{file}: {path} names no setting{guess}", _HINT)


def _expand(value: object, place: str, environ: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {key: _expand(item, place, environ) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, place, environ) for item in value]
    if not isinstance(value, str):
        return value

    def text_of(found: re.Match[str]) -> str:
        name, otherwise = found["name"], found["otherwise"]
        if environ.get(name):
            return environ[name]
        if otherwise is None:
            raise ConfigError(f"{place} asks for ${{{name}}}, which is not set", f"set the environment variable {name}")
        return otherwise

    return _REFERENCE.sub(text_of, value)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not text in UTF-8", "save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "check the path and who may read it") from None
