"""What all tests share: hypothesis profiles, the record of covered checklist rows, and a way to run the command line.

Environment:
    ALGOTRADER_EXPECT: ``compiled`` or ``interpreted``; the run is refused when the engine imported is of the other kind.
    ALGOTRADER_ROWS: file to write the covered rows to, as JSON: row -> names of the tests that passed.
    HYPOTHESIS_PROFILE: ``default`` or ``thorough`` (more examples); both take the same examples every time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

_PROPERTY = "covers"
_TIME_LIMIT_SECONDS = 120

settings.register_profile("default", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "thorough", max_examples=500, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


class CliResult(NamedTuple):
    """What a run of the command line left behind."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., CliResult]:
    """Give a function that runs ``algo-trader ARGS`` as a process of its own in an empty directory."""
    environment = dict(os.environ, COLUMNS="80")
    if search := environment.get("PYTHONPATH"):
        # The process starts elsewhere, where a relative path would lead nowhere.
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(entry).resolve()) for entry in search.split(os.pathsep))

    def run(*arguments: str) -> CliResult:
        command = [sys.executable, "-m", "algotrader.cli.main", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=_TIME_LIMIT_SECONDS, check=False
        )
        return CliResult(done.returncode, done.stdout, done.stderr)

    return run


class CoveredRows:
    """Collects which checklist rows passing tests cover. Reports of parallel workers arrive here too."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._rows: dict[str, set[str]] = {}
        self._passed: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the rows of a test, and whether all its phases went well; a skipped test shows nothing."""
        node = report.nodeid
        for name, value in report.user_properties:
            if name == _PROPERTY:
                self._rows.setdefault(str(value), set()).add(node)
        self._passed[node] = self._passed.get(node, True) and report.outcome == "passed"

    def pytest_sessionfinish(self) -> None:
        """Write the rows that a passing test covers, in the order of their names."""
        shown = {row: sorted(node for node in nodes if self._passed[node]) for row, nodes in sorted(self._rows.items())}
        self._target.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({row: nodes for row, nodes in shown.items() if nodes}, indent=1)
        self._target.write_text(text + "\n", encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Check the kind of engine; start the record of rows where one is wanted (not in a worker, which reports home).

    Raises:
        pytest.UsageError: the engine is not of the expected kind.
    """
    if expected := os.environ.get("ALGOTRADER_EXPECT"):
        _check_kind(expected)
    target = os.environ.get("ALGOTRADER_ROWS")
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(CoveredRows(config.rootpath / target), "covered-rows")


def _check_kind(expected: str) -> None:
    from algotrader.core import market

    found = "interpreted" if str(market.__file__).endswith(".py") else "compiled"
    if found != expected:
        raise pytest.UsageError(f"ALGOTRADER_EXPECT={expected}, but the engine is {found}: {market.__file__}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hand a test's rows to its reports, which travel from the workers to the record."""
    for mark in item.iter_markers(_PROPERTY):
        item.user_properties.extend((_PROPERTY, row) for row in mark.args)
