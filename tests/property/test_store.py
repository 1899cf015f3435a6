"""The store, whatever is written in whatever portions."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

from databases import MOMENT, command, entry, order
from hypothesis import given
from hypothesis import strategies as st

from algotrader.storage import queries
from algotrader.storage.checks import check
from algotrader.storage.records import Batch
from algotrader.storage.sql_store import open_store
from algotrader.storage.times import NS, from_iso, to_iso

YEARS_1_TO_9999 = st.integers(-62_135_596_800 * NS, 253_402_300_799 * NS)


@given(YEARS_1_TO_9999, YEARS_1_TO_9999)
def test_times_come_back_and_sort_as_text(one: int, two: int) -> None:
    assert from_iso(to_iso(one)) == one
    assert (to_iso(one) < to_iso(two)) is (one < two)


@given(
    payloads=st.lists(st.binary(max_size=40), max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=5),
    versions=st.lists(st.tuples(st.sampled_from(["a-1", "a-2"]), st.integers(1, 9)), max_size=20),
    commands=st.lists(st.integers(0, 3), max_size=30),
)
def test_portions_do_not_matter(
    payloads: list[bytes], cuts: list[int], versions: list[tuple[str, int]], commands: list[int]
) -> None:
    journal = [entry(number, payload) for number, payload in enumerate(payloads, 1)]
    outbox = [command(each.sequence, place) for each, count in zip(journal, commands, strict=False) for place in range(count)]
    bounds = [0, *sorted(min(cut, len(journal)) for cut in cuts), len(journal)]
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'a.db'}", durable=False)
        for begin, end in itertools.pairwise(bounds):
            part = journal[begin:end]
            numbers = [each.sequence for each in part]
            store.commit(Batch(journal=part, outbox=[each for each in outbox if each.sequence in numbers]))
        for local_id, version in versions:
            store.commit(Batch(orders=[order(local_id, version, updated_at=MOMENT + version)]))
        assert list(store.journal(0)) == journal
        assert list(store.unanswered()) == list(store.commands(0)) == outbox
        assert check(store.database) == []
        for local_id in ("a-1", "a-2"):
            kept = queries.order(store.database, local_id)
            assert (0 if kept is None else kept.version) == max(
                [version for name, version in versions if name == local_id], default=0
            )
        store.close()
