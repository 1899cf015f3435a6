"""``algo-trader config`` through the command line's own entry: values, sources, mistakes of every kind, nothing secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from algotrader.cli.main import root

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls the command in an empty folder, with an environment that says nothing but what is given."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(root, ["config", *arguments], env={"HOME": str(tmp_path), **environ}, prog_name="algo-trader")

    return run


def test_every_value_is_shown_with_its_source_at_80_columns(call: Call, tmp_path: Path) -> None:
    (tmp_path / "algo-trader.yaml").write_text(
        "strategies:\n" + "".join(f"  - {{strategy: own{n}.py:Mine, symbols: [AAPL, TSLA]}}\n" for n in range(5)), encoding="utf-8"
    )
    (tmp_path / ".env").write_text("ALGO_BROKER_API_KEY=hunter2\nALGO_RISK__PROFILE=moderate\n", encoding="utf-8")
    done = call(ALGO_RISK__MAX_DAILY_LOSS_PCT="0.04", ALGO_DB_PATH="postgresql://ann:hunter2@db.example.com/trading")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines if "/" not in line) <= 80
    assert "broker.api_key = ********   (from .env)" in lines
    assert "risk.max_daily_loss_pct = 0.04   (from ALGO_RISK__MAX_DAILY_LOSS_PCT)" in lines
    assert "risk.max_position_pct = 0.05   (from profile moderate)" in lines
    assert "    (from algo-trader.yaml)" in lines
    assert "web.port = 8000   (default)" in lines
    assert "hunter2" not in done.output


@pytest.mark.covers("A216")
def test_sections_and_changes(call: Call) -> None:
    done = call("risk", "web.port", ALGO_WEB__PORT="9000")
    names = [line.partition(" =")[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert names[0] == "risk.profile"
    assert names[-1] == "web.port"
    assert all(name.startswith("risk.") for name in names[:-1])
    changed = call("--changed", ALGO_WEB__PORT="9000")
    assert changed.stdout.startswith("web.port = 9000   (from ALGO_WEB__PORT)\n")
    assert changed.stdout.count(" = ") == 1
    assert "did you mean risk?" in call("rsik").stderr


def test_unknown_variables_are_told_but_not_their_values(call: Call) -> None:
    done = call(ALGO_BROKER__APIKEY="hunter2")
    assert done.exit_code == 0
    assert "warning: ALGO_BROKER__APIKEY names no setting; did you mean ALGO_BROKER__API_KEY?" in done.stderr
    assert "hunter2" not in done.output


PROVOCATIONS: list[tuple[str, dict[str, str], str, str]] = [
    (
        "out of bounds",
        {"ALGO_RISK__MAX_RISK_PER_TRADE_PCT": "0.1"},
        "",
        "'0.1' is out of bounds; allowed is at",
    ),
    ("not a number", {"ALGO_PAPER__SPEED": "fast"}, "", "ALGO_PAPER__SPEED: 'fast' is not a number"),
    ("empty watchlist", {}, "app: {watchlist: []}\n", "app.watchlist: the watchlist is empty"),
    ("bad symbol", {"ALGO_APP__WATCHLIST": "APPLE1"}, "", "'APPLE1' is not a symbol"),
    ("plain http", {"ALGO_ALERTS__URLS": "http://x.example"}, "", "does not begin with https://"),
    ("open to all", {"ALGO_WEB__HOST": "0.0.0.0"}, "", "can be reached from other machines"),
    ("unknown key", {}, "risk: {max_loss: 1}\n", "risk.max_loss names no setting"),
    ("broken YAML", {}, "risk: [\n", "algo-trader.yaml is not YAML"),
    ("variable not set", {}, "broker: {api_key: '${MY_KEY}'}\n", "asks for ${MY_KEY}, which is not set"),
    ("no such file", {"ALGO_CONFIG": "none.yaml"}, "", "none.yaml cannot be read"),
    ("unknown profile", {"ALGO_RISK__PROFILE": "bold"}, "", "one of none, conservative, moderate, aggressive"),
]


@pytest.mark.parametrize(("environ", "yaml", "told"), [case[1:] for case in PROVOCATIONS], ids=[case[0] for case in PROVOCATIONS])
def test_a_bad_configuration_is_one_clear_line(call: Call, tmp_path: Path, environ: dict[str, str], yaml: str, told: str) -> None:
    if yaml:
        (tmp_path / "algo-trader.yaml").write_text(yaml, encoding="utf-8")
    done = call(**environ)
    assert done.exit_code == 2
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert told in error
    assert hint.startswith("hint: ")
    assert done.stdout == ""
    assert isinstance(done.exception, SystemExit)


def test_a_variable_of_another_case_is_another_variable(call: Call) -> None:
    assert call("web.port", algo_web__port="9000").stdout.startswith("web.port = 8000   (default)")
