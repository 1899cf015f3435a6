"""The way out of one stream's connection, and what may go wrong on it."""

from __future__ import annotations

import asyncio
from typing import Final

from algotrader.rehearsal.alpaca import faults
from algotrader.rehearsal.alpaca.faults import Fault, FaultPlan
from algotrader.rehearsal.alpaca.sockets import Socket


class Outlet:
    """Sends what a stream has to say.

    Args:
        socket: where to.
        plan: what goes wrong.
        where: the stream's name in the plan.
    """

    def __init__(self, socket: Socket, plan: FaultPlan, where: str) -> None:
        self.socket: Final = socket
        self.where: Final = where
        self._plan: Final = plan
        self._held: str | bytes | None = None

    def send(self, message: str | bytes, name: str) -> None:
        """Send a message of a kind, unless something goes wrong."""
        if not self.socket.open or self.socket.muted:
            return
        fault = self._plan.take(self.where, name)
        if fault is None:
            self._go(message)
        elif fault.kind == faults.REORDER:
            self._release()
            self._held = message
        elif fault.kind == faults.DELAY:
            self._later(fault.seconds, message)
        elif fault.kind == faults.DUPLICATE:
            self._go(message)
            self._go(message)
        elif fault.kind != faults.LOSE:
            self.strike(fault)
            if fault.kind == faults.GARBAGE:
                self._go(message)

    def strike(self, fault: Fault) -> None:
        """Do something to the connection itself."""
        socket = self.socket
        if fault.kind == faults.DROP:
            socket.abort()
        elif fault.kind == faults.MUTE:
            socket.muted = True
            if fault.seconds:
                asyncio.get_running_loop().call_later(fault.seconds, self._unmute)
        elif fault.kind == faults.HALF_OPEN:
            socket.freeze()
        elif fault.kind == faults.GARBAGE:
            socket.send_garbage()
        elif fault.kind == faults.SLOW_CLOSE:
            socket.close_slowly(fault.seconds or 2.0)

    def _unmute(self) -> None:
        self.socket.muted = False

    def _later(self, seconds: float, message: str | bytes) -> None:
        asyncio.get_running_loop().call_later(seconds, self.socket.send, message)

    def _go(self, message: str | bytes) -> None:
        self.socket.send(message)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self.socket.send(held)
