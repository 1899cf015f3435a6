"""Who may speak to the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from hmac import compare_digest

from algotrader.rehearsal.alpaca.answers import ApiError
from algotrader.rehearsal.alpaca.http import Request


@dataclass(frozen=True, slots=True)
class Keys:
    """The one pair of keys that fits."""

    key: str
    secret: str = field(repr=False)

    def fit(self, key: str, secret: str) -> bool:
        """Whether a pair is this one."""
        same = compare_digest(key.encode(), self.key.encode())
        return compare_digest(secret.encode(), self.secret.encode()) and same

    def check(self, request: Request) -> None:
        """Check the keys of a request.

        Raises:
            ApiError: they are missing, or do not fit.
        """
        key, secret = request.headers.get("apca-api-key-id", ""), request.headers.get("apca-api-secret-key", "")
        if not key or not secret:
            raise ApiError(401, 40110000, "request is not authorized")
        if not self.fit(key, secret):
            raise ApiError(403, 0, "forbidden.")
