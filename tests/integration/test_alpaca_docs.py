"""What docs/venues/alpaca.md shows works as it is written, and it speaks of every error that the table knows."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from algotrader.venues.alpaca.error_table import CODES, STREAM_TABLE, TABLE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "venues" / "alpaca.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)

PORT, SPEED = "8100", "--speed 60"
"""As the document has them; the test takes a free port and is in a hurry."""

SECONDS = 60


def rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    _, _, rest = PAGE.partition(f"### {title}\n")
    lines = [line for line in rest.partition("\n#")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if not line.startswith("| -")][1:]


def small(text: str) -> str:
    return text[:1].lower() + text[1:]


def test_every_answer_of_the_table_is_explained() -> None:
    """Row by row, in the order of the table: the first row that fits counts here as well."""
    found = rows("Answers to requests")
    names = {(400, 499): "4xx", (500, 599): "5xx", (0, 999): "any"}
    expected = [(names.get((rule.lowest, rule.highest), str(rule.lowest)), rule.meaning) for rule in TABLE]
    assert [(status, small(meaning)) for status, _, meaning, *_ in found] == expected
    assert {int(code) for _, code, *_ in found if code != "any"} == set(CODES)
    assert all(len(row) == 5 and all(row) for row in found)


def test_every_error_of_the_streams_is_explained() -> None:
    found = rows("Errors of the market-data streams")
    assert [(int(code), small(meaning)) for code, meaning, *_ in found] == [(rule.code, rule.meaning) for rule in STREAM_TABLE]
    assert all(len(row) == 4 and all(row) for row in found)


def test_what_is_to_be_installed_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert re.findall(r"algo-trader\[(\w+)\]", PAGE) == ["alpaca"]
    assert "alpaca" in extras
    assert len(BLOCKS[0].splitlines()) == 5


def test_links_lead_somewhere() -> None:
    targets = [target.partition("#") for target in re.findall(r"\]\(([^)]+)\)", PAGE)]
    headings = {re.sub(r"[^a-z ]", "", line.lower()).strip().replace(" ", "-") for line in re.findall(r"^#+ .*", PAGE, re.M)}
    for path, _, place in targets:
        assert (ROOT / "docs" / "venues" / path).is_file() if path else place in headings


class Terminal:
    """Runs the lines of shell blocks; a session or a server goes on in the background, as it would in a terminal of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.background: list[tuple[str, subprocess.Popen[str]]] = []
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        for name, module in (("python", ""), ("algo-trader", "-m algotrader.cli.main")):
            file = bin_folder / name
            file.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module} "$@"\n', encoding="utf-8")
            file.chmod(0o755)
        search = os.pathsep.join(os.path.abspath(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALGO_", "ALPACA_", "APCA_"))}
        path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        # Two sessions of a test must not meet at the port of the local server.
        self.environment = {**kept, "PATH": path, "PYTHONPATH": search, "COLUMNS": "80", "ALGO_WEB__PORT": "0"}

    def run(self, line: str) -> str:
        """Run one line; gives what it wrote."""
        line = line.replace(PORT, str(self.port)).replace(SPEED, "--speed 300")
        words = shlex.split(line)
        if words[0] == "export":
            pairs = (word.partition("=") for word in words[1:])
            self.environment |= {name: value for name, _, value in pairs}
            return ""
        if "algotrader.rehearsal.alpaca" in words or words[:2] == ["algo-trader", "start"]:
            self._start(line)
            return ""
        done = self.shell(line)
        out, err = done.communicate(timeout=SECONDS)
        assert done.returncode == 0, (line, out, err)
        assert err == "", (line, err)
        return out

    def shell(self, line: str) -> subprocess.Popen[str]:
        """Begin a line."""
        return subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _start(self, line: str) -> None:
        """Start what goes on, and wait until it listens."""
        process = self.shell(line)
        self.background.append((line, process))
        assert process.stdout is not None
        for written in process.stdout:
            if written.startswith("listening on"):
                return
        raise AssertionError((line, process.communicate()))

    def close(self) -> None:
        for _, process in reversed(self.background):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    made = Terminal(folder, port)
    try:
        yield made
    finally:
        made.close()


def lines_of(block: str) -> list[str]:
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def wait_until_running(place: Terminal, *options: str) -> dict[str, Any]:
    """Wait until the session trades; gives its status. Before it has looked at its venue there is nothing to ask."""
    until = time.monotonic() + SECONDS
    while True:
        asked = place.shell(shlex.join(["algo-trader", "status", "--json", *options]))
        out, err = asked.communicate(timeout=SECONDS)
        found = json.loads(out) if asked.returncode in (0, 1) else {}
        if found and found["health"]["state"] == "running":
            return found
        assert time.monotonic() < until, (out, err)
        time.sleep(0.2)


def wait_for_bars(place: Terminal, compare: str) -> None:
    """Wait until there is anything to compare: on a slow machine the session may not have seen a bar yet."""
    until = time.monotonic() + SECONDS
    while True:
        asked = place.shell(compare)
        out, err = asked.communicate(timeout=SECONDS)
        if "had no bars" not in err:
            return
        assert time.monotonic() < until, (out, err)


@pytest.mark.long
def test_a_rehearsal_goes_as_it_is_written(tmp_path: Path) -> None:
    """Every block of the rehearsal, in three terminals as the document has it."""
    pytest.importorskip("alpaca")
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    server, session, look, faults, end = BLOCKS[1:]
    options = ("--database", "rehearsal.db")
    with terminal(tmp_path) as place:
        for line in [*lines_of(server), *lines_of(session)]:
            place.run(line)
        wait_until_running(place, *options)
        shown = [place.run(line) for line in lines_of(look)]
        assert "running, paper" in shown[0]
        for line in lines_of(faults):
            place.run(line)
        stop, compare = lines_of(end)
        wait_for_bars(place, compare)
        assert place.run(stop).splitlines()[-1] == "stopped"
        _, process = place.background[-1]
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
        assert "stopped" in out.splitlines()[-1]
        assert "Traceback" not in err
        told = [json.loads(line) for line in err.splitlines()]
        assert "order_stream_lost" in {line["event"] for line in told}, err
        # Every line has the time of the session, which is that of the server: a day of 2024.
        assert {line["time"][:10] for line in told} == {"2024-03-05"}, err
        assert place.run(compare).startswith("compared   2024-03-05")


@pytest.mark.slow
def test_the_set_up_in_five_lines(tmp_path: Path) -> None:
    """With nothing changed but where Alpaca is: on this machine."""
    pytest.importorskip("alpaca")
    install, *typed = lines_of(BLOCKS[0])
    assert install.startswith("pip install")
    with terminal(tmp_path) as place:
        place.environment["REHEARSAL_SECRET"] = "your-paper-secret"
        place.run(
            f"python -m algotrader.rehearsal.alpaca --port {place.port} --symbols AAPL --key your-paper-key"
            " --secret-env REHEARSAL_SECRET --speed 1"
        )
        place.environment |= {"ALGO_BROKER__HOST": "127.0.0.1", "ALGO_BROKER__PORT": str(place.port)}
        for line in typed:
            if line == "algo-trader doctor":
                # The rehearsal's day is not today, which is a fault that Alpaca never has.
                done = place.shell(line)
                out, err = done.communicate(timeout=SECONDS)
                assert re.search(r"ok +account +a paper account with 25000", out), (out, err)
            else:
                place.run(line)
        assert wait_until_running(place)["watchlist"] == ["AAPL"]
        assert place.run("algo-trader stop").splitlines()[-1] == "stopped"
