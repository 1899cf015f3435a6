"""The database that a command works on, and its errors as a user meets them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from algotrader.cli.place import database_url
from algotrader.cli.settings import settings_of_process
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.research.metrics import Metrics
    from algotrader.research.result import BacktestResult
    from algotrader.storage.database import Database


@contextmanager
def database_errors() -> Iterator[None]:
    """Tell what a database refuses within the body in one line.

    Raises:
        UserError: instead of any error of the store.
    """
    from algotrader.storage.records import StoreBusy, StoreFailed

    try:
        yield
    except (StoreBusy, StoreFailed) as error:
        problem, _, advice = str(error).partition("; ")
        raise UserError(problem, advice) from None


def open_for_runs(wanted: bool, given: str | None) -> Database | None:
    """Open the database that a backtest is to be kept in, before it runs; None where nobody asked for it or named a database.

    Args:
        wanted: keep the run, wherever that is.
        given: the URL of a database to keep it in.

    Raises:
        UserError: it cannot be used.
    """
    if not (wanted or given or _is_set_up()):
        return None
    from algotrader.storage.schema import open_database

    with database_errors():
        return open_database(database_url(given), create=True)


def _is_set_up() -> bool:
    """Whether the settings name a database."""
    settings = settings_of_process(os.environ)
    return not (settings.is_default("app.db_path") and settings.is_default("app.database_url"))


def store_result(database: Database, result: BacktestResult, metrics: Metrics) -> None:
    """Keep a run with its round trips, and say under which number.

    Raises:
        UserError: it could not be kept.
    """
    from algotrader.research.stored import run_of, trades_of
    from algotrader.storage.backtests import store_run

    with database_errors():
        number = store_run(database, run_of(result, metrics, time.time_ns()), trades_of(result))
        database.close()
    click.echo(f"stored       run {number} in {database.name}")
