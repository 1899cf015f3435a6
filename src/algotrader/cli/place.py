"""Where a session keeps its things: the database that names it, and the files beside it by which it is found."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from algotrader.server.files import SessionFiles


def database_option(command: Any) -> Any:
    """Give a command the option that says which session is meant."""
    return click.option(
        "--database",
        metavar="FILE|URL",
        callback=lambda _ctx, _parameter, text: database_url(text),
        help="The session's database: a file for SQLite, or a URL; that of the settings by default.",
    )(command)


def database_url(text: str | None) -> str:
    """A database's URL, such that it means the same from every folder; None for the one of the settings.

    A plain text is the path of an SQLite file, which counts from the current folder.

    Raises:
        UserError: the settings cannot be read.
    """
    if not text:
        from algotrader.cli.settings import settings_of_process

        text = settings_of_process(os.environ).config.app.database
    path = text if "://" not in text else text.removeprefix("sqlite:///") if text.startswith("sqlite:///") else ""
    if not path or path == ":memory:":
        return text
    return f"sqlite:///{Path(path).expanduser().absolute()}"


def database_name(url: str) -> str:
    """A database for people: the path of a file, or a URL without its password."""
    head, found, rest = url.partition("///")
    if found and head.startswith("sqlite"):
        return rest
    scheme, _, place = url.partition("://")
    login, at, server = place.rpartition("@")
    return f"{scheme}://{login.partition(':')[0]}{at}{server}"


def state_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The user's folder for what programs remember, by the custom of the system."""
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return base / "algo-trader"


def files_of(database: str) -> SessionFiles:
    """The files of a database's session."""
    from algotrader.server.files import session_files

    return session_files(database, state_folder(os.environ))
