"""``algo-trader data fetch`` from the outside, against Alpaca's data service on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alpaca_data import AAPL, ACTIONS, BTC, EVENTS, FIRST, KEY, LAST, SECRET, DataServer, data_server, digest, market
from click.testing import CliRunner, Result

from algotrader.cli.data import data
from algotrader.cli.fetch import KEYS as VARIABLES
from algotrader.cli.main import root
from algotrader.core.market import utc
from algotrader.history.catalogue import Catalogue
from algotrader.history.corporate_actions import Split
from algotrader.history.generator import generate
from algotrader.rehearsal.alpaca.http import NotAnswered, Request, Response
from algotrader.venues.alpaca.history import Retries

EVER = (0, 2**62)
KEYS = {"ALGO_BROKER_API_KEY": KEY, "ALGO_BROKER_SECRET_KEY": SECRET}
NEXT_WEEK, WEEK_AFTER = ((datetime.now(UTC).date() + timedelta(days=days)).isoformat() for days in (7, 14))
DAYS = ("--from", "2024-01-29", "--to", "2024-02-02")
Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[DataServer]:
    """The service."""
    with data_server() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of the catalogue of a test."""
    return tmp_path / "catalogue"


def invoke(url: str, folder: Path, *arguments: str, keys: dict[str, str] = KEYS) -> Result:
    """Run ``data fetch`` in this process."""
    own = {"COLUMNS": "80", "ALGO_BROKER_API_KEY": None, "ALGO_BROKER_SECRET_KEY": None, **keys}
    given = ["data", "fetch", "--from-venue", "alpaca", "--address", url, "--data", str(folder), *arguments]
    return CliRunner(env=own).invoke(root, given, prog_name="algo-trader")


@pytest.fixture
def run(server: DataServer, folder: Path) -> Run:
    """Give a function that runs ``data fetch ARGS`` against the service."""
    return lambda *arguments, **more: invoke(server.url, folder, *arguments, **more)


@pytest.mark.covers("B224")
def test_a_fetch_from_end_to_end(run: Run, server: DataServer, folder: Path) -> None:
    result = run("--symbols", "AAPL,msft,btc/usd", *DAYS, "--interval", "1m")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["symbol", "fetched", "new", "replaced", "left", "out", "first", "last"]
    assert lines[2] == ["AAPL", "1,950", "1,950", "0", "0", "2024-01-29", "2024-02-02"]
    assert lines[4] == ["BTC/USD", "7,200", "7,200", "0", "0", "2024-01-29", "2024-02-02"]
    assert max(map(len, result.stdout.splitlines())) <= 80
    catalogue = Catalogue(folder)
    for instrument in market().instruments:
        assert catalogue.scan(instrument.symbol, "1m", *EVER).collect().equals(generate(instrument, FIRST, LAST, 7))
    assert sorted(path.name for path in folder.glob("bars/AAPL/1m/*")) == ["2024-01.parquet", "2024-02.parquet"]
    asked = len(server.asked)
    again = run("--symbols", "AAPL,MSFT,BTC/USD", *DAYS)
    assert "AAPL: all of it had been fetched before" in again.stdout
    assert len(server.asked) == asked


def test_days_become_sessions_of_the_calendar(run: Run, folder: Path) -> None:
    assert run("--symbols", "AAPL,BTC/USD", *DAYS, "--interval", "1d").exit_code == 0
    for instrument, opens, closes in ((AAPL, "14:30", "21:00"), (BTC, "00:00", "00:00")):
        stored = Catalogue(folder).scan(instrument.symbol, "1d", *EVER).collect()
        whole = generate(instrument, FIRST, LAST, 7)
        assert stored["volume"].sum() == whole["volume"].sum()
        assert (stored["high"].max(), stored["low"].min()) == (whole["high"].max(), whole["low"].min())
        times = stored["open_time"].to_list()
        assert {f"{utc(time):%H:%M}" for time in times} == {opens}
        assert {f"{utc(time):%H:%M}" for time in stored["close_time"].to_list()} == {closes}
        assert len(times) == 5


