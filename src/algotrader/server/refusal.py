"""The server's no. Apart from what speaks HTTP, so that the command line can use it without."""

from __future__ import annotations


class Refusal(Exception):
    """A request that is not carried out.

    Args:
        status: of HTTP.
        code: a word for programs.
        message: what is wrong, for people.
        hint: what to do about it; may be empty.
    """

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
