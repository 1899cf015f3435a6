"""The way into the page: shown where a person looks on, never in a log, and no browser's command line has the token."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from pathlib import Path

import pytest

from algotrader.cli.page_link import Door, page_lines
from algotrader.server.files import session_files
from algotrader.server.runner import LocalServer

TOKEN = "t" * 43


def lines(folder: Path, token: str = TOKEN, *, asked: bool = False) -> list[str]:
    files = session_files(f"sqlite:///{folder / 'algo.db'}", folder)
    server = LocalServer("127.0.0.1", 0, files, token)
    found = page_lines(server, files.token, asked=asked)
    asyncio.run(server.stop())
    return found


@pytest.mark.parametrize(("terminal", "asked", "count"), [(False, False, 0), (True, False, 1), (False, True, 1)])
def test_the_link_is_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool, asked: bool, count: int) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    found = lines(tmp_path, asked=asked)
    assert len(found) == count
    assert all(text.startswith("page http://127.0.0.1:") and text.endswith(f"/#token={TOKEN}") for text in found)
    assert all(len(text) <= 80 for text in found)


def test_a_token_that_is_too_long_for_a_line_is_named_by_its_file(tmp_path: Path) -> None:
    found = lines(tmp_path, "x" * 80, asked=True)
    assert "x" * 80 not in "".join(found)
    assert "algo.db.token" in found[1]


def test_a_browser_is_led_by_a_file_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def show(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", show)
    door = Door(tmp_path / "algo.open.html")
    assert door.open('http://127.0.0.1:1/#token=a"<b>')
    assert opened == [(tmp_path / "algo.open.html").as_uri()]
    text = (tmp_path / "algo.open.html").read_text(encoding="utf-8")
    assert "http://127.0.0.1:1/#token=a&quot;&lt;b&gt;" in text
    assert "<b>" not in text
    assert (tmp_path / "algo.open.html").stat().st_mode & 0o777 == 0o600
    door.close()
    door.close()
    assert list(tmp_path.iterdir()) == []
