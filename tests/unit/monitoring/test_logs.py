"""JSON lines, levels, rotation, terminals, secrets, and files that cannot be written."""

from __future__ import annotations

import io
import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from algotrader.monitoring.logs import CONSOLE, JSON, Log, LogFault, LogSettings
from algotrader.monitoring.masking import MASK, Masker

MOMENT = 1_764_167_400_123_456_789


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.covers("A117", "A118")
def test_a_line_is_json_with_time_level_and_what_ties_it() -> None:
    stream = io.StringIO()
    log = Log(LogSettings(), stream)
    log.event(
        "order_submitted",
        moment=MOMENT,
        correlation_id="ac1",
        symbol="AAPL",
        order_id="a1",
        zeal=1,
        message="buy",
        price=Decimal("1.5"),
    )
    log.event("empty", strategy="", error=None, count=0)
    first, second = stream.getvalue().splitlines()
    assert first == (
        '{"time":"2025-11-26T14:30:00.123456Z","level":"info","event":"order_submitted","symbol":"AAPL","order_id":"a1",'
        '"correlation_id":"ac1","message":"buy","price":"1.5","zeal":1}'
    )
    assert list(json.loads(second)) == ["time", "level", "event", "count"]


@pytest.mark.covers("A117", "B238")
def test_the_level_decides_and_may_be_changed_at_run_time() -> None:
    stream = io.StringIO()
    log = Log(LogSettings(level="WARNING"), stream)
    for level in ("debug", "info", "warning", "error", "critical"):
        log.event("said", level)
    log.set_level("debug")
    log.event("said", "debug")
    assert [line["level"] for line in lines(stream.getvalue())] == ["warning", "error", "critical", "debug"]
    assert log.level == "debug"
    with pytest.raises(LogFault, match="'loud' is no level"):
        log.set_level("loud")


def test_files_rotate_by_size_and_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "session.jsonl"
    log = Log(LogSettings(file=path, max_bytes=2_000, keep=3), None)
    for number in range(200):
        log.event("said", number=number)
    log.close()
    log.close()
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["session.jsonl", "session.jsonl.1", "session.jsonl.2", "session.jsonl.3"]
    assert all(file.stat().st_size <= 2_000 for file in files)
    newest = lines(path.read_text(encoding="utf-8"))
    assert newest[-1]["number"] == 199


def test_a_terminal_gets_lines_for_people_and_never_two_for_one() -> None:
    stream = Terminal()
    log = Log(LogSettings(), stream)
    log.event("order_rejected", "warning", moment=MOMENT, symbol="AAPL", message="no\n2025-01-01 [info] all is well")
    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert "order_rejected" in text
    assert "14:30:00.123" in text
    assert "AAPL" in text


@pytest.mark.parametrize(("form", "terminal", "is_json"), [("auto", False, True), (CONSOLE, False, False), (JSON, True, True)])
def test_the_form_may_be_chosen(form: str, terminal: bool, is_json: bool) -> None:
    stream = Terminal() if terminal else io.StringIO()
    Log(LogSettings(form=form), stream).event("said", symbol="AAPL")
    assert stream.getvalue().startswith("{") == is_json
    assert "said" in stream.getvalue()


def test_secrets_are_never_written(tmp_path: Path) -> None:
    stream = io.StringIO()
    secret = 'hunter2/"x y"'
    log = Log(LogSettings(secrets=(secret, "ab"), file=tmp_path / "log"), stream)
    log.add_secrets(["token-123"])
    log.event(
        "venue_error",
        "error",
        message=f"key {secret} refused, abc",
        url="https://x.example/?k=hunter2%2F%22x%20y%22",
        inner={"headers": [secret, {"token-123": 1}]},
        error=ValueError(f"bad {secret}"),
    )
    log.close()
    for text in (stream.getvalue(), (tmp_path / "log").read_text(encoding="utf-8")):
        assert "hunter2" not in text
        assert "token-123" not in text
        # A secret of two characters is none; it would blot out everything.
        assert "refused, abc" in text
        assert text.count(MASK) == 5


def test_longer_secrets_go_before_their_parts() -> None:
    assert Masker(["secret", "secretive"]).text("a secretive secret") == f"a {MASK} {MASK}"


def test_what_libraries_log_is_taken_in_from_warnings_on() -> None:
    stream = io.StringIO()
    log = Log(LogSettings(secrets=("hunter2",)), stream, foreign=True)
    other = logging.getLogger("some.library")
    try:
        other.info("not this")
        try:
            raise ValueError("hunter2")
        except ValueError:
            other.exception("it said %s", "hunter2")
    finally:
        log.close()
    other.warning("after the end")
    (line,) = lines(stream.getvalue())
    assert (line["event"], line["logger"], line["message"]) == ("library", "some.library", f"it said {MASK}")
    assert "hunter2" not in stream.getvalue()
    assert "ValueError" in line["trace"]


def test_two_logs_do_not_mix() -> None:
    first, second = io.StringIO(), io.StringIO()
    Log(LogSettings(), first).event("one")
    Log(LogSettings(level="debug"), second).event("two")
    assert "two" not in first.getvalue()
    assert "one" not in second.getvalue()


def test_a_log_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (tmp_path, tmp_path / "file" / "log"):
        with pytest.raises(LogFault, match="cannot be opened"):
            Log(LogSettings(file=path), None)
    with pytest.raises(LogFault, match="is no form of a log"):
        Log(LogSettings(form="xml"), None)


def test_a_stream_that_goes_away_and_a_full_disk_end_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    log = Log(LogSettings(file=tmp_path / "log", max_bytes=0), stream)
    stream.close()
    handler = log._handlers[0]
    assert isinstance(handler, logging.FileHandler)
    assert handler.stream is not None
    handler.stream.close()
    for _ in range(3):
        log.event("said")
    told = capsys.readouterr().err
    assert told.count("cannot be written") == 1
    assert "Traceback" not in told


def test_the_stream_may_get_less_than_the_file(tmp_path: Path) -> None:
    stream = io.StringIO()
    log = Log(LogSettings(file=tmp_path / "log", stream_level="warning"), stream)
    log.event("small")
    log.event("large", "error")
    assert [line["event"] for line in lines(stream.getvalue())] == ["large"]
    assert [line["event"] for line in lines((tmp_path / "log").read_text(encoding="utf-8"))] == ["small", "large"]
