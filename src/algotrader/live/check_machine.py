"""The doctor's look at what needs no venue: settings, strategies, keys, calendar, disk, database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from algotrader.errors import UserError
from algotrader.history.hours import Hours
from algotrader.live.checkup import FAULT, OK, WARNING, Finding, Patient, minute
from algotrader.live.settings import plan_strategies, schedules
from algotrader.storage.checks import check
from algotrader.storage.database import Database, advice, read_url
from algotrader.storage.records import StoreBusy, StoreFailed
from algotrader.storage.schema import open_database
from algotrader.strategies.parameters import ParameterError
from algotrader.strategies.registry import UnknownStrategy

if TYPE_CHECKING:
    from algotrader.config.schema import Config

DISK_WARNING: Final = 1_000_000_000
DISK_FAULT: Final = 100_000_000
"""Bytes that are free."""


def look_at_settings(patient: Patient) -> Iterator[Finding]:
    """Whether everything that is set is a setting."""
    for text in patient.unknown:
        yield Finding("settings", FAULT, text, "correct or remove it: it may be a limit with a slip in its name")
    if not patient.unknown:
        mode = "play money" if patient.config.broker.paper else "REAL MONEY"
        yield Finding("settings", OK, f"readable; {mode} at {patient.config.broker.provider}")


def look_at_strategies(config: Config) -> Iterator[Finding]:
    """Whether strategies load and schedules are possible."""
    try:
        plans = plan_strategies(config)
        named = schedules(config)
    except (UnknownStrategy, ParameterError) as error:
        yield Finding("strategies", FAULT, str(error), "`algo-trader strategies` lists what there is, with parameters")
        return
    except UserError as error:
        yield Finding("strategies", FAULT, error.message, error.hint)
        return
    except Exception as error:
        # A strategy is a stranger's code, and may raise whatever it likes when it is set up.
        yield Finding("strategies", FAULT, f"{type(error).__name__}: {error}", "the strategy's own code raised this")
        return
    told = ", ".join(f"{plan.owner} on {', '.join(plan.symbols)}" for plan in plans)
    if plans:
        more = f"; schedules: {', '.join(name for name, _ in named)}" if named else ""
        yield Finding("strategies", OK, told + more)
    else:
        yield Finding("strategies", WARNING, "none is enabled: nothing will be traded", "set velez.enabled, or name strategies")


def look_at_keys(config: Config) -> Finding:
    """Whether the venue's keys are set."""
    broker = config.broker
    if broker.provider == "simulated":
        return Finding("keys", OK, "the simulated venue needs none")
    keys = {"ALGO_BROKER_API_KEY": broker.api_key, "ALGO_BROKER_SECRET_KEY": broker.secret_key}
    missing = [name for name, key in keys.items() if not key.get_secret_value().strip()]
    if missing:
        return Finding("keys", FAULT, f"{broker.provider} needs {' and '.join(missing)}", "set it in the environment or in .env")
    return Finding("keys", OK, "both are set")


def look_at_calendar(patient: Patient) -> Finding:
    """Whether the calendar knows today and the next session."""
    name, now = patient.config.scheduler.calendar, patient.clock.now()
    try:
        hours = Hours(name)
        running, following = hours.session_at(now), hours.next_session(now)
    except UserError as error:
        return Finding("calendar", FAULT, error.message, error.hint)
    if running is not None:
        return Finding("calendar", OK, f"{hours.calendar} is open until {minute(running.close_time)}")
    if following is None:
        return Finding("calendar", FAULT, f"{hours.calendar} knows no later session", "update the package exchange-calendars")
    return Finding("calendar", OK, f"{hours.calendar} is closed and opens {minute(following.open_time)}")


def look_at_disk(config: Config) -> Iterator[Finding]:
    """Whether there is room, and whether we may write."""
    path = _database_file(config)
    folders = {"the database": path.parent if path is not None else None, "the log": _folder(config.app.log_file)}
    for what, folder in folders.items():
        if folder is not None:
            yield _room(what, folder)


def _folder(file: str) -> Path | None:
    return Path(file).parent if file else None


def _database_file(config: Config) -> Path | None:
    """The file of the database; None for a server, or for what is no database."""
    try:
        url = read_url(config.app.database)
    except StoreFailed:
        return None
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _room(what: str, folder: Path) -> Finding:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(
            "disk", FAULT, f"{there} for {what} cannot be written: {error.strerror}", "choose another folder, or its rights"
        )
    text = f"{free / 1e9:,.1f} GB are free for {what}"
    if free < DISK_FAULT:
        return Finding("disk", FAULT, text, "make room: a session stops when it can store nothing")
    return Finding("disk", WARNING if free < DISK_WARNING else OK, text, "make room soon" if free < DISK_WARNING else "")


def look_at_database(config: Config) -> Iterator[Finding]:
    """Whether the database opens, has our schema and is sound."""
    url = config.app.database
    try:
        path = _database_file(config)
        if path is not None and not path.exists():
            yield Finding("database", OK, f"{path} will be made at the first start")
            return
        database = open_database(url)
    except (StoreBusy, StoreFailed) as error:
        problem, _, hint = str(error).partition("; ")
        yield Finding("database", FAULT, problem, hint)
        return
    try:
        yield _soundness(database)
    finally:
        database.close()
    told = advice(config.paper.capital, url) if not config.broker.paper else None
    if told:
        yield Finding("database", WARNING, told)


def _soundness(database: Database) -> Finding:
    try:
        found = check(database)
    except (StoreBusy, StoreFailed) as error:
        problem, _, hint = str(error).partition("; ")
        return Finding("database", FAULT, problem, hint)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return Finding("database", FAULT, found[0] + more, "`algo-trader db restore` brings a backup back")
    return Finding("database", OK, f"{database.name} is sound")
