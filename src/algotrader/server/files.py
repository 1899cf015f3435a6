"""The two small files by which programs on this machine find a session: its token, which stays, and its address while it runs."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from algotrader.errors import UserError

INSTANCE_HEADER: Final = "X-Algo-Session"
"""Names the very session that answers, so that a client does not give its token to a stranger on the same port."""

_PRIVATE: Final = 0o600
_SQLITE: Final = "sqlite"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a session listens. ``instance`` is what it answers with, so that a stranger on the same port is told apart."""

    url: str
    instance: str
    pid: int


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """Where the files of one database's session are."""

    token: Path
    address: Path

    @property
    def jobs(self) -> Path:
        """The folder of its backtests and sweeps."""
        return self.address.with_suffix(".jobs")

    @property
    def door(self) -> Path:
        """Leads a browser to the page, with the token in it."""
        return self.token.with_suffix(".open.html")


def session_files(database: str, state_folder: Path) -> SessionFiles:
    """The files that belong to a database: beside it, or in a folder of the user's where it is no file.

    Args:
        database: its URL, such as ``sqlite:///algo.db``.
        state_folder: for databases that are no files.
    """
    parts = urlsplit(database)
    path = parts.path.removeprefix("/")
    if parts.scheme.partition("+")[0] == _SQLITE and path and path != ":memory:":
        base = Path(path)
    else:
        # Without the password: whoever rotates it still means the same database.
        name = f"{parts.scheme.partition('+')[0]}//{parts.hostname}:{parts.port}{parts.path}"
        base = state_folder / hashlib.sha256(name.encode()).hexdigest()[:16]
    return SessionFiles(base.with_name(base.name + ".token"), base.with_name(base.name + ".session"))


def make_token(path: Path, wanted: str = "") -> str:
    """Read the token, or make it at the first start; only the user may read the file.

    Args:
        path: of the file.
        wanted: what it is to be, for those who have chosen one themselves.

    Raises:
        UserError: others may read or change it.
        OSError: it cannot be read or written.
    """
    found = read_token(path)
    if found and wanted in ("", found):
        return found
    token = wanted or secrets.token_urlsafe(32)
    write_private(path, token + "\n")
    return token


def read_token(path: Path) -> str:
    """Read the token; empty where there is none.

    Raises:
        UserError: others may read or change it.
        OSError: it cannot be read.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ""
    if os.name == "posix" and mode & 0o077:
        raise UserError(f"{path} can be read by others", f"delete it, or `chmod 600 {path}`; a new one is made at the next start")
    return path.read_text(encoding="utf-8").strip()


def write_address(path: Path, address: Address) -> None:
    """Say where a session listens.

    Raises:
        OSError: the file cannot be written.
    """
    write_private(path, json.dumps(asdict(address)) + "\n")


def read_address(path: Path) -> Address | None:
    """Where a session listens, or did before it died; None where nobody says so."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Address(str(found["url"]), str(found["instance"]), int(found["pid"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
