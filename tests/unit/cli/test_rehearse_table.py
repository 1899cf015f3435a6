"""The table that a rehearsal ends with."""

from __future__ import annotations

import pytest

from algotrader.cli.rehearse import _print_summary
from algotrader.rehearsal.outcome import Outcome


def test_the_figures_of_thousands_of_days_fit_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    days = [
        Outcome(seed, "alpaca-like", "2024-01-02", orders=330, fills=108, round_trips=52, deaths=9, events=4_141)
        for seed in range(1, 1001)
    ]
    _print_summary(days)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == ["alpaca-like", "1,000", "330,000", "108,000", "52,000", "9,000", "4,141,000", "0"]