def test_what_was_fetched_can_be_tested_on(run: Run, folder: Path) -> None:
    assert run("--symbols", "AAPL", *DAYS).exit_code == 0
    command = ["backtest", "sma_cross", "--symbols", "AAPL", "--data", str(folder)]
    result = CliRunner().invoke(root, command, prog_name="algo-trader")
    assert result.exit_code == 0, result.output


MISTAKES: dict[str, tuple[tuple[str, ...], dict[str, str], str, str]] = {
    "no key": (("--symbols", "AAPL", *DAYS), {}, "Alpaca's stock data need a key, and none is set", "ALGO_BROKER_API_KEY"),
    "half a key": (
        ("--symbols", "AAPL", *DAYS),
        {"ALPACA_API_KEY": "PK"},
        "ALPACA_API_KEY is set, ALPACA_API_SECRET is not",
        "set ALPACA_API_SECRET too",
    ),
    "wrong key": (
        ("--symbols", "AAPL", *DAYS),
        {"APCA_API_KEY_ID": "PK", "APCA_API_SECRET_KEY": "no"},
        "Alpaca answered 403: forbidden.",
        "check the key and its secret",
    ),
    "unknown symbol": (
        ("--symbols", "AAPL,NOPE", *DAYS),
        KEYS,
        "Alpaca has no 1m bars of NOPE from 2024-01-29 to 2024-02-02",
        "is the symbol right",
    ),
    "no symbol": (("--symbols", "AAPL,A A P L", *DAYS), KEYS, "'A A P L' is not a symbol", "--symbol"),
    "no symbols": (("--symbols", " , ", *DAYS), KEYS, "--symbols names none", "AAPL,MSFT"),
    "a future": (("--symbols", "ESZ5", *DAYS), KEYS, "ESZ5 is neither a stock nor a pair", "BTC/USD"),
    "twice": (("--symbols", "AAPL,aapl", *DAYS), KEYS, "AAPL is given twice", "once"),
    "no day": (("--symbols", "AAPL", "--from", "yesterday", "--to", "2024-02-02"), KEYS, "'yesterday' is not a day", "2024-01-31"),
    "wrong order": (("--symbols", "AAPL", "--from", "2024-02-02", "--to", "2024-01-29"), KEYS, "before the first day", "swap"),
    "a weekend": (
        ("--symbols", "AAPL", "--from", "2024-02-03", "--to", "2024-02-04"),
        KEYS,
        "XNYS has no session",
        "choose days",
    ),
    "the future": (("--symbols", "AAPL", "--from", NEXT_WEEK, "--to", WEEK_AFTER), KEYS, "has settled yet", "earlier days"),
    "no interval": (("--symbols", "AAPL", *DAYS, "--interval", "3m"), KEYS, "'3m' is not an interval of bars", "valid intervals"),
    "a second": (("--symbols", "AAPL", *DAYS, "--interval", "1s"), KEYS, "Alpaca has no bars of 1s", "choose 1m"),
    "ticks": (("--symbols", "AAPL", *DAYS, "--kind", "quotes"), KEYS, "no place for quotes", "leave --kind out"),
    "plain text": (("--symbols", "AAPL", *DAYS, "--address", "http://example.com"), KEYS, "in plain text", "https://"),
    "nobody there": (
        ("--symbols", "AAPL", *DAYS, "--address", "http://127.0.0.1:1"),
        KEYS,
        "cannot be reached",
        "network",
    ),
}


