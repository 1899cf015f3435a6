"""What is noted as fetched: stretches add up, lost files are forgotten, damage is told."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.instruments import equity
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.history.fetched import Fetched, Origin, Span, _joined, _without, split
from algotrader.history.generator import generate
from algotrader.history.intervals import day_ns

ALPACA = Origin("alpaca", "iex", "raw")
AAPL = equity("AAPL")


def ns(text: str) -> int:
    return day_ns(date.fromisoformat(text))


@pytest.mark.parametrize(
    ("start", "end", "interval", "names"),
    [
        ("2024-01-15", "2024-01-16", "1m", ["2024-01"]),
        ("2024-01-15", "2024-02-01", "30m", ["2024-01"]),
        ("2023-12-31", "2024-02-02", "1m", ["2023-12", "2024-01", "2024-02"]),
        ("2023-12-31", "2024-02-02", "1h", ["2023", "2024"]),
        ("2022-01-01", "2024-01-01", "1d", ["2022", "2023"]),
        ("2024-01-15", "2024-01-15", "1m", []),
    ],
)
def test_stretches_are_cut_where_files_end(start: str, end: str, interval: str, names: list[str]) -> None:
    parts = list(split(ns(start), ns(end), interval))
    assert [name for name, _ in parts] == names
    if parts:
        spans = [span for _, span in parts]
        assert (spans[0][0], spans[-1][1]) == (ns(start), ns(end))
        assert all(left[1] == right[0] for left, right in pairwise(spans))


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=8)


@given(SPANS, st.integers(0, 40), st.integers(1, 20))
def test_joined_and_missing_moments_are_those_of_sets(done: list[Span], start: int, length: int) -> None:
    covered = {moment for first, last in done for moment in range(first, last)}
    joined = _joined(done)
    assert {moment for first, last in joined for moment in range(first, last)} == covered
    assert all(left[1] < right[0] for left, right in pairwise(joined))
    missing = _without((start, start + length), joined)
    assert {moment for first, last in missing for moment in range(first, last)} == set(range(start, start + length)) - covered
    assert all(first < last for first, last in missing)


def test_what_is_noted_is_not_missing(tmp_path: Path) -> None:
    notes = Fetched(Catalogue(tmp_path))
    year = (ns("2024-01-01"), ns("2025-01-01"))
    assert notes.origins("AAPL") == {}
    notes.note("AAPL", "1m", ALPACA, {(ns("2024-02-01"), ns("2024-02-10")): True, (ns("2024-02-10"), ns("2024-03-01")): False})
    assert notes.origins("aapl") == {"1m": ALPACA}
    missing = notes.missing("AAPL", "1m", *year)
    assert (ns("2024-01-01"), ns("2024-02-01")) in missing
    assert not any(ns("2024-02-01") <= start < ns("2024-03-01") for start, _ in missing)
    assert len(notes.missing("AAPL", "5m", *year)) == len(notes.missing("MSFT", "1m", *year)) == 12


def test_files_that_are_gone_are_forgotten_and_empty_months_are_not(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    notes = Fetched(catalogue)
    catalogue.write_bars(AAPL, "1m", generate(AAPL, date(2024, 1, 31), date(2024, 2, 1), 1))
    january, february, march = ((ns(f"2024-0{month}-01"), ns(f"2024-0{month + 1}-01")) for month in (1, 2, 3))
    notes.note("AAPL", "1m", ALPACA, {january: True, february: True, march: False})
    notes.forget_lost("AAPL")
    assert notes.missing("AAPL", "1m", january[0], march[1]) == []
    (tmp_path / "bars/AAPL/1m/2024-01.parquet").unlink()
    notes.forget_lost("AAPL")
    assert notes.missing("AAPL", "1m", january[0], march[1]) == [january]
    (tmp_path / "bars/AAPL/1m/2024-02.parquet").unlink()
    notes.forget_lost("AAPL")
    assert notes.origins("AAPL") == {}


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        '{"format": 1, "series": []}',
        '{"format": 1, "series": {"AAPL": {"1m": {"origin": {}, "parts": {}}}}}',
        '{"format": 1, "series": {"AAPL": {"1m": {"origin": {"source": "", "feed": "", "adjustment": ""}, "parts": {"a": 5}}}}}',
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "fetched.json").write_text(text)
    with pytest.raises(UserError, match=r"fetched.json is damaged"):
        Fetched(Catalogue(tmp_path)).missing("AAPL", "1m", 0, 1)


def test_an_origin_for_people() -> None:
    assert str(ALPACA) == "alpaca, feed iex, adjustment raw"
    assert str(Origin("file", "", "raw")) == "file, adjustment raw"
