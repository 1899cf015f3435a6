"""Parameters: bounds, texts from a command line, and what a mistake is answered with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from algotrader.strategies.parameters import ParameterError, Parameters, describe_parameters, parse_parameters
from algotrader.strategies.sma_cross import SmaCrossParameters
from algotrader.strategies.velez import VelezParameters

DEFAULTS: dict[str, Any] = {
    "enabled": True,
    "sma_fast": 20,
    "sma_slow": 200,
    "candle_interval_minutes": 2,
    "tightness_threshold_pct": Decimal(2),
    "strong_candle_body_pct": Decimal(50),
    "stop_buffer_pct": Decimal("0.1"),
    "stop_buffer_min": Decimal("0.02"),
    "buy_stop_expiry_candles": 1,
    "max_run_candles": 3,
    "doji_threshold_pct": Decimal(10),
    "allow_short": False,
}
BOUNDS = [
    ("sma_fast", "5", "50", "1"),
    ("sma_slow", "100", "500", "1"),
    ("tightness_threshold_pct", "0.5", "5", "0.000001"),
    ("strong_candle_body_pct", "30", "80", "0.000001"),
    ("stop_buffer_pct", "0.05", "1", "0.000001"),
    ("stop_buffer_min", "0.01", "0.10", "0.000001"),
    ("buy_stop_expiry_candles", "1", "5", "1"),
    ("max_run_candles", "2", "10", "1"),
    ("doji_threshold_pct", "0", "29.999999", "0.000001"),
]


def test_defaults_of_velez() -> None:
    assert parse_parameters(VelezParameters, {}, "velez").model_dump() == DEFAULTS


@pytest.mark.parametrize(("name", "low", "high", "step"), BOUNDS)
def test_bounds_of_velez(name: str, low: str, high: str, step: str) -> None:
    more: dict[str, object] = {"strong_candle_body_pct": 30} if name == "doji_threshold_pct" else {}
    for text in (low, high):
        parsed = parse_parameters(VelezParameters, {**more, name: text}, "velez")
        assert Decimal(str(getattr(parsed, name))) == Decimal(text)
    for wrong in (Decimal(low) - Decimal(step), Decimal(high) + Decimal(step)):
        with pytest.raises(ParameterError, match="velez"):
            parse_parameters(VelezParameters, {**more, name: str(wrong)}, "velez")


@pytest.mark.parametrize("minutes", [1, 2, 5, 10])
def test_candle_lengths_of_velez(minutes: int) -> None:
    parsed = parse_parameters(VelezParameters, {"candle_interval_minutes": minutes}, "velez")
    assert parsed.candle_interval_minutes == minutes


@pytest.mark.parametrize("minutes", [0, 3, 4, 15, 60, -2])
def test_other_candle_lengths_are_refused(minutes: int) -> None:
    with pytest.raises(ParameterError, match="must be 1, 2, 5 or 10"):
        parse_parameters(VelezParameters, {"candle_interval_minutes": minutes}, "velez")


@pytest.mark.parametrize("doji", [30, "30.0"])
def test_a_doji_must_be_weaker_than_a_strong_candle(doji: object) -> None:
    with pytest.raises(ParameterError, match="'doji_threshold_pct' must be below 'strong_candle_body_pct'"):
        parse_parameters(VelezParameters, {"doji_threshold_pct": doji, "strong_candle_body_pct": 30}, "velez")


def test_parameters_cannot_be_changed() -> None:
    parameters: Any = parse_parameters(VelezParameters, {}, "velez")
    with pytest.raises(ValidationError):
        parameters.sma_fast = 30


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ParameterError) as caught:
        parse_parameters(SmaCrossParameters, {"slwo": 3}, "sma_cross")
    assert str(caught.value) == "sma_cross has no parameter 'slwo'; did you mean 'slow'? (it has: fast, slow, quantity)"


def test_a_name_like_none_is_answered_with_the_list() -> None:
    with pytest.raises(ParameterError) as caught:
        parse_parameters(SmaCrossParameters, {"zzz": 3}, "sma_cross")
    assert "did you mean" not in str(caught.value)
    with pytest.raises(ParameterError, match="it has: none"):
        parse_parameters(Parameters, {"x": 1}, "plain")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_quantity_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(ParameterError):
        parse_parameters(SmaCrossParameters, {"quantity": value}, "sma_cross")


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("name", ["tightness_threshold_pct", "stop_buffer_pct", "doji_threshold_pct"])
def test_a_percentage_that_is_no_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(ParameterError):
        parse_parameters(VelezParameters, {name: value}, "velez")


def test_several_mistakes_are_told_together() -> None:
    with pytest.raises(ParameterError) as caught:
        parse_parameters(VelezParameters, {"sma_fast": 1, "sma_slow": 1}, "velez")
    assert "'sma_fast' = 1" in str(caught.value)
    assert "'sma_slow' = 1" in str(caught.value)


@pytest.mark.parametrize("given", [{"sma_fast": "20.5"}, {"sma_fast": None}, {"enabled": "perhaps"}, {"sma_fast": [20]}])
def test_a_value_of_the_wrong_kind_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match="is not valid"):
        parse_parameters(VelezParameters, given, "velez")


def test_the_description_names_default_bounds_and_meaning() -> None:
    rows = {row[0]: row for row in describe_parameters(VelezParameters)}
    assert list(rows) == list(DEFAULTS)
    assert rows["sma_fast"] == ("sma_fast", "20", ">= 5, <= 50", "period of the fast average, candles")
    assert rows["candle_interval_minutes"][2] == "one of 1, 2, 5, 10"
    assert all(meaning for _, _, _, meaning in rows.values())
