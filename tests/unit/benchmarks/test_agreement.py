"""What counts as the same result: exactly ours, or as far off as a listed convention allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.agreement import RULE, Convention, convention_of, disagreement, read_conventions
from benchmarks.engines import HERE, peers

LOOSE = Convention(fills=0.01, equity_per_fill=0.005, why="rounded")


@pytest.mark.parametrize(
    ("fills", "equity", "convention", "fault"),
    [
        (1000, 500.0, RULE, ""),
        (1000, 500.009, RULE, ""),
        (1000, 500.02, RULE, "final equity"),
        (1001, 500.0, RULE, "1,001 fills and not 1,000"),
        (-1, 500.0, RULE, ""),
        (-1, 501.0, RULE, "final equity"),
        (1010, 505.0, LOOSE, ""),
        (990, 495.0, LOOSE, ""),
        (1011, 500.0, LOOSE, "1,011 fills"),
        (1000, 505.02, LOOSE, "at most 5.01 off"),
        (2000, 900.0, LOOSE, "; "),
    ],
)
def test_disagreement(fills: int, equity: float, convention: Convention, fault: str) -> None:
    found = disagreement(fills, equity, 1000, 500.0, convention)
    assert fault in found
    assert bool(found) == bool(fault)


def conventions(tmp_path: Path, text: str) -> dict[tuple[str, str], Convention]:
    path = tmp_path / "conventions.toml"
    path.write_text(text)
    return read_conventions(path)


def test_a_workload_of_its_own_comes_first(tmp_path: Path) -> None:
    found = conventions(tmp_path, '[x]\nfills = 0.1\nwhy = "a"\n[x.W3]\nfills = 0.2\nwhy = "b"\n[y.W3]\nwhy = "c"\n')
    assert convention_of(found, "x", "W3").fills == 0.2
    assert convention_of(found, "x", "W1").fills == 0.1
    assert convention_of(found, "y", "W1") is RULE
    assert convention_of(found, "z", "W1") is RULE


@pytest.mark.parametrize("text", ["[x]\nfills = 0.1\n", '[x]\nfill = "noon"\nwhy = "a"\n'])
def test_a_convention_needs_a_reason_and_a_known_fill(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="convention of x"):
        conventions(tmp_path, text)


def test_a_misspelt_key_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="equity_pre_fill"):
        conventions(tmp_path, '[x]\nequity_pre_fill = 0.1\nwhy = "a"\n')


def test_listed_conventions_are_those_of_peers_and_stay_small() -> None:
    known = {peer.key for peer in peers()}
    for (engine, _), convention in read_conventions(HERE / "conventions.toml").items():
        assert engine in known
        assert convention.fills <= 0.02
        assert convention.equity_per_fill <= 0.05
