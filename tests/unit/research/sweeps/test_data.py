"""Shared bars: whatever a backtest asks of a catalogue, the shared one answers alike."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from algotrader.core.instruments import crypto, equity
from algotrader.core.market import NS_PER_DAY, BarColumns
from algotrader.history.catalogue import Catalogue
from algotrader.history.corporate_actions import Dividend, Split
from algotrader.history.generator import generate
from algotrader.research.sweeps import catalogue
from algotrader.research.sweeps.catalogue import SharedCatalogue
from algotrader.research.sweeps.data import build_shared, open_shared

SYMBOLS = ("TSLA", "AAPL")
EVER = (0, 2**62)
NAMES = ("instrument", "open_time", "close_time", "open", "high", "low", "close", "volume", "regular")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Two stocks, one of them with bars outside of regular hours, and a coin."""
    catalogue = Catalogue(tmp_path_factory.mktemp("stored") / "bars")
    first, last = date(2024, 1, 2), date(2024, 1, 4)
    catalogue.write_bars(equity("AAPL"), "1m", generate(equity("AAPL"), first, last, seed=1))
    around = equity("TSLA", calendar="24/7")
    frame = generate(around, first, last, seed=1)
    catalogue.write_bars(equity("TSLA"), "1m", frame)
    catalogue.write_bars(crypto("BTC/USDT"), "1m", generate(crypto("BTC/USDT"), first, last, seed=1))
    catalogue.write_actions("AAPL", [Split(date(2024, 1, 3), 2, 1), Dividend(date(2024, 1, 4), Decimal("0.24"))])
    return catalogue


@pytest.fixture
def shared(stored: Catalogue, tmp_path: Path) -> SharedCatalogue:
    """The two stocks, shared."""
    data = build_shared(stored, tmp_path / "shared", [(SYMBOLS, "1m")], EVER)
    return SharedCatalogue(stored.path, data)


def rows(chunks: Any) -> list[tuple[Any, ...]]:
    """All bars of some chunks, and which of them are the last of a chunk."""
    found: list[tuple[Any, ...]] = []
    for chunk in chunks:
        assert isinstance(chunk, BarColumns)
        columns = [getattr(chunk, name) or [True] * len(chunk) for name in NAMES]
        found += zip(*columns, strict=True)
    return found


@pytest.mark.parametrize("regular_only", [True, False])
@pytest.mark.parametrize("chunk_rows", [1, 7, 1000, 65_536])
def test_bars_are_those_of_the_catalogue(stored: Catalogue, shared: SharedCatalogue, regular_only: bool, chunk_rows: int) -> None:
    first, last = stored.span("AAPL", "1m")
    for period in (EVER, (first, last), (first + 30 * 60 * 10**9 + 1, first + NS_PER_DAY)):
        given: Any = {"regular_only": regular_only, "chunk_rows": chunk_rows}
        wanted = rows(stored.columns(SYMBOLS, "1m", *period, **given))
        assert wanted
        assert rows(shared.columns(SYMBOLS, "1m", *period, **given)) == wanted
        assert rows(shared.columns(SYMBOLS, "1m", *period, **given)) == wanted  # from memory, the second time


def test_chunks_never_split_equal_close_times(shared: SharedCatalogue) -> None:
    ends = [
        (chunk.close_time[0], chunk.close_time[-1])
        for chunk in shared.columns(SYMBOLS, "1m", *EVER, regular_only=True, chunk_rows=5)
    ]
    assert all(before[1] < after[0] for before, after in pairwise(ends))


def test_integers_are_plain(shared: SharedCatalogue) -> None:
    """NumPy's integers would be refused by the compiled engine, or be slow in the other."""
    chunk = next(shared.columns(SYMBOLS, "1m", *EVER, regular_only=False))
    assert {type(getattr(chunk, name)[0]) for name in NAMES[:-1]} == {int}
    assert set(chunk.regular) == {0, 1}


def test_facts_are_those_of_the_catalogue(stored: Catalogue, shared: SharedCatalogue) -> None:
    for symbol in (*SYMBOLS, "BTC/USDT"):
        assert shared.instrument(symbol) == stored.instrument(symbol)
        assert shared.intervals(symbol) == stored.intervals(symbol) == ["1m"]
        assert shared.span(symbol, "1m") == stored.span(symbol, "1m")
        assert shared.actions(symbol) == stored.actions(symbol)


@pytest.mark.parametrize("symbol", ["AAPL", "TSLA", "BTC/USDT"])
def test_closes_are_those_of_the_catalogue(stored: Catalogue, shared: SharedCatalogue, symbol: str) -> None:
    first, last = stored.span("AAPL", "1m")
    for period in (EVER, (first, last), (first + 1, last - 1)):
        found, wanted = shared.closes(symbol, "1m", *period), stored.closes(symbol, "1m", *period)
        assert [column.tolist() for column in found] == [column.tolist() for column in wanted]
        assert len(wanted[0])


def test_what_is_not_shared_is_read_from_the_catalogue(stored: Catalogue, shared: SharedCatalogue) -> None:
    for symbols in (("BTC/USDT",), ("AAPL", "TSLA")):
        wanted = rows(stored.columns(symbols, "1m", *EVER, regular_only=True))
        assert rows(shared.columns(symbols, "1m", *EVER, regular_only=True)) == wanted


def test_other_processes_read_the_same_files(stored: Catalogue, tmp_path: Path) -> None:
    data = build_shared(stored, tmp_path / "shared", [(SYMBOLS, "1m"), (("BTC/USDT",), "1m")], EVER)
    opened = open_shared(tmp_path / "shared")
    assert [table.symbols for table in opened.tables] == [SYMBOLS, ("BTC/USDT",)]
    for mine, theirs in zip(data.tables, opened.tables, strict=True):
        assert {name: column.tolist() for name, column in mine.columns.items()} == {
            name: column.tolist() for name, column in theirs.columns.items()
        }
        assert not theirs.columns["close"].flags.writeable


def test_the_digest_follows_the_bars(stored: Catalogue, tmp_path: Path) -> None:
    wanted = [(SYMBOLS, "1m")]
    digests = [build_shared(stored, tmp_path / str(number), wanted, EVER).digest for number in range(2)]
    shorter = build_shared(stored, tmp_path / "shorter", wanted, (0, stored.span("AAPL", "1m")[1] - 1)).digest
    assert digests[0] == digests[1] != shorter


def test_a_worker_keeps_no_more_lists_than_there_is_room_for(
    stored: Catalogue, shared: SharedCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "KEPT_ROWS", 3000)
    first, _ = stored.span("AAPL", "1m")
    for days in (1, 2, 1, 3):
        period = (first, first + days * NS_PER_DAY)
        wanted = rows(stored.columns(SYMBOLS, "1m", *period, regular_only=True))
        assert rows(shared.columns(SYMBOLS, "1m", *period, regular_only=True)) == wanted
        assert sum(len(chunk) for chunks in shared._chunks.values() for chunk in chunks) <= 3000
