"""Which source wins, other names of settings, variables inside of YAML, and what is wrong with files."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from algotrader.config import ConfigError
from algotrader.config.loading import load_settings
from algotrader.config.profiles import PROFILES
from algotrader.config.schema import all_settings

HOME = {"HOME": "/home/ann"}
LOSS = "risk.max_daily_loss_pct"
LOSS_VARIABLE = "ALGO_RISK__MAX_DAILY_LOSS_PCT"


def write(folder: Path, yaml: str = "", env: str = "") -> dict[str, Any]:
    """The two files, as arguments."""
    found: dict[str, Any] = {}
    for name, text, argument in (("own.yaml", yaml, "file"), (".env", env, "env_file")):
        if text:
            (folder / name).write_text(text, encoding="utf-8")
            found[argument] = folder / name
    return found


@pytest.mark.covers("A1", "A2", "A216")
@pytest.mark.parametrize(
    ("steps", "value", "source"),
    [
        (0, "0.03", "default"),
        (1, "0.02", "profile conservative"),
        (2, "0.04", "own.yaml"),
        (3, "0.05", ".env"),
        (4, "0.06", LOSS_VARIABLE),
        (5, "0.07", "override in the database"),
    ],
)
def test_the_later_source_wins_and_is_named(tmp_path: Path, steps: int, value: str, source: str) -> None:
    profile = "risk:\n  profile: conservative\n"
    files = write(
        tmp_path,
        yaml=profile + ("  max_daily_loss_pct: 0.04\n" if steps > 1 else "") if steps else "",
        env=f"{LOSS_VARIABLE}=0.05\n" if steps > 2 else "",
    )
    environ = {**HOME, **({LOSS_VARIABLE: "0.06"} if steps > 3 else {})}
    settings = load_settings(environ, overrides={LOSS: "0.07"} if steps > 4 else None, **files)
    assert (settings.text(LOSS), settings.source(LOSS)) == (value, source)
    changed = [each.setting.name for each in settings.values if each.source != "default"]
    expected = {LOSS} if steps else set()
    assert set(changed) - {"risk.profile", *(f"risk.{name}" for name in PROFILES["conservative"])} <= expected


@pytest.mark.covers("A2")
def test_a_nested_variable_changes_only_its_value() -> None:
    plain, changed = load_settings(HOME), load_settings({**HOME, LOSS_VARIABLE: "0.05"})
    differing = [a.setting.name for a, b in zip(plain.values, changed.values, strict=True) if a != b]
    assert differing == [LOSS]


@pytest.mark.covers("A3")
def test_keys_by_their_flat_and_nested_names() -> None:
    flat = load_settings({**HOME, "ALGO_BROKER_API_KEY": "k1", "ALGO_BROKER_SECRET_KEY": "s1"})
    assert flat.config.broker.api_key.get_secret_value() == "k1"
    assert flat.config.broker.secret_key.get_secret_value() == "s1"
    assert (flat.text("broker.api_key"), flat.source("broker.api_key")) == ("********", "ALGO_BROKER_API_KEY")
    assert flat.secrets() == ("k1", "s1")
    both = load_settings({**HOME, "ALGO_BROKER_API_KEY": "k1", "ALGO_BROKER__API_KEY": "k2"})
    assert both.config.broker.api_key.get_secret_value() == "k2"


@pytest.mark.covers("B145", "B146", "B147")
@pytest.mark.parametrize(("profile", "loss"), [("conservative", "0.02"), ("moderate", "0.05"), ("aggressive", "0.10")])
def test_profiles_are_sets_of_limits_within_the_bounds(profile: str, loss: str) -> None:
    settings = load_settings({**HOME, "ALGO_RISK__PROFILE": profile})
    assert settings.text(LOSS) == loss
    for name, text in PROFILES[profile].items():
        assert Decimal(settings.text(f"risk.{name}")) == Decimal(text)
        assert settings.source(f"risk.{name}") == f"profile {profile}"
    own = load_settings({**HOME, "ALGO_RISK__PROFILE": profile, LOSS_VARIABLE: "0.015"})
    assert own.text(LOSS) == "0.015"


ALIASED = """
strategy: {class: strategies/own.py:Mine, params: {fast: 5}}
broker:
  adapter: alpaca
  credentials: {api_key: "${KEY}", secret_key: "${SECRET:-none}"}
  host: gateway.example.com
  port: 4002