@pytest.mark.covers("B228", "B229")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_is_one_clear_line_and_a_hint(run: Run, folder: Path, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algotrader.research.fetching.PATIENCE", Retries(pause=0))
    arguments, keys, message, hint = MISTAKES[mistake]
    result = run(*arguments, keys=keys)
    assert result.exit_code == 2, result.output
    error, advice = result.stderr.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert advice.startswith("hint: ")
    assert hint in advice
    if mistake == "unknown symbol":
        assert Catalogue(folder).count("AAPL", "1m") == 1950
    else:
        assert not (folder / "bars").exists()


@pytest.mark.covers("B224")
@pytest.mark.parametrize("names", VARIABLES)
def test_keys_may_stand_in_several_variables(run: Run, names: tuple[str, str]) -> None:
    assert run("--symbols", "AAPL", *DAYS, "--interval", "1d", keys=dict(zip(names, (KEY, SECRET), strict=True))).exit_code == 0


def test_pairs_need_no_key(run: Run, folder: Path) -> None:
    result = run("--symbols", "BTC/USD", *DAYS, "--interval", "1h", keys={})
    assert result.exit_code == 0, result.output
    assert Catalogue(folder).count("BTC/USD", "1h") == 120


def test_keys_for_this_machine_pass_no_proxy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert run("--symbols", "AAPL", *DAYS, "--interval", "1d").exit_code == 0


def test_recent_data_of_all_exchanges_need_a_subscription(tmp_path: Path) -> None:
    refusal = Response(403, {"message": "subscription does not permit querying recent SIP data"})
    with data_server() as server:
        server.before = lambda request: refusal if request.query.get("feed") == "sip" else None
        result = invoke(server.url, tmp_path / "c", "--symbols", "AAPL", *DAYS, "--feed", "sip")
    assert result.exit_code == 2
    assert "subscription does not permit" in result.stderr
    assert "hint: take --feed iex" in result.stderr


@pytest.mark.covers("A171")
def test_a_symbol_that_is_refused_is_left_out_and_told_and_the_others_are_stored(
    run: Run, server: DataServer, folder: Path
) -> None:
    def refuse(request: Request) -> Response | None:
        wrong = "MSFT" in request.query["symbols"]
        return Response(400, {"message": "invalid symbol: MSFT"}) if wrong else None

    server.before = refuse
    result = run("--symbols", "AAPL,TSLA,MSFT,AMD", *DAYS)
    assert result.exit_code == 2
    assert "error: MSFT: Alpaca answered 400: invalid symbol: MSFT" in result.stderr
    assert Catalogue(folder).count("AAPL", "1m") == 1950


def test_made_up_bars_are_kept_apart(run: Run, server: DataServer, folder: Path) -> None:
    made = CliRunner().invoke(data, ["generate", "--symbols", "AAPL", *DAYS, "--data", str(folder)])
    assert made.exit_code == 0
    result = run("--symbols", "AAPL", *DAYS)
    assert result.exit_code == 2
    assert "AAPL has made-up bars" in result.stderr
    assert server.asked == []


@pytest.mark.parametrize("other", [("--feed", "sip"), ("--adjustment", "split"), ("--adjustment", "all", "--interval", "1d")])
def test_feeds_and_adjustments_are_not_mixed(run: Run, server: DataServer, folder: Path, other: tuple[str, ...]) -> None:
    assert run("--symbols", "AAPL", *DAYS).exit_code == 0
    before, asked = digest(folder), len(server.asked)
    result = run("--symbols", "AAPL", *DAYS, *other)
    assert result.exit_code == 2
    assert "would mix with them" in result.stderr
    assert (digest(folder), len(server.asked)) == (before, asked)


def test_bars_that_were_deleted_may_come_from_elsewhere(run: Run, folder: Path) -> None:
    assert run("--symbols", "AAPL", *DAYS, "--no-actions").exit_code == 0
    shutil.rmtree(folder / "bars")
    assert run("--symbols", "AAPL", *DAYS, "--adjustment", "split").exit_code == 0


def test_adjusted_prices_do_not_go_with_splits_that_are_stored(run: Run, folder: Path) -> None:
    Catalogue(folder).write_actions("AAPL", EVENTS["AAPL"])
    result = run("--symbols", "AAPL", *DAYS, "--adjustment", "split")
    assert result.exit_code == 2
    assert "adjusted prices would count them twice" in result.stderr


def test_a_file_that_was_lost_is_fetched_again(run: Run, server: DataServer, folder: Path) -> None:
    assert run("--symbols", "AAPL", *DAYS).exit_code == 0
    before = digest(folder)
    (folder / "bars/AAPL/1m/2024-01.parquet").unlink()
    asked = len(server.pages)
    result = run("--symbols", "AAPL", "--from", "2024-01-30", "--to", "2024-01-30")
    assert result.exit_code == 0
    assert "390" in result.stdout
    result = run("--symbols", "AAPL", *DAYS)
    assert [page["start"][:10] for page in server.pages[asked:]] == ["2024-01-30", "2024-01-29", "2024-01-31"]
    assert digest(folder) == before


def test_bars_that_cannot_be_true_are_counted_and_left_out(run: Run, server: DataServer, folder: Path) -> None:
    rows = [
        '{"t":"2024-01-31T14:30:00Z","o":2.00001,"h":3,"l":1,"c":2,"v":5}',
        '{"t":"2024-01-31T14:31:00Z","o":2,"h":1,"l":3,"c":2,"v":5}',
        '{"t":"2024-01-31T14:32:00Z","o":2,"h":3,"l":1,"v":5}',
        '{"t":"2023-01-31T14:30:00Z","o":2,"h":3,"l":1,"c":2,"v":5}',
        '{"t":"2024-01-31T14:30:00Z","o":2,"h":3,"l":1,"c":2,"v":5}',
        '{"t":"2024-01-31T14:33:30Z","o":2,"h":3,"l":1,"c":2,"v":5}',
        '{"t":"2024-01-31T14:34:00Z","o":2,"h":3,"l":1,"c":2,"v":1e30}',
    ]
    body = f'{{"bars":{{"AAPL":[{",".join(rows)}]}},"next_page_token":null}}'.encode()
    server.before = lambda request: Response(200, body) if request.query["start"].startswith("2024-01") else None
    result = run("--symbols", "AAPL", "--from", "2024-01-31", "--to", "2024-01-31")
    assert result.exit_code == 0, result.output
    assert Catalogue(folder).count("AAPL", "1m") == 1
    told = [line for line in result.stdout.splitlines() if line.startswith("AAPL: ")]
    assert told.pop(0) == "AAPL: splits 0, dividends 1"
    assert told[0] == "AAPL: numbers of 1 bars were rounded to the decimal places that are kept"
    assert sorted(line.partition("left out ")[2] for line in told[1:]) == [
        "1: a number is too large for the instrument's scale",
        "1: has no 'c'",
        "1: high is below low",
        "1: the time goes back",
        "1: time is not on a whole minute",
        "1: time is outside of the time asked for",
    ]


def test_splits_and_dividends_come_with_raw_prices(run: Run, server: DataServer, folder: Path) -> None:
    result = run("--symbols", "AAPL,MSFT,BTC/USD", *DAYS)
    assert "AAPL: splits 2, dividends 1" in result.stdout
    catalogue = Catalogue(folder)
    # One that is to come, and one of another symbol, are not among them.
    assert catalogue.actions("AAPL") == EVENTS["AAPL"][:3]
    assert catalogue.action_symbols() == ["AAPL"]
    (asked,) = [query for path, query in server.asked if path == ACTIONS]
    assert (asked["symbols"], asked["start"], asked["end"]) == ("AAPL,MSFT", "2024-01-29", "2024-05-02")


@pytest.mark.parametrize("given", [("--no-actions",), ("--adjustment", "all")])
def test_adjusted_prices_come_without_splits_and_dividends(run: Run, folder: Path, given: tuple[str, ...]) -> None:
    assert run("--symbols", "AAPL", *DAYS, *given).exit_code == 0
    assert Catalogue(folder).action_symbols() == []


def test_refused_corporate_actions_are_told_and_cost_no_bars(run: Run, server: DataServer, folder: Path) -> None:
    server.before_actions = lambda _request: Response(404, {"message": "endpoint not found."})
    result = run("--symbols", "AAPL", *DAYS)
    assert result.exit_code == 0
    assert "AAPL: splits and dividends are missing: Alpaca answered 404: endpoint not found." in result.stdout
    assert Catalogue(folder).count("AAPL", "1m") == 1950


def test_a_corporate_action_that_cannot_be_true_is_left_out(run: Run, server: DataServer, folder: Path) -> None:
    same = {"symbol": "AAPL", "ex_date": "2024-01-30"}
    splits = [{**same, "new_rate": rate, "old_rate": 1} for rate in (0, 1e300, 1.5)]
    found = {"corporate_actions": {"forward_splits": splits, "cash_dividends": [{**same, "rate": -1}]}}
    server.before_actions = lambda _request: Response(200, found)
    result = run("--symbols", "AAPL", *DAYS)
    assert "AAPL: left out 3: a corporate action that cannot be true" in result.stdout
    assert Catalogue(folder).actions("AAPL") == [Split(date(2024, 1, 30), 3, 2)]


def test_adjusted_prices_keep_six_decimals(run: Run, server: DataServer, folder: Path) -> None:
    row = '{"t":"2024-01-31T14:30:00Z","o":2.1234567,"h":3,"l":1,"c":2,"v":5}'
    server.before = lambda _request: Response(200, f'{{"bars":{{"AAPL":[{row}]}}}}'.encode())
    run("--symbols", "AAPL", "--from", "2024-01-31", "--to", "2024-01-31", "--adjustment", "split")
    catalogue = Catalogue(folder)
    assert catalogue.instrument("AAPL").price_scale == 6
    assert catalogue.scan("AAPL", "1m", *EVER).collect()["open"].to_list() == [2_123_457]


COMMAND = [sys.executable, "-m", "algotrader.cli.main", "data", "fetch", "--from-venue", "alpaca", "--symbols", "AAPL,MSFT,BTC/USD"]


def _start(url: str, folder: Path) -> subprocess.Popen[str]:
    command = [*COMMAND, *DAYS, "--address", url, "--data", str(folder)]
    return subprocess.Popen(command, env=os.environ | KEYS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_fetch_goes_on_where_it_stopped(server: DataServer, tmp_path: Path, how: signal.Signals, code: int) -> None:
    reached, held = threading.Event(), threading.Event()

    def hold(_request: Request) -> Response | None:
        if len(server.pages) == 3 and not held.is_set():
            held.set()
            reached.set()
            raise NotAnswered(half_open=True)
        return None

    server.before = hold
    stopped = _start(server.url, tmp_path / "a")
    assert reached.wait(60)
    stopped.send_signal(how)
    _, told = stopped.communicate(timeout=60)
    assert stopped.returncode == code, told
    if how is signal.SIGINT:
        assert "the same command goes on from there" in told
        assert "Traceback" not in told
    asked = len(server.pages)
    again = _start(server.url, tmp_path / "a")
    assert again.communicate(timeout=60)[1] == ""
    rest = server.pages[asked:]
    assert [(query["symbols"], query["start"][:7]) for query in rest] == [("BTC/USD", "2024-02"), ("AAPL,MSFT", "2024-02")]
    other = _start(server.url, tmp_path / "b")
    other.communicate(timeout=60)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_progress_is_told_with_the_time_left(server: DataServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[float, str]] = []
    kept: dict[str, Any] = {}

    @contextmanager
    def progress(description: str, **given: Any) -> Iterator[Callable[[float, str], None]]:
        kept.update(given, description=description)
        yield lambda fraction, words: told.append((fraction, words))

    monkeypatch.setattr("algotrader.cli.ui.progress", progress)
    assert invoke(server.url, folder, "--symbols", "AAPL,MSFT", *DAYS).exit_code == 0
    assert kept == {"description": "2 symbols", "time_left": True}
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {words for _, words in told} >= {"MSFT 2024-01", "MSFT 2024-02"}
