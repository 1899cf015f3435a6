"""What a user's own strategy class can break outside of the questions that the engine guards: its set-up and its declarations."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from algotrader.errors import UserError


@contextmanager
def strategy_mistakes(strategy: str, trace: bool = False) -> Iterator[None]:
    """Turn what escapes from a user's strategy class into one line with its place; a built-in strategy's defect stays a traceback.

    Args:
        strategy: a registered name or ``path/to/file.py:Name``.
        trace: leave the exception as it is, so that Python shows the whole traceback.

    Raises:
        UserError: the strategy cannot be found, declares what is impossible, raised while it was set up, or left the program.
    """
    from algotrader.strategies.parameters import ParameterError
    from algotrader.strategies.registry import BUILT_IN, UnknownStrategy

    try:
        yield
    except (ParameterError, UnknownStrategy) as error:
        raise UserError(str(error), "`algo-trader strategies` lists what there is, with parameters") from None
    except SystemExit as error:
        raise UserError(f"{strategy} asked Python to exit", "take the call of exit() out of the strategy") from error
    except UserError:
        raise
    except Exception as error:
        if trace or strategy in BUILT_IN:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{strategy} failed{_place(error, strategy)}: {text}", "--trace shows the whole traceback") from error


def _place(error: Exception, strategy: str) -> str:
    """The line of the user's file where it happened; nothing when it only declared what does not work elsewhere."""
    file = strategy.rpartition(":")[0] or strategy
    own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name == Path(file).name]
    return f" in line {own[-1]}" if own else ""
