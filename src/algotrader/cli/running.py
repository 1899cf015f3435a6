"""A session in the foreground: its server, its signals and its status line around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import click

from algotrader.cli.place import files_of
from algotrader.cli.status_line import line, watch
from algotrader.cli.venue_faults import venue_mistake
from algotrader.errors import UserError
from algotrader.live.control import Control
from algotrader.live.launch_settings import LaunchSettings
from algotrader.live.signals import ShutdownSignals
from algotrader.server.history import History
from algotrader.server.runner import LocalServer

Launch = Callable[[LaunchSettings, Callable[[Control], None]], Awaitable[int]]
"""Runs a session to its end; calls back with it once it can be watched, and gives the exit status."""


class Foreground:
    """Runs one session where a person looks on.

    Args:
        settings: of the session.
        launch: runs it.
        remembers: the session has a database, in which the past can be looked up; without, the engine's memory has to do.
    """

    def __init__(self, settings: LaunchSettings, launch: Launch, *, remembers: bool = True) -> None:
        self._settings: Final = settings
        self._launch: Final = launch
        self._remembers: Final = remembers
        self._history: History | None = None
        self._signals: Final = ShutdownSignals(lambda text: click.echo(text, err=True))
        self._tasks: Final[list[asyncio.Task[None]]] = []
        self._control: Control | None = None
        self._server: LocalServer | None = None

    async def run(self) -> int:
        """Run it; gives the exit status.

        Raises:
            UserError: the port is in use, or the session cannot be started as it is wanted.
        """
        self._signals.install()
        # The port is taken first, so that a second session ends here and has touched nothing.
        config = self._settings.config
        token = "" if config is None else config.web.token.get_secret_value()
        self._server = LocalServer(self._settings.host, self._settings.port, files_of(self._settings.database), token)
        click.echo(f"listening on {self._server.url}")
        if not self._server.is_private:
            click.echo("warning: other machines reach this address; they need the token for everything", err=True)
        try:
            running = asyncio.ensure_future(self._launch(self._settings, self._ready))
            self._signals.before(running.cancel)
            try:
                return await running
            except asyncio.CancelledError:
                if self._control is not None or not running.cancelled():
                    raise
                click.echo("stopped before the session began; nothing was traded")
                return 0
        finally:
            await self._leave()

    def _ready(self, control: Control) -> None:
        """The session is there: it can be watched and steered from now on."""
        assert self._server is not None
        self._control = control
        self._signals.attach(control)
        serving = asyncio.create_task(self._serve(control, self._server), name="start of the server")
        serving.add_done_callback(self._served)
        self._tasks.append(serving)
        self._tasks.append(asyncio.create_task(watch(control), name="status line"))

    async def _serve(self, control: Control, server: LocalServer) -> None:
        if self._remembers:
            self._history = await asyncio.to_thread(History.open, self._settings.database)
        await server.start(control, self._history)

    def _served(self, task: asyncio.Task[None]) -> None:
        """A session that nobody can steer must not trade."""
        if not task.cancelled() and task.exception() is not None and self._control is not None:
            self._control.request_shutdown(f"the local server did not start: {task.exception()}")

    async def _leave(self) -> None:
        assert self._server is not None
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self._server.stop()
        if self._history is not None:
            self._history.close()
        self._signals.remove()
        if self._control is not None:
            click.echo(line(self._control))


def run_in_foreground(settings: LaunchSettings, launch: Launch) -> int:
    """Run a session to its end; gives the exit status.

    Raises:
        UserError: it cannot be started as it is wanted, or died of what a person can mend.
    """
    from algotrader.live.parts import GateClosed
    from algotrader.storage.records import StoreBusy, StoreFailed
    from algotrader.venues.protocols import VenueError

    try:
        return asyncio.run(Foreground(settings, launch).run())
    except GateClosed as error:
        raise UserError(str(error), "nothing was traded; --live, --account and your consent open the gate") from None
    except StoreBusy as error:
        raise UserError(str(error), "another program has the database; is a session running? see `algo-trader status`") from None
    except StoreFailed as error:
        raise UserError(str(error), "what was committed is safe; --database names another one") from None
    except VenueError as error:
        raise venue_mistake(settings, error) from None
