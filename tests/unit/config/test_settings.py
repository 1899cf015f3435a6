"""Settings: defaults, environment, bounds and sources."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from algotrader.config import (
    CAPITAL,
    DATA,
    VOLUME_LIMIT,
    ConfigError,
    cache_folder,
    read_decimal,
    read_volume_limit,
)
from algotrader.config.loading import load_settings
from algotrader.config.schema import all_settings

HOME = {"HOME": "/home/ann"}


def test_everything_has_a_default() -> None:
    settings = load_settings(HOME)
    assert [value.setting for value in settings.values] == list(all_settings())
    assert {value.source for value in settings.values} == {"default"}
    assert settings.text(CAPITAL) == "25000"
    assert settings.text(DATA) == str(Path("/home/ann/.cache/algo-trader/demo-data"))
    assert settings.unknown == ()


def test_the_environment_wins_and_is_named() -> None:
    settings = load_settings({**HOME, "ALGO_BACKTEST__CAPITAL": "1e5", "ALGO_BACKTEST__VOLUME_LIMIT": "2.50%"})
    assert settings.text(CAPITAL) == "100000"
    assert settings.text(VOLUME_LIMIT) == "0.025"
    assert not settings.is_default(CAPITAL)
    assert settings.is_default(DATA)
    assert {value.setting.name: value.source for value in settings.values}[CAPITAL] == "ALGO_BACKTEST__CAPITAL"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({**HOME, "ALGO_BACKTEST__CAPITAL": " "}).is_default(CAPITAL)


def test_a_variable_that_names_no_setting_is_told_without_its_value() -> None:
    settings = load_settings({**HOME, "ALGO_DTA": "secret", "OTHER": "x"})
    assert settings.unknown == ("ALGO_DTA names no setting; did you mean ALGO_DATA?",)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ALGO_BACKTEST__CAPITAL", "0"),
        ("ALGO_BACKTEST__CAPITAL", "NaN"),
        ("ALGO_BACKTEST__CAPITAL", "25.000,00"),
        ("ALGO_BACKTEST__VOLUME_LIMIT", "0"),
        ("ALGO_BACKTEST__VOLUME_LIMIT", "1.01"),
        ("ALGO_BACKTEST__VOLUME_LIMIT", "101%"),
    ],
)
def test_an_impossible_value_is_refused_by_name(variable: str, text: str) -> None:
    with pytest.raises(ConfigError, match=variable) as refused:
        load_settings({**HOME, variable: text})
    assert variable in refused.value.hint


@pytest.mark.parametrize(
    ("text", "expected"), [("0.025", Decimal("0.025")), ("2.5%", Decimal("0.025")), ("1", Decimal(1)), ("None", None)]
)
def test_volume_limits(text: str, expected: Decimal | None) -> None:
    assert read_volume_limit(text) == expected


def test_decimals_may_set_off_thousands() -> None:
    assert read_decimal(" 25_000.50 ") == Decimal("25000.50")


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {**HOME, "XDG_CACHE_HOME": "/fast"}, "/fast/algo-trader"),
        ("linux", HOME, "/home/ann/.cache/algo-trader"),
        ("darwin", HOME, "/home/ann/Library/Caches/algo-trader"),
        ("win32", {"USERPROFILE": "/home/ann", "LOCALAPPDATA": "/local"}, "/local/algo-trader"),
    ],
)
def test_the_cache_folder_follows_the_platform(platform: str, environ: dict[str, str], expected: str) -> None:
    assert cache_folder(environ, platform) == Path(expected)
