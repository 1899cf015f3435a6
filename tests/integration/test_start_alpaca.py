"""What somebody sees who starts a session at Alpaca for the first time and has something wrong: one line, a hint, and an end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("alpaca")

from alpaca_rig import KEY, SECRET, Served, Stage, served

from algotrader.cli.main import root
from algotrader.cli.venue_faults import venue_mistake
from algotrader.core.instruments import crypto, equity
from algotrader.live.launch_settings import ALPACA_VENUE, LaunchSettings, StrategyChoice
from algotrader.rehearsal.alpaca.__main__ import main as serve_alpaca
from algotrader.venues.protocols import NotAllowed, NotSent, Refused, Throttled, Unanswered, VenueError

SECONDS = 60
WIDTH = 80

KEYS = {"ALGO_BROKER_API_KEY": KEY, "ALGO_BROKER_SECRET_KEY": SECRET}
REAL = {**KEYS, "ALGO_BROKER__PAPER": "false"}

BLOCKED = """
import importlib.abc
import sys


class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None


sys.meta_path.insert(0, Blocker())
from {program} import main

main()
"""
"""A program where a package is not installed."""

CLI, SERVER = "algotrader.cli.main", "algotrader.rehearsal.alpaca.__main__"


class User:
    """Types one command in an empty folder, with nothing set but what is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def start(self, settings: dict[str, str], *options: str, without: str = "") -> tuple[int, str, str]:
        """Exit code, output and errors."""
        for name, value in settings.items():
            self.monkeypatch.setenv(name, value)
        typed = ["start", "--venue", "alpaca", "--port", "0", *options]
        if not without:
            done = CliRunner().invoke(root, typed)
            return done.exit_code, done.stdout, done.stderr
        command = [sys.executable, "-c", BLOCKED.format(package=without, program=CLI), *typed]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        return ran.returncode, ran.stdout, ran.stderr

    def is_told(self, settings: dict[str, str], *options: str, without: str = "") -> tuple[str, str]:
        """Start in vain; gives the error and the hint, which have to be all that there is."""
        code, out, err = self.start(settings, *options, without=without)
        assert code == 2, (out, err)
        # A session that had begun has a log, whose lines are for other tests; nothing else may be there.
        lines = [line for line in err.splitlines() if not line.startswith('{"time"')]
        assert len(lines) == 2, err
        assert all(len(line) <= WIDTH for line in lines), lines
        error, hint = lines
        assert error.startswith("error: ")
        assert hint.startswith("hint: ")
        assert SECRET not in out + err
        return error.removeprefix("error: "), hint.removeprefix("hint: ")


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    for name in [name for name in os.environ if name.startswith(("ALGO_", "ALPACA_", "APCA_"))]:
        monkeypatch.delenv(name)
    search = [os.path.abspath(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(search))
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.chdir(tmp_path)
    return User(monkeypatch)


@pytest.fixture(scope="module")
def practice() -> Iterator[Served]:
    """An account for practice without the feed sip."""
    with served(stage(), allow_sip=False) as found:
        yield found


def stage(**rules: Any) -> Stage:
    return Stage([equity("AAPL"), crypto("BTC/USD", price_scale=2)], rate_limit=0, **rules)


HERE = "http://127.0.0.1:{port}"

WRONG = [
    ("no keys", {}, ("--symbols", "AAPL"), "needs a key and its secret: neither is set", "set ALGO_BROKER_API_KEY and"),
    ("half a pair", {"ALGO_BROKER_API_KEY": KEY}, ("--symbols", "AAPL"), "the secret is not set", "ALGO_BROKER_SECRET_KEY"),
    (
        "a cut key",
        {**KEYS, "ALGO_BROKER_API_KEY": "PK 12"},
        ("--venue-address", HERE),
        "characters that neither can have",
        "copy both once more",
    ),
    (
        "keys of another account",
        {**KEYS, "ALGO_BROKER_SECRET_KEY": "another"},
        ("--venue-address", HERE),
        "Alpaca does not take the keys",
        "the paper account has keys of its own",
    ),
    ("another scheme", KEYS, ("--venue-address", "ftp://127.0.0.1:1"), "is no address", "http://127.0.0.1:8100"),
    ("no port", KEYS, ("--venue-address", "http://127.0.0.1"), "is no address", "http://127.0.0.1:8100"),
    ("another machine", KEYS, ("--venue-address", "http://example.com:80"), "not on this machine", "http://127.0.0.1:8100"),
    ("nobody there", KEYS, ("--venue-address", "127.0.0.1:1"), "nobody answers at 127.0.0.1:1", "algotrader.rehearsal.alpaca"),
    ("no such symbol", KEYS, ("--venue-address", HERE, "--symbols", "ZZZZ"), "ZZZZ is not known at Alpaca", "take it off the list"),
    (
        "stocks and crypto",
        KEYS,
        ("--venue-address", HERE, "--symbols", "AAPL,BTC/USD"),
        "different rules for stocks and for crypto",
        "one session for stocks",
    ),
    (
        "no right to sip",
        {**KEYS, "ALGO_BROKER__FEED": "sip"},
        ("--venue-address", HERE),
        "the account has no feed sip",
        "ALGO_BROKER__FEED=iex is free",
    ),
    ("no such feed", {**KEYS, "ALGO_BROKER__FEED": "all"}, ("--venue-address", HERE), "one of iex, sip", "ALGO_BROKER__FEED"),
    ("paper is off", REAL, ("--venue-address", HERE), "this would trade real money", "--live, --account, consent"),
    (
        "paper is on",
        KEYS,
        ("--venue-address", HERE, "--live", "--account", "1"),
        "broker.paper is true",
        "ALGO_BROKER__PAPER=false",
    ),
    ("no account named", REAL, ("--venue-address", HERE, "--live"), "--live needs the name of the account", "--account NAME"),
    ("no consent", REAL, ("--venue-address", HERE, "--live", "--account", "1"), "real money needs consent", '--consent "1"'),
    (
        "another consent",
        REAL,
        ("--venue-address", HERE, "--live", "--account", "1", "--consent", "2"),
        "'2' is not the account's name",
        "nothing was started",
    ),
    (
        "another account",
        REAL,
        ("--venue-address", HERE, "--live", "--account", "1", "--consent", "1"),
        "the keys open the account PA",
        "check --account and the keys",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "options", "error", "hint"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_told_in_a_line_with_a_hint(
    user: User, practice: Served, settings: dict[str, str], options: tuple[str, ...], error: str, hint: str
) -> None:
    typed = [option.format(port=practice.server.port) for option in options]
    told, advice = user.is_told(settings, *([] if "--symbols" in typed else ["--symbols", "AAPL"]), *typed)
    assert error in told
    assert hint in advice


@pytest.mark.slow
@pytest.mark.covers("A93")
def test_an_account_with_real_money_is_not_traded_on_paper(user: User) -> None:
    with served(stage(live=True)) as found:
        told, advice = user.is_told(KEYS, "--venue-address", found.server.url, "--symbols", "AAPL")
        assert found.call(lambda: list(found.server.venue.book.orders)) == []
    assert "these keys open a live account" in told
    assert "--live, --account and your consent" in advice


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ({"account_blocked": True}, "it is blocked"),
        ({"trading_blocked": True}, "trading is blocked"),
        ({"trade_suspended_by_user": True}, "trading is suspended in its settings"),
        ({"status": "ACCOUNT_CLOSED"}, "its status is ACCOUNT_CLOSED"),
    ],
)
def test_an_account_that_takes_no_orders(user: User, rules: dict[str, Any], why: str) -> None:
    with served(stage(**rules)) as found:
        told, advice = user.is_told(KEYS, "--venue-address", found.server.url, "--symbols", "AAPL")
    assert told.endswith(f"takes no orders: {why}")
    assert advice == "see to it at alpaca.markets"


@pytest.mark.slow
@pytest.mark.parametrize("package", ["alpaca", "msgpack"])
def test_without_the_extra(user: User, package: str) -> None:
    told, advice = user.is_told(KEYS, "--symbols", "AAPL", without=package)
    assert told == "the venue alpaca needs packages that are not installed"
    assert advice == "pip install 'algo-trader[alpaca]'"


def test_the_rehearsal_server_without_the_extra(user: User) -> None:
    command = [sys.executable, "-c", BLOCKED.format(package="msgpack", program=SERVER)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 2
    assert ran.stderr.splitlines() == [
        "error: the venue alpaca needs packages that are not installed",
        "hint: pip install 'algo-trader[alpaca]'",
    ]


def test_a_rehearsal_server_at_a_port_that_is_taken(user: User, practice: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        serve_alpaca(["--port", str(practice.server.port), "--symbols", "AAPL"])
    error, hint = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert error == f"error: port {practice.server.port} is taken"
    assert hint == "hint: another server has it; take another --port, or 0 for any"


SAID = [
    (NotSent("GET /account: ConnectionError: " + "x" * 200), "Alpaca cannot be reached: GET /account:", "check the network"),
    (Throttled("rate limit exceeded (429, 42910000)", 3.0), "Alpaca wants fewer requests: rate limit", "does another program"),
    (Unanswered("internal server error (500, 50010000)"), "Alpaca gave no answer of use: internal", "status.alpaca.markets"),
    (NotAllowed("request is not authorized (401, 40110000)"), "Alpaca does not take the keys: request is", "of its own"),
    (Refused("no (400)", ""), "Alpaca: no (400)", "algo-trader doctor"),
]


@pytest.mark.parametrize(("error", "told", "advice"), SAID, ids=[type(row[0]).__name__ for row in SAID])
def test_what_alpaca_said_last_fits_a_line(error: VenueError, told: str, advice: str) -> None:
    settings = LaunchSettings((StrategyChoice("velez", ("AAPL",)),), "sqlite:///x.db", venue=ALPACA_VENUE)
    found = venue_mistake(settings, error)
    assert found.message.startswith(told)
    assert advice in found.hint
    assert max(len(f"error: {found.message}"), len(f"hint: {found.hint}")) <= WIDTH