engine: {capital_base: 50000, checkpoint_interval: 30, state_file: state/own.db}
shadow_mode: {enabled: true, match_rate_min: 0.99, slippage_error_bps_max: 10, fill_rate_error_pct_max: 5}
scheduler:
  calendar: 24/7
  triggers:
    - {name: morning, type: market_open, offset_minutes: 5}
    - {name: often, type: interval, every_seconds: 900}
monitoring: {prometheus_port: 9090, alert_webhook: "https://hooks.example.com/abc", log_level: debug}
"""


@pytest.mark.covers("B233", "B234", "B235", "B236", "B237", "B238")
def test_files_written_with_other_names_are_understood(tmp_path: Path) -> None:
    settings = load_settings({**HOME, "KEY": "k"}, **write(tmp_path, ALIASED))
    config = settings.config
    assert [(each.strategy, each.parameters) for each in config.strategies] == [("strategies/own.py:Mine", {"fast": 5})]
    assert (config.broker.provider, config.broker.host, config.broker.port, config.broker.timeout) == (
        "alpaca",
        "gateway.example.com",
        4002,
        30,
    )
    assert (config.broker.api_key.get_secret_value(), config.broker.secret_key.get_secret_value()) == ("k", "none")
    assert config.paper.capital == Decimal(50_000)
    assert (config.app.snapshot_seconds, config.app.database) == (30, "sqlite:///state/own.db")
    assert (config.shadow.enabled, config.shadow.match_rate_min) == (True, Decimal("0.99"))
    assert (config.scheduler.calendar, [each.trigger for each in config.scheduler.triggers]) == (
        "24/7",
        ["market_open", "interval"],
    )
    assert (config.web.metrics_port, config.app.log_level) == (9090, "DEBUG")
    assert settings.text("alerts.urls") == "https://hooks.example.com/********"
    assert settings.source("paper.capital") == "own.yaml"


SEVERAL = """
strategies:
  - velez
  - strategy: sma_cross
    symbols: [MSFT, BTC/USDT]
    parameters: {fast: 10}
  - {strategy: own.py:Mine, enabled: false, interval: 5m, scanner: "gap_up:2"}
app:
  watchlist: [AAPL, "ON"]
