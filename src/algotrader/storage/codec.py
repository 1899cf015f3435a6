"""Events and commands as bytes and back: versioned, field by field, readable by later versions."""

from __future__ import annotations

from algotrader.core.commands import Command
from algotrader.core.events import Event


def encode_event(event: Event) -> tuple[str, bytes]:
    """The kind of an event and its encoded form."""
    raise NotImplementedError


def encode_command(command: Command) -> tuple[str, bytes]:
    """The kind of a command and its encoded form."""
    raise NotImplementedError
