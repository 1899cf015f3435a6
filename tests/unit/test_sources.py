"""What the sources as a whole keep to: modules of a readable size, no undeclared packages, and no part that no test uses."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest

from algotrader.core.engine import Engine
from algotrader.live.session import Session

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src" / "algotrader").rglob("*.py"))
MOST_LINES = 600


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def _declared() -> set[str]:
    """What we ask for, and what comes with it for certain."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *(name for group, names in extras.items() if group != "dev" for name in names)]
    found = {_name(each) for each in asked}
    for name in sorted(found):
        with suppress(PackageNotFoundError):
            found |= {_name(each) for each in requires(name) or []}
    return found


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.covers("A23")
def test_every_package_that_is_imported_is_declared() -> None:
    distributions = packages_distributions()
    names = {name for path in SOURCES for name in _imported(path.read_text(encoding="utf-8"))}
    others = sorted(name for name in names if name not in sys.stdlib_module_names and name != "algotrader")
    # What is optional, and not installed here, has the name of its package.
    belongs = {name: {each.lower().replace("_", "-") for each in distributions.get(name, [name])} for name in others}
    assert {name: owners for name, owners in belongs.items() if not owners & _declared()} == {}


@pytest.mark.covers("A120")
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < MOST_LINES


@pytest.mark.covers("A225")
@pytest.mark.parametrize("kind", [Engine, Session], ids=["engine", "session"])
def test_every_public_method_is_used_by_tests(kind: type) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.py")))
    public = [name for name, _ in inspect.getmembers(kind) if not name.startswith("_")]
    assert public
    assert [name for name in public if not re.search(rf"\.{name}\b", text)] == []
