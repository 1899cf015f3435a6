"""Write docs/capabilities.md: what the program can do, and the tests that show it.

The sentences come from docs/capabilities.toml, the tests from their ``covers`` marks. With ``--check`` nothing is
written: the exit code is 1 when a claimed row has neither a passing test (as the last full test run noted in
build/coverage-rows.json) nor a reason, when a mark names a row without a sentence, or when the page is out of date.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CLAIMS = Path("docs") / "capabilities.toml"
PAGE = Path("docs") / "capabilities.md"
RESULTS = Path("build") / "coverage-rows.json"

HEADER = """\
# What algo-trader can do

Written by `scripts/capabilities.py` from `docs/capabilities.toml` and the marks on the tests; do not edit by hand.
The codes are the rows of the checklist of capabilities. Every sentence is shown by the tests named with it, or says
why it is not.
"""


class Group(NamedTuple):
    """One heading of the page: sentences by row, and reasons for the rows that no test shows."""

    title: str
    rows: dict[str, str]
    reasons: dict[str, str]


def read_groups(text: str) -> list[Group]:
    """Read the claims.

    Raises:
        ValueError: a row stands twice, or a reason belongs to no row of its group.
    """
    groups = [Group(entry["title"], entry["rows"], entry.get("reasons", {})) for entry in tomllib.loads(text)["group"]]
    seen: set[str] = set()
    for group in groups:
        if twice := seen & group.rows.keys():
            raise ValueError(f"claimed twice: {', '.join(sorted(twice))}")
        if stray := group.reasons.keys() - group.rows.keys():
            raise ValueError(f"a reason, but no sentence: {', '.join(sorted(stray))}")
        seen |= group.rows.keys()
    return groups


def _covered(tree: ast.AST) -> Iterator[str]:
    """Find the rows of every ``covers(...)`` call in a piece of source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "covers":
            yield from (str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))


def marks_in(source: str, file: str) -> dict[str, set[str]]:
    """Give the rows that a test file's marks name, each with the tests (``file::name``) that carry the mark.

    A mark on a class or a whole module counts once, under the name of the class or the file.
    """
    found: dict[str, set[str]] = {}
    for row, test in _marked(ast.parse(source).body, file):
        found.setdefault(row, set()).add(test)
    return found


def _marked(body: list[ast.stmt], owner: str) -> Iterator[tuple[str, str]]:
    """Find the marks on functions and classes, and those that stand for the whole of ``owner`` (``pytestmark``)."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            test = f"{owner}::{node.name}"
            yield from ((row, test) for decorator in node.decorator_list for row in _covered(decorator))
            if isinstance(node, ast.ClassDef):
                yield from _marked(node.body, test)
        else:
            yield from ((row, owner) for row in _covered(node))


def read_marks(root: Path) -> dict[str, set[str]]:
    """Collect the marks of all test files below ``root/tests``, with paths relative to ``root``."""
    marks: dict[str, set[str]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        for row, tests in marks_in(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()).items():
            marks.setdefault(row, set()).update(tests)
    return marks


def render(groups: list[Group], marks: dict[str, set[str]]) -> str:
    """Write the page; the same claims and marks give the same text."""
    lines = [HEADER]
    for group in groups:
        lines.append(f"## {group.title}\n")
        for row, sentence in group.rows.items():
            lines.append(f"- **{row}** {sentence}")
            if row in group.reasons:
                lines.append(f"  - *No test:* {group.reasons[row]}")
            lines.extend(f"  - `{test}`" for test in sorted(marks.get(row, ())))
        lines.append("")
    return "\n".join(lines)


def problems(groups: list[Group], marks: dict[str, set[str]], passed: dict[str, list[str]]) -> list[str]:
    """Name what is wrong between the claims, the marks and the tests that passed; empty when nothing is."""
    claimed = {row for group in groups for row in group.rows}
    excused = {row for group in groups for row in group.reasons}
    faults = []
    for row in sorted(claimed - excused, key=order):
        if not marks.get(row):
            faults.append(f"{row}: claimed, but no test covers it and no reason is written")
        elif not passed.get(row):
            faults.append(f"{row}: claimed, but no covering test passed in the last full run")
    faults.extend(f"{row}: has tests, but no sentence in {CLAIMS.as_posix()}" for row in sorted(marks.keys() - claimed, key=order))
    return faults


def order(row: str) -> tuple[str, int, str]:
    """Sort A9 before A10."""
    number = row[1:]
    return row[:1], int(number) if number.isdecimal() else 0, row


def check(root: Path, groups: list[Group], marks: dict[str, set[str]]) -> int:
    """Report every fault on standard error; return the exit code."""
    results = root / RESULTS
    if not results.exists():
        print(f"{RESULTS.as_posix()} is missing: run `make test` first", file=sys.stderr)
        return 1
    faults = problems(groups, marks, json.loads(results.read_text(encoding="utf-8")))
    page = root / PAGE
    if not page.exists() or page.read_text(encoding="utf-8") != render(groups, marks):
        faults.append(f"{PAGE.as_posix()} is out of date: run `make capabilities`")
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{sum(len(group.rows) for group in groups)} rows claimed, all shown or explained")
    return 1 if faults else 0


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check it.

    Args:
        arguments: the command line without the program's name; that of the process when None.

    Returns:
        the exit code: 0, or 1 when a check finds a fault.
    """
    parser = argparse.ArgumentParser(description="Write docs/capabilities.md from the claims and the tests' marks.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a claimed row is not shown")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    options = parser.parse_args(arguments)
    groups = read_groups((options.root / CLAIMS).read_text(encoding="utf-8"))
    marks = read_marks(options.root)
    if options.check:
        return check(options.root, groups, marks)
    (options.root / PAGE).write_text(render(groups, marks), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
