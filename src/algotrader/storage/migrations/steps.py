"""What revisions are made of. Revisions do not use ``tables.py``: it shows the newest version, and they the one of their time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

from algotrader.storage import triggers

ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""The type of ids that the database counts by itself."""


def identity() -> sa.Column[Any]:
    """A surrogate id."""
    return sa.Column("id", ID, nullable=False, autoincrement=True)


def texts(names: str) -> list[sa.Column[Any]]:
    """Columns of text, by their names; one that may be empty ends in a question mark."""
    return [sa.Column(name.rstrip("?"), sa.Text, nullable=name.endswith("?")) for name in names.split()]


def numbers(names: str) -> list[sa.Column[Any]]:
    """Columns of whole numbers, by their names."""
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names.split()]


def floats(names: str) -> list[sa.Column[Any]]:
    """Columns of floating-point numbers, by their names."""
    return [sa.Column(name, sa.Float, nullable=False) for name in names.split()]


def content(name: str) -> sa.Column[Any]:
    """A column of bytes."""
    return sa.Column(name, sa.LargeBinary, nullable=False)


def primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    """A table's primary key."""
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def unique(table: str, column: str) -> sa.UniqueConstraint:
    """A column whose values differ."""
    return sa.UniqueConstraint(column, name=f"uq_{table}_{column}")


def one_of(table: str, column: str, *words: str) -> sa.CheckConstraint:
    """A column that holds one of some words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    """A column whose values are those of another table's column, ``table.column``."""
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}")


def index(table: str, *columns: str) -> None:
    """Make an index on columns."""
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def run(statements: Iterable[str]) -> None:
    """Run statements as they are."""
    for statement in statements:
        op.execute(statement)


def dialect() -> str:
    """The kind of database that is being changed."""
    return op.get_context().dialect.name


def guard(*tables: str) -> None:
    """Make tables append-only."""
    for table in tables:
        run(triggers.guard(table, dialect()))


def drop(*tables: str) -> None:
    """Drop tables, with their indexes and triggers."""
    for table in tables:
        op.drop_table(table)


@contextmanager
def changing(table: str) -> Iterator[BatchOperations]:
    """Change an append-only table. SQLite cannot change most of a table in place: it is copied, and its triggers made anew."""
    run(triggers.release(table, dialect()))
    with op.batch_alter_table(table) as batch:
        yield batch
    run(triggers.guard(table, dialect()))
