"""Runs the server inside a session's event loop."""

from __future__ import annotations

import os
import secrets
from functools import partial
from typing import Final
from urllib.parse import quote

from algotrader.live.control import Control
from algotrader.server.app import create_app
from algotrader.server.files import Address, SessionFiles, make_token, write_address
from algotrader.server.guard import is_loopback
from algotrader.server.history import History
from algotrader.server.jobs.service import Jobs
from algotrader.server.listening import Server, bind
from algotrader.server.login import Logins
from algotrader.server.watch_routes import metrics_app
from algotrader.server.watching import Watching

_PAGE: Final = "page"


class LocalServer:
    """The server of one session.

    Args:
        host: where to listen; anything but loopback lets other machines try, and they need the token for everything.
        port: 0 for any.
        files: where to keep the token and the address.
        token: of the settings; empty to make one at the first start.
        metrics_port: a second port, for metrics alone; 0 for none.

    Raises:
        UserError: the port is in use, or the token is open to others.
        OSError: the files cannot be written.
    """

    def __init__(self, host: str, port: int, files: SessionFiles, token: str = "", metrics_port: int = 0) -> None:
        self._host: Final = host
        self._files: Final = files
        self._token: Final = make_token(files.token, token)
        self._logins: Final = Logins(self._token)
        self._instance: Final = secrets.token_hex(8)
        self._listener: Final = bind(host, port)
        self._metrics_listener: Final = bind(host, metrics_port) if metrics_port else None
        self._watching: Watching | None = None
        self._sequence = 0
        self._server: Server | None = None
        self._metrics_server: Server | None = None
        self._jobs: Jobs | None = None
        self._is_known = False

    @property
    def url(self) -> str:
        """Where it listens."""
        name = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{name}:{self._listener.getsockname()[1]}"

    @property
    def page_url(self) -> str:
        """Where a browser on this machine finds the page."""
        return self.url.replace(f"//{self._host}:", "//127.0.0.1:") if self._host in ("0.0.0.0", "") else self.url

    @property
    def login_link(self) -> str:
        """The page with the token behind the address, where it is sent to no server; the page takes it away at once."""
        return f"{self.page_url}/#token={quote(self._token, safe='')}"

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self._host)

    def watch(self, control: Control) -> None:
        """Hear what a session does from now on; before it runs, so that nothing is missed.

        The messages of a second session in this process go on counting, so that no page takes them for those that it missed.
        """
        self._watching = Watching(control, self._instance, self._files.address.parent, self._sequence)

    async def start(self, control: Control, history: History | None = None, jobs: Jobs | None = None) -> None:
        """Answer requests from now on, from within the running event loop; again after a pause, with another session.

        ``jobs`` end with the server.

        Raises:
            OSError: the file with the address cannot be written.
            StoreBusy, StoreFailed: the past, or the database of the jobs, cannot be read.
        """
        if self._watching is None:
            self.watch(control)
        assert self._watching is not None
        await self._watching.start(history)
        if jobs is not None:
            self._jobs = jobs
            await jobs.open()
            jobs.add_listener(_PAGE, partial(self._watching.hub.tell, "job"))
        app = create_app(
            control,
            history,
            token=self._token,
            host=self._host,
            instance=self._instance,
            watching=self._watching,
            jobs=jobs,
            logins=self._logins,
        )
        self._server = Server(app)
        await self._server.begin(self._listener)
        if self._metrics_listener is not None:
            self._metrics_server = Server(metrics_app(self._watching.metrics, self._logins, self._host, self._instance))
            await self._metrics_server.begin(self._metrics_listener)
        write_address(self._files.address, Address(self.url, self._instance, os.getpid()))
        self._is_known = True

    async def pause(self) -> None:
        """Finish what is being answered and keep the port: who asks meanwhile waits for the next session."""
        if self._watching is not None:
            await self._watching.stop()
            self._sequence = self._watching.hub.sequence + 1
            self._watching = None
        for server in (self._server, self._metrics_server):
            if server is not None:
                await server.end()
        self._server = self._metrics_server = None

    async def stop(self) -> None:
        """Finish what is being answered, then let go of the port; a second call does nothing."""
        if self._is_known:
            # Not before that: the file may be another session's.
            self._files.address.unlink(missing_ok=True)
            self._is_known = False
        await self.pause()
        if self._jobs is not None:
            await self._jobs.close()
            self._jobs = None
        self._listener.close()
        if self._metrics_listener is not None:
            self._metrics_listener.close()
