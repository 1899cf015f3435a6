"""The database that a command works on, and its errors as a user meets them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from algotrader.config import cache_folder
from algotrader.errors import UserError


def database_url(given: str | None) -> str:
    """The URL of the database: the one that was asked for, or the file that the program keeps for its user."""
    return given or f"sqlite:///{cache_folder(os.environ) / 'data' / 'trading.db'}"


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
