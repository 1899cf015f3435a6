"""Who takes part: peers are described in files, chosen by name, pinned, and told nothing that others are not told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import environments
from benchmarks.engines import HERE, Engine, choose, ours, peers, read_peer
from benchmarks.workloads import WORKLOADS

WANTED = {
    "backtesting",
    "backtrader",
    "basana",
    "bt",
    "hftbacktest",
    "nautilus_trader",
    "vectorbt",
    "vnpy_ctastrategy",
    "zipline_reloaded",
}


def test_all_peers_are_there() -> None:
    assert {peer.key for peer in peers()} == WANTED


@pytest.mark.parametrize("peer", peers(), ids=lambda peer: peer.key)
def test_a_peer_runs_known_workloads_and_says_how_it_was_set_up(peer: Engine) -> None:
    assert set(peer.scripts) <= set(WORKLOADS)
    assert peer.note
    assert peer.is_peer


def test_peers_that_are_asked_once_a_date_say_so_where_it_differs() -> None:
    asked = {peer.key: (peer.asked(1), peer.asked(50)) for peer in peers() if "W2" in peer.scripts}
    assert {key for key, (_, many) in asked.items() if many == "a call a date"} == {"bt", "backtrader", "zipline_reloaded"}
    assert asked["bt"][0] == asked["basana"][1] == "yes"
    assert asked["vectorbt"] == ("no", "no")


@pytest.mark.parametrize("key", sorted(WANTED))
def test_requirements_are_pinned_and_name_no_place_to_get_them(key: str) -> None:
    lines = (HERE / "peers" / key / "requirements.txt").read_text().split()
    assert lines
    assert all("==" in line and "/" not in line for line in lines)
    package = next(peer.package for peer in peers() if peer.key == key)
    assert any(line.lower().replace("_", "-").startswith(package.replace("_", "-") + "==") for line in lines)


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        ("none", []),
        ("basana", ["basana"]),
        ("zipline-reloaded, bt", ["zipline_reloaded", "bt"]),
        ("bt,bt", ["bt"]),
        ("", []),
    ],
)
def test_choosing(names: str, keys: list[str]) -> None:
    assert [peer.key for peer in choose(peers(), names)] == keys


def test_all_means_all() -> None:
    assert len(choose(peers(), "all")) == len(WANTED)


def test_an_unknown_peer_is_named() -> None:
    with pytest.raises(ValueError, match="there is no peer nobody"):
        choose(peers(), "bt,nobody")


@pytest.mark.parametrize("text", ['kind = "magic"', 'kind = "callback"\nscripts = { W1 = "missing.py" }'])
def test_a_wrong_description_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "peer.toml"
    scripts = "" if "scripts" in text else "\nscripts = {}"
    path.write_text(f'title = "x"\npackage = "x"\npython = ["3.11"]\nnote = "n"\n{text}{scripts}\n')
    with pytest.raises(ValueError, match="is not there"):
        read_peer(path)


@pytest.mark.parametrize(("slow", "full", "rows"), [(False, False, 500_000), (True, False, 100_000), (True, True, 500_000)])
def test_slow_engines_get_fewer_bars_unless_told_otherwise(slow: bool, full: bool, rows: int) -> None:
    assert Engine("x", "x", "callback", {}, slow=slow).rows("W1", 500_000, full) == rows


def test_our_scripts_are_there_and_the_first_is_asked_on_each_bar() -> None:
    engines = ours()
    assert all(script.is_file() for engine in engines for script in engine.scripts.values())
    assert engines[0].callback == "yes"
    assert not any(engine.is_peer for engine in engines)


def test_only_the_plain_form_sees_the_sources() -> None:
    paths = {engine.key: engine.environment()["PYTHONPATH"] for engine in ours()}
    assert [key for key, path in paths.items() if str(HERE.parent / "src") in path] == ["ours_plain"]


def test_an_interpreter_has_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python3.99"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert environments.interpreter(["3.99"]) is None
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert environments.interpreter(["3.99", here]) == sys.executable


def test_a_peer_without_a_python_is_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments, "interpreter", lambda versions: None)
    with pytest.raises(environments.CannotInstall, match="needs Python"):
        environments.prepare(peers()[0], tmp_path)


def test_a_failed_installation_tells_its_last_line() -> None:
    with pytest.raises(environments.CannotInstall, match="no such thing"):
        environments._run([sys.executable, "-c", "import sys; sys.exit('no such thing')"])
