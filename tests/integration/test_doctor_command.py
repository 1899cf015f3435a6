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


def test_settings_that_cannot_be_read_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call(tmp_path, monkeypatch, ALGO_WEB__PORT="many")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ALGO_WEB__PORT: 'many' is not a whole number")
