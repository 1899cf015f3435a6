"""From the configuration to limits, strategies and schedules."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from algotrader.config.loading import load_settings
from algotrader.config.schema import Config
from algotrader.core.risk import RiskPolicy
from algotrader.errors import UserError
from algotrader.live.findings import Agreement, Strategy
from algotrader.live.settings import (
    agreement,
    log_settings,
    plan_strategies,
    risk_policy,
    schedules,
    strategy_choices,
    watched_symbols,
)
from algotrader.strategies.registry import UnknownStrategy


def config(**environ: str) -> Config:
    """The configuration with some variables set, their names without the prefix."""
    return load_settings({"HOME": "/home/ann", **{f"ALGO_{name}": text for name, text in environ.items()}}).config


@pytest.mark.covers("A4", "A5", "A6", "A7", "A8", "A9")
def test_the_defaults_are_the_engine_s_own() -> None:
    assert risk_policy(config().risk) == RiskPolicy()


def test_every_limit_arrives() -> None:
    policy = risk_policy(
        config(
            RISK__MAX_RISK_PER_TRADE_PCT="0.02",
            RISK__MAX_RISK_PER_TRADE_ABS="600",
            RISK__MAX_POSITION_PCT="0.1",
            RISK__MAX_DAILY_LOSS_PCT="0.04",
            RISK__MAX_OPEN_POSITIONS="6",
            RISK__CONSECUTIVE_LOSS_PAUSE="4",
            RISK__BREAK_EVEN_IS_LOSS="no",
            RISK__EMERGENCY_STOP_PCT="0.03",
            RISK__MAX_LEVERAGE="2",
            RISK__BREAKER_FOR_ALL="yes",
        ).risk
    )
    same = [getattr(policy, name) == getattr(RiskPolicy(), name) for name in RiskPolicy.__dataclass_fields__]
    assert not any(same)
    assert policy.max_risk_per_trade == Decimal("0.02")


@pytest.mark.covers("B56")
def test_what_is_done_about_differences_is_as_configured() -> None:
    assert agreement(config().reconciliation) == Agreement()
    halt = config(RECONCILIATION__STRATEGY="halt_and_alert").reconciliation
    assert agreement(halt) == Agreement(Strategy.HALT_AND_ALERT)
    ours = config(RECONCILIATION__STRATEGY="sync_to_local", RECONCILIATION__SYNC_TO_LOCAL_CONSENT="yes").reconciliation
    assert agreement(ours) == Agreement(Strategy.SYNC_TO_LOCAL, consent=True)


@pytest.mark.covers("A117")
def test_the_log_is_as_configured() -> None:
    made = log_settings(config(APP__LOG_LEVEL="warning", APP__LOG_MAX_MB="3", APP__LOG_FILES="4", APP__LOG_FILE="x/y").app, ("s",))
    assert (made.level, made.max_bytes, made.keep, made.file, made.secrets) == ("WARNING", 3_000_000, 4, Path("x/y"), ("s",))
    assert made.stream_level == "warning"
    everything = log_settings(config(APP__LOG_FILE="none").app, ())
    assert (everything.file, everything.stream_level) == (None, "")


@pytest.mark.covers("A10")
def test_velez_is_what_runs_unless_it_is_off() -> None:
    assert [choice.name for choice in strategy_choices(config())] == ["velez"]
    assert strategy_choices(config())[0].symbols == ("AAPL", "TSLA", "AMD", "NVDA", "META")
    assert strategy_choices(config(VELEZ__ENABLED="false")) == ()
    assert plan_strategies(config(VELEZ__ENABLED="false", STRATEGIES="velez,sma_cross"))[0].owner == "sma_cross"


def test_the_velez_section_are_the_parameters_of_velez_only() -> None:
    chosen = strategy_choices(
        config(VELEZ__SMA_FAST="10", STRATEGIES='[{"name": "velez", "params": {"sma_slow": 150}}, "sma_cross"]')
    )
    assert dict(chosen[0].parameters) == {"sma_fast": 10, "sma_slow": 150}
    assert chosen[1].parameters == ()


@pytest.mark.covers("B233", "A102")
def test_the_same_strategy_twice_with_symbols_of_its_own() -> None:
    text = '[{"name": "velez", "symbols": "AAPL"}, {"name": "velez", "symbols": "TSLA", "interval": "5m"}, {"name": "sma_cross"}]'
    made = config(STRATEGIES=text, APP__WATCHLIST="MSFT")
    plans = plan_strategies(made)
    assert [(plan.owner, plan.symbols, plan.minutes) for plan in plans] == [
        ("velez", ("AAPL",), 2),
        ("velez-2", ("TSLA",), 5),
        ("sma_cross", ("MSFT",), None),
    ]
    assert watched_symbols(made) == ("AAPL", "TSLA", "MSFT")


@pytest.mark.covers("A72")
def test_no_strategy_is_no_error() -> None:
    off = config(VELEZ__ENABLED="false", APP__WATCHLIST="AAPL")
    assert plan_strategies(off) == []
    assert watched_symbols(off) == ("AAPL",)


def test_an_unknown_strategy_is_told() -> None:
    with pytest.raises(UnknownStrategy, match="velez"):
        plan_strategies(config(STRATEGIES="velesz"))


@pytest.mark.covers("B237")
def test_schedules() -> None:
    text = """[{"name": "a", "trigger": "market_open", "offset_minutes": 5},
        {"name": "b", "trigger": "interval", "every_seconds": 900},
        {"name": "c", "trigger": "cron", "cron": "0 16 * * fri"},
        {"name": "d", "trigger": "date", "at": "2025-11-26T15:00:00-05:00"},
        {"name": "e", "trigger": "after_market", "enabled": false},
        {"name": "f", "trigger": "pre_market"}]"""
    made = schedules(config(SCHEDULER__TRIGGERS=text))
    assert [(name, str(trigger)) for name, trigger in made] == [
        ("a", "open of XNYS +5 min"),
        ("b", "every 0:15:00"),
        ("c", "cron 0 16 * * fri (America/New_York)"),
        ("d", "once at 2025-11-26T15:00:00-05:00"),
        ("f", "pre_market of XNYS -30 min"),
    ]


@pytest.mark.parametrize(
    ("calendar", "text", "told"),
    [
        ("NYSE", '{"name": "a", "trigger": "cron", "cron": "every day"}', "a: 'every day' has 2 fields, not 5"),
        ("NYSE", '{"name": "a", "trigger": "date", "at": "tomorrow"}', "a: 'tomorrow' is no moment"),
        ("NYSE", '{"name": "a", "trigger": "date", "at": "2025-11-26"}', "a: "),
        ("24/7", '{"name": "a", "trigger": "market_open"}', "a: a market that never closes has no open"),
        ("NYZE", '{"name": "a", "trigger": "market_open"}', "a: "),
        ("NYSE", '[{"name": "a", "trigger": "market_open"}, {"name": "a", "trigger": "market_open"}]', "a is there twice"),
    ],
)
def test_impossible_schedules_are_told_by_name(calendar: str, text: str, told: str) -> None:
    with pytest.raises(UserError) as refused:
        schedules(config(SCHEDULER__TRIGGERS=text, SCHEDULER__CALENDAR=calendar))
    assert told in refused.value.message
