"""Drive a headless Chromium by its DevTools protocol over two pipes, with nothing but the standard library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)
_ANSWER_LIMIT_S = 60.0


def chromium() -> str | None:
    """Find the browser on this machine."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found is not None:
            return found
    return None


class Browser:
    """One browser with one tab.

    ``requests`` collects what the tab asked of the network, ``complaints`` what it said on the console.
    """

    def __init__(self, profile: Path) -> None:
        program = chromium()
        assert program is not None
        to_child, self._send = _high_pipe()
        self._receive, from_child = _high_pipe()
        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_place(to_child, from_child),
            pass_fds=(3, 4),
            start_new_session=True,
        )
        os.close(to_child)
        os.close(from_child)
        self._pending = b""
        self._number = 0
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._loads = 0
        target = self._call("Target.createTarget", {"url": "about:blank"}, None)["targetId"]
        self._session = str(self._call("Target.attachToTarget", {"targetId": target, "flatten": True}, None)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        off = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", off)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ask the browser to close; end its process when it does not."""
        try:
            self._call("Browser.close", {}, None)
            self._process.wait(timeout=10)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait(timeout=10)
        finally:
            os.close(self._send)
            os.close(self._receive)

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a command to the tab and give its answer."""
        return self._call(method, parameters or {}, self._session)

    def open(self, page: Path, *, width: int = 1280, height: int = 900, dark: bool = False, touch: bool = False) -> None:
        """Load a file in a window of the given size and color scheme, and wait until it is loaded and drawn."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch}
        self.call("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", {"features": scheme})
        before = self._loads
        self.call("Page.navigate", {"url": page.as_uri()})
        deadline = monotonic() + _ANSWER_LIMIT_S
        while self._loads == before:
            self._note(self._message(deadline))
        self.drawn()

    def drawn(self) -> None:
        """Wait until two frames were drawn, so that what was asked for is on the screen."""
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def evaluate(self, expression: str) -> Any:
        """Evaluate an expression in the page and give its JSON value."""
        parameters = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = self.call("Runtime.evaluate", parameters)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key where the focus is."""
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            event = {"type": kind, "key": key, "modifiers": 8 if shift else 0, **(text if kind == "keyDown" else {})}
            self.call("Input.dispatchKeyEvent", event)
        self.drawn()

    def mouse(self, kind: str, x: float, y: float, **more: object) -> None:
        """Send a mouse event (``mousePressed``, ``mouseMoved``, ``mouseReleased``, ``mouseWheel``) at a place in the window."""
        self.call("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Save what is on the page as PNG."""
        shot = self.call("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(shot["data"]))

    def _call(self, method: str, parameters: dict[str, Any], session: str | None) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        deadline = monotonic() + _ANSWER_LIMIT_S
        while True:
            answer = self._message(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self._receive], [], [], max(deadline - monotonic(), 0.0))
            if not ready:
                raise TimeoutError("the browser did not answer")
            block = os.read(self._receive, 1 << 16)
            if not block:
                raise OSError("the browser ended")
            self._pending += block
        text, _, self._pending = self._pending.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        """Keep what matters of what the tab reports."""
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loads += 1
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(parameters["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])


def _high_pipe() -> tuple[int, int]:
    """A pipe whose ends lie above the numbers that the browser expects."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]


def _place(reading: int, writing: int) -> Callable[[], None]:
    """Put the pipes where the browser looks for them: 3 to read commands from, 4 to write answers to."""

    def place() -> None:
        os.dup2(reading, 3)
        os.dup2(writing, 4)

    return place
