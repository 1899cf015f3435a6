"""Files that are never seen half written, and one writer at a time for a folder."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

if sys.platform != "win32":
    import fcntl


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its final place and move it there in one step, so that readers see the old one or the new one.

    Args:
        path: where the file ends up; its folder is made when missing.
        write: writes the whole content to the path it is given.

    Raises:
        OSError: the disk is full or the folder may not be written; it names ``path``, and nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _os_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def _os_error(error: Exception, path: Path) -> OSError:
    """The system's refusal with the name of the file that was wanted; polars wraps it into messages of its own."""
    wrapped = re.search(r"os error (\d+)", str(error))
    number = error.errno if isinstance(error, OSError) and error.errno else int(wrapped[1]) if wrapped else errno.EIO
    return OSError(number, os.strerror(number), str(path))


def replace_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) in one step; see ``replace_file``."""
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for writing, so that imports that run at the same time do not lose each other's work.

    Where the system has no file locks (Windows) this does nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    with (folder / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
