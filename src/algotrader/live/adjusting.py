"""How the settings of a running session are read and changed; whoever starts a session says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algotrader.live.telling import Tell, nobody

if TYPE_CHECKING:
    from algotrader.config.loading import Settings


def keep_level(_level: str) -> None:
    """Leave the log as it is."""


@dataclass(slots=True)
class Adjusting:
    """The settings of a session and the ways in which changes act.

    Attributes:
        settings: as they are now.
        resolve: gives the settings with other overrides, or raises ``UserError`` or ``ConfigError``.
        set_log_level: what is logged from.
        tell: the log and whoever else listens.
        begin_anew: end the session in order and begin it with another watchlist; None where that takes a start by hand.
    """

    settings: Settings
    resolve: Callable[[Mapping[str, str]], Settings]
    set_log_level: Callable[[str], None] = keep_level
    tell: Tell = nobody
    begin_anew: Callable[[str], None] | None = None
