"""The strategies over recorded market data give the fills of the accepted run, and a difference is noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SCRIPT = ROOT / "scripts" / "real_data.py"
GOLDEN = ROOT / "tests" / "golden" / "real_data.json"

needs_data = pytest.mark.skipif(not (DATA / "equity_us").is_dir(), reason="the recorded market data are not there")


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a working folder of this test."""
    command = [sys.executable, str(SCRIPT), "--work", str(tmp_path / "work"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@needs_data
def test_fills_on_recorded_data_are_as_accepted(tmp_path: Path) -> None:
    done = run(tmp_path, "--data", str(DATA))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All fills are as in the accepted run." in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert sum(entry["fills"] for runs in golden.values() for entry in runs.values()) > 500
    assert len(golden["velez"]) + len(golden["sma_cross"]) == 20


@needs_data
def test_a_difference_is_told_and_fails(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    golden["velez"]["equity_us/minute/SPY_trade"]["fingerprint"] = "0" * 16
    del golden["sma_cross"]["equity_us/daily/IBM"]
    changed = tmp_path / "golden.json"
    changed.write_text(json.dumps(golden), encoding="utf-8")
    done = run(tmp_path, "--data", str(DATA), "--golden", str(changed))
    assert done.returncode == 1
    told = done.stdout.splitlines()[-2:]
    assert told[0].startswith("sma_cross on equity_us/daily/IBM: no run before, ")
    assert told[1].startswith("velez on equity_us/minute/SPY_trade: ")
    assert "0000000000000000 before" in told[1]


def test_without_data_nothing_is_run(tmp_path: Path) -> None:
    done = run(tmp_path, "--data", str(tmp_path))
    assert done.returncode == 0
    assert "no recorded market data" in done.stdout
