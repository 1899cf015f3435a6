"""Turns: so many a second, so many a minute, so many at once, urgent ones first."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.live.clock import NS_PER_SECOND, LoopClock
from algotrader.live.rate_limit import ENTRY, QUESTION, URGENT, RateLimit, RateLimiter
from algotrader.rehearsal.virtual_time import run_virtually

NAMES = {"e": ENTRY, "q": QUESTION, "u": URGENT}


async def _use(limiter: RateLimiter, clock: LoopClock, name: str, takes: float, done: list[tuple[str, float]]) -> None:
    async with limiter.turn(NAMES[name[0]]):
        done.append((name, round(clock.now() / NS_PER_SECOND, 3)))
        await clock.sleep(takes)


def _run(limit: RateLimit, requests: list[tuple[float, str]], takes: float = 0.0, hold: float = 0.0) -> list[tuple[str, float]]:
    """Requests as (when, name) through a limiter; gives (name, when it had its turn)."""

    async def main() -> list[tuple[str, float]]:
        clock = LoopClock(0, asyncio.get_running_loop())
        limiter = RateLimiter(limit, clock)
        done: list[tuple[str, float]] = []
        if hold:
            limiter.hold(hold)
        tasks = []
        for when, name in requests:
            await clock.sleep_until(round(when * NS_PER_SECOND))
            tasks.append(asyncio.create_task(_use(limiter, clock, name, takes, done)))
        await asyncio.gather(*tasks)
        assert limiter.waiting == 0
        return done

    return run_virtually(main())


@pytest.mark.parametrize(
    ("limit", "requests", "turns"),
    [
        (RateLimit(), [(0, f"e{i}") for i in range(9)], [(f"e{i}", 0) for i in range(9)]),
        (
            RateLimit(per_second=2, kept=0),
            [(0, "e0"), (0, "e1"), (0, "e2"), (0.5, "e3")],
            [("e0", 0), ("e1", 0), ("e2", 1), ("e3", 1)],
        ),
        (RateLimit(per_minute=2, kept=0), [(0, "e0"), (3, "e1"), (4, "e2")], [("e0", 0), ("e1", 3), ("e2", 60)]),
        (RateLimit(per_second=1), [(0, "e0"), (0, "e1"), (0, "q"), (0.2, "u")], [("e0", 0), ("u", 1), ("q", 2), ("e1", 3)]),
        (
            RateLimit(per_minute=4, kept=0.5),
            [(0, "e0"), (0, "q"), (0, "e1"), (1, "u")],
            [("e0", 0), ("q", 0), ("u", 1), ("e1", 60)],
        ),
    ],
)
def test_turns(limit: RateLimit, requests: list[tuple[float, str]], turns: list[tuple[str, float]]) -> None:
    assert _run(limit, requests) == turns


def test_requests_without_an_answer_are_counted() -> None:
    assert _run(RateLimit(at_once=2, kept=0), [(0, "e0"), (0, "e1"), (0, "e2"), (1, "u")], takes=5) == [
        ("e0", 0),
        ("e1", 0),
        ("u", 5),
        ("e2", 5),
    ]


@pytest.mark.covers("A166")
def test_nobody_has_a_turn_while_the_venue_wants_to_be_left_alone() -> None:
    assert _run(RateLimit(), [(0, "e"), (1, "u")], hold=7) == [("u", 7), ("e", 7)]


def test_who_gives_up_waiting_does_not_block_the_others() -> None:
    async def main() -> None:
        clock = LoopClock(0, asyncio.get_running_loop())
        limiter = RateLimiter(RateLimit(per_second=1), clock)
        done: list[tuple[str, float]] = []
        tasks = [asyncio.create_task(_use(limiter, clock, f"e{i}", 0, done)) for i in range(3)]
        await clock.sleep(0.5)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert done == [("e0", 0), ("e2", 1)]

    run_virtually(main())


@given(
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from("equ")), max_size=25),
    st.integers(1, 4),
    st.integers(4, 12),
    st.integers(1, 3),
    st.floats(0, 2),
)
def test_limits_hold_and_nobody_is_forgotten(
    arrivals: list[tuple[float, str]], per_second: int, per_minute: int, at_once: int, takes: float
) -> None:
    requests = [(when, f"{kind}{i}") for i, (when, kind) in enumerate(sorted(arrivals))]
    done = _run(RateLimit(per_second, per_minute, at_once), requests, takes)
    assert sorted(name for name, _ in done) == sorted(name for _, name in requests)
    times = [time for _, time in done]
    for number, length in ((per_second, 1), (per_minute, 60)):
        for i in range(len(times) - number):
            assert times[i + number] - times[i] >= length - 0.002
    for i in range(len(times) - at_once):
        assert times[i + at_once] - times[i] >= takes - 0.002


@pytest.mark.parametrize("wrong", [{"per_second": -1}, {"at_once": -1}, {"kept": 1.0}, {"kept": -0.1}])
def test_impossible_limits_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="limits"):
        RateLimit(**wrong)  # type: ignore[arg-type]
