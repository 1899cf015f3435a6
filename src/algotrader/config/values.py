"""What values of settings look like: names, numbers as people write them, the folder for what can be made again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

PREFIX: Final = "ALGO_"
CACHE_VARIABLE: Final = "ALGOTRADER_CACHE"
DEFAULT: Final = "default"
"""The source of a value that nobody set."""

DATA: Final = "data"
CAPITAL: Final = "backtest.capital"
SLIPPAGE: Final = "backtest.slippage"
COMMISSION: Final = "backtest.commission"
VOLUME_LIMIT: Final = "backtest.volume_limit"

NONE: Final = "none"


class ConfigError(ValueError):
    """A setting has an impossible value; ``hint`` says what is possible."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


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
    if word == NONE:
        return None
    value = read_decimal(word[:-1]) / 100 if word.endswith("%") else read_decimal(word)
    if not 0 < value <= 1:
        raise ValueError(f"the volume limit must lie above 0 and not above 1 (0.025 or 2.5% of a bar, or none), not {text}")
    return value