"""


@pytest.mark.covers("B233")
def test_several_strategies_at_once(tmp_path: Path) -> None:
    config = load_settings(HOME, **write(tmp_path, SEVERAL)).config
    assert [each.strategy for each in config.strategies] == ["velez", "sma_cross", "own.py:Mine"]
    assert config.strategies[1].symbols == ("MSFT", "BTC/USDT")
    assert [each.enabled for each in config.strategies] == [True, True, False]
    assert config.app.watchlist == ("AAPL", "ON")


def test_strategies_from_a_variable() -> None:
    names = load_settings({**HOME, "ALGO_STRATEGIES": "velez, sma_cross"}).config.strategies
    assert [each.strategy for each in names] == ["velez", "sma_cross"]
    whole = load_settings({**HOME, "ALGO_STRATEGIES": '[{"strategy": "velez", "symbols": "AAPL"}]'}).config.strategies
    assert whole[0].symbols == ("AAPL",)


BROKEN: list[tuple[str, str]] = [
    ("risk:\n  max_daily_los_pct: 0.05\n", "risk.max_daily_los_pct names no setting; did you mean risk.max_daily_loss_pct?"),
    ("rsk:\n  profile: moderate\n", "rsk names no setting; did you mean risk?"),
    ("max_daily_loss_pct: 0.05\n", "max_daily_loss_pct names no setting; did you mean"),
    ("risk: 5\n", "risk is a section"),
    ("- a\n- b\n", "must hold sections"),
    ("risk:\n\tprofile: moderate\n", "own.yaml is not YAML in line 2"),
    ("risk:\n  profile: moderate\n  profile: aggressive\n", "is not YAML in line 3: profile stands there twice"),
    ("risk: {profile: moderate\n", "own.yaml is not YAML"),
    ("broker:\n  api_key: ${NOT_SET}\n", "broker.api_key asks for ${NOT_SET}, which is not set"),
    ("broker: {provider: alpaca, adapter: simulated}\n", "is set twice"),
    ("app:\n  watchlist: [ON]\n", "write symbols such as ON, NO and Y in quotes"),
    ("app:\n  watchlist: []\n", "own.yaml: app.watchlist: the watchlist is empty"),
    ("risk:\n  max_daily_loss_pct: 5\n", "own.yaml: risk.max_daily_loss_pct: 5 is out of bounds"),
    ("risk:\n  max_open_positions: [1]\n", "is not a whole number"),
    ("strategies:\n  - strategy: velez\n    params: 5\n", "is not a mapping of names and values"),
    ("strategies: 5\n", "is not a list"),
    ("scheduler:\n  triggers:\n    - {name: x, trigger: cron}\n", "of kind cron needs cron"),
    ("!!python/object/apply:os.system ['true']\n", "is not YAML in line 1"),
]


@pytest.mark.parametrize(("text", "told"), BROKEN)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(HOME, **write(tmp_path, text))
    assert told in refused.value.message
    assert "\n" not in refused.value.message
    assert refused.value.hint


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_settings(HOME, file=tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"app: {db_path: caf\xe9}\n")
    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        load_settings(HOME, file=tmp_path / "latin.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(HOME, env_file=tmp_path)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    for text in ("# nothing\n", "risk:\n", "risk: {profile: null}\n"):
        settings = load_settings(HOME, **write(tmp_path, text))
        assert {value.source for value in settings.values} == {"default"}


def test_unknown_variables_of_all_sources_are_told_and_can_be_refused(tmp_path: Path) -> None:
    files = write(tmp_path, env="ALGO_RISK__MAX_DAILY_LOSS=0.05\nOTHER=1\n")
    settings = load_settings({**HOME, "ALGO_BROKER_APIKEY": "secret"}, overrides={"risk.profil": "x"}, **files)
    assert settings.unknown == (
        ".env: ALGO_RISK__MAX_DAILY_LOSS names no setting; did you mean ALGO_RISK__MAX_DAILY_LOSS_PCT?",
        "ALGO_BROKER_APIKEY names no setting; did you mean ALGO_BROKER_API_KEY?",
        "settings_override: risk.profil names no setting; did you mean risk.profile?",
    )
    with pytest.raises(ConfigError, match="names no setting"):
        settings.refuse_unknown()
    load_settings(HOME).refuse_unknown()


def test_env_files_may_be_written_as_people_do(tmp_path: Path) -> None:
    env = "# mine\nexport ALGO_APP__LOG_LEVEL='warning'\nALGO_APP__WATCHLIST=\"AAPL, MSFT\" # two\nALGO_WEB__PORT=\n"
    settings = load_settings(HOME, **write(tmp_path, env=env))
    assert settings.config.app.log_level == "WARNING"
    assert settings.config.app.watchlist == ("AAPL", "MSFT")
    assert settings.is_default("web.port")


def test_wrong_values_are_named_by_their_place(tmp_path: Path) -> None:
    files = write(tmp_path, env="ALGO_WEB__PORT=many\n")
    with pytest.raises(ConfigError, match=r"^\.env: ALGO_WEB__PORT: 'many' is not a whole number"):
        load_settings(HOME, **files)
    with pytest.raises(ConfigError, match=r"^settings_override: web\.port: 'many' is not a whole number"):
        load_settings(HOME, overrides={"web.port": "many"})
    with pytest.raises(ConfigError, match=r"\(and 1 more\)$"):
        load_settings({**HOME, "ALGO_WEB__PORT": "many", "ALGO_APP__LOG_FILES": "0"})


def test_the_process_s_own_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALGO_WEB__PORT", "WEB__PORT", "PORT", "WEB"):
        monkeypatch.setenv(name, '{"port": 9}')
    assert load_settings(HOME).is_default("web.port")


@pytest.mark.covers("A21")
def test_the_example_names_every_variable_and_acts_on_none() -> None:
    from algotrader.config.example import env_example

    text = env_example()
    example = Path(__file__).parents[3] / ".env.example"
    assert example.read_text(encoding="utf-8") == text, "write it anew: algo-trader config --env-example > .env.example"
    for setting in all_settings():
        assert f"\n#{setting.variable}=" in text
    assert all(line.startswith("#") or not line for line in text.splitlines())
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.covers("A21")
def test_the_example_works_when_it_is_taken_as_it_is(tmp_path: Path) -> None:
    from algotrader.config.example import env_example

    lines = [line.removeprefix("#") for line in env_example().splitlines() if line.startswith("#ALGO_")]
    settings = load_settings(HOME, **write(tmp_path, env="\n".join(lines)))
    plain = load_settings(HOME)
    assert [value.text for value in settings.values] == [value.text for value in plain.values]
    assert settings.unknown == ()


def test_passwords_in_addresses_are_secrets_too() -> None:
    settings = load_settings({**HOME, "ALGO_DB_PATH": "postgresql://ann:hunter2@db.example.com/trading"})
    assert settings.text("app.db_path") == "postgresql://ann:********@db.example.com/trading"
    assert settings.secrets() == ("hunter2",)
    assert settings.config.app.database == "postgresql://ann:hunter2@db.example.com/trading"
