"""Real processes: Alpaca's server with its log, and ``algo-trader start --venue alpaca`` beside it; either may be killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from deaths import Stage, environment

KEY: Final = "theatre"
SECRET: Final = "not-a-secret"


@dataclass(slots=True)
class Server:
    """The server's process; another one goes on from its log, at the same port.

    Attributes:
        log: what it writes down.
        options: of the program.
        speed: of its clock.
        port: where it listens.
        deaths: the market's time of each kill, and when the next process listened.
    """

    log: Path
    options: tuple[str, ...]
    speed: float
    port: int = 0
    deaths: list[tuple[int, int]] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def open(self) -> None:
        """Begin, or go on."""
        command = [
            sys.executable,
            "-m",
            "algotrader.rehearsal.alpaca",
            "--port",
            str(self.port),
            "--log",
            str(self.log),
            "--resume",
        ]
        command += ["--key", KEY, "--secret-env", "THEATRE_SECRET", "--rate-limit", "0", "--speed", str(self.speed), *self.options]
        surroundings = {**environment(), "THEATRE_SECRET": SECRET}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings)
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words[:2] == ["listening", "on"], words
        self.port = int(words[2].rpartition(":")[2])

    def now(self) -> int:
        """The market's time."""
        return int(httpx.get(f"http://{self.address}/_hello", timeout=20).json()["time"])

    def ask(self, path: str, **params: Any) -> Any:
        """A question with the account's keys."""
        headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
        answer = httpx.get(f"http://{self.address}{path}", params=params, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def kill(self) -> None:
        """As a machine that loses its power; after a moment another process goes on."""
        assert self.process is not None
        killed = self.now()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.open()
        self.deaths.append((killed, self.now()))

    def close(self) -> None:
        """End in order."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@contextmanager
def server(folder: Path, speed: float, *options: str) -> Iterator[Server]:
    """A server's process."""
    found = Server(folder / "venue.jsonl", options, speed)
    found.open()
    try:
        yield found
    finally:
        found.close()


@dataclass(slots=True)
class AlpacaStage(Stage):
    """A stage whose venue is Alpaca's server; settings are in ``session.yaml``."""

    @property
    def options(self) -> list[str]:
        """Of ``algo-trader start``."""
        return [
            *("--config", str(self.folder / "session.yaml"), "--database", str(self.database), "--port", "0"),
            *("--venue", "alpaca", "--venue-address", f"http://{self.hello.address}"),
        ]

    def environment(self) -> dict[str, str]:
        """Ours, with the account's keys."""
        return {**environment(), "ALGO_BROKER__API_KEY": KEY, "ALGO_BROKER__SECRET_KEY": SECRET}

    def run_to_its_end(self, seconds: float, *more: str) -> str:
        """Start a session that ends by itself; gives what it said."""
        session = self.start(*more)
        until = time.monotonic() + seconds
        while session.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        assert session.poll() == 0, f"{session.poll()}: {self.output.read_text()[-3000:]}"
        return self.output.read_text()
