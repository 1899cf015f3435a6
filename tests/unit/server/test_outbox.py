"""Messages on their way: numbers without a gap, bounds for what is kept and for what a page may lag behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.server.outbox import Client, Ring, encode, frames


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


def texts_of(content: bytes) -> Iterator[str]:
    """What a browser makes of frames, by the parser of a library."""
    reader = StreamReader()
    reader.feed_data(content)
    while reader.buffer:
        parsing = Frame.parse(reader.read_exact, mask=False)
        try:
            next(parsing)
        except StopIteration as done:
            frame = done.value
            assert (frame.opcode, frame.fin) == (Opcode.TEXT, True)
            yield frame.data.decode()
        else:
            raise AssertionError("a frame is not whole")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_frames_are_what_a_browser_reads(size: int) -> None:
    texts = ["x" * size, "ü" * (size // 2)]
    assert list(texts_of(frames(texts, together=False))) == texts
    listed = [json.dumps(text) for text in texts]
    assert [json.loads(text) for text in texts_of(frames(listed, together=True))] == [texts]


@given(st.booleans(), st.lists(st.sampled_from(["put", "put out", "wake", "turn", "full", "free"]), max_size=60))
def test_what_is_written_at_once_never_overtakes_what_waits(together: bool, steps: list[str]) -> None:
    """A connection takes what it can; whatever it refuses goes its own way, in order, and nothing is lost or sent twice."""

    async def go() -> None:
        wire, free, count = list[str](), asyncio.Event(), 0
        free.set()

        def write(content: bytes) -> bool:
            if free.is_set():
                wire.extend(texts_of(content))
            return free.is_set()

        async def send() -> None:
            while (text := await client.next()) is not None:
                await free.wait()
                wire.append(text)

        client = Client(together=together, write=write)
        task = asyncio.create_task(send())
        for step in steps:
            if step == "put":
                count += 1
                client.put(str(count))
            elif step == "put out":
                client.put_out({})
            elif step == "wake":
                client.wake()
            elif step == "turn":
                await asyncio.sleep(0)
            elif step == "full":
                free.clear()
            else:
                free.set()
        free.set()
        client.close()
        await task
        numbers = [number for text in wire for number in (json.loads(text) if together else [int(text)])]
        assert numbers == list(range(1, count + 1))

    run_virtually(go())


def test_pages_that_are_abreast_share_their_frames_and_others_do_not() -> None:
    async def go() -> None:
        wrote = list[bytes]()

        def write(content: bytes) -> bool:
            wrote.append(content)
            return True

        first, second, new = (Client(write=write) for _ in range(3))
        waits = [asyncio.create_task(client.next()) for client in (first, second)]
        await asyncio.sleep(0)
        made: dict[tuple[bool, int], bytes] = {}
        new.put("a picture of everything")
        for client in (first, second, new):
            client.put("news")
        assert [client.put_out(made) for client in (first, second, new)] == [True, True, False]
        assert wrote[0] is wrote[1]
        assert [client.waits for client in (first, second, new)] == [False, False, True]
        for wait in waits:
            wait.cancel()

    run_virtually(go())
