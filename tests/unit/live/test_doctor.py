"""What the doctor finds: a healthy patient, and one illness at a time."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from algotrader.config.loading import load_settings
from algotrader.core.instruments import Instrument, equity
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, Bar, nanoseconds
from algotrader.core.scaled import money
from algotrader.live.checkup import FAULT, OK, WARNING, Finding, Patient
from algotrader.live.clock import LoopClock
from algotrader.live.doctor import examine
from algotrader.live.paper.broker import PaperBroker
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import GeneratedMarket
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.storage.schema import open_database
from algotrader.venues.protocols import AccountInfo, NotAllowed, Unanswered

MIDDAY = nanoseconds(datetime(2025, 11, 26, 17, 0, tzinfo=UTC))
NIGHT = nanoseconds(datetime(2025, 11, 27, 3, 0, tzinfo=UTC))
AAPL = equity("AAPL")


class Broker(PaperBroker):
    """A paper broker with an illness."""

    illness = ""

    async def connect(self) -> None:
        if self.illness == "keys":
            raise NotAllowed("403: forbidden")
        if self.illness == "mute":
            await asyncio.sleep(1e9)
        await super().connect()

    async def account(self) -> AccountInfo:
        if self.illness == "broken":
            raise Unanswered("the connection broke")
        return AccountInfo(money_of(5_000), 0, 0, is_paper=self.illness != "live")

    async def time(self) -> int | None:
        told = await super().time()
        assert told is not None
        if self.illness == "no time":
            return None
        return told + {"fast": -3 * NS_PER_SECOND, "slow": 60 * NS_PER_SECOND}.get(self.illness, 0)


class Feed(PaperFeed):
    """A paper feed with an illness."""

    illness = ""

    async def history(self, instrument: Instrument, start: int, end: int, seconds: int) -> Sequence[Bar]:
        bars = await super().history(instrument, start, end, seconds)
        if self.illness == "no bars":
            return []
        return bars[:10] if self.illness == "old bars" else bars


def money_of(amount: int) -> int:
    return amount * 10**18


def find(folder: Path, *, illness: str = "", now: int = MIDDAY, built_in: bool = True, **environ: str) -> list[Finding]:
    """All findings about a patient whose files lie in a folder."""
    environ = {
        "HOME": str(folder),
        "ALGO_BROKER__PROVIDER": "simulated",
        "ALGO_APP__DB_PATH": str(folder / "trading.db"),
        "ALGO_APP__LOG_FILE": str(folder / "logs" / "log"),
        **{f"ALGO_{name}": text for name, text in environ.items()},
    }
    settings = load_settings(environ)

    async def examined() -> list[Finding]:
        clock = LoopClock(now, asyncio.get_running_loop())
        exchange = PaperExchange(clock, GeneratedMarket([AAPL], date(2025, 11, 20), seed=1), money_of(5_000))
        broker, feed = Broker(exchange, clock), Feed(exchange, clock)
        broker.illness = feed.illness = illness
        patient = Patient(
            settings.config,
            settings.unknown,
            clock,
            (AAPL,),
            broker if built_in else None,
            feed if built_in else None,
        )
        return [finding async for finding in examine(patient)]

    return run_virtually(examined())


def one(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def test_money_is_written_as_the_engine_writes_it() -> None:
    assert money_of(5_000) == money(Decimal(5_000))


@pytest.mark.parametrize("now", [MIDDAY, NIGHT])
def test_a_healthy_patient(tmp_path: Path, now: int) -> None:
    findings = find(tmp_path, now=now)
    assert {finding.level for finding in findings} <= {OK, WARNING}
    assert [finding.name for finding in findings] == [
        "settings",
        "strategies",
        "keys",
        "calendar",
        "disk",
        "disk",
        "database",
        "account",
        "clock",
        "data",
    ]
    assert all(finding.level == OK for finding in findings if finding.name != "disk")
    assert "velez on AAPL, TSLA" in one(findings, "strategies").message
    assert ("open until 2025-11-26 21:00" if now == MIDDAY else "opens 2025-11-28 14:30") in one(findings, "calendar").message
    assert not list(tmp_path.iterdir()), "nothing is made by looking"


def hurt_database(folder: Path) -> None:
    open_database(f"sqlite:///{folder / 'trading.db'}", create=True).close()
    path = folder / "trading.db"
    whole = bytearray(path.read_bytes())
    whole[4096:8192] = b"\x07" * 4096
    path.write_bytes(whole)


def text_for_database(folder: Path) -> None:
    (folder / "trading.db").write_text("this is no database at all, but a text of some length\n" * 100, encoding="utf-8")


def file_for_folder(folder: Path) -> None:
    (folder / "logs").write_text("", encoding="utf-8")


def bad_strategy(folder: Path) -> None:
    (folder / "own.py").write_text("1 / 0\n", encoding="utf-8")


def nothing(folder: Path) -> None:
    """A healthy folder."""


ILL: list[tuple[str, str, str, str, dict[str, Any], Callable[[Path], None]]] = [
    ("unknown variable", "settings", FAULT, "names no setting; did you mean", {"RISK__MAX_LOSS": "1"}, nothing),
    ("unknown strategy", "strategies", FAULT, "no strategy named 'velezz'", {"STRATEGIES": "velezz"}, nothing),
    ("strategy raises", "strategies", FAULT, "ZeroDivisionError", {"STRATEGIES": "{folder}/own.py:Mine"}, bad_strategy),
    ("bad parameter", "strategies", FAULT, "sma_fats", {"STRATEGIES": '[{"name": "velez", "params": {"sma_fats": 5}}]'}, nothing),
    ("bad interval", "strategies", FAULT, "", {"STRATEGIES": '[{"name": "sma_cross", "interval": "7q"}]'}, nothing),
    ("bad schedule", "strategies", FAULT, "a: ", {"SCHEDULER__TRIGGERS": '[{"name": "a", "type": "cron", "cron": "x"}]'}, nothing),
    ("no strategy", "strategies", WARNING, "nothing will be traded", {"VELEZ__ENABLED": "no"}, nothing),
    ("no keys", "keys", FAULT, "ALGO_BROKER_API_KEY and ALGO_BROKER_SECRET_KEY", {"BROKER__PROVIDER": "alpaca"}, nothing),
    ("one key", "keys", FAULT, "ALGO_BROKER_SECRET_KEY", {"BROKER__PROVIDER": "alpaca", "BROKER_API_KEY": "k"}, nothing),
    ("unknown calendar", "calendar", FAULT, "NYZE", {"SCHEDULER__CALENDAR": "NYZE"}, nothing),
    ("folder is a file", "disk", FAULT, "cannot be written", {}, file_for_folder),
    ("no database", "database", FAULT, "", {}, text_for_database),
    ("damaged database", "database", FAULT, "", {}, hurt_database),
    ("impossible address", "database", FAULT, "is no database for us", {"APP__DATABASE_URL": "mysql://x/y"}, nothing),
    (
        "live account",
        "account",
        FAULT,
        "5000.00 USD, though broker.paper is true",
        {"illness": "live"},
        nothing,
    ),
    ("live wanted", "account", WARNING, "will cost real money", {"illness": "live", "BROKER__PAPER": "no"}, nothing),
    ("paper instead of live", "account", WARNING, "though broker.paper is false", {"BROKER__PAPER": "no"}, nothing),
    ("keys refused", "account", FAULT, "403: forbidden", {"illness": "keys"}, nothing),
    ("connection broken", "account", FAULT, "the connection broke", {"illness": "broken"}, nothing),
    ("venue mute", "account", FAULT, "the venue does not answer", {"illness": "mute"}, nothing),
    ("venue unknown", "account", FAULT, "is not built in", {"built_in": False}, nothing),
    ("clock 3 s fast", "clock", WARNING, "ms ahead of the venue's", {"illness": "fast"}, nothing),
    ("clock 1 min slow", "clock", FAULT, "ms behind the venue's", {"illness": "slow"}, nothing),
    ("venue without a clock", "clock", OK, "does not tell its time", {"illness": "no time"}, nothing),
    ("no data", "data", FAULT, "no bars of AAPL", {"illness": "no bars"}, nothing),
    ("old data", "data", WARNING, "19 minutes old", {"illness": "old bars"}, nothing),
]


@pytest.mark.parametrize(("name", "level", "told", "given", "prepare"), [case[1:] for case in ILL], ids=[case[0] for case in ILL])
def test_one_illness_is_found_and_the_rest_still_looked_at(
    tmp_path: Path, name: str, level: str, told: str, given: dict[str, Any], prepare: Callable[[Path], None]
) -> None:
    prepare(tmp_path)
    given = {key: value.replace("{folder}", str(tmp_path)) if isinstance(value, str) else value for key, value in given.items()}
    findings = find(tmp_path, **given)
    found = [finding for finding in findings if finding.name == name and finding.level == level]
    assert found, findings
    assert told in found[0].message
    assert found[0].level == OK or found[0].advice or level == WARNING
    for finding in findings:
        assert "\n" not in finding.message
        if finding.name not in (name, "disk", "account", "clock", "data"):
            assert finding.level != FAULT, finding
    assert {"settings", "strategies", "keys", "calendar", "disk", "database"} <= {finding.name for finding in findings}


@pytest.mark.parametrize(("free", "level"), [(50_000_000, FAULT), (500_000_000, WARNING), (5_000_000_000, OK)])
def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert one(find(tmp_path), "disk").level == level


def test_the_first_minutes_of_a_session_have_no_bars(tmp_path: Path) -> None:
    opens = nanoseconds(datetime(2025, 11, 26, 14, 30, tzinfo=UTC))
    found = one(find(tmp_path, now=opens + NS_PER_MINUTE // 2), "data")
    assert (found.level, "has just begun" in found.message) == (OK, True)


def test_a_sound_database_is_told_as_such(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path / 'trading.db'}", create=True).close()
    assert one(find(tmp_path), "database").message.endswith("trading.db is sound")
