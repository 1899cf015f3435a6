"""A test run notes which rows its passing tests cover, with parallel workers too, and refuses the wrong kind of engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"

TESTS = """
import pytest

@pytest.mark.covers("A1", "A2")
def test_passes(): ...

@pytest.mark.covers("A2", "A3")
def test_fails(): assert False

@pytest.mark.covers("A4")
@pytest.mark.parametrize("x", [1, 2])
def test_each(x): ...

@pytest.mark.covers("A5")
def test_skips(): pytest.skip("no data")

@pytest.fixture
def broken():
    yield
    raise RuntimeError("cleaning up failed")

@pytest.mark.covers("A6")
def test_leaves_a_mess(broken): ...
"""


def _run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = covers\n", encoding="utf-8")
    (folder / "test_sample.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "ALGOTRADER_"))}
    search = os.pathsep.join(str(Path(entry).resolve()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry)
    clean["PYTHONPATH"] = search
    return subprocess.run(command, cwd=folder, env=clean | environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_rows_of_passing_tests_are_noted(tmp_path: Path, workers: str) -> None:
    _run(tmp_path, "-n", workers, ALGOTRADER_ROWS="build/rows.json")
    assert json.loads((tmp_path / "build" / "rows.json").read_text(encoding="utf-8")) == {
        "A1": ["test_sample.py::test_passes"],
        "A2": ["test_sample.py::test_passes"],
        "A4": ["test_sample.py::test_each[1]", "test_sample.py::test_each[2]"],
    }


def test_nothing_is_written_unasked(tmp_path: Path) -> None:
    _run(tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_wrong_kind_of_engine_is_refused(tmp_path: Path) -> None:
    from algotrader.core import market

    wrong = "compiled" if str(market.__file__).endswith(".py") else "interpreted"
    run = _run(tmp_path, ALGOTRADER_EXPECT=wrong)
    assert run.returncode != 0
    assert f"ALGOTRADER_EXPECT={wrong}" in run.stdout + run.stderr
    assert "passed" not in run.stdout
