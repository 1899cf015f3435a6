"""Which instruments a strategy may trade today: routes pair a scanner with a strategy and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from algotrader.core.copies import made_from_attributes
from algotrader.core.signal_hooks import Scanner
from algotrader.core.state import DayStats
from algotrader.strategies.parameters import ParameterError


class StaticScanner(Scanner):
    """Admits the given symbols, or every symbol when none is given."""

    def __init__(self, symbols: tuple[str, ...] = ()) -> None:
        self.symbols = symbols

    def admits(self, symbol: str, day: DayStats) -> bool:
        """Whether the symbol is on the list."""
        return not self.symbols or symbol in self.symbols


class GapUpScanner(Scanner):
    """Admits what opened at least ``percent`` above the previous session's close."""

    def __init__(self, percent: float = 2.0) -> None:
        if not 0 < percent < inf:
            raise ParameterError(f"gap_up: the gap must be positive, not {percent:g} percent")
        self.percent = percent

    def admits(self, symbol: str, day: DayStats) -> bool:
        """Whether today's open lies far enough above the last close; never on the first session."""
        if day.previous_close_raw == 0 or day.open_raw == 0:
            return False
        return (day.open_raw - day.previous_close_raw) * 100 >= self.percent * day.previous_close_raw


class VolumeScanner(Scanner):
    """Admits what has traded ``factor`` times its average session volume of the last ``sessions`` sessions, from that moment on."""

    def __init__(self, factor: float = 1.5, sessions: int = 5) -> None:
        if not 0 < factor < inf or sessions < 1:
            raise ParameterError("volume: the factor must be positive and sessions at least 1")
        self.factor = factor
        self.sessions = sessions

    def admits(self, symbol: str, day: DayStats) -> bool:
        """Whether the session's volume so far is large enough; never before there is a history to compare with."""
        average = day.average_volume(self.sessions)
        return average > 0 and day.volume_raw >= self.factor * average


@dataclass(frozen=True, slots=True)
class Route:
    """A scanner, the strategy it feeds, and that strategy's parameters. ``strategy`` is a name, a file:Class or a class."""

    scanner: Scanner
    strategy: object
    parameters: Mapping[str, object] = field(default_factory=dict)


def scanner_from_text(text: str) -> Scanner:
    """Read ``static``, ``static:AAPL+MSFT``, ``gap_up:2.5`` or ``volume:1.5:5``.

    Raises:
        ParameterError: not a scanner, or a number that is none.
    """
    name, _, rest = text.partition(":")
    parts = rest.split(":") if rest else []
    try:
        if name == "static":
            return StaticScanner(tuple(rest.split("+")) if rest else ())
        if name == "gap_up":
            return GapUpScanner(*[float(part) for part in parts])
        if name == "volume":
            if len(parts) > 2:
                raise ValueError(text)
            return VolumeScanner(*[kind(part) for kind, part in zip((float, int), parts, strict=False)])
    except (ValueError, TypeError) as error:
        if isinstance(error, ParameterError):
            raise
        fault = f"scanner {text!r} has a part that is no number, or one too many"
        raise ParameterError(f"{fault}; write gap_up:2.5 or volume:1.5:5") from None
    raise ParameterError(f"unknown scanner {name!r}; known: static, gap_up, volume")


made_from_attributes(StaticScanner, "symbols")
made_from_attributes(GapUpScanner, "percent")
made_from_attributes(VolumeScanner, "factor", "sessions")
