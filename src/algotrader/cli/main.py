"""``algo-trader``: the command line's entry. Commands are imported when they are used, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final

import click

from algotrader.cli.errors import EXIT_USER_ERROR, CatchUserErrors
from algotrader.errors import UserError, did_you_mean

PROGRAM: Final = "algo-trader"
EXIT_INTERRUPTED: Final = 130
"""Exit code after Ctrl+C, as shells give it: 128 and the number of the signal."""

COMMANDS: Final = {
    "adopt": "algotrader.cli.steer:adopt",
    "backtest": "algotrader.cli.backtest:backtest",
    "close": "algotrader.cli.steer:close",
    "config": "algotrader.cli.config:config",
    "data": "algotrader.cli.data:data",
    "db": "algotrader.cli.db:db",
    "demo": "algotrader.cli.demo:demo",
    "divergence": "algotrader.cli.divergence:divergence",
    "doctor": "algotrader.cli.doctor:doctor",
    "emergency-stop": "algotrader.cli.steer:emergency_stop",
    "flatten": "algotrader.cli.steer:flatten",
    "halt": "algotrader.cli.steer:halt",
    "journal": "algotrader.cli.journal:journal",
    "orders": "algotrader.cli.lists:orders",
    "positions": "algotrader.cli.lists:positions",
    "rehearse": "algotrader.cli.rehearse:rehearse",
    "reduce": "algotrader.cli.steer:reduce",
    "release": "algotrader.cli.steer:release",
    "replay": "algotrader.cli.replay:replay",
    "restop": "algotrader.cli.steer:restop",
    "resume": "algotrader.cli.steer:resume",
    "round-trips": "algotrader.cli.lists:round_trips",
    "snapshot": "algotrader.cli.snapshot:snapshot",
    "start": "algotrader.cli.start:start",
    "status": "algotrader.cli.status:status",
    "stop": "algotrader.cli.steer:stop",
    "strategies": "algotrader.cli.strategies:strategies",
    "sweep": "algotrader.cli.sweep:sweep",
}
"""Every command and where it is."""

_HELP: Final = """Test trading strategies on market data, and let them trade.

\b
Start with:
  algo-trader demo                  a made-up day traded on paper, in a minute
  algo-trader strategies            the strategies there are
  algo-trader backtest --help       how to run one of them
  algo-trader start                 trade on paper; `algo-trader status`
                                    in another window shows how it goes
"""


class LazyGroup(CatchUserErrors):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line.

        Raises:
            UserError: there is no such command.
        """
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = did_you_mean(name, COMMANDS)
            raise UserError(f"there is no command {name!r}", f"{near} commands: {', '.join(sorted(COMMANDS))}".strip())
        return super().resolve_command(ctx, args)


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from algotrader import __version__
        from algotrader.cli.ui import engine_kind

        click.echo(f"{PROGRAM} {__version__} ({engine_kind()} engine, Python {sys.version.split()[0]})")
        ctx.exit()


@click.group(cls=LazyGroup, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version and exit."
)
def root() -> None:
    """The root of the command line."""


def main() -> None:
    """Run the command line and leave the process.

    Exit codes: 0 done; 2 a mistake that the user can mend, told in one line and a hint; 3 a backtest that ran to its end although
    its strategy failed on the way; 130 interrupted.
    """
    sys.exit(_run())


def _run() -> int:
    try:
        code: Any = root.main(prog_name=PROGRAM, standalone_mode=False)
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
        return EXIT_USER_ERROR
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else 0


def _usage(error: click.UsageError) -> int:
    """Tell a wrong call in one line, and where the right one is described; a bare command shows its help instead."""
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        click.echo(error.format_message())
        return 0
    path = error.ctx.command_path if error.ctx is not None else PROGRAM
    text = " ".join(error.format_message().split())
    click.echo(f"error: {text[:1].lower()}{text[1:]}", err=True)
    click.echo(f"hint: see `{path} --help`", err=True)
    return EXIT_USER_ERROR


if __name__ == "__main__":
    main()
