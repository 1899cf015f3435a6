"""The engine and the simulated venue may not look at anything but their events: no clock, no files, no chance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "algotrader"
PURE = ("core", "simulation")
OWN = "algotrader."

ALLOWED_MODULES = {
    "__future__",
    "abc",
    "array",
    "bisect",
    "collections",
    "copyreg",
    "collections.abc",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "librt.strings",
    "librt.vecs",
    "math",
    "mypy_extensions",
    "operator",
    "re",
    "typing",
}
# Each would let two runs of the same events differ, or reach outside.
FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint", "hash", "id", "globals", "vars"}
# The clock by another door.
FORBIDDEN_METHODS = {"now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp", "astimezone"}
SETS = (ast.Set, ast.SetComp)


def _imports(node: ast.AST) -> Iterator[str]:
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""] if node.level == 0 else ["a relative module"]
    yield from (f"imports {name}" for name in names if name not in ALLOWED_MODULES and not name.startswith(OWN))


def _calls(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
        yield f"calls {node.func.id}()"
    if isinstance(node.func, ast.Attribute) and node.func.attr in FORBIDDEN_METHODS:
        yield f"calls .{node.func.attr}()"


def _is_set(node: ast.expr) -> bool:
    made = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}
    return made or isinstance(node, SETS)


def _set_walks(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.For | ast.comprehension) and _is_set(node.iter):
        yield "walks over a set, whose order depends on the hash seed"


def _asynchrony(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.AsyncFunctionDef | ast.Await):
        yield "is asynchronous"


def impurities(source: str) -> list[str]:
    """List what a piece of source does that the engine may not, with the line."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        for check in (_imports, _calls, _set_walks, _asynchrony):
            found.extend(f"line {getattr(node, 'lineno', '?')}: {fault}" for fault in check(node))
    return found


def _modules() -> list[Path]:
    return sorted(path for name in PURE for path in (PACKAGE / name).rglob("*.py"))


@pytest.mark.covers("A132")
@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_module_is_pure(path: Path) -> None:
    assert impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import time", "imports time"),
        ("import os.path", "imports os.path"),
        ("from random import Random", "imports random"),
        ("from logging import getLogger", "imports logging"),
        ("def f():\n    import asyncio", "imports asyncio"),
        ("from . import bars", "imports a relative module"),
        ("x = open('bars.csv')", "calls open()"),
        ("x = hash('AAPL')", "calls hash()"),
        ("key = id(order)", "calls id()"),
        ("from datetime import datetime\nx = datetime.now()", "calls .now()"),
        ("for name in {'a', 'b'}:\n    pass", "walks over a set"),
        ("x = [name for name in set(names)]", "walks over a set"),
        ("async def f() -> None: ...", "is asynchronous"),
    ],
)
def test_fault_is_found(source: str, fault: str) -> None:
    found = impurities(source)
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    "source",
    [
        "from decimal import Decimal",
        "from algotrader.core.market import Bar",
        "if side in {'buy', 'sell'}:\n    pass",
        "x = sorted({3, 1})",
    ],
)
def test_pure_source_passes(source: str) -> None:
    assert impurities(source) == []
