"""The demo's paper session: one made-up day at speed, its summary and its tear sheet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import click

from algotrader.cli.client import NotRunning, SessionClient
from algotrader.cli.database import database_errors
from algotrader.cli.lists import TRIPS, show
from algotrader.cli.place import files_of
from algotrader.cli.running import run_in_foreground
from algotrader.cli.start_settings import heading
from algotrader.cli.summary import print_summary
from algotrader.config import CACHE_VARIABLE, PREFIX, cache_folder
from algotrader.config.loading import Settings, load_settings
from algotrader.errors import UserError
from algotrader.history.generator import DEMO_SYMBOLS
from algotrader.live.launch import launch
from algotrader.live.launch_settings import LaunchSettings, StrategyChoice
from algotrader.live.replaying import Replay
from algotrader.research.journalled import SessionRecord
from algotrader.research.metrics import compute_metrics
from algotrader.research.result import BacktestResult
from algotrader.research.tearsheet import write_tearsheet
from algotrader.server.documents import trip_document
from algotrader.storage.sql_store import open_store

STRATEGY: Final = "velez"
DAY: Final = "2024-03-07"
"""A day of the made-up market on which there is something to do for the strategy."""

SEED: Final = 0
CAPITAL: Final = Decimal(100_000)
_MADE_UP: Final = "made up by the generator, not a market's"


def trade_a_day(out: Path, speed: float, port: int, *, open_page: bool = False) -> None:
    """Trade the day, show how it goes, sum it up.

    Args:
        out: where the tear sheet goes.
        speed: seconds of the day in one of ours.
        port: where the session listens; 0 for any.
        open_page: show the page in the user's browser.

    Raises:
        UserError: a demo runs already, or the session cannot be run.
    """
    url = _fresh_database()
    settings = _settings(url, speed, port)
    for text in heading(settings):
        click.echo(text)
    click.echo("Ctrl+C     ends it before the day is over")
    code = run_in_foreground(settings, launch, open_page=open_page)
    _sum_up(url, settings, out)
    if code:
        raise click.exceptions.Exit(code)


def _folder() -> Path:
    return cache_folder(os.environ) / "demo"


def _fresh_database() -> str:
    folder = _folder()
    file = folder / "trading.db"
    url = f"sqlite:///{file}"
    _check_free(url, file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (*folder.glob(f"{file.name}*"), *folder.glob("demo.log*")):
            if old.is_dir():
                shutil.rmtree(old)
            else:
                old.unlink()
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written: {error.strerror or error}", f"{CACHE_VARIABLE} names another folder"
        ) from None
    return url


def _check_free(url: str, file: Path) -> None:
    """Leave the database alone while another demo trades on it."""
    try:
        SessionClient(url).close()
    except NotRunning:
        return
    raise UserError("a demo is running already", f"stop it with `algo-trader stop --database {file}`")


def _settings(url: str, speed: float, port: int) -> LaunchSettings:
    """A session by default settings; those of the user are for sessions of the user."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) or name == CACHE_VARIABLE}

    def resolve(overrides: Mapping[str, str]) -> Settings:
        return load_settings(environment, overrides={**overrides, "app.log_file": str(_folder() / "demo.log")})

    return LaunchSettings(
        strategies=(StrategyChoice(STRATEGY, DEMO_SYMBOLS),),
        database=url,
        start_day=DAY,
        capital=CAPITAL,
        speed=speed,
        seed=SEED,
        once_day=True,
        port=port,
        token_file=files_of(url).token,
        log_to_terminal=False,
        config=resolve({}).config,
        resolve=resolve,
    )


def _sum_up(url: str, settings: LaunchSettings, out: Path) -> None:
    found = _result(url, settings)
    if found is None:
        click.echo("it ended before its first bar; there is nothing to sum up")
        return
    result, trips = found
    metrics = compute_metrics(result)
    click.echo()
    print_summary(result, metrics)
    click.echo()
    show(trips, TRIPS, False, False, "no round trips")
    write_tearsheet(result, metrics, out)
    click.echo(f"\ntear sheet   {out}; open it in a browser")
    click.echo("again        `algo-trader replay --database FILE`, with the database above")
    click.echo("go on        `algo-trader start` trades until you stop it, on paper;")
    click.echo("             `algo-trader demo --backtest` tests the strategy on half a year")


def _result(url: str, settings: LaunchSettings) -> tuple[BacktestResult, list[dict[str, object]]] | None:
    """What the session came to, from its journal; None where it has not seen a bar."""
    with database_errors():
        store = open_store(url, create=False)
        try:
            replay = Replay(store)
            record: SessionRecord | None = None
            for step in replay.steps():
                if record is None and replay.assembly is not None:
                    record = SessionRecord(replay.assembly)
                assert record is not None
                record.take(step.event, step.reports)
        finally:
            store.close()
    if record is None or replay.assembly is None:
        return None
    result = record.result(settings.capital, _assumptions(settings))
    trips = [trip_document(trip) for trip in replay.assembly.engine.state.ledger.trips]
    return (result, trips) if len(result.equity) else None


def _assumptions(settings: LaunchSettings) -> dict[str, str]:
    return {
        "venue": f"the paper venue, {settings.rules} rules",
        "fills": "by the venue's own clock, as a live session gets them",
        "capital": f"{settings.capital:,} USD",
        "speed": f"{settings.speed:g} times as fast as life",
        "data": _MADE_UP,
    }
