"""How the command line tells a user what went wrong: one line, a hint, an exit code; never a traceback."""

from __future__ import annotations

import os
from typing import Any, NoReturn

import click

from algotrader.errors import UserError

EXIT_USER_ERROR = 2
"""Exit code after an error of the user's or of the machine's files and disks."""


def fail(message: str, hint: str = "") -> NoReturn:
    """Write ``error:`` and ``hint:`` lines to stderr and leave with exit code 2."""
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    raise click.exceptions.Exit(EXIT_USER_ERROR)


def describe_os_error(error: OSError) -> str:
    """Say what the operating system refused, and for which file."""
    reason = error.strerror or str(error) or type(error).__name__
    name = os.fspath(error.filename) if isinstance(error.filename, str | os.PathLike) else ""
    return f"{name}: {reason}" if name else reason


class CatchUserErrors(click.Group):
    """A command group whose commands may raise ``UserError`` and ``OSError``.

    Use it as ``@click.group(cls=catch_user_errors)``; groups inside it need nothing of their own.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn what the user can mend into two lines on stderr and exit code 2."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            fail(error.message, error.hint)
        except BrokenPipeError:
            # The reader of a pipe went away (`| head`): click ends quietly on its own.
            raise
        except OSError as error:
            fail(describe_os_error(error), "check that the path exists, that you may write there and that the disk has room")


catch_user_errors = CatchUserErrors
