"""Tasks that fail: after which wait they run again, when the session gives up on them, and what ends them well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from algotrader.live.clock import NS_PER_SECOND, LoopClock
from algotrader.live.supervisor import GaveUp, StopSignal, Supervisor
from algotrader.rehearsal.virtual_time import run_virtually


class Stage:
    """A supervisor, and a task that fails when the test says so: each number is how long it runs before it fails."""

    def __init__(self, lives: list[float]) -> None:
        self.clock = LoopClock(0, asyncio.get_running_loop())
        self.stop = StopSignal()
        self.told: list[tuple[str, str]] = []
        self.begun: list[float] = []
        self.lives = lives
        self.supervisor = Supervisor(self.clock, self.stop, lambda kind, level, subject, message: self.told.append((kind, level)))

    async def work(self) -> None:
        self.begun.append(self.clock.now() / NS_PER_SECOND)
        number = len(self.begun) - 1
        if number < len(self.lives):
            await self.clock.sleep(self.lives[number])
            raise OSError("gone")


def on_stage(lives: list[float], script: Callable[[Stage], Awaitable[None]]) -> Stage:
    async def main() -> Stage:
        stage = Stage(lives)
        await script(stage)
        return stage

    return run_virtually(main())


@pytest.mark.covers("A103", "A104")
@pytest.mark.parametrize(
    ("lives", "begun"),
    [
        ([], [0]),
        ([0], [0, 1]),
        ([0, 0], [0, 1, 3]),
        ([0, 0, 400], [0, 1, 3, 404]),
        ([400, 400, 400, 400], [0, 401, 802, 1203, 1604]),
        ([0, 200, 110, 200], [0, 1, 203, 317, 525]),
    ],
)
def test_what_fails_runs_again_after_a_wait_and_old_failures_are_forgotten(lives: list[float], begun: list[float]) -> None:
    async def script(stage: Stage) -> None:
        await stage.supervisor.keep("task", stage.work)
        assert not stage.stop.is_set

    stage = on_stage(lives, script)
    assert stage.begun == begun
    assert stage.told == [("task_restarted", "error")] * len(lives)


@pytest.mark.covers("A103", "A104", "A105")
@pytest.mark.parametrize(("lives", "ends"), [([0, 0, 0], 3), ([100, 100, 90], 293), ([0, 400, 0, 0], 404)])
def test_the_third_failure_within_five_minutes_asks_for_the_end(lives: list[float], ends: float) -> None:
    async def script(stage: Stage) -> None:
        with pytest.raises(GaveUp, match="task failed: OSError: gone") as given:
            await stage.supervisor.keep("task", stage.work)
        assert isinstance(given.value.__cause__, OSError)
        assert stage.clock.now() / NS_PER_SECOND == ends
        assert stage.stop.reason == "task failed 3 times"

    assert on_stage(lives, script).told[-1] == ("task_gave_up", "critical")


@pytest.mark.covers("A103")
@pytest.mark.parametrize("when", [0.5, 1.5])
def test_cancelling_is_no_failure(when: float) -> None:
    """While it runs, and while it waits to run again."""

    async def script(stage: Stage) -> None:
        task = asyncio.create_task(stage.supervisor.keep("task", stage.work))
        await stage.clock.sleep(when)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not stage.stop.is_set
        assert len(stage.begun) == 1

    on_stage([1.0], script)


@pytest.mark.covers("A107")
def test_the_first_wish_to_end_is_the_one_that_counts() -> None:
    async def script(stage: Stage) -> None:
        stage.stop.ask("enough")
        stage.stop.ask("more", flatten=True)
        await stage.stop.wait()
        assert (stage.stop.reason, stage.stop.flatten) == ("enough", False)

    on_stage([], script)
