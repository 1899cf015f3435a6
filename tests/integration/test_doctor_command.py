"""``algo-trader doctor`` through the command line's own entry."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from algotrader.cli.main import root


def call(folder: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> Result:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(root, ["doctor"], env={"HOME": str(folder), **environ}, prog_name="algo-trader")


def test_a_machine_that_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call(tmp_path, monkeypatch, ALGO_BROKER__PROVIDER="simulated", ALGO_APP__WATCHLIST="AAPL,BTC/USDT")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0].split()[:2] == ["ok", "settings"]
    assert lines[-1].startswith("0 faults, ")
    assert "ok       account" in done.stdout


def test_faults_make_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call(tmp_path, monkeypatch, ALGO_BROKER_API_KEY="hunter2")
    assert done.exit_code == 2
    assert "fault    keys" in done.stdout
    assert "ALGO_BROKER_SECRET_KEY" in done.stdout
    assert "hunter2" not in done.output
    assert isinstance(done.exception, SystemExit)


def test_an_account_at_alpaca_is_asked_over_its_own_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("alpaca")
    from alpaca_rig import KEY, SECRET, served

    with served() as server:
        place = {"ALGO_BROKER__HOST": "127.0.0.1", "ALGO_BROKER__PORT": str(server.server.port)}
        done = call(tmp_path, monkeypatch, ALGO_BROKER__API_KEY=KEY, ALGO_BROKER__SECRET_KEY=SECRET, **place)
        assert "a paper account with 100000" in done.stdout
        # The market that is rehearsed lies years back.
        assert "fault    clock" in done.stdout
        wrong = call(tmp_path, monkeypatch, ALGO_BROKER__API_KEY=KEY, ALGO_BROKER__SECRET_KEY="wrong", **place)
        assert "fault    account" in wrong.stdout
        assert SECRET not in done.output + wrong.output


def test_settings_that_cannot_be_read_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call(tmp_path, monkeypatch, ALGO_WEB__PORT="many")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ALGO_WEB__PORT: 'many' is not a whole number")
