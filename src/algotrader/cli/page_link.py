"""The way into the page: a link that logs in, for a terminal that a person looks at, or for the browser itself."""

from __future__ import annotations

import html
import sys
import webbrowser
from pathlib import Path
from typing import Final

import click

from algotrader.cli.ui import WIDTH
from algotrader.server.files import write_private
from algotrader.server.runner import LocalServer

_LABEL: Final = "page "
_DOOR: Final = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}">
<title>algo-trader</title>
<a href="{link}">go on to algo-trader</a>
"""


def page_lines(server: LocalServer, token_file: Path, *, asked: bool) -> list[str]:
    """How to get to the page, in lines of at most 80 columns.

    The token is shown only where a person looks on, or has asked for it: what goes to a file or a service's log stays without.
    """
    if not (asked or sys.stdout.isatty()):
        return []
    whole = f"{_LABEL}{server.login_link}"
    if len(whole) <= WIDTH:
        return [whole]
    return [f"{_LABEL}{server.page_url}", click.wrap_text(f"log in with the token in {token_file}", WIDTH, "     ", "     ")]


class Door:
    """A file that only the user can read and that leads a browser to the page: the link on a command line could be read by others.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    def open(self, link: str) -> bool:
        """Show the page in the user's browser; False where there is none.

        Raises:
            OSError: the file cannot be written.
        """
        write_private(self._path, _DOOR.format(link=html.escape(link)))
        return webbrowser.open(self._path.absolute().as_uri())

    def close(self) -> None:
        """Take the file away; a second call does nothing."""
        self._path.unlink(missing_ok=True)
