"""A session in a process of its own, as ``algo-trader start`` runs one, over an engine that waits for what it is told.

``python session_process.py DATABASE PORT [stuck]``: with ``stuck`` it takes for ever to shut down.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import click
from engine_rig import Rig
from session_kit import ToldControl

from algotrader.cli.place import database_url
from algotrader.cli.running import Foreground
from algotrader.core.events import Event
from algotrader.errors import UserError
from algotrader.live.control import INITIALIZING, RUNNING, SHUTTING_DOWN, STOPPED, Control
from algotrader.live.launch_settings import LaunchSettings, StrategyChoice


class Waiting(ToldControl):
    """A session that holds 100 AAPL and hands every event to its engine at once."""

    def __init__(self) -> None:
        rig = Rig()
        script = rig.strategy()
        rig.hold(script)
        rig.ack("a2")
        super().__init__(rig)
        self.clock.time = rig.now
        self.vitals.last_bar = rig.now
        self.ended = asyncio.Event()

    def put(self, event: Event) -> None:
        super().put(event)
        self.deliver()

    def request_shutdown(self, reason: str, *, flatten: bool = False, anew: bool = False) -> None:
        super().request_shutdown(reason, flatten=flatten, anew=anew)
        self.ended.set()


async def launch(settings: LaunchSettings, ready: Callable[[Control], None]) -> int:
    """Run it until somebody asks for its end."""
    control = Waiting()
    control.state = INITIALIZING
    ready(control)
    control.state = RUNNING
    await control.ended.wait()
    control.state = SHUTTING_DOWN
    click.echo(f"ending because of {control.shutdowns[0][0]}")
    if settings.seed:
        await asyncio.Event().wait()
    control.state = STOPPED
    return 0


def main() -> int:
    """Run it."""
    database, port = database_url(sys.argv[1]), int(sys.argv[2])
    settings = LaunchSettings((StrategyChoice("velez", ("AAPL",)),), database, port=port, seed=int(sys.argv[3:] == ["stuck"]))
    try:
        return asyncio.run(Foreground(settings, launch, remembers=False).run())
    except UserError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
