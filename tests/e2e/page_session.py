"""A real paper session as a process of its own, and a real browser that looks at its page."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from algotrader.server.files import read_address, read_token, session_files

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT: Final = Path(__file__).resolve().parents[2]
AXE: Final = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SYMBOLS: Final = "AAPL,MSFT,NVDA"
DAY: Final = "2024-03-07"
"""A day of the made-up market on which the strategy enters in the first minutes."""

START_LIMIT: Final = 60.0
FLAGS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class PageSession:
    """One session after the other on one database and one port.

    Args:
        folder: where everything is kept.
        speed: how much faster than life.
    """

    def __init__(self, folder: Path, speed: int = 60) -> None:
        self.url = f"sqlite:///{folder / 'page.db'}"
        self._folder = folder
        self._speed = speed
        self._port = _free_port()
        self._files = session_files(self.url, folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def token(self) -> str:
        """What the page logs in with."""
        return read_token(self._files.token)

    def start(self) -> None:
        """Start, and wait until it trades."""
        command = [sys.executable, "-m", "algotrader.cli.main", "start", "--database", self.url, "--from", DAY]
        command += ["--symbols", SYMBOLS, "--speed", str(self._speed), "--port", str(self._port)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ALGO_")}
        search = [os.path.abspath(part) for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
        environment["PYTHONPATH"] = os.pathsep.join(search)
        with (self._folder / "session.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, env=environment, stdout=log, stderr=log)
        self._wait_until_running()

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout=10)
            self._process = None

    def get(self, path: str) -> Any:
        """Ask as a program would."""
        return httpx.get(self.base + path, trust_env=False, timeout=10).json()

    def job(self, kind: str, **wanted: object) -> str:
        """Have a backtest or a sweep run to its end; gives its id."""
        headers = {"Authorization": f"Bearer {self.token}"}
        asked = {"symbols": ["AAPL"], "start": "2024-03-04", "end": "2024-03-06", **wanted}
        answer = httpx.post(f"{self.base}/api/{kind}", json=asked, headers=headers, trust_env=False, timeout=10)
        assert answer.status_code == 202, answer.text
        name = str(answer.json()["id"])
        until = time.monotonic() + START_LIMIT
        while (found := self.get(f"/api/{kind}/{name}"))["state"] != "done":
            assert found["state"] in ("queued", "running"), found
            assert time.monotonic() < until, "it did not end"
            time.sleep(0.1)
        return name

    def order(self, path: str, **body: str) -> httpx.Response:
        """Have something done, as another person would from the command line."""
        headers = {"Authorization": f"Bearer {self.token}"}
        body = {"reason": "a drill", "operator": "Ada", **body}
        return httpx.post(self.base + path, json=body, headers=headers, trust_env=False, timeout=10)

    def _wait_until_running(self) -> None:
        until = time.monotonic() + START_LIMIT
        while True:
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "session.log").read_text(encoding="utf-8")
            if read_address(self._files.address) is not None:
                try:
                    if self.get("/health")["state"] == "running":
                        return
                except httpx.TransportError:
                    pass
            assert time.monotonic() < until, "it did not start"
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def page_is_built() -> bool:
    """Whether there is a page to look at; builds it where that is possible."""
    from algotrader.server.page import FOLDER, INDEX

    if not (FOLDER / INDEX).is_file() and FOLDER.is_relative_to(ROOT):
        subprocess.run([sys.executable, str(ROOT / "scripts" / "build_page.py")], check=False)
    return (FOLDER / INDEX).is_file()


@contextmanager
def chromium_browser(program: str) -> Iterator[Browser]:
    """A browser of this machine, driven by Playwright, with a profile that is thrown away."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
