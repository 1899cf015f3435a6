"""Copies of a database, made while it is in use, and brought back.

A copy of SQLite is a file like any other database; one of PostgreSQL is an archive of ``pg_dump``. A copy is checked before it gets
its name, and again before it is restored. What a restored database replaces is kept beside it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL

from algotrader.storage import schema
from algotrader.storage.checks import demand_sound
from algotrader.storage.database import SQLITE, Database
from algotrader.storage.failures import explain_sqlite
from algotrader.storage.records import StoreBusy, StoreFailed

_SQLITE_MARK: Final = b"SQLite format 3\x00"
_ARCHIVE_MARK: Final = b"PGDMP"
_ONE_FILE: Final = "PRAGMA journal_mode = DELETE"
"""Makes a database one file again, without a log beside it."""

_PATIENCE_SECONDS: Final = 1.0

_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def backup(database: Database, target: Path) -> int:
    """Copy a database into a file while others use it, check the copy, and give its size in bytes.

    Args:
        database: what to copy.
        target: where to; nothing is there yet.

    Raises:
        StoreBusy, StoreFailed: it could not be done; no file is left.
    """
    if target.exists():
        raise StoreFailed(f"{target} is there already; choose another name")
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if database.kind == SQLITE:
            _copy_sqlite(database, part)
            _check_copy(part, target)
        else:
            _run(database, "pg_dump", "--format=custom", f"--file={part}", _address(database))
            _run(database, "pg_restore", "--list", str(part))
        _settle(part, target)
    except OSError as error:
        raise StoreFailed(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        _remove(part)
    return target.stat().st_size


def restore(source: Path, database: Database, *, replace: bool = False) -> Path | None:
    """Bring a copy back. Nobody may use the database meanwhile.

    Args:
        source: what ``backup`` made.
        database: where to.
        replace: there may be something already; the file that was there is kept under another name.

    Returns:
        Where the file is now that was there before; None when there was none, or for PostgreSQL.

    Raises:
        StoreBusy: somebody uses the database.
        StoreFailed: the copy is damaged or of another kind, or something is there already; nothing was changed.
    """
    mark = _beginning(source)
    if mark.startswith(_ARCHIVE_MARK) if database.kind == SQLITE else mark == _SQLITE_MARK:
        other = "PostgreSQL" if database.kind == SQLITE else "SQLite"
        raise StoreFailed(f"{source} is a backup of {other}, and {database.name} is none")
    if database.path is not None:
        return _restore_sqlite(source, database.path, replace)
    _restore_postgresql(source, database, replace)
    return None


def _copy_sqlite(database: Database, part: Path) -> None:
    with database.connect() as connection, closing(sqlite3.connect(part)) as copy:
        raw: Any = connection.connection.dbapi_connection
        try:
            # In one go: in steps it would begin anew whenever somebody writes. With the log ahead, writers are not held up.
            raw.backup(copy)
            copy.execute(_ONE_FILE)
        except sqlite3.Error as error:
            raise explain_sqlite(error, str(part)) from error


def _check_copy(path: Path, name: Path) -> None:
    """Check a copy without leaving anything beside it; an older schema will do, as it can be migrated."""
    copy = Database(f"sqlite:///{path}")
    try:
        demand_sound(copy, older=True)
    except StoreFailed as failure:
        raise StoreFailed(str(failure).replace(str(path), str(name))) from None
    finally:
        copy.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(_ONE_FILE)


def _restore_sqlite(source: Path, path: Path, replace: bool) -> Path | None:
    there = path.exists()
    if there and not replace:
        raise StoreFailed(f"{path} is there already; add --replace to put the backup in its place")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
        _check_copy(part, source)
        kept = _keep(path) if there else None
        _settle(part, path)
    except OSError as error:
        raise StoreFailed(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        _remove(part)
    return kept


def _keep(path: Path) -> Path:
    """Give the file of a database a second name, once nobody has it open.

    Leaving the mode in which writers have a log of their own is possible only for one who is alone, and brings the log home. A
    damaged file is let pass: it is what a restore is for. Its log goes out of the way, or it would be taken for the new file's.
    """
    with closing(sqlite3.connect(path, timeout=1)) as connection:
        try:
            connection.execute(_ONE_FILE)
        except sqlite3.Error as error:
            if isinstance(explain_sqlite(error, str(path)), StoreBusy):
                raise StoreBusy(f"{path} is in use; stop the session first") from error
    kept = _free_name(path)
    try:
        os.link(path, kept)
    except OSError:
        # Not every file system can give a file two names.
        shutil.copyfile(path, kept)
    for ending in ("-wal", "-shm"):
        if (log := path.with_name(path.name + ending)).exists():
            os.replace(log, kept.with_name(kept.name + ending))
    return kept


def _restore_postgresql(source: Path, database: Database, replace: bool) -> None:
    try:
        _wait_until_alone(database)
        with database.reading() as connection:
            there = schema.revision_of(connection) is not None
    finally:
        database.close()
    if there and not replace:
        raise StoreFailed(f"{database.name} is not empty; add --replace to put the backup in its place")
    how = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
    _run(database, "pg_restore", *how, _address(database), str(source))
    demand_sound(database, older=True)


def _wait_until_alone(database: Database) -> None:
    """Make sure that nobody else is connected; one who has just left needs a moment to be gone."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with database.reading() as connection:
            if not connection.exec_driver_sql(_OTHERS).scalar():
                return
        if time.monotonic() > until:
            raise StoreBusy(f"{database.name} is in use; stop the session first")
        time.sleep(_PATIENCE_SECONDS / 20)


def _address(database: Database) -> str:
    """The option that leads one of PostgreSQL's programs to a database; everybody can read it, so the password is not in it."""
    url = database.url
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return f"--dbname={plain.render_as_string(hide_password=False)}"


def _run(database: Database, program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise StoreFailed(f"{program} is not installed; install PostgreSQL's client programs, or make the backup on its server")
    secret = {"PGPASSWORD": str(database.url.password)} if database.url.password else {}
    done = subprocess.run([found, *arguments], env=os.environ | secret, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise StoreFailed(f"{program} failed: {said}")


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE_MARK))
    except OSError as error:
        raise StoreFailed(f"{path} cannot be read: {error.strerror or error}") from None


def _settle(part: Path, target: Path) -> None:
    """Give a finished file its name, so that it is there whole or not at all, even if the machine stops now."""
    _to_disk(part)
    os.replace(part, target)
    _to_disk(target.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    return name


def _remove(part: Path) -> None:
    for name in (part.name, part.name + "-wal", part.name + "-shm", part.name + "-journal"):
        part.with_name(name).unlink(missing_ok=True)
