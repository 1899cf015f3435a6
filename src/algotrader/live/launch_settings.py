"""What a session is to be, as whoever starts one has decided it; checked by the command line, read by ``launch``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from algotrader.config.loading import Settings
    from algotrader.config.schema import Config

PAPER_MODE: Final = "paper"
LIVE_MODE: Final = "live"

PAPER_VENUE: Final = "paper"
REMOTE_VENUE: Final = "remote"
ALPACA_VENUE: Final = "alpaca"
VENUES: Final = (PAPER_VENUE, REMOTE_VENUE, ALPACA_VENUE)
"""Venues that a session can be started on: the simulated one in the same process, or in a process of its own, or a broker."""

RULES: Final = ("generic", "alpaca-like")
"""Whose rules the simulated venue has."""

GENERATED: Final = "generated"
RECORDED: Final = "recorded"


@dataclass(frozen=True, slots=True)
class StrategyChoice:
    """A strategy by its name or ``path/to/file.py:Class``, with the symbols it works on and its own parameters.

    ``interval`` is the length of its bars, empty for its own; ``scanner`` says which symbols it may trade each day, empty for all.
    """

    name: str
    symbols: tuple[str, ...]
    parameters: tuple[tuple[str, object], ...] = ()
    interval: str = ""
    scanner: str = ""


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """One session.

    Attributes:
        strategies: what trades; at least one.
        database: URL of where everything is kept.
        mode: ``paper`` or ``live``; a live account is refused unless it is ``live``.
        venue: one of ``VENUES``.
        venue_address: host and port of the simulated venue that is a process of its own, or of a broker's rehearsal.
        rules: whose rules the simulated venue has, one of ``RULES``.
        market: ``generated`` (made up while it runs) or ``recorded`` (bars of the catalogue in ``data``, as if live).
        data: folder of the catalogue; None for the made-up bars that come with the program.
        start_day: first day of the market, such as 2024-01-02; empty for today, or for the first day there is.
        interval: of the bars that every strategy sees; empty for what each strategy's choice says, or its own.
        capital: with which the simulated account starts.
        speed: seconds of the session in a second of ours; above 1 only on the simulated venue.
        seed: start of what is random in the simulated market and venue.
        once_day: end after one trading day.
        flatten: close every position at the end.
        extended_hours: trade before the open and after the close too.
        account: name of the live account; empty on paper.
        consent: what a person typed before real money may be traded; must be the account's name.
        host: where the local server listens.
        port: of the local server; 0 takes any.
        token_file: keeps the token of the local server, readable by the user only.
        log_to_terminal: warnings are shown where the session was started; False leaves them to the log's file.
        config: every other setting: risk, reconciliation, scheduler, logs and so on.
        also: symbols that are followed though no strategy works on them: something is held there.
        resolve: gives the settings with other overrides of the database, for changes while the session runs; None where they are
            not to be changed.
        renew: gives what a session is to be once such changes are in the database; None where only a start by hand can say.
    """

    strategies: tuple[StrategyChoice, ...]
    database: str
    mode: str = PAPER_MODE
    venue: str = PAPER_VENUE
    venue_address: str = ""
    rules: str = RULES[0]
    market: str = GENERATED
    data: Path | None = None
    start_day: str = ""
    interval: str = ""
    capital: Decimal = Decimal(25_000)
    speed: float = 1.0
    seed: int = 0
    once_day: bool = False
    flatten: bool = False
    extended_hours: bool = False
    account: str = ""
    consent: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    token_file: Path | None = None
    log_to_terminal: bool = True
    config: Config | None = None
    also: tuple[str, ...] = ()
    resolve: Callable[[Mapping[str, str]], Settings] | None = field(default=None, repr=False, compare=False)
    renew: Callable[[], LaunchSettings] | None = field(default=None, repr=False, compare=False)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that a strategy works on, in the order of first mention, and what is followed besides."""
        wanted = [symbol for choice in self.strategies for symbol in choice.symbols]
        return tuple(dict.fromkeys([*wanted, *self.also]))
