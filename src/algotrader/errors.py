"""The error a user can do something about."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user gave or asked for cannot work.

    Args:
        message: one line that says what is wrong, with the values at fault.
        hint: one line that says what to do about it; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Give "did you mean X?" for the known name nearest to a wrong one, or an empty text when none is near."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(wrong.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[near[0]]}?" if near else ""
