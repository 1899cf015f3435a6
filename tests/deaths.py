"""Real deaths: a venue that is a process of its own, and a session beside it that is killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

import fidget

from algotrader.venues.remote.hello import Hello, say_hello

SYMBOLS: Final = ("AAPL", "TSLA", "AMD", "BTC/USD", "SOL/USD", "ETH/USD")
STOPPED_SYMBOLS: Final = SYMBOLS[:-1]
"""What is traded with stops; the last symbol is traded without."""

CAPITAL: Final = Decimal(100_000)

START_SECONDS: Final = 90.0
"""A machine with other work may take so long to start a session."""

SETTINGS: Final = """
app: {{watchlist: [{symbols}]}}
risk: {{max_open_positions: 20}}
strategies:
  - {{strategy: "{fidget}", symbols: [{stopped}], parameters: {{enter_every: 2, leave_every: 4, trail_every: 2, seed: {seed}}}}}
  - {{strategy: sma_cross, symbols: [{free}], parameters: {{fast: 5, slow: 12, quantity: "0.25"}}}}
"""


class NotRunning(AssertionError):
    """A session that ought to run has ended; the message has its last words."""


@dataclass(slots=True)
class Death:
    """One kill: how the moment was chosen, and the venue's time then and when the next session ran."""

    how: str
    killed: int
    running: int = 0


@dataclass(slots=True)
class Stage:
    """The venue's process, the session's process, and what became of it.

    Attributes:
        folder: of the database, the log and what the processes say.
        seed: of the moments of death.
        speed: of the venue's clock.
    """

    folder: Path
    hello: Hello
    dice: Random
    deaths: list[Death] = field(default_factory=list)
    starts: int = 0
    session: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the venue wrote down."""
        return self.folder / "venue.jsonl"

    @property
    def database(self) -> Path:
        """Of the session."""
        return self.folder / "trading.db"

    @property
    def output(self) -> Path:
        """What the session that was started last has said."""
        return self.folder / f"session-{self.starts}.txt"

    @property
    def options(self) -> list[str]:
        """Of ``algo-trader start``."""
        config, address = str(self.folder / "deaths.yaml"), f"ws://{self.hello.address}"
        return [
            "--config",
            config,
            "--venue",
            "remote",
            "--venue-address",
            address,
            "--database",
            str(self.database),
            "--port",
            "0",
        ]

    def environment(self) -> dict[str, str]:
        """Of every program."""
        return environment()

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Start a session; it is running a while later."""
        self.starts += 1
        with self.output.open("wb") as output:
            self.session = self._program("start", *self.options, *more, output=output)
        return self.session

    def _program(self, *arguments: str, output: object = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "algotrader.cli.main", *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment(), stdout=output, stderr=subprocess.STDOUT)  # type: ignore[call-overload, no-any-return]

    def until_running(self, session: subprocess.Popen[bytes]) -> None:
        """Wait until a session trades.

        Raises:
            NotRunning: it ended, or takes too long.
        """
        until = time.monotonic() + START_SECONDS
        while b" running " not in self.output.read_bytes():
            if session.poll() is not None or time.monotonic() > until:
                raise NotRunning(f"session {self.starts} ({session.poll()}): {self.output.read_text()[-3000:]}")
            time.sleep(0.01)
        for death in self.deaths:
            death.running = death.running or self.hello.now()

    def live_and_die(self) -> None:
        """Start a session and kill it: as it starts, as it trades, or just when the venue has done something for it."""
        session = self.start()
        how = self.dice.choice(("as it starts", "as it trades", "as it trades", "at a word of the venue", "at a word of the venue"))
        if how == "as it starts":
            time.sleep(self.dice.uniform(0.0, 4.0))
        else:
            self.until_running(session)
            time.sleep(self.dice.uniform(0.0, 2.5))
        if how == "at a word of the venue":
            self.until_word(session)
            time.sleep(self.dice.uniform(0.0, 0.03))
        if session.poll() is not None:
            raise NotRunning(f"session {self.starts} ({session.poll()}): {self.output.read_text()[-3000:]}")
        session.send_signal(signal.SIGKILL)
        killed = self.hello.now()
        session.wait()
        self.deaths.append(Death(how, killed))

    def end(self) -> None:
        """Leave no session behind, whatever went wrong."""
        if self.session is not None and self.session.poll() is None:
            self.session.kill()
            self.session.wait()

    def until_word(self, session: subprocess.Popen[bytes]) -> None:
        """Wait until the venue does something for the session, or for some seconds."""
        size, until = self.log.stat().st_size, time.monotonic() + 5
        while self.log.stat().st_size == size and time.monotonic() < until and session.poll() is None:
            time.sleep(0.0005)

    def end_in_order(self) -> str:
        """Run one more session, have it close everything and stop; gives what it said."""
        session = self.start()
        self.until_running(session)
        time.sleep(2.0)
        return self.stop()

    def stop(self) -> str:
        """Have the session close everything and end; gives what it said."""
        assert self.session is not None
        stop = self._program("stop", "--flatten", "--database", str(self.database), "--timeout", "120")
        assert stop.wait(150) == 0
        assert self.session.wait(30) == 0, self.output.read_text()[-3000:]
        return self.output.read_text()


def environment() -> dict[str, str]:
    """Ours, without settings; a relative path to the sources would lead nowhere from another folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALGO_")}
    if search := environment.get("PYTHONPATH"):
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(entry).resolve()) for entry in search.split(os.pathsep))
    return environment


@contextmanager
def theatre(folder: Path, *, seed: int = 1, speed: float = 60.0, rules: str = "generic") -> Iterator[Stage]:
    """A venue of its own process, and a stage for sessions on it."""
    stopped, free = ", ".join(STOPPED_SYMBOLS), ", ".join(symbol for symbol in SYMBOLS if symbol not in STOPPED_SYMBOLS)
    settings = SETTINGS.format(
        symbols=", ".join(SYMBOLS), fidget=f"{fidget.__file__}:Fidget", stopped=stopped, free=free, seed=seed
    )
    (folder / "deaths.yaml").write_text(settings)
    command = [sys.executable, "-m", "algotrader.rehearsal.venue_process", "--log", str(folder / "venue.jsonl")]
    command += [
        "--symbols",
        ",".join(SYMBOLS),
        "--speed",
        str(speed),
        "--seed",
        str(seed),
        "--days",
        "0",
        "--capital",
        str(CAPITAL),
    ]
    command += ["--commission", "0.0001", "--capabilities", rules, "--warm-up-days", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as venue:
        assert venue.stdout is not None
        try:
            hello = asyncio.run(say_hello(venue.stdout.readline().split()[-1]))
            stage = Stage(folder, hello, Random(seed))
            try:
                yield stage
            finally:
                stage.end()
        finally:
            venue.send_signal(signal.SIGTERM)
            assert venue.wait(20) == 0
