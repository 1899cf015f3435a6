"""What ``algo-trader start`` makes of its options, its settings file and the gate before real money; nothing is started here."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from algotrader.cli.consent import ask_consent, check_paper_setting
from algotrader.cli.place import database_name, database_url, state_folder
from algotrader.cli.start import start
from algotrader.cli.start_settings import heading, read_settings
from algotrader.errors import UserError
from algotrader.live import launch_settings
from algotrader.live.launch_settings import GENERATED, RECORDED, LaunchSettings
from algotrader.storage import queries
from algotrader.storage.schema import open_database


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
    for name in [name for name in os.environ if name.startswith("ALGO_")]:
        monkeypatch.delenv(name)


@pytest.mark.covers("A212")
def test_by_default_it_is_a_paper_session_on_this_machine(tmp_path: Path) -> None:
    found = read()
    assert (found.mode, found.venue, found.market, found.speed) == ("paper", "paper", GENERATED, 1)
    assert [choice.name for choice in found.strategies] == ["velez"]
    assert found.symbols == ("AAPL", "TSLA", "AMD", "NVDA", "META")
    assert (found.host, found.port, found.capital) == ("127.0.0.1", 8000, Decimal(100_000))
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
        *("--rules", "alpaca-like", "--database", "other.db"),
    )
    assert found.strategies[0].parameters == (("fast", "5"),)
    assert found.symbols == ("AAPL", "MSFT")
    assert (found.speed, found.seed, found.port, found.once_day, found.flatten) == (60, 7, 0, True, True)
    assert (found.market, found.data, found.start_day, found.rules) == (RECORDED, Path("bars"), "2024-01-02", "alpaca-like")
    assert found.capital == 50_000
    assert found.database == f"sqlite:///{tmp_path / 'other.db'}"
    assert "secret" not in "\n".join(heading(replace(found, database="postgresql://me:secret@db/algo")))


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
    (("--symbols", " , "), "the watchlist is empty", "--symbols AAPL"),
    (("--symbols", "APPLES"), "APPLES", "--symbols AAPL"),
    (("--symbols", "AAPL,AAPL;MSFT"), "AAPL;MSFT", "--symbols AAPL"),
    (("--speed", "0"), "--speed must lie above 0", "--speed 60"),
    (("--capital", "much"), "--capital: 'much' is not a number", "--capital 25000"),
    (("--capital", "-1"), "--capital: the capital must be above 0", "--capital 25000"),
    (("--from", "tomorrow"), "--from tomorrow is no day", "2024-01-02"),
    (("--interval", "7x"), "7x", "1m"),
    (("--live",), "--live was given and broker.paper is true", "ALGO_BROKER__PAPER=false"),
]


@pytest.mark.parametrize(("arguments", "told", "hinted"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_impossible_options(arguments: tuple[str, ...], told: str, hinted: str) -> None:
    with pytest.raises(UserError) as raised:
        read(*arguments)
    assert told in raised.value.message
    assert hinted in raised.value.hint


SETTINGS = """
strategies:
  - {strategy: sma_cross, parameters: {fast: 5}, symbols: [AAPL, AMD]}
  - {strategy: velez, scanner: "gap_up:2"}
  - {strategy: momentum, enabled: false}
