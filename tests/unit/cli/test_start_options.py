"""What ``algo-trader start`` makes of its options, its settings file and the gate before real money; nothing is started here."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from algotrader.cli import consent
from algotrader.cli.consent import ask_consent, check_paper_setting
from algotrader.cli.place import database_name, database_url, state_folder
from algotrader.cli.start import start
from algotrader.cli.start_settings import heading, read_settings
from algotrader.errors import UserError
from algotrader.live import launch_settings
from algotrader.live.launch_settings import GENERATED, RECORDED, LaunchSettings


def read(*arguments: str) -> LaunchSettings:
    """The settings that a command line leads to."""
    found: list[LaunchSettings] = []

    @click.command(params=start.params)
    def only_read(**given: Any) -> None:
        found.append(read_settings(given))

    outcome = CliRunner().invoke(only_read, arguments, catch_exceptions=False, standalone_mode=False)
    if outcome.exception:
        raise outcome.exception
    return found[0]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ALGO_DB_PATH", "ALGO_WEB__PORT", "ALGO_WEB__HOST", *consent.PAPER_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.covers("A212")
def test_by_default_it_is_a_paper_session_on_this_machine(tmp_path: Path) -> None:
    found = read()
    assert (found.mode, found.venue, found.market, found.speed) == ("paper", "paper", GENERATED, 1)
    assert [choice.name for choice in found.strategies] == ["velez"]
    assert found.symbols == ("AAPL", "TSLA", "AMD", "NVDA", "META")
    assert (found.host, found.port, found.capital) == ("127.0.0.1", 8000, Decimal(25_000))
    assert found.database == f"sqlite:///{tmp_path / 'data' / 'trading.db'}"
    assert found.token_file == tmp_path / "data" / "trading.db.token"
    shown = heading(found)
    assert shown[0] == "mode       paper, no real money"
    assert any(line.startswith("watchlist  AAPL, TSLA") for line in shown)
    assert any(line == "strategy   velez" for line in shown)
    assert max(len(line) for line in shown) <= 80 or str(tmp_path) in "".join(shown)


def test_options_are_taken_over(tmp_path: Path) -> None:
    found = read(
        *("--strategy", "sma_cross", "--param", "fast=5", "--symbols", "aapl, msft", "--speed", "60", "--seed", "7"),
        *("--port", "0", "--once-day", "--flatten", "--data", "bars", "--from", "2024-01-02", "--capital", "50_000"),
        *("--rules", "alpaca-like", "--database", "postgresql://me:secret@db/algo"),
    )
    assert found.strategies[0].parameters == (("fast", "5"),)
    assert found.symbols == ("AAPL", "MSFT")
    assert (found.speed, found.seed, found.port, found.once_day, found.flatten) == (60, 7, 0, True, True)
    assert (found.market, found.data, found.start_day, found.rules) == (RECORDED, Path("bars"), "2024-01-02", "alpaca-like")
    assert found.capital == 50_000
    assert "secret" not in "\n".join(heading(found))


def test_parameters_find_their_strategy() -> None:
    found = read("--strategy", "velez", "--strategy", "sma_cross", "--param", "sma_cross.fast=5")
    assert [(choice.name, choice.parameters) for choice in found.strategies] == [("velez", ()), ("sma_cross", (("fast", "5"),))]


WRONG = [
    (("--venue", "papier"), "--venue papier is not known", "did you mean paper?"),
    (("--rules", "alpaca"), "--rules alpaca is not known", "did you mean alpaca-like?"),
    (("--strategy", "velz"), "velz", "algo-trader strategies"),
    (("--param", "fast"), "is not of the form NAME=VALUE", "--param fast=10"),
    (("--strategy", "velez", "--strategy", "sma_cross", "--param", "fast=5"), "which strategy it is for", "velez.NAME=VALUE"),
    (("--strategy", "sma_cross", "--param", "fst=5"), "fst", "algo-trader strategies"),
    (("--symbols", " , "), "names no symbol", "--symbols AAPL"),
    (("--speed", "0"), "--speed must lie above 0", "--speed 60"),
    (("--capital", "much"), "--capital: 'much' is not a number", "--capital 25000"),
    (("--capital", "-1"), "--capital: the capital must be above 0", "--capital 25000"),
    (("--from", "tomorrow"), "--from tomorrow is no day", "2024-01-02"),
    (("--interval", "7x"), "7x", "1m"),
    (("--live",), "the paper venue has no real money", "--venue"),
]


@pytest.mark.parametrize(("arguments", "told", "hinted"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_impossible_options(arguments: tuple[str, ...], told: str, hinted: str) -> None:
    with pytest.raises(UserError) as raised:
        read(*arguments)
    assert told in raised.value.message
    assert hinted in raised.value.hint


def test_a_settings_file_gives_defaults_and_the_command_line_wins(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("start:\n  strategy: sma_cross\n  param: {fast: 5}\n  symbols: [AAPL, AMD]\n  once-day: true\n  port: 9000\n")
    found = read("--config", str(path), "--port", "9001")
    assert (found.strategies[0].name, found.strategies[0].parameters) == ("sma_cross", (("fast", "5"),))
    assert (found.symbols, found.once_day, found.port, found.config) == (("AAPL", "AMD"), True, 9001, path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("start: {strateg: x}", "start.strateg is no setting"),
        ("start: [1, 2]", "start must hold names and values"),
        ("start: {a: b: c}", "is not YAML"),
        ("- 1", "start must hold names and values"),
        ("start: {live: true}", "start.live is no setting"),
        ("start: {consent: me}", "start.consent is no setting"),
    ],
)
def test_settings_files_that_cannot_be(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=told):
        read("--config", str(path))


@pytest.mark.covers("A93")
@pytest.mark.parametrize("name", consent.PAPER_VARIABLES)
def test_paper_off_never_starts_by_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "False")
    with pytest.raises(UserError, match=f"{name} is False: this session would trade real money"):
        read()
    monkeypatch.setenv(name, "true")
    assert read().mode == "paper"


def test_paper_off_is_fine_with_live() -> None:
    check_paper_setting({"ALGO_BROKER__PAPER": "false"}, live=True)


def test_real_money_wants_the_name_of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algotrader.cli.start_settings.VENUES", (*launch_settings.VENUES, "broker"))
    asked = ("--venue", "broker", "--live")
    with pytest.raises(UserError, match="--live needs the name of the account"):
        read(*asked)
    with pytest.raises(UserError, match="nobody is at the keyboard"):
        read(*asked, "--account", "U-1")
    with pytest.raises(UserError, match="no consent: 'yes' is not the account's name"):
        read(*asked, "--account", "U-1", "--consent", "yes")
    with pytest.raises(UserError, match="faster than life"):
        read(*asked, "--account", "U-1", "--consent", "U-1", "--speed", "2")
    found = read(*asked, "--account", "U-1", "--consent", "U-1")
    assert (found.mode, found.account, found.consent) == ("live", "U-1", "U-1")
    assert heading(found)[0] == "mode       live"
    assert "consent" not in repr(found)


@pytest.mark.parametrize(("typed", "passes"), [("U-1", True), ("u-1", False), ("", False), ("yes", False)])
def test_consent_is_typed_exactly(typed: str, passes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", lambda *_, **__: typed)
    if passes:
        assert ask_consent("broker", "U-1", None) == "U-1"
    else:
        with pytest.raises(UserError, match="no consent"):
            ask_consent("broker", "U-1", None)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////data/algo.db", "/data/algo.db"),
        ("postgresql://me:secret@db/algo", "postgresql://me@db/algo"),
        ("postgresql://db/algo", "postgresql://db/algo"),
    ],
)
def test_names_of_databases(url: str, name: str) -> None:
    assert database_name(url) == name


def test_a_plain_path_is_a_file_here(tmp_path: Path) -> None:
    assert database_url("algo.db") == f"sqlite:///{tmp_path / 'algo.db'}"
    assert database_url("postgresql://db/algo") == "postgresql://db/algo"


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {"HOME": "/home/me"}, "/home/me/.local/state/algo-trader"),
        ("linux", {"HOME": "/home/me", "XDG_STATE_HOME": "/state"}, "/state/algo-trader"),
        ("darwin", {"HOME": "/home/me"}, "/home/me/Library/Application Support/algo-trader"),
        ("win32", {"HOME": "/home/me", "LOCALAPPDATA": "/local"}, "/local/algo-trader"),
    ],
)
def test_where_programs_remember_things(platform: str, environ: dict[str, str], folder: str) -> None:
    assert str(state_folder(environ, platform)) == folder
