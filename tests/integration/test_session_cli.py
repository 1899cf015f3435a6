"""A running session and the command line beside it: what is shown, what is asked for, how it ends, and what goes wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from algotrader.cli.main import root
from algotrader.server.files import read_address, session_files

TESTS = Path(__file__).resolve().parents[1]
SECONDS = 30
PROXIES = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
"""Of the network; what stays on this machine must not go there."""


class Outcome(NamedTuple):
    """What a call of the command line left behind."""

    code: int
    out: str
    err: str


class Running:
    """A session in a process of its own."""

    def __init__(self, folder: Path, port: int = 0, *more: str) -> None:
        self.folder = folder
        self.database = folder / "algo.db"
        self.files = session_files(f"sqlite:///{self.database}", folder)
        command = [sys.executable, str(TESTS / "session_process.py"), str(self.database), str(port), *more]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=folder
        )

    def wait_until_it_listens(self) -> None:
        until = time.monotonic() + SECONDS
        while read_address(self.files.address) is None:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until, "the session did not start"
            time.sleep(0.05)

    def end(self) -> Outcome:
        out, err = self.process.communicate(timeout=SECONDS)
        return Outcome(self.process.returncode, out, err)


def environment() -> dict[str, str]:
    search = [str(TESTS), *(os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p)]
    return dict(os.environ, COLUMNS="80", PYTHONPATH=os.pathsep.join(search), **PROXIES)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Running]:
    """A session that runs, holds 100 AAPL under a stop, and is ended with the test."""
    running = Running(tmp_path)
    try:
        running.wait_until_it_listens()
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate()


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., Outcome]:
    """Give a function that runs ``algo-trader ARGS`` on the session's database, with nobody at the keyboard."""

    def run(*arguments: str) -> Outcome:
        asked = [*arguments, "--database", str(tmp_path / "algo.db")]
        done = CliRunner().invoke(root, asked, env={"COLUMNS": "80", **PROXIES})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return Outcome(done.exit_code, done.stdout, done.stderr)

    return run


Call = Callable[..., Outcome]


@pytest.mark.covers("A214")
def test_status_as_text_and_as_json(session: Running, call: Call) -> None:
    shown = call("status")
    assert shown.code == 0, shown.err
    assert "healthy, running, paper" in shown.out
    assert "strategy s on AAPL" in shown.out
    assert max(len(line) for line in shown.out.splitlines()) <= 80
    found = json.loads(call("status", "--json").out)
    assert found["account"]["equity"] == "1000000.00"
    assert found["positions"][0]["protection_level"] == "working"


def test_lists_in_all_forms(session: Running, call: Call) -> None:
    table = call("positions").out
    assert "AAPL" in table
    assert "98.00" in table
    (position,) = csv.DictReader(io.StringIO(call("positions", "--csv").out))
    assert (position["symbol"], position["qty"], position["stop_price"]) == ("AAPL", "100", "98.0000")
    orders = json.loads(call("orders", "--json", "--state", "open").out)
    assert [order["order_role"] for order in orders] == ["stop_loss"]
    assert max(len(line) for line in call("orders").out.splitlines()) <= 80
    assert call("round-trips").out == "no round trips\n"
    assert call("round-trips", "--csv").out == ""


def test_halt_and_a_typed_resume(session: Running, call: Call) -> None:
    def trading() -> str:
        return str(json.loads(call("status", "--json").out)["trading_state"])

    assert call("halt", "--reason", "news").code == 0
    assert trading() == "halted"
    refused = call("resume")
    assert refused.code == 2
    assert "resume trading" in refused.err
    assert call("resume", "--confirm", "go").code == 2
    assert trading() == "halted"
    assert call("resume", "--confirm", "Resume Trading").code == 0
    assert trading() == "active"


def test_a_position_is_reduced_and_its_stop_moved(session: Running, call: Call) -> None:
    moved = call("restop", "aapl", "99.129", "--reason", "lock in")
    assert (moved.out, moved.err) == ("moving the stop of AAPL to 99.1200\n", "")
    assert json.loads(call("positions", "--json").out)[0]["stop_price"] == "99.1200"
    assert call("reduce", "AAPL", "--quantity", "40", "--owner", "s").out == "closing 40 of 100 AAPL\n"
    exits = [order for order in json.loads(call("orders", "--json").out) if order["order_role"] == "exit_market"]
    assert [(order["side"], order["qty_requested"]) for order in exits] == [("sell", "40")]


def test_flatten_asks_first(session: Running, call: Call) -> None:
    refused = call("flatten")
    assert (refused.code, "nobody is at the keyboard" in refused.err) == (2, True)
    assert call("flatten", "--yes").out == "closing every position\n"
    (held,) = json.loads(call("positions", "--json").out)
    assert held["protection_level"] in ("working", "closing")
    roles = {order["order_role"] for order in json.loads(call("orders", "--state", "open", "--json").out)}
    assert "exit_market" in roles


@pytest.mark.covers("A116", "A196", "A213")
def test_stop_ends_the_session_in_order(session: Running, call: Call) -> None:
    done = call("stop", "--reason", "enough")
    assert (done.code, done.out) == (0, "the session shuts down\nstopped\n")
    ended = session.end()
    assert ended.code == 0, ended.err
    assert ": enough" in ended.out
    assert not session.files.address.exists()
    again = call("stop")
    assert again.code == 2
    assert again.err.startswith("error: no session is running on ")


