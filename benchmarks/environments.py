"""Virtual environments: one for each peer, made from its pinned requirements with a Python that it supports."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.engines import HERE, Engine

INSTALL_SECONDS: Final = 900


class CannotInstall(Exception):
    """A peer whose environment cannot be made here; the message says why."""


def interpreter(versions: list[str]) -> str | None:
    """The first Python of the wanted versions that really runs here: this one, one on the path, or one of pyenv's.

    A name on the path is not enough: version managers leave names behind that only print an error.
    """
    for version in versions:
        stored = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"), reverse=True)
        for candidate in (sys.executable, shutil.which(f"python{version}"), *map(str, stored)):
            if candidate and _version(candidate) == version:
                return candidate
    return None


def _version(python: str) -> str:
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def prepare(peer: Engine, folder: Path) -> None:
    """Make the peer's environment if it is not there, and tell the peer its interpreter.

    Args:
        peer: who.
        folder: where the environments of all peers lie.

    Raises:
        CannotInstall: no Python serves, or pip fails.
    """
    home = folder / peer.key
    python = home / "bin" / "python"
    requirements = HERE / "peers" / peer.key / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp = home / "requirements.sha256"
    if not (stamp.is_file() and stamp.read_text() == digest and python.exists()):
        base = interpreter(peer.versions)
        if base is None:
            raise CannotInstall(f"needs Python {' or '.join(peer.versions)}, and none of them runs here")
        _run([base, "-m", "venv", "--clear", str(home)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)])
        stamp.write_text(digest)
    peer.python = str(python)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"the installation took longer than {INSTALL_SECONDS} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise CannotInstall(f"the installation failed: {lines[-1].strip()}")


def version(engine: Engine) -> str:
    """The installed version of an engine's package, and of the Python that runs it."""
    if not engine.package:
        code = "import platform; print('Python', platform.python_version())"
    else:
        code = (
            "import importlib.metadata as m, platform, sys; print(m.version(sys.argv[1]), 'on Python', platform.python_version())"
        )
    done = subprocess.run([engine.python, "-c", code, engine.package], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() or "not installed"
