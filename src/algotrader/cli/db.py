"""``algo-trader db``: look after the database that a session's orders, round trips and journal are in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from algotrader.cli.database import database_errors
from algotrader.cli.errors import catch_user_errors
from algotrader.cli.place import database_url
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.storage.database import Database

_DATABASE: Final = click.option(
    "--database",
    "url",
    metavar="FILE|URL",
    help="A file, or postgresql://user@host/name; that of the settings by default.",
)
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=catch_user_errors)
def db() -> None:
    """Back up, restore, check, migrate and prune the database."""


@db.command()
@click.argument("file", type=_FILE)
@_DATABASE
def backup(file: Path, url: str | None) -> None:
    """Copy the database to FILE, also while a session runs."""
    from algotrader.storage.backups import backup as copy

    with database_errors():
        size = copy(_existing(url), file)
    click.echo(f"{file}: {size:,} bytes, checked")


@db.command()
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="There may be a database already; an old file is kept under another name.")
@_DATABASE
def restore(file: Path, replace: bool, url: str | None) -> None:
    """Bring a backup back from FILE. No session may run."""
    from algotrader.storage.backups import restore as bring_back
    from algotrader.storage.database import Database

    with database_errors():
        database = Database(database_url(url))
        kept = bring_back(file, database, replace=replace)
    if kept is not None:
        click.echo(f"what was there is now {kept}")
    click.echo(f"{database.name}: restored and checked")


@db.command()
@_DATABASE
def check(url: str | None) -> None:
    """Read all of the database and tell what is damaged or missing."""
    from algotrader.storage.checks import check as look

    with database_errors():
        database = _existing(url)
        findings = look(database)
    for text in findings:
        click.echo(text)
    if findings:
        raise UserError(f"{database.name} is not sound", "restore a backup with `algo-trader db restore FILE --replace`")
    click.echo(f"{database.name}: sound")


@db.command()
@click.option("--to", "target", metavar="VERSION", help="The version of the tables to go to, such as r0001; the newest by default.")
@click.option("--no-backup", is_flag=True, help="Change a file without copying it first.")
@_DATABASE
def migrate(target: str | None, no_backup: bool, url: str | None) -> None:
    """Bring the tables to this program's version.

    A database that does not exist is made; the file of one that does is
    copied first.
    """
    from algotrader.storage.database import Database
    from algotrader.storage.migrate import migrate as change
    from algotrader.storage.schema import HEAD

    with database_errors():
        database = Database(database_url(url))
        if database.path is not None:
            database.path.parent.mkdir(parents=True, exist_ok=True)
            if not no_backup and database.path.exists():
                click.echo(f"copied to {_copy_before(database, database.path)}")
        before, after = change(database, target or HEAD)
    click.echo(f"{database.name}: {after} already" if before == after else f"{database.name}: from {before} to {after}")


@db.command()
@click.option("--before", type=click.IntRange(min=1), metavar="EVENT", help="Keep the journal from this event on.")
@_DATABASE
def prune(before: int | None, url: str | None) -> None:
    """Forget the journal that the newest snapshot covers.

    Orders, round trips and activity stay; days that are forgotten cannot
    be replayed any more.
    """
    from algotrader.storage.sql_store import open_store

    with database_errors():
        store = open_store(database_url(url), create=False)
        newest = store.last_snapshot()
        if newest is None:
            raise UserError("there is no snapshot yet, so all of the journal is needed", "let a session run first")
        count = store.prune(newest.sequence if before is None else before)
        store.close()
    click.echo(f"forgot {count:,} events; the last one is {store.last_sequence():,}")


def _existing(url: str | None) -> Database:
    """Open a database that is there, whatever its version."""
    from algotrader.storage.database import Database
    from algotrader.storage.schema import demand_file

    database = Database(database_url(url))
    demand_file(database)
    return database


def _copy_before(database: Database, path: Path) -> Path:
    from algotrader.storage.backups import backup as copy

    number = 1
    while (target := path.with_name(f"{path.name}.before-migration-{number}")).exists():
        number += 1
    copy(database, target)
    return target
