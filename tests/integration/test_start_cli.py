"""``algo-trader start`` as a user runs it: a paper session on the built-in market, watched and ended from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from algotrader.cli.main import root
from algotrader.server.files import read_address, session_files

SECONDS = 60


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Nothing of the user's own settings, and a current folder that is empty."""
    for name in [name for name in os.environ if name.startswith("ALGO_")]:
        monkeypatch.delenv(name)
    search = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    monkeypatch.chdir(tmp_path)
    return dict(os.environ, COLUMNS="80", PYTHONPATH=os.pathsep.join(search))


def run(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "algotrader.cli.main", "start", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture
def started(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A session at speed with two symbols, as soon as it listens."""
    process = run(environment, "--symbols", "AAPL,TSLA", "--speed", "60", "--port", "0")
    files = session_files(f"sqlite:///{tmp_path / 'data' / 'trading.db'}", tmp_path)
    until = time.monotonic() + SECONDS
    try:
        while read_address(files.address) is None:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "it did not start"
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(*arguments: str) -> str:
    done = CliRunner().invoke(root, arguments)
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def wait_for_running() -> None:
    until = time.monotonic() + SECONDS
    while json.loads(ask("status", "--json"))["health"]["state"] != "running":
        assert time.monotonic() < until, ask("status")
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.covers("A212", "A213", "A222", "C1")
def test_it_runs_until_it_is_stopped(started: subprocess.Popen[str]) -> None:
    wait_for_running()
    found = json.loads(ask("status", "--json"))
    assert (found["watchlist"], found["health"]["mode"]) == (["AAPL", "TSLA"], "paper")
    assert 99_000 < Decimal(found["account"]["equity"]) < 101_000
    assert ask("halt") == "no new entries; positions keep their stops\n"
    assert ask("stop") == "the session shuts down\nstopped\n"
    out, err = started.communicate(timeout=SECONDS)
    assert started.returncode == 0, err
    lines = out.splitlines()
    assert lines[0] == "mode       paper, no real money"
    assert "watchlist  AAPL, TSLA" in lines
    assert "strategy   velez" in lines
    assert any(line.startswith("listening on http://127.0.0.1:") for line in lines)
    assert "stopped" in lines[-1]
    assert "Traceback" not in err
    told = [json.loads(line) for line in ask("journal", "--kind", "OperatorCommand", "--json").splitlines()]
    assert [entry["content"]["action"] for entry in told] == ["halt"]
    assert all(order["strategy"] == "velez" for order in json.loads(ask("orders", "--json")))
    assert json.loads(ask("snapshot", "export"))["reason"] == "shutdown"


@pytest.mark.slow
@pytest.mark.covers("A106", "A222", "C2")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(started: subprocess.Popen[str], number: signal.Signals) -> None:
    wait_for_running()
    started.send_signal(number)
    out, err = started.communicate(timeout=SECONDS)
    assert started.returncode == 0, err
    assert "stopped" in out.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_halt_outlives_the_session(started: subprocess.Popen[str], environment: dict[str, str], tmp_path: Path) -> None:
    wait_for_running()
    ask("emergency-stop")
    ask("stop")
    started.communicate(timeout=SECONDS)
    again = run(environment, "--symbols", "AAPL,TSLA", "--speed", "60", "--port", "0")
    files = session_files(f"sqlite:///{tmp_path / 'data' / 'trading.db'}", tmp_path)
    try:
        while read_address(files.address) is None:
            assert again.poll() is None, again.communicate()
            time.sleep(0.05)
        wait_for_running()
        found = json.loads(ask("status", "--json"))
        assert (found["trading_state"], found["emergency_stop"]) == ("halted", True)
        ask("stop")
    finally:
        again.kill()
        again.communicate()


WRONG = [
    (("--strategy", "velz"), "no strategy named 'velz'"),
    (("--port", "70000"), "invalid value for '--port'"),
    (("--host", "203.0.113.7"), "cannot listen on 203.0.113.7"),
    (("--database", "/proc/nothing/algo.db"), "/proc/nothing"),
    (("--database", "mysql://db/algo"), "no database for us"),
    (("--config", "nowhere.yaml"), "nowhere.yaml"),
    (("--live",), "--live was given and broker.paper is true"),
    (("--symbols", "TOOLONGNAME"), "TOOLONGNAME"),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_what_cannot_be_started_is_told_in_a_line(environment: dict[str, str], arguments: tuple[str, ...], told: str) -> None:
    process = run(environment, "--port", "0", *arguments)
    out, err = process.communicate(timeout=SECONDS)
    lines = [line for line in err.splitlines() if not line.startswith("warning: ")]
    assert process.returncode == 2, (out, err)
    assert told in lines[0]
    assert lines[0].startswith("error: ")
    assert len(lines) <= 2