app: {watchlist: [TSLA], db_path: mine.db, extended_hours: true}
paper: {capital: 30000, speed: 60, seed: 9}
web: {port: 9000}
"""


def test_settings_say_what_the_command_line_does_not(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SETTINGS)
    found = read("--config", str(path), "--port", "9001", "--param", "sma_cross.slow=30")
    one, two = found.strategies
    assert (one.name, one.symbols, one.parameters) == ("sma_cross", ("AAPL", "AMD"), (("fast", 5), ("slow", "30")))
    assert (two.name, two.symbols, two.scanner) == ("velez", ("TSLA",), "gap_up:2")
    assert (found.symbols, found.port, found.seed, found.speed) == (("AAPL", "AMD", "TSLA"), 9001, 9, 60)
    assert (found.capital, found.extended_hours) == (Decimal(30_000), True)
    assert found.database == f"sqlite:///{tmp_path / 'mine.db'}"
    assert found.config is not None
    assert found.config.paper.seed == 9


def test_parameters_of_velez_come_from_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGO_VELEZ__SMA_FAST", "30")
    assert read("--param", "max_run_candles=4").strategies[0].parameters == (("sma_fast", 30), ("max_run_candles", "4"))


@pytest.mark.covers("A10")
def test_a_strategy_that_is_switched_off_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGO_VELEZ__ENABLED", "false")
    with pytest.raises(UserError, match="no strategy is enabled"):
        read()


def test_what_was_changed_in_the_database_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGO_APP__WATCHLIST", "AAPL")
    database = open_database(f"sqlite:///{tmp_path / 'algo.db'}", create=True)
    queries.set_override(database, "app.watchlist", "AMD,TSLA", 1)
    database.close()
    assert read("--database", "algo.db").symbols == ("AMD", "TSLA")
    assert read().symbols == ("AAPL",)


def test_nothing_is_made_by_reading(tmp_path: Path) -> None:
    read()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("ALGO_WEB__PORT", "x", "ALGO_WEB__PORT"),
        ("ALGO_RISK__MAX_DALY_LOSS_PCT", "0.05", "names no setting"),
        ("ALGO_CONFIG", "nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_settings_that_cannot_be(variable: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=told):
        read()


@pytest.mark.covers("A93")
def test_paper_off_never_starts_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGO_BROKER__PAPER", "False")
    with pytest.raises(UserError, match=r"broker\.paper is false .*ALGO_BROKER__PAPER.* would trade real money"):
        read()
    monkeypatch.setenv("ALGO_BROKER__PAPER", "true")
    assert read().mode == "paper"


@pytest.mark.parametrize("paper", [True, False])
@pytest.mark.parametrize("live", [True, False])
def test_settings_and_command_line_have_to_agree(paper: bool, live: bool) -> None:
    if paper != live:
        check_paper_setting(paper, "a file", live)
    else:
        with pytest.raises(UserError):
            check_paper_setting(paper, "a file", live)


def test_real_money_wants_the_name_of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algotrader.cli.start_settings.VENUES", (*launch_settings.VENUES, "broker"))
    monkeypatch.setenv("ALGO_BROKER__PAPER", "false")
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
    assert "consent='U-1'" not in repr(found)


def test_the_paper_venue_has_no_real_money(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGO_BROKER__PAPER", "false")
    with pytest.raises(UserError, match="the paper venue has no real money"):
        read("--live", "--account", "U-1", "--consent", "U-1")


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


@pytest.mark.parametrize("address", ["ws://127.0.0.1:8100", "127.0.0.1:8100"])
def test_a_venue_of_its_own_process(address: str) -> None:
    found = read("--venue", "remote", "--venue-address", address)
    assert (found.venue, found.venue_address) == ("remote", "127.0.0.1:8100")


@pytest.mark.parametrize("address", ["http://127.0.0.1:8100", "ws://127.0.0.1:8100", "127.0.0.1:8100"])
def test_a_rehearsal_of_alpaca_has_one_address_for_requests_and_streams(address: str) -> None:
    found = read("--venue", "alpaca", "--venue-address", address)
    assert (found.venue, found.venue_address) == ("alpaca", "127.0.0.1:8100")
    assert read("--venue", "alpaca").venue_address == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--venue", "remote"), "needs an address"),
        (("--venue", "remote", "--venue-address", "http://127.0.0.1:8100"), "is no address"),
        (("--venue", "remote", "--venue-address", "ws://127.0.0.1"), "is no address"),
        (("--venue", "remote", "--venue-address", "ws://127.0.0.1:many"), "is no address"),
        (("--venue", "remote", "--venue-address", "ws://example.com:8100"), "not on this machine"),
        (("--venue-address", "ws://127.0.0.1:8100"), "is for --venue remote"),
    ],
)
def test_mistakes_about_a_venue_of_its_own_process(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(UserError, match=told):
        read(*arguments)
