"""Every bound and every default that the checklist names, and what is told when a value is outside."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from pydantic import BaseModel

from algotrader.config import ConfigError
from algotrader.config.loading import load_settings
from algotrader.config.schema import all_settings
from algotrader.config.sections import VelezSection
from algotrader.strategies.velez import VelezParameters

HOME = {"HOME": "/home/ann"}

BOUNDS: list[tuple[str, str, str, str, str, str]] = [
    ("A4", "risk.max_risk_per_trade_pct", "0.01", "0.001..0.05", "0.0009", "0.0501"),
    ("A5", "risk.max_risk_per_trade_abs", "500", "10..5000", "9.99", "5000.01"),
    ("A6", "risk.max_position_pct", "0.05", "0.01..0.25", "0.0099", "0.2501"),
    ("A7", "risk.max_daily_loss_pct", "0.03", "0.01..0.10", "0.0099", "0.1001"),
    ("A8", "risk.max_open_positions", "5", "1..20", "0", "21"),
    ("A8", "risk.consecutive_loss_pause", "3", "2..10", "1", "11"),
    ("A9", "risk.emergency_stop_pct", "0.02", "0.005..0.10", "0.0049", "0.1001"),
    ("A11", "velez.sma_fast", "20", "5..50", "4", "51"),
    ("A11", "velez.sma_slow", "200", "100..500", "99", "501"),
    ("A13", "velez.tightness_threshold_pct", "2.0", "0.5..5.0", "0.49", "5.01"),
    ("A13", "velez.strong_candle_body_pct", "50", "30..80", "29.9", "80.1"),
    ("A14", "velez.stop_buffer_pct", "0.1", "0.05..1.0", "0.049", "1.01"),
    ("A14", "velez.stop_buffer_min", "0.02", "0.01..0.10", "0.009", "0.101"),
    ("A15", "velez.buy_stop_expiry_candles", "1", "1..5", "0", "6"),
    ("A15", "velez.max_run_candles", "3", "2..10", "1", "11"),
    ("A15", "velez.doji_threshold_pct", "10", "0..30", "-1", "30.1"),
    ("A16", "web.port", "8000", "0..65535", "-1", "65536"),
    ("B234", "broker.timeout", "30", "1..300", "0.5", "301"),
    ("B234", "broker.port", "0", "0..65535", "-1", "65536"),
    ("B235", "app.snapshot_seconds", "60", "5..3600", "4", "3601"),
    ("B236", "shadow.match_rate_min", "0.95", "0..1", "-0.01", "1.01"),
    ("B236", "shadow.slippage_error_bps_max", "50", "0..10000", "-1", "10001"),
    ("B236", "shadow.fill_rate_error_pct_max", "20", "0..100", "-1", "101"),
    ("B238", "web.metrics_port", "0", "0..65535", "-1", "65536"),
    ("", "app.log_max_mb", "20", "1..1000", "0", "1001"),
    ("", "app.log_files", "10", "1..1000", "0", "1001"),
    ("", "app.db_busy_timeout_ms", "5000", "0..60000", "-1", "60001"),
    ("", "paper.latency_ms", "100", "0..60000", "-1", "60001"),
    ("", "paper.speed", "1", "0.001..100000", "0", "100001"),
    ("", "reconciliation.interval_seconds", "300", "10..86400", "9", "86401"),
    ("", "alerts.rate_limit", "10", "1..1000", "0", "1001"),
    ("", "risk.max_leverage", "1", "0.1..10", "0.09", "10.1"),
]


def variable(name: str) -> str:
    return "ALGO_" + name.upper().replace(".", "__")


@pytest.mark.covers("A4", "A5", "A6", "A7", "A8", "A9", "A11", "A13", "A14", "A15", "A16", "B234", "B235", "B236", "B238")
@pytest.mark.parametrize(("row", "name", "default", "span", "below", "above"), BOUNDS, ids=[case[1] for case in BOUNDS])
def test_defaults_and_bounds(row: str, name: str, default: str, span: str, below: str, above: str) -> None:
    assert load_settings(HOME).text(name) == default
    low, _, high = span.partition("..")
    for text in (low, high):
        settings = load_settings({**HOME, variable(name): text})
        assert Decimal(settings.text(name)) == Decimal(text)
        assert settings.source(name) == variable(name)
    for text in (below, above):
        with pytest.raises(ConfigError) as refused:
            load_settings({**HOME, variable(name): text})
        assert refused.value.message.startswith(f"{variable(name)}: '{text}' is out of bounds; allowed is ")
        assert "\n" not in refused.value.message
        assert refused.value.hint == f"change the environment variable {variable(name)}"


@pytest.mark.covers("A4")
def test_the_checklist_s_own_example_is_refused() -> None:
    with pytest.raises(ConfigError, match=re.escape("'0.1' is out of bounds; allowed is at least 0.001 and at most 0.05")):
        load_settings({**HOME, "ALGO_RISK__MAX_RISK_PER_TRADE_PCT": "0.1"})


DEFAULTS: list[tuple[str, str]] = [
    ("broker.provider", "alpaca"),
    ("broker.paper", "true"),
    ("broker.feed", "iex"),
    ("broker.timeout", "30"),
    ("velez.enabled", "true"),
    ("velez.candle_interval_minutes", "2"),
    ("web.host", "127.0.0.1"),
    ("app.log_level", "INFO"),
    ("app.db_path", "data/trading.db"),
    ("app.watchlist", "AAPL,TSLA,AMD,NVDA,META"),
    ("backtest.slippage", "0.01"),
    ("scheduler.calendar", "NYSE"),
    ("shadow.enabled", "false"),
    ("reconciliation.strategy", "sync_to_broker"),
    ("reconciliation.warn_pct", "0.01"),
    ("reconciliation.critical_pct", "0.05"),
]


@pytest.mark.covers("A3", "A10", "A12", "A16", "A17", "A20", "B237")
@pytest.mark.parametrize(("name", "default"), DEFAULTS)
def test_defaults(name: str, default: str) -> None:
    assert load_settings(HOME).text(name) == default


@pytest.mark.covers("A12")
@pytest.mark.parametrize("minutes", ["1", "2", "5", "10"])
def test_candle_intervals(minutes: str) -> None:
    assert load_settings({**HOME, "ALGO_VELEZ__CANDLE_INTERVAL_MINUTES": minutes}).config.velez.candle_interval_minutes == int(
        minutes
    )


@pytest.mark.covers("A12")
@pytest.mark.parametrize("minutes", ["0", "3", "15", "-2", "two", "2.5"])
def test_other_candle_intervals_are_refused(minutes: str) -> None:
    with pytest.raises(ConfigError, match=r"is not possible; one of 1, 2, 5, 10"):
        load_settings({**HOME, "ALGO_VELEZ__CANDLE_INTERVAL_MINUTES": minutes})


def test_the_velez_section_is_the_strategy_s_own() -> None:
    ours, theirs = VelezSection.model_fields, VelezParameters.model_fields
    assert list(ours) == list(theirs)
    for name, field in ours.items():
        assert field.default == theirs[name].default, name
        for mark in ("ge", "le"):
            assert bound(VelezSection, name, mark) == bound(VelezParameters, name, mark), name


def bound(kind: type[BaseModel], name: str, mark: str) -> Decimal | None:
    found = [getattr(each, mark) for each in kind.model_fields[name].metadata if hasattr(each, mark)]
    return Decimal(str(found[0])) if found else None


@pytest.mark.parametrize("text", ["5%", "0.05", " 0.05 "])
def test_fractions_may_be_written_as_percentages(text: str) -> None:
    assert load_settings({**HOME, "ALGO_RISK__MAX_DAILY_LOSS_PCT": text}).config.risk.max_daily_loss_pct == Decimal("0.05")


WRONG: list[tuple[str, str, str]] = [
    ("ALGO_RISK__MAX_POSITION_PCT", "much", "'much' is not a number"),
    ("ALGO_RISK__MAX_POSITION_PCT", "nan", "is not a finite number"),
    ("ALGO_RISK__MAX_OPEN_POSITIONS", "2.5", "'2.5' is not a whole number"),
    ("ALGO_RISK__PROFILE", "agressive", "one of none, conservative, moderate, aggressive; did you mean aggressive?"),
    ("ALGO_BROKER__PAPER", "perhaps", "'perhaps' is neither true nor false"),
    ("ALGO_BROKER__PROVIDER", "alpacca", "one of alpaca, simulated; did you mean alpaca?"),
    ("ALGO_BROKER__FEED", "cta", "one of iex, sip"),
    ("ALGO_APP__LOG_LEVEL", "verbose", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ("ALGO_APP__WATCHLIST", ",", "the watchlist is empty"),
    ("ALGO_APP__WATCHLIST", "aapl", "'aapl' is not a symbol"),
    ("ALGO_APP__WATCHLIST", "AAPL,TSLA,AAPL", "AAPL is there twice"),
    ("ALGO_APP__WATCHLIST", '["AAPL"', "is not JSON"),
    ("ALGO_WEB__HOST", "0.0.0.0", "can be reached from other machines: set web.token"),
    ("ALGO_WEB__HOST", "http://x", "is not the name or number of a host"),
    ("ALGO_ALERTS__URLS", "http://hooks.example.com/x", "address 1 does not begin with https://"),
    ("ALGO_ALERTS__URLS", "https://a.example,ftp://b.example", "address 2 does not begin with https://"),
    ("ALGO_RECONCILIATION__STRATEGY", "sync_to_local", "set sync_to_local_consent to true"),
    ("ALGO_RECONCILIATION__CRITICAL_PCT", "0.001", "critical_pct must not be below warn_pct"),
    ("ALGO_RECONCILIATION__ADOPT", "AAPL", "is not of the form SYMBOL=MODE"),
    ("ALGO_RECONCILIATION__ADOPT", "AAPL=keep", "one of protect, manage"),
    ("ALGO_VELEZ__DOJI_THRESHOLD_PCT", "30", ""),
    ("ALGO_STRATEGIES", '[{"strategy": "velez", "symbol": "AAPL"}]', "symbol is not known here; did you mean symbols?"),
    ("ALGO_STRATEGIES", '[{"symbols": ["AAPL"]}]', "no. 1 strategy: strategy is missing"),
    ("ALGO_STRATEGIES", '[{"strategy": "velez", "symbols": ["aapl"]}]', "'aapl' is not a symbol"),
    ("ALGO_SCHEDULER__TRIGGERS", '[{"name": "x", "trigger": "interval"}]', "of kind interval needs every_seconds"),
    ("ALGO_SCHEDULER__TRIGGERS", '[{"name": "x", "trigger": "open"}]', "is not possible; one of market_open"),
    ("ALGO_PAPER__CAPITAL", "0", "the capital must be above 0"),
    ("ALGO_BACKTEST__SLIPPAGE_PER_SHARE", " ", ""),
]


@pytest.mark.covers("A18", "B129", "B237")
@pytest.mark.parametrize(("name", "text", "told"), [case for case in WRONG if case[2]])
def test_what_is_impossible_is_told_in_one_line(name: str, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings({**HOME, name: text})
    assert told in refused.value.message
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 250


def test_where_others_may_guess_a_token_is_long() -> None:
    open_to_all = {**HOME, "ALGO_WEB__HOST": "0.0.0.0"}
    with pytest.raises(ConfigError, match=r"web\.token needs 16 characters"):
        load_settings({**open_to_all, "ALGO_WEB__TOKEN": "short"})
    load_settings({**open_to_all, "ALGO_WEB__TOKEN": "0123456789abcdef"})
    load_settings({**HOME, "ALGO_WEB__TOKEN": "short"})


@pytest.mark.parametrize("name", [setting.name for setting in all_settings() if setting.is_secret])
def test_secrets_are_never_repeated(name: str) -> None:
    secret = "https://user:hunter2@example.com/hunter2"
    settings = load_settings({**HOME, variable(name): secret})
    assert "hunter2" not in settings.text(name)
    assert secret in settings.secrets()
    with pytest.raises(ConfigError) as refused:
        load_settings({**HOME, variable(name): "ftp://hunter2", "ALGO_WEB__PORT": "x"})
    assert "hunter2" not in refused.value.message
