"""The page of capabilities is the same for the same tests, and the check names every claim without evidence."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "capabilities.py"

CLAIMS = """
[[group]]
title = "Orders"
[group.rows]
A1 = "It counts."
A2 = "It sums."
[group.reasons]
A2 = "Not built yet."
"""

TESTS = """
import pytest
pytestmark = pytest.mark.covers("A9")

@pytest.mark.covers("A1", "A2")
def test_counts(): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.covers("A3"))])
async def test_param(x): ...

@pytest.mark.covers("A4")
class TestSums:
    @pytest.mark.covers("A5")
    def test_two(self): ...
"""


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("capabilities_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


script = _load()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("docs", "tests", "build"):
        (tmp_path / folder).mkdir()
    (tmp_path / "docs" / "capabilities.toml").write_text(CLAIMS, encoding="utf-8")
    (tmp_path / "tests" / "test_it.py").write_text(
        "import pytest\n@pytest.mark.covers('A1')\ndef test_counts(): ...\n", encoding="utf-8"
    )
    _note(tmp_path, {"A1": ["tests/test_it.py::test_counts"]})
    assert script.main(["--root", str(tmp_path)]) == 0
    return tmp_path


def _note(project: Path, rows: dict[str, list[str]]) -> None:
    (project / "build" / "coverage-rows.json").write_text(json.dumps(rows), encoding="utf-8")


def _check(project: Path) -> int:
    code: int = script.main(["--root", str(project), "--check"])
    return code


def test_marks_are_found_wherever_they_stand() -> None:
    assert script.marks_in(TESTS, "t.py") == {
        "A1": {"t.py::test_counts"},
        "A2": {"t.py::test_counts"},
        "A3": {"t.py::test_param"},
        "A4": {"t.py::TestSums"},
        "A5": {"t.py::TestSums::test_two"},
        "A9": {"t.py"},
    }


def test_page_names_tests_and_reasons(project: Path) -> None:
    page = (project / "docs" / "capabilities.md").read_text(encoding="utf-8")
    assert "- **A1** It counts.\n  - `tests/test_it.py::test_counts`\n" in page
    assert "- **A2** It sums.\n  - *No test:* Not built yet.\n" in page


def test_check_is_content_with_evidence_and_reasons(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(project) == 0
    assert "2 rows" in capsys.readouterr().out


def test_check_names_a_row_whose_test_did_not_pass(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _note(project, {})
    assert _check(project) == 1
    assert "A1: claimed, but no covering test passed" in capsys.readouterr().err


def test_check_names_a_row_without_test(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tests" / "test_it.py").unlink()
    assert _check(project) == 1
    assert "A1: claimed, but no test covers it" in capsys.readouterr().err


def test_check_names_a_mark_without_sentence(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tests" / "test_more.py").write_text(TESTS, encoding="utf-8")
    assert _check(project) == 1
    assert "A9: has tests, but no sentence" in capsys.readouterr().err


def test_check_names_a_stale_page(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docs" / "capabilities.md").write_text("old", encoding="utf-8")
    assert _check(project) == 1
    assert "out of date" in capsys.readouterr().err


def test_check_asks_for_a_test_run_first(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "build" / "coverage-rows.json").unlink()
    assert _check(project) == 1
    assert "make test" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (CLAIMS + '[[group]]\ntitle = "More"\n[group.rows]\nA1 = "Again."\n', "claimed twice: A1"),
        (CLAIMS + 'B7 = "Nothing."\n', "a reason, but no sentence: B7"),
    ],
)
def test_claims_that_contradict_themselves_are_refused(claims: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        script.read_groups(claims)
