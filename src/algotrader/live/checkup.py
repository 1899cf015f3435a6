"""What the doctor examines, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from algotrader.core.instruments import Instrument
from algotrader.core.market import utc
from algotrader.errors import UserError
from algotrader.live.clock import Clock
from algotrader.venues.protocols import Broker, MarketFeed

if TYPE_CHECKING:
    from algotrader.config.schema import Config

OK: Final = "ok"
WARNING: Final = "warning"
FAULT: Final = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, what to do."""

    name: str
    level: str
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined.

    Attributes:
        config: the settings.
        unknown: what is set and is no setting.
        clock: ours.
        instruments: the first of them is asked about at the data feed.
        broker: None where the venue cannot be asked.
        feed: None where the venue cannot be asked.
        lacks: what is missing to ask the venue; None where it is not built in.
    """

    config: Config
    unknown: tuple[str, ...]
    clock: Clock
    instruments: tuple[Instrument, ...]
    broker: Broker | None
    feed: MarketFeed | None
    lacks: UserError | None = None


def minute(moment: int) -> str:
    """A moment for people."""
    return f"{utc(moment):%Y-%m-%d %H:%M} UTC"
