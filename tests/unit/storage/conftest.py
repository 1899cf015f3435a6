"""Every test of the store runs on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import database_url, postgresql_server

from algotrader.storage.sql_store import SqlStore, open_store

__all__ = ["database_url", "postgresql_server", "store"]


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    """A new store."""
    opened = open_store(database_url)
    yield opened
    opened.close()
