"""What made a snapshot, in one word: the code that decides, the user's strategies, their parameters and Python's version.

Equal: the journal's tail can be replayed on the snapshot. Different: stored orders, fills and positions count, and strategies start
anew. Compiled and plain builds of the same sources give the same results, and the same word.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

_PACKAGE: Final = Path(__file__).resolve().parent.parent
DECIDING: Final = ("core", "simulation", "strategies")
"""The packages whose code decides what an engine does. Their sources lie beside the compiled modules too."""


class NoSources(RuntimeError):
    """The sources that the build id is made of cannot be read."""


def build_id(strategies: Iterable[tuple[type[Any], Mapping[str, object]]], settings: Mapping[str, object] | None = None) -> str:
    """The word for what is running.

    Args:
        strategies: the classes in order of registration, each with its parameters as they were given.
        settings: whatever else changes decisions: symbols, intervals, risk limits.

    Raises:
        NoSources: a file cannot be read.
    """
    digest = hashlib.sha256(f"python {sys.version_info.major}.{sys.version_info.minor}\n".encode())
    for name in DECIDING:
        for path in sorted((_PACKAGE / name).rglob("*.py")):
            _add(digest, path.relative_to(_PACKAGE).as_posix(), path)
    for kind, parameters in strategies:
        digest.update(f"strategy {kind.__module__}.{kind.__qualname__} {_written(parameters)}\n".encode())
        source = source_of(kind)
        if source is not None:
            _add(digest, source.name, source)
    digest.update(f"settings {_written(settings or {})}\n".encode())
    return digest.hexdigest()[:16]


def source_of(kind: type[Any]) -> Path | None:
    """The file that a user's strategy comes from; None for one of ours, and for one typed at a prompt."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    path = None if file is None else Path(file).resolve()
    return None if path is None or path.is_relative_to(_PACKAGE) else path


def _add(digest: Any, name: str, path: Path) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NoSources(f"{path} cannot be read: {error}; the build id is made of it") from error
    digest.update(f"{name} {len(content)}\n".encode() + content)


def _written(values: Mapping[str, object]) -> str:
    """Values in an order of their own; what was given as text and what was given as a number read alike."""
    return ", ".join(f"{name}={values[name]}" for name in sorted(values))
