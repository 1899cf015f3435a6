"""Putting the layers together: every setting with its value and its source, or one line that says what is wrong and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from algotrader.config.complaints import complaint
from algotrader.config.layers import (
    ENVIRONMENT,
    Given,
    Layer,
    env_file_layer,
    overrides_layer,
    use_layers,
    variables_layer,
    yaml_layer,
)
from algotrader.config.profiles import NO_PROFILE, PROFILES
from algotrader.config.schema import WITH_PASSWORD, Config, Setting, all_settings, shown
from algotrader.config.values import DATA, DEFAULT, ConfigError, cache_folder

PROFILE = "risk.profile"


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value as text (secrets masked), and its source: ``default``, a profile, a file, a variable, the database."""

    setting: Setting
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The resolved settings of a process. ``unknown`` are sentences about what was set and is no setting."""

    config: Config
    values: tuple[Value, ...]
    unknown: tuple[str, ...]

    def text(self, name: str) -> str:
        """The value of a setting as text."""
        return self._value(name).text

    def source(self, name: str) -> str:
        """Where a setting's value comes from."""
        return self._value(name).source

    def is_default(self, name: str) -> bool:
        """Whether nobody set it."""
        return self.source(name) == DEFAULT

    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set, for those who have to keep them out of logs."""
        return secrets_of(self.config)

    def refuse_unknown(self) -> None:
        """Refuse to go on with something set that is no setting: it may be a limit with a slip in its name.

        Raises:
            ConfigError: names the first.
        """
        if self.unknown:
            raise ConfigError(self.unknown[0], "correct or remove it; `algo-trader config` lists every setting")

    def _value(self, name: str) -> Value:
        return next(value for value in self.values if value.setting.name == name)


def secrets_of(config: Config) -> tuple[str, ...]:
    """Every secret that is set, longer ones first."""
    return tuple(sorted(set(_secrets(config)), key=lambda text: (-len(text), text)))


def load_settings(
    environ: Mapping[str, str],
    *,
    file: Path | None = None,
    env_file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Settings:
    """Resolve every setting: defaults, then a YAML file, a ``.env`` file, an environment and overrides, the later the stronger.

    Args:
        environ: such as ``os.environ``; an empty variable counts as not set.
        file: YAML; None for none.
        env_file: lines ``NAME=value``; None for none.
        overrides: text by the name of the setting, as the database keeps them.

    Raises:
        ConfigError: something is impossible; the message names the place and what is allowed.
    """
    names = [setting.name for setting in all_settings()]
    in_file, set_there = env_file_layer(env_file, names) if env_file is not None else (Layer(), {})
    given = [
        yaml_layer(file, names, {**set_there, **environ}) if file is not None else Layer(),
        in_file,
        variables_layer(environ, names, ENVIRONMENT),
        overrides_layer(overrides or {}, names),
    ]
    layers = (_own_defaults(environ), _profile_layer(given), *given)
    config = _build(layers)
    unknown = tuple(text for layer in given for text in layer.unknown)
    return Settings(config, tuple(_value(setting, config, layers) for setting in all_settings()), unknown)


def _own_defaults(environ: Mapping[str, str]) -> Layer:
    """Defaults that depend on the machine."""
    return Layer({DATA: Given(str(cache_folder(environ) / "demo-data"), DEFAULT, DEFAULT)})


def _profile_layer(given: list[Layer]) -> Layer:
    """The limits of the profile that the strongest layer asks for. An unknown one is refused with the other values."""
    asked = next((layer.values[PROFILE].value for layer in reversed(given) if PROFILE in layer.values), NO_PROFILE)
    limits = PROFILES.get(str(asked), {})
    return Layer({f"risk.{name}": Given(text, f"profile {asked}", f"profile {asked}") for name, text in limits.items()})


def _build(layers: tuple[Layer, ...]) -> Config:
    try:
        with use_layers(layers):
            return Config()
    except ValidationError as error:
        raise complaint(error, _find(layers)) from None


def _find(layers: tuple[Layer, ...]) -> dict[str, Given]:
    """The strongest word on each setting."""
    found: dict[str, Given] = {}
    for layer in layers:
        found |= layer.values
    return found


def _value(setting: Setting, config: Config, layers: tuple[Layer, ...]) -> Value:
    value: Any = config
    for part in setting.name.split("."):
        value = getattr(value, part)
    given = _find(layers).get(setting.name)
    return Value(setting, shown(value), DEFAULT if given is None else given.source)


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield value.get_secret_value()
    elif isinstance(value, str):
        yield from (found["password"] for found in WITH_PASSWORD.finditer(value))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _secrets(item)
