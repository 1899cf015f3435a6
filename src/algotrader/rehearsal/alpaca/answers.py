"""Alpaca's refusals: statuses, codes, messages and the fields that come with them."""

from __future__ import annotations

from typing import Any, Final

from algotrader.rehearsal.alpaca.http import Response

INVALID: Final = 40010001
NOT_FOUND: Final = 40410000
FORBIDDEN: Final = 40310000
UNPROCESSABLE: Final = 42210000
THROTTLED: Final = 42910000
INTERNAL: Final = 50010000


class ApiError(Exception):
    """A request is refused.

    Args:
        status: HTTP status.
        code: Alpaca's own code; 0 leaves it out.
        message: what it says.
        extra: further fields of the body.
    """

    def __init__(self, status: int, code: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The body of the answer, its fields in alphabetical order as the venue sends them."""
        found = {**self.extra, "message": self.message}
        if self.code:
            found["code"] = self.code
        return dict(sorted(found.items()))

    def response(self) -> Response:
        """The answer."""
        return Response(self.status, self.body())


def invalid(message: str) -> ApiError:
    """The request is not written as it should be."""
    return ApiError(422, INVALID, message)


def unprocessable(message: str, **extra: Any) -> ApiError:
    """The request is well written, and not possible."""
    return ApiError(422, UNPROCESSABLE, message, **extra)


def forbidden(message: str, **extra: Any) -> ApiError:
    """The account may not do this, now or ever."""
    return ApiError(403, FORBIDDEN, message, **extra)


def not_found(message: str) -> ApiError:
    """There is no such thing."""
    return ApiError(404, NOT_FOUND, message)