@pytest.mark.covers("A106", "C2")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(session: Running, number: signal.Signals) -> None:
    session.process.send_signal(number)
    ended = session.end()
    assert ended.code == 0, ended.err
    assert f"ending because of {number.name}" in ended.out
    assert "stopped" in ended.out.splitlines()[-1]
    assert "Traceback" not in ended.err


@pytest.mark.covers("A106")
def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    running = Running(tmp_path, 0, "stuck")
    running.wait_until_it_listens()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.stderr is not None
    assert "shutting down in order" in running.process.stderr.readline()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(SECONDS) == 1
    running.process.communicate()


def test_a_session_that_was_killed_is_not_running(session: Running, call: Call) -> None:
    session.process.kill()
    session.process.wait()
    assert session.files.address.exists()
    found = call("status")
    assert (found.code, found.err.splitlines()[0].startswith("error: no session is running on ")) == (2, True)


def test_the_token_is_not_given_to_a_stranger_on_the_same_port(session: Running, call: Call) -> None:
    """What answers there now is not the session that wrote the file."""
    text = json.loads(session.files.address.read_text())
    session.files.address.write_text(json.dumps(text | {"instance": "somebody else"}))
    assert "no session is running" in call("halt").err


def test_a_port_in_use(session: Running, tmp_path: Path) -> None:
    address = read_address(session.files.address)
    assert address is not None
    other = tmp_path / "other"
    other.mkdir()
    ended = Running(other, int(address.url.rpartition(":")[2])).end()
    lines = ended.err.splitlines()
    assert (ended.code, len(lines)) == (2, 2), ended.err
    assert "is in use, perhaps by another session" in lines[0]


def test_the_command_is_a_process_that_asks_a_process(session: Running) -> None:
    command = [sys.executable, "-m", "algotrader.cli.main", "status", "--database", str(session.database)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert "healthy, running, paper" in done.stdout


def test_help_answers_without_loading_anything_heavy() -> None:
    heavy = "fastapi", "httpx", "numpy", "polars", "pydantic", "rich", "sqlalchemy", "uvicorn", "yaml"
    program = f"""
import sys
from algotrader.cli.main import root
root.main(["--help"], standalone_mode=False)
print([name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment())
    assert done.stderr == "[]\n"
    assert "emergency-stop" in done.stdout


WRONG = [
    (("status",), "no session is running"),
    (("stop",), "no session is running"),
    (("halt",), "no session is running"),
    (("resume", "--confirm", "resume trading"), "no session is running"),
    (("flatten", "--yes"), "no session is running"),
    (("close", "AAPL"), "no session is running"),
    (("emergency-stop",), "no session is running"),
    (("positions",), "no session is running"),
    (("journal",), "there is no database"),
    (("snapshot", "export"), "there is no database"),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG, ids=[row[0][0] for row in WRONG])
def test_without_a_session(call: Call, arguments: tuple[str, ...], told: str) -> None:
    found = call(*arguments)
    lines = found.err.splitlines()
    assert (found.code, len(lines)) == (2, 2), found.err
    assert told in lines[0]
    assert lines[1].startswith("hint: ")


MISTAKEN = [
    (("close", "AAPP"), "AAPP is not followed by this session", "did you mean AAPL?"),
    (("close", "MSFT"), "there is no position in MSFT", "algo-trader positions"),
    (("reduce", "MSFT", "--quantity", "1"), "there is no position in MSFT", "algo-trader positions"),
    (("reduce", "AAPL", "--quantity", "101"), "101 are more than the 100 AAPL held", "algo-trader close AAPL"),
    (("reduce", "AAPL", "--quantity", "many"), "qty", "openapi"),
    (("restop", "AAPL", "90"), "does not tighten the stop", "never loosened"),
    (("restop", "AAPL", "500"), "through the market", "algo-trader close AAPL"),
    (("halt", "--reason", ""), "reason: String should have at least 1 character", "openapi.json"),
    (("orders", "--state", "sleeping"), "there is no state 'sleeping' of orders", "one of open, final"),
    (("round-trips", "--since", "yesterday"), "'yesterday' is no time", "2025-11-26"),
]


def test_mistakes_are_told_in_two_lines(session: Running, call: Call) -> None:
    for arguments, told, hinted in MISTAKEN:
        found = call(*arguments)
        lines = found.err.splitlines()
        assert (found.code, len(lines)) == (2, 2), found.err
        assert told in lines[0]
        assert hinted in lines[1]


def test_a_wrong_token(session: Running, call: Call) -> None:
    session.files.token.write_text("nonsense\n")
    assert "the token is not that of this session" in call("halt").err
    session.files.token.chmod(0o644)
    assert "can be read by others" in call("halt").err


def test_a_session_that_does_not_answer(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port where nobody speaks HTTP."""
    monkeypatch.setattr("algotrader.cli.client.TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = {"url": f"http://127.0.0.1:{silent.getsockname()[1]}", "instance": "i", "pid": 1}
        (tmp_path / "algo.db.session").write_text(json.dumps(address))
        found = call("status")
    assert found.code == 2
    assert "does not answer" in found.err
