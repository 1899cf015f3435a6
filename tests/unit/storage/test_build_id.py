from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from algotrader.storage import build_id as module
from algotrader.storage.build_id import NoSources, build_id, source_of
from algotrader.strategies.registry import load_strategy
from algotrader.strategies.velez import Velez

FILE = """
from algotrader.strategies.base import SignalStrategy

class Mine(SignalStrategy):
    name = "mine"
    limit = {limit}
"""


def _id(path: Path, limit: int = 1, parameters: Mapping[str, object] | None = None, **more: object) -> str:
    path.write_text(FILE.format(limit=limit), encoding="utf-8")
    kind = load_strategy(str(path))
    assert source_of(kind) == path.resolve()
    return build_id([(kind, parameters or {})], more)


def test_it_changes_with_what_decides_and_with_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    first = _id(path, parameters={"a": 1, "b": Decimal("0.10")}, symbols=("AAPL",))
    assert len(first) == 16
    assert _id(path, parameters={"b": "0.10", "a": "1"}, symbols=("AAPL",)) == first
    others = [
        _id(path, 2, parameters={"a": 1, "b": Decimal("0.10")}, symbols=("AAPL",)),
        _id(path, parameters={"a": 2, "b": Decimal("0.10")}, symbols=("AAPL",)),
        _id(path, parameters={"a": 1, "b": Decimal("0.10")}, symbols=("MSFT",)),
        build_id([(Velez, {})]),
        build_id([(Velez, {}), (Velez, {})]),
    ]
    assert len({first, *others}) == 6


def test_our_own_strategies_are_part_of_the_package() -> None:
    assert source_of(Velez) is None


def test_python_and_our_sources_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in module.DECIDING:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("a = 1")
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    found = {build_id([])}
    for name in module.DECIDING:
        (tmp_path / name / "a.py").write_text("a = 2")
        found.add(build_id([]))
    (tmp_path / "core" / "b.py").write_text("")
    found.add(build_id([]))
    monkeypatch.setattr(module, "sys", SimpleNamespace(version_info=SimpleNamespace(major=3, minor=99), modules=sys.modules))
    found.add(build_id([]))
    assert len(found) == 6


def test_missing_sources_are_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    _id(path)
    kind = load_strategy(str(path))
    path.unlink()
    with pytest.raises(NoSources, match=r"mine\.py"):
        build_id([(kind, {})])
