"""A session in the foreground: its server, its signals and its status line around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import click

from algotrader.cli.page_link import Door, page_lines
from algotrader.cli.place import files_of
from algotrader.cli.status_line import line, watch
from algotrader.cli.venue_faults import venue_mistake
from algotrader.errors import UserError
from algotrader.live.control import Control
from algotrader.live.launch_settings import LaunchSettings
from algotrader.live.signals import ShutdownSignals
from algotrader.server.history import History
from algotrader.server.jobs.market import market_of
from algotrader.server.jobs.service import Jobs, JobSettings
from algotrader.server.runner import LocalServer
from algotrader.server.setting_items import WATCHLIST
from algotrader.storage.records import StoreBusy, StoreFailed
from algotrader.venues.protocols import VenueError

Launch = Callable[[LaunchSettings, Callable[[Control], None]], Awaitable[int]]
"""Runs a session to its end; calls back with it once it can be watched, and gives the exit status."""


class Foreground:
    """Runs one session where a person looks on; and, when another watchlist is asked for, the next one in its place.

    Args:
        settings: of the session.
        launch: runs it.
        remembers: the session has a database, in which the past can be looked up; without, the engine's memory has to do.
        open_page: show the page in the user's browser.
    """

    def __init__(self, settings: LaunchSettings, launch: Launch, *, remembers: bool = True, open_page: bool = False) -> None:
        self._settings = settings
        self._launch: Final = launch
        self._remembers: Final = remembers
        self._files: Final = files_of(settings.database)
        self._door: Final = Door(self._files.door) if open_page else None
        self._history: History | None = None
        self._jobs: Jobs | None = None
        self._signals: Final = ShutdownSignals(lambda text: click.echo(text, err=True))
        self._tasks: Final[list[asyncio.Task[None]]] = []
        self._control: Control | None = None
        self._server: LocalServer | None = None
        self._anew = ""

    async def run(self) -> int:
        """Run it; gives the exit status.

        Raises:
            UserError: the port is in use, or the session cannot be started as it is wanted.
        """
        self._signals.install()
        # The port is taken first, so that a second session ends here and has touched nothing.
        config = self._settings.config
        token = "" if config is None else config.web.token.get_secret_value()
        metrics_port = 0 if config is None else config.web.metrics_port
        self._server = LocalServer(self._settings.host, self._settings.port, self._files, token, metrics_port)
        click.echo(f"listening on {self._server.url}")
        for text in page_lines(self._server, self._files.token, asked=False):
            click.echo(text)
        if not self._server.is_private:
            click.echo("warning: other machines reach this address; they need the token for everything", err=True)
        try:
            code = await self._run_one(self._settings)
            while self._anew and not self._signals.were_received:
                # From here on nobody is answered, so that whoever wants an end for good has said so by now.
                await self._let_go()
                if self._is_over:
                    break
                code = await self._run_next()
            return code
        finally:
            await self._leave()

    async def _run_one(self, settings: LaunchSettings) -> int:
        self._anew = ""
        running = asyncio.ensure_future(self._launch(settings, self._ready))
        self._signals.before(running.cancel)
        try:
            return await running
        except asyncio.CancelledError:
            if self._control is not None or not running.cancelled():
                raise
            click.echo("stopped before the session began; nothing was traded")
            return 0

    async def _run_next(self) -> int:
        """Run the session that the changed settings ask for; where it cannot be had, the one that was, with its watchlist."""
        last = self._control
        self._control = None
        self._signals.detach()
        try:
            assert self._settings.renew is not None
            settings = self._settings.renew()
            code = await self._run_one(settings)
        except (UserError, VenueError, StoreFailed) as error:
            if self._control is not None:
                raise
            click.echo(f"warning: not with this watchlist: {error}; the one before is taken again", err=True)
            await self._take_back()
            code = await self._run_one(self._settings)
        else:
            self._settings = settings
        self._control = self._control or last
        return code

    async def _take_back(self) -> None:
        """Let the database forget a watchlist that cannot be traded."""
        if self._history is not None:
            await asyncio.to_thread(self._history.take_back, WATCHLIST)

    def _ready(self, control: Control) -> None:
        """The session is there: it can be watched and steered from now on."""
        assert self._server is not None
        self._control = control
        self._signals.attach(control)
        self._server.watch(control)
        if control.adjusting is not None and self._settings.renew is not None and not self._settings.flatten:
            control.adjusting.begin_anew = self._begin_anew
        serving = asyncio.create_task(self._serve(control, self._server), name="start of the server")
        serving.add_done_callback(self._served)
        self._tasks.append(serving)
        self._tasks.append(asyncio.create_task(watch(control), name="status line"))

    def _begin_anew(self, reason: str) -> None:
        """End the session in order, with its positions under their stops, and begin the next one."""
        assert self._control is not None
        self._anew = reason
        self._control.request_shutdown(reason, anew=True)

    @property
    def _is_over(self) -> bool:
        """Whether somebody has ended the session for good, even if while it made room for the next one."""
        return self._control is not None and self._control.ends_for_good

    async def _serve(self, control: Control, server: LocalServer) -> None:
        if self._remembers and self._history is None:
            self._history = await asyncio.to_thread(History.open, self._settings.database)
        if self._jobs is None:
            self._jobs = self._make_jobs()
        await server.start(control, self._history, self._jobs)
        if self._door is not None and not await asyncio.to_thread(self._door.open, server.login_link):
            click.echo("warning: no browser was found for --open", err=True)
            for text in page_lines(server, self._files.token, asked=True):
                click.echo(text)

    def _make_jobs(self) -> Jobs:
        """Backtests and sweeps, over the bars that the session trades or its settings name."""
        settings = self._settings
        return Jobs(
            JobSettings(
                folder=self._files.jobs,
                market=market_of(settings.data, settings.config),
                database=settings.database if self._remembers else "",
                config=settings.config,
            )
        )

    def _served(self, task: asyncio.Task[None]) -> None:
        """A session that nobody can steer must not trade."""
        if not task.cancelled() and task.exception() is not None and self._control is not None:
            self._control.request_shutdown(f"the local server did not start: {task.exception()}")

    async def _let_go(self) -> None:
        """End what runs beside a session."""
        assert self._server is not None
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        await self._server.pause()

    async def _leave(self) -> None:
        assert self._server is not None
        try:
            await self._let_go()
        finally:
            await self._server.stop()
            if self._door is not None:
                self._door.close()
            if self._history is not None:
                self._history.close()
            self._signals.remove()
        if self._control is not None:
            click.echo(line(self._control))


def run_in_foreground(settings: LaunchSettings, launch: Launch, *, open_page: bool = False) -> int:
    """Run a session to its end; gives the exit status.

    Raises:
        UserError: it cannot be started as it is wanted, or died of what a person can mend.
    """
    from algotrader.live.parts import GateClosed

    try:
        return asyncio.run(Foreground(settings, launch, open_page=open_page).run())
    except GateClosed as error:
        raise UserError(str(error), "nothing was traded; --live, --account and your consent open the gate") from None
    except StoreBusy as error:
        raise UserError(str(error), "another program has the database; is a session running? see `algo-trader status`") from None
    except StoreFailed as error:
        raise UserError(str(error), "what was committed is safe; --database names another one") from None
    except VenueError as error:
        raise venue_mistake(settings, error) from None
