"""Signals of the operating system: the first SIGINT or SIGTERM asks for an orderly end, a second one ends the process at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final

from algotrader.live.control import Control

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
FORCED: Final = 1
"""Exit status after a second signal."""


def force_exit() -> None:
    """Leave without cleaning up; the journal is durable up to its last commit."""
    os._exit(FORCED)


class ShutdownSignals:
    """Handles signals for the time of a session.

    Args:
        tell: hears what a signal leads to, in a line.
        force: ends the process.
    """

    def __init__(self, tell: Callable[[str], None], force: Callable[[], None] = force_exit) -> None:
        self._tell: Final = tell
        self._force: Final = force
        self._control: Control | None = None
        self._asked = ""
        self._give_up: Callable[[], object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def install(self) -> None:
        """Take over the signals of the running loop's process."""
        self._loop = asyncio.get_running_loop()
        for number in SIGNALS:
            self._loop.add_signal_handler(number, self._received, number)

    def remove(self) -> None:
        """Give the signals back; a second call does nothing."""
        if self._loop is not None:
            for number in SIGNALS:
                self._loop.remove_signal_handler(number)
            self._loop = None

    def before(self, give_up: Callable[[], object]) -> None:
        """Say what ends the start, as long as no session is attached: a venue may be asked for minutes before one is there."""
        self._give_up = give_up

    @property
    def were_received(self) -> bool:
        """Whether somebody wants the program to end."""
        return bool(self._asked)

    def detach(self) -> None:
        """The session that was attached has ended, and another one begins."""
        self._control = None

    def attach(self, control: Control) -> None:
        """Say which session is to end; a signal that came before is passed on now."""
        self._control = control
        if self._asked:
            control.request_shutdown(self._asked)

    def _received(self, number: signal.Signals) -> None:
        if self._asked:
            self._tell(f"{number.name} again: leaving at once")
            self._force()
            return
        self._asked = number.name
        self._tell(f"{number.name}: shutting down in order; once more leaves at once")
        if self._control is not None:
            self._control.request_shutdown(number.name)
        elif self._give_up is not None:
            self._give_up()
