"""Messages on their way: numbers without a gap, bounds for what is kept and for what a page may lag behind."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.server.outbox import Client, Ring, encode


def test_a_message_has_version_time_type_number_and_data() -> None:
    text = encode("heartbeat", "2025-11-26T14:30:00Z", 7, {"server_time": "x"})
    assert json.loads(text) == {
        "version": 1,
        "timestamp": "2025-11-26T14:30:00Z",
        "type": "heartbeat",
        "sequence": 7,
        "data": {"server_time": "x"},
    }


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 200), st.data())
def test_what_is_kept_is_the_end_without_a_gap(sizes: list[int], most: int, data: st.DataObject) -> None:
    ring, sent = Ring(most), [""]
    for number, size in enumerate(sizes, start=1):
        text = f"{number} " + "x" * size
        ring.add(text)
        sent.append(text)
    since = data.draw(st.integers(-2, len(sizes) + 2))
    found = ring.after(since)
    if found is None:
        kept = sent[since + 1 :] if 0 <= since <= len(sizes) else None
        assert kept is None or sum(map(len, kept)) > most
    else:
        assert found == sent[since + 1 :]


def test_after_a_pause_nobody_goes_on_where_it_was() -> None:
    ring = Ring()
    ring.add("one")
    assert ring.after(1) == []
    ring.forget()
    assert [ring.after(number) for number in (0, 1)] == [None, None]
    assert ring.after(2) == []


@pytest.mark.parametrize(("messages", "size"), [(3, 1_000), (100, 10)])
def test_a_page_that_lags_too_far_behind_is_dropped(messages: int, size: int) -> None:
    async def go() -> None:
        client = Client(messages, size)
        for _ in range(3):
            client.put("abc")
        assert not client.dropped
        client.put("abc")
        client.put("abc")
        assert client.dropped
        await client.lagged()
        assert await client.next() is None

    run_virtually(go())


def test_a_page_gets_what_is_queued_before_it_is_let_go() -> None:
    async def go() -> list[str | None]:
        client = Client()
        client.put("last")
        client.close()
        return [await client.next(), await client.next()]

    assert run_virtually(go()) == ["last", None]


def test_a_page_may_take_all_that_waits_as_one_list() -> None:
    async def go() -> None:
        client = Client(together=True)
        for number in range(3):
            client.put(f'{{"n": {number}}}')
        text = await client.next()
        assert text is not None
        assert json.loads(text) == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert not client.waits

    run_virtually(go())
