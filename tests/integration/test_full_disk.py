"""A disk that fills up in the middle of trading: one clear line, a session that ends, and nothing that was committed lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from algotrader.storage.checks import check
from algotrader.storage.schema import open_database
from algotrader.storage.sql_store import open_store

ROOM = "700k"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with hardly any room."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no small file system can be made here; it takes the rights of root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_ends_the_session_with_one_line_and_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    name = small_disk / "trading.db"
    command = [sys.executable, "-m", "algotrader.cli.main", "start", "--symbols", "AAPL,TSLA", "--strategy", "sma_cross"]
    command += ["--param", "fast=5", "--param", "slow=12", "--speed", "400", "--from", "2024-03-05", "--port", "0"]
    command += ["--database", f"sqlite:///{name}"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "the disk is full" in errors[0]
    kept = tmp_path / "kept"
    shutil.copytree(small_disk, kept)
    store = open_store(f"sqlite:///{kept / name.name}")
    sequence = store.last_sequence()
    assert sequence > 0
    assert [entry.sequence for entry in store.journal(0)] == list(range(1, sequence + 1))
    store.close()
    assert check(open_database(f"sqlite:///{kept / name.name}")) == []
