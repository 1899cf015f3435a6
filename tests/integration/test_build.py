"""The package installs with or without a working C compiler, and says which engine it got."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A module of the kind that is compiled, small enough to compile in a few seconds.
MODULE = '"""A sum."""\n\n\ndef add(left: int, right: int) -> int:\n    """Add."""\n    return left + right\n'
NOTICE = "installing the plain Python engine"

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Lay out a project with our build files and an engine of one small module."""
    pytest.importorskip("mypyc", reason="mypyc is not installed")
    core = tmp_path / "src" / "algotrader" / "core"
    core.mkdir(parents=True)
    for name in ("pyproject.toml", "setup.py", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    (core.parent / "__init__.py").write_text('__version__ = "0.1.0"\n', encoding="utf-8")
    (core / "__init__.py").write_text("", encoding="utf-8")
    (core / "sums.py").write_text(MODULE, encoding="utf-8")
    return tmp_path


def _build(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "setup.py", "build", "--build-lib", "out"]
    inherited = {name: value for name, value in os.environ.items() if name not in {"CC", "ALGOTRADER_COMPILE", "PYTHONPATH"}}
    return subprocess.run(
        command, cwd=project, env=inherited | environment, capture_output=True, text=True, timeout=300, check=False
    )


def _no_compiler(project: Path) -> dict[str, str]:
    """Hide every compiler: an empty PATH, and a CC that only fails."""
    empty = project / "no-tools"
    empty.mkdir()
    return {"PATH": str(empty), "CC": "/bin/false"}


def _compiler_that_breaks(project: Path) -> dict[str, str]:
    """Give a compiler that passes the first trial and fails on the real sources."""
    script = project / "cc"
    script.write_text('#!/bin/sh\ncase "$*" in *native*) exit 1;; esac\nexec cc "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return {"CC": str(script)}


def _libraries(project: Path) -> list[Path]:
    return list((project / "out").rglob("*.so"))


def _says_three(project: Path) -> bool:
    """Run the built module, from the built folder alone."""
    command = [sys.executable, "-c", "from algotrader.core.sums import add; print(add(1, 2))"]
    environment = dict(os.environ, PYTHONPATH=str(project / "out"))
    return subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True, check=True).stdout == "3\n"


def test_without_compiler_the_engine_is_plain_python(project: Path) -> None:
    run = _build(project, **_no_compiler(project))
    assert run.returncode == 0, run.stderr
    assert NOTICE in run.stderr
    assert not _libraries(project)
    assert _says_three(project)


def test_without_compiler_a_demanded_compilation_is_an_error(project: Path) -> None:
    run = _build(project, ALGOTRADER_COMPILE="1", **_no_compiler(project))
    assert run.returncode != 0
    assert "no working C compiler" in run.stderr


@needs_compiler
def test_with_compiler_the_engine_is_compiled(project: Path) -> None:
    run = _build(project, ALGOTRADER_COMPILE="1")
    assert run.returncode == 0, run.stderr
    assert any(path.name.startswith("sums.") for path in _libraries(project))
    assert "-ffp-contract=off" in run.stdout + run.stderr
    assert _says_three(project)


@needs_compiler
def test_compilation_can_be_declined(project: Path) -> None:
    run = _build(project, ALGOTRADER_COMPILE="0")
    assert run.returncode == 0, run.stderr
    assert NOTICE not in run.stderr
    assert not _libraries(project)


@needs_compiler
@pytest.mark.parametrize("fault", ["compiler", "types"])
def test_a_failing_compilation_leaves_plain_python(project: Path, fault: str) -> None:
    environment = {}
    if fault == "compiler":
        environment = _compiler_that_breaks(project)
    else:
        (project / "src" / "algotrader" / "core" / "wrong.py").write_text('number: int = "text"\n', encoding="utf-8")
    run = _build(project, **environment)
    assert run.returncode == 0, run.stderr
    assert NOTICE in run.stderr
    assert not _libraries(project)
    assert _says_three(project)
    assert _build(project, ALGOTRADER_COMPILE="1", **environment).returncode != 0


@needs_compiler
def test_a_second_build_drops_modules_that_are_gone(project: Path) -> None:
    doomed = project / "src" / "algotrader" / "core" / "doomed.py"
    doomed.write_text(MODULE, encoding="utf-8")
    assert _build(project, ALGOTRADER_COMPILE="1").returncode == 0
    doomed.unlink()
    assert _build(project, ALGOTRADER_COMPILE="1").returncode == 0
    assert not list((project / "out").rglob("doomed*"))
    assert _says_three(project)
