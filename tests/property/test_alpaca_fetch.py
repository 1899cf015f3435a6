"""Fetching history in pages of any size, interrupted anywhere and taken up again, leaves the same catalogue to the byte."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

import pytest
from alpaca_data import FIRST, LAST, NOW, DataServer, digest, market, plain_server
from hypothesis import given, settings
from hypothesis import strategies as st

from algotrader.core.instruments import AssetClass
from algotrader.history.catalogue import Catalogue
from algotrader.history.fetched import Fetched
from algotrader.history.generator import generate
from algotrader.live.paper.market import Market
from algotrader.rehearsal.alpaca.http import Request, Response
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.research.fetching import Fetch, FetchJob, FetchReport
from algotrader.venues.alpaca.data_rest import Allowance
from algotrader.venues.alpaca.history import AlpacaHistory, Retries
from algotrader.venues.alpaca.history_records import parse_time

NAMES = (("AAPL", AssetClass.EQUITY), ("MSFT", AssetClass.EQUITY), ("BTC/USD", AssetClass.CRYPTO))
JOB = FetchJob(NAMES, "30m", FIRST, LAST)
LONG_JOB = FetchJob(NAMES, "30m", date(2023, 11, 15), LAST)
"""It begins months before there is any bar."""


@lru_cache(maxsize=1)
def source() -> Market:
    """The market is the same each time, and is made once."""
    return market()


class Interrupted(Exception):
    """Somebody pressed Ctrl+C."""


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    try:
        yield path / "catalogue"
    finally:
        shutil.rmtree(path)


@dataclass
class Outcome:
    """The reports of a fetch, none when it was interrupted, and the server that was asked."""

    server: DataServer
    reports: list[FetchReport] = field(default_factory=list)


def fetch(path: Path, job: FetchJob = JOB, *, page_size: int = 10_000, stop_at: int = 0, pretend: bool = False) -> Outcome:
    """Fetch; the request with the number ``stop_at`` is the end of it. To pretend is to fetch into a copy."""
    if pretend:
        path = Path(shutil.copytree(path, path.with_name("copy")))
    server = plain_server(source())

    def before(_request: Request) -> Response | None:
        if stop_at and len(server.asked) >= stop_at:
            raise Interrupted
        return None

    server.before = before

    async def run() -> list[FetchReport]:
        allowance = Allowance(asyncio.get_running_loop().time)
        history = AlpacaHistory(server.settings, server.client(), page_size=page_size, allowance=allowance)
        return await Fetch(history, Catalogue(path), job, NOW, retries=Retries()).run()

    try:
        return Outcome(server, run_virtually(run()))
    except Interrupted:
        return Outcome(server)


@lru_cache(maxsize=8)
def whole(job: FetchJob) -> dict[str, bytes]:
    """The catalogue after one fetch in large pages."""
    with folder() as path:
        fetch(path, job)
        return digest(path)


def test_what_is_fetched_is_what_the_market_has() -> None:
    with folder() as path:
        reports = fetch(path, FetchJob(NAMES, "1m", FIRST, LAST)).reports
        catalogue = Catalogue(path)
        for instrument in source().instruments:
            stored = catalogue.scan(instrument.symbol, "1m", 0, 2**62).collect()
            assert stored.equals(generate(instrument, FIRST, LAST, 7))
        assert [report.fetched for report in reports] == [1950, 1950, 7200]


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(page_size=st.integers(1, 80))
def test_pages_of_every_size_give_the_same_catalogue(page_size: int) -> None:
    with folder() as path:
        fetch(path, page_size=page_size)
        assert digest(path) == whole(JOB)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(page_size=st.integers(5, 60), stops=st.lists(st.integers(1, 40), max_size=6), job=st.sampled_from([JOB, LONG_JOB]))
def test_interrupted_at_any_page_and_resumed_it_is_the_same_catalogue(page_size: int, stops: Sequence[int], job: FetchJob) -> None:
    with folder() as path:
        for stop_at in stops:
            fetch(path, job, page_size=page_size, stop_at=stop_at)
        fetch(path, job, page_size=page_size)
        assert digest(path) == whole(job)


def test_months_before_the_first_bar_are_vouched_for_by_the_first_bar() -> None:
    with folder() as path:
        fetch(path, LONG_JOB)
        assert fetch(path, LONG_JOB).server.asked == []
    with folder() as path:
        early = FetchJob((*NAMES[:1], ("NONE", AssetClass.EQUITY)), "30m", date(2023, 11, 15), date(2023, 12, 31))
        assert [report.fetched for report in fetch(path, early).reports] == [0, 0]
        assert digest(path) == {}
        assert len(fetch(path, LONG_JOB).server.pages) == 8


@pytest.mark.slow
def test_what_is_complete_is_not_fetched_again() -> None:
    with folder() as path:
        first = len(fetch(path, page_size=50).server.asked)
        assert fetch(path).server.asked == []
    for stop_at in range(2, first, 2):
        with folder() as path:
            fetch(path, page_size=50, stop_at=stop_at)
            notes = Fetched(Catalogue(path))
            again = fetch(path, page_size=50, pretend=True).server
            for query in again.pages:
                start, end = parse_time(query["start"]), parse_time(query["end"]) + 1
                for name in query["symbols"].split(","):
                    assert notes.missing(name, "30m", start, end) == [(start, end)], (stop_at, query)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    days=st.lists(
        st.tuples(st.dates(FIRST, LAST), st.dates(FIRST, LAST)).map(lambda pair: (min(pair), max(pair))), min_size=1, max_size=4
    ),
    page_size=st.integers(3, 500),
)
def test_stretches_in_any_order_add_up_to_the_whole(days: list[tuple[date, date]], page_size: int) -> None:
    with folder() as path:
        for start, end in [*days, (FIRST, LAST)]:
            fetch(path, FetchJob(NAMES, "30m", start, end), page_size=page_size)
        catalogue = Catalogue(path)
        with folder() as other:
            fetch(other, JOB)
            for name, _ in NAMES:
                found, expected = (c.scan(name, "30m", 0, 2**62).collect() for c in (catalogue, Catalogue(other)))
                assert found.equals(expected)
            assert (path / "fetched.json").read_bytes() == (other / "fetched.json").read_bytes()
