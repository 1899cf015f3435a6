"""What the README shows works as it is written: its strategy, its command, its links and its picture."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import CliResult

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of the tests, set before ``cli`` reads the environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.delenv("ALGO_DATA", raising=False)


def test_the_strategy_runs_and_trades(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    (source,) = blocks("python")
    assert len(source.splitlines()) <= 25
    (tmp_path / "breakout.py").write_text(source, encoding="utf-8")
    program, *arguments = shlex.split(next(block for block in blocks("sh") if "breakout.py" in block))
    assert program == "algo-trader"
    done = cli(*arguments)
    assert (done.code, done.stderr) == (0, "")
    trips = re.search(r"Round trips +([\d,]+)", done.stdout)
    assert trips is not None
    assert int(trips[1].replace(",", "")) > 100
    assert (tmp_path / "out" / "breakout.html").is_file()


def test_every_option_it_names_exists(cli: Callable[..., CliResult]) -> None:
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line)
        command = words[1:3] if words[1] == "data" else words[1:2]
        known = cli(*command, "--help").stdout
        for option in (word for word in words if word.startswith("--")):
            assert option in known


def test_links_and_picture_are_there() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert len(targets) >= 8
    assert [target for target in targets if not (ROOT / target).is_file()] == []
    assert (ROOT / "docs" / "tearsheet.png").stat().st_size < 300_000
