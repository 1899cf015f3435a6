"""Waiting that ends at once when the session is to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from algotrader.live.clock import NS_PER_SECOND, Clock

CHUNK_SECONDS: Final = 60
"""The longest sleep in one go: a machine that was suspended, or a clock that was set, is noticed by then."""


async def wait_until(clock: Clock, moment: int, stop: asyncio.Event) -> bool:
    """Wait for a moment (nanoseconds UTC) or for ``stop``, reading the clock again at least every minute.

    Returns:
        Whether to go on: False when it was ``stop``.
    """
    while not stop.is_set():
        left = (moment - clock.now()) / NS_PER_SECOND
        if left <= 0:
            return True
        try:
            async with asyncio.timeout(clock.seconds(min(left, CHUNK_SECONDS))):
                await stop.wait()
        except TimeoutError:
            continue
    return False


async def race(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Run several coroutines until the first of them ends; the others are cancelled and waited for.

    Raises:
        Exception: what the one that ended raised.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
