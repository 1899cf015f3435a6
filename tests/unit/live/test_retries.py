"""Retry policies as tables: which errors, how often, after which waits."""

from __future__ import annotations

from random import Random

import pytest

from algotrader.live import retries
from algotrader.live.retries import Retries, RetryPolicy
from algotrader.venues.protocols import NotAllowed, NotSent, Refused, StreamClosed, Throttled, Unanswered, VenueError


@pytest.mark.covers("A165", "A168", "B92", "B93", "B94", "C19", "A171")
@pytest.mark.parametrize(
    ("policy", "error", "waits"),
    [
        (retries.SUBMIT, NotSent(), [1, 1]),
        (retries.SUBMIT, Unanswered(), []),
        (retries.PROTECT, NotSent(), [1, 1]),
        (retries.PROTECT, Unanswered(), []),
        (retries.REPLACE, NotSent(), [1, 1]),
        (retries.REPLACE, Unanswered(), []),
        (retries.CANCEL, NotSent(), [1, 1, 1]),
        (retries.CANCEL, Unanswered(), [1, 1, 1]),
        (retries.ACCOUNT, Unanswered(), [1, 1]),
        (retries.HISTORY, Unanswered(), [2, 2, 2]),
        (retries.READ, NotSent(), [1, 2, 4, 8]),
        *[
            (policy, error, [])
            for policy in (retries.SUBMIT, retries.CANCEL, retries.READ, retries.ENQUIRY, retries.STREAM)
            for error in (Refused("no"), NotAllowed("401"))
        ],
    ],
)
def test_waits_of_each_use(policy: RetryPolicy, error: VenueError, waits: list[float]) -> None:
    count = Retries(policy, Random(1))
    assert [count.after(error) for _ in range(len(waits) + 1)] == [*waits, None]


@pytest.mark.covers("A166")
@pytest.mark.parametrize(("retry_after", "wait"), [(7.0, 7.0), (None, 1.0), (-3.0, 0.0)])
def test_too_many_requests_wait_as_long_as_the_venue_says_and_count_by_themselves(retry_after: float | None, wait: float) -> None:
    count = Retries(retries.SUBMIT, Random(1))
    assert count.after(Throttled("slow down", retry_after)) == wait
    assert count.after(NotSent()) == 1
    assert count.after(Throttled("slow down", retry_after)) is None


@pytest.mark.covers("C19")
def test_an_enquiry_starts_quickly_and_goes_on_for_ever() -> None:
    count = Retries(retries.ENQUIRY, Random(1))
    waits = [count.next() for _ in range(2_000)]
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert set(waits[9:]) == {30.0}


def test_streams_wait_up_to_thirty_seconds_with_a_jitter_that_a_seed_repeats() -> None:
    def waits(seed: int) -> list[float | None]:
        count = Retries(retries.STREAM, Random(seed))
        return [count.after(StreamClosed("silent")) for _ in range(8)]

    for got, plain in zip(waits(1), [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert got is not None
        assert plain <= got <= plain * 1.1
    assert waits(1) == waits(1) != waits(2)


def test_after_a_success_the_waits_are_short_again() -> None:
    count = Retries(retries.STREAM, Random(1))
    for _ in range(6):
        count.next()
    count.start_over()
    assert count.next() < 1.2


@pytest.mark.parametrize(
    "wrong",
    [{"first_wait": 0.0}, {"longest_wait": 0.5}, {"factor": 0.9}, {"jitter": -0.1}, {"throttled": -1}, {"retries": -1}],
)
def test_impossible_policies_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"waits|negative"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.covers("B99")
@pytest.mark.parametrize("kind", [NotSent, Unanswered, Throttled, Refused, NotAllowed, StreamClosed])
def test_all_errors_of_a_venue_have_one_base(kind: type[VenueError]) -> None:
    assert issubclass(kind, VenueError)
    assert Refused("no", "buying_power").code == "buying_power"
