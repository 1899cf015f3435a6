"""``algo-trader rehearse`` as users run it: their own strategy, the summary, a failure with what repeats it, and mistakes."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import CliResult

Run = Callable[..., CliResult]

FORGETFUL = """
import random
from algotrader.rehearsal.restless import Restless

class Forgetful(Restless):
    name = "forgetful"

    def should_long(self, bar, indicators):
        return random.SystemRandom().randrange(4) == 0
"""
"""What it does cannot be done again: a replay of its journal commands something else."""


@pytest.mark.covers("C57")
def test_a_day_without_faults_breaks_no_rule(cli: Run) -> None:
    done = cli("rehearse", "--sessions", "2", "--faults", "none", "--workers", "1")
    assert done.code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["alpaca-like", "generic"]
    assert lines[-1] == "seeds 1 to 2: no rule was broken"
    assert max(map(len, lines)) <= 80


def test_a_broken_rule_is_told_with_what_repeats_it(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FORGETFUL)
    asked = ("--seed", "3", "--sessions", "1", "--faults", "busy", "--strategy", "mine.py:Forgetful", "--param", "stop_pct=0.5")
    done = cli("rehearse", *asked)
    assert done.code == 1, done.stdout + done.stderr
    assert "seed 3, alpaca-like, 2024-01-08: 1 violations" in done.stdout
    assert "the journal gives the same commands again" in done.stdout
    again = next(line for line in done.stdout.splitlines() if "again:" in line).partition("again: ")[2]
    words = shlex.split(again)
    assert words[:2] == ["algo-trader", "rehearse"]
    repeated = cli(*words[1:])
    assert repeated.code == 1
    assert "the journal gives the same commands again" in repeated.stdout


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (("--faults", "deth"), "there is no fault 'deth'"),
        (("--strategy", "nothing"), "no strategy named 'nothing'"),
        (("--strategy", "velez", "--param", "nothing=1"), "nothing"),
        (("--symbols", "AAPL,BTC/USDT"), "--symbols trade by different calendars"),
        (("--symbols", "aapl!"), "--symbols"),
        (("--venue", "moon"), "moon"),
        (("--sessions", "0"), "--sessions"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_mistakes_are_told_in_a_line(cli: Run, asked: tuple[str, ...], error: str) -> None:
    done = cli("rehearse", *asked)
    assert done.code == 2
    first = done.stderr.splitlines()[0]
    assert first.startswith("error: ")
    assert error in first
    assert "Traceback" not in done.stderr
