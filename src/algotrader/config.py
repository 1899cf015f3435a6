"""All settings: their defaults, their bounds, the environment variables that change them, and where each value came from.

The order of precedence is option on the command line, environment variable, default. A variable never acts unseen:
``algo-trader config`` shows every value with its source, and a variable with the prefix ``ALGO_`` that names no setting is told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Final

PREFIX: Final = "ALGO_"
CACHE_VARIABLE: Final = "ALGOTRADER_CACHE"
DEFAULT: Final = "default"
DATA: Final = "data"
CAPITAL: Final = "backtest.capital"
SLIPPAGE: Final = "backtest.slippage"
COMMISSION: Final = "backtest.commission"
VOLUME_LIMIT: Final = "backtest.volume_limit"

_NONE: Final = "none"


class ConfigError(ValueError):
    """A setting has an impossible value; ``hint`` says what is possible."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``check`` gives the text in its normal form or raises ``ValueError`` with what is allowed."""

    name: str
    default: Callable[[Mapping[str, str]], str]
    check: Callable[[str], str]
    meaning: str

    @property
    def variable(self) -> str:
        """The environment variable: upper case, a double underscore for each level (``ALGO_BACKTEST__CAPITAL``)."""
        return PREFIX + self.name.upper().replace(".", "__")


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value as text, and its source: ``default`` or the environment variable's name."""

    setting: Setting
    text: str
    source: str


def cache_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The folder for what can be made again: ``ALGOTRADER_CACHE``, or a folder of the user's by the custom of the system."""
    if environ.get(CACHE_VARIABLE):
        return Path(environ[CACHE_VARIABLE])
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "algo-trader"


def read_decimal(text: str) -> Decimal:
    """Read a plain decimal number; thousands may be set off by underscores.

    Raises:
        ValueError: it is not a finite number.
    """
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number; write it like 25000 or 0.025") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    return value


def read_capital(text: str) -> Decimal:
    """Read an amount of money above zero.

    Raises:
        ValueError: it is not one.
    """
    value = read_decimal(text)
    if value <= 0:
        raise ValueError(f"the capital must be above 0, not {text}")
    return value


def read_volume_limit(text: str) -> Decimal | None:
    """Read a share of a bar's volume: ``0.025``, ``2.5%``, or ``none`` for no limit.

    Raises:
        ValueError: it is not above 0 and at most 1.
    """
    word = text.strip().lower()
    if word == _NONE:
        return None
    value = read_decimal(word[:-1]) / 100 if word.endswith("%") else read_decimal(word)
    if not 0 < value <= 1:
        raise ValueError(f"the volume limit must lie above 0 and not above 1 (0.025 or 2.5% of a bar, or none), not {text}")
    return value


def _capital(text: str) -> str:
    return format(read_capital(text), "f")


def _volume_limit(text: str) -> str:
    value = read_volume_limit(text)
    return _NONE if value is None else format(value, "f")


def _same(text: str) -> str:
    return text.strip()


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(DATA, lambda environ: str(cache_folder(environ) / "demo-data"), _same, "folder of the catalogue of market data"),
    Setting(CAPITAL, lambda environ: "25000", _capital, "capital at the start of a backtest"),
    Setting(SLIPPAGE, lambda environ: "0.01", _same, "slippage model; a number is an amount a share"),
    Setting(COMMISSION, lambda environ: _NONE, _same, "commission model; a number is an amount a share"),
    Setting(VOLUME_LIMIT, lambda environ: "0.025", _volume_limit, "share of a bar's volume that we may take"),
)
"""Every setting there is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The resolved settings of a process."""

    values: tuple[Value, ...]
    unknown: tuple[str, ...]

    def text(self, name: str) -> str:
        """The value of a setting as text."""
        return self._value(name).text

    def is_default(self, name: str) -> bool:
        """Whether nobody set it."""
        return self._value(name).source == DEFAULT

    def _value(self, name: str) -> Value:
        return next(value for value in self.values if value.setting.name == name)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Resolve every setting from an environment, such as ``os.environ``. An empty variable counts as not set.

    Raises:
        ConfigError: a variable holds an impossible value.
    """
    return Settings(tuple(_resolve(setting, environ) for setting in SETTINGS), _unknown(environ))


def _resolve(setting: Setting, environ: Mapping[str, str]) -> Value:
    given = environ.get(setting.variable, "")
    if not given.strip():
        return Value(setting, setting.default(environ), DEFAULT)
    try:
        return Value(setting, setting.check(given), setting.variable)
    except ValueError as error:
        raise ConfigError(f"{setting.variable}: {error}", f"change the environment variable {setting.variable}") from None


def _unknown(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables with our prefix that mean nothing, each with the nearest one that does; never their values, which may be secret."""
    known = [setting.variable for setting in SETTINGS]
    found = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1)
            found.append(f"{name} names no setting" + (f"; did you mean {near[0]}?" if near else ""))
    return tuple(found)
