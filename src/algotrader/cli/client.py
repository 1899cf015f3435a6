"""Talks to a running session on this machine; whatever goes wrong becomes one line and a hint."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from algotrader.cli.place import database_name, files_of
from algotrader.errors import UserError
from algotrader.server.files import INSTANCE_HEADER, SessionFiles, read_address, read_token

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS: Final = 10.0

Answer = dict[str, Any]


class NotRunning(UserError):
    """There is no session to talk to."""

    def __init__(self, database: str) -> None:
        super().__init__(f"no session is running on {database_name(database)}", "start one with `algo-trader start`")


class SessionClient:
    """The session of one database.

    Raises:
        NotRunning: there is none; the file with its address may be left of one that was killed.
    """

    def __init__(self, database: str) -> None:
        self._database: Final = database
        self._files: Final[SessionFiles] = files_of(database)
        address = read_address(self._files.address)
        if address is None:
            raise NotRunning(database)
        import httpx

        # Proxies of the environment are for the network, not for this machine.
        self._http: Final = httpx.Client(base_url=address.url, timeout=TIMEOUT_SECONDS, trust_env=False)
        answer = self._ask("GET", "/health")
        if answer.headers.get(INSTANCE_HEADER) != address.instance:
            self._http.close()
            raise NotRunning(database)
        self.health: Final[Answer] = answer.json()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Answer:
        """Read something.

        Raises:
            UserError: it was refused, or nobody answered.
        """
        wanted = {name: value for name, value in query.items() if value not in (None, "")}
        answer = self._ask("GET", path, params=wanted)
        if answer.status_code == 401:
            # A session that other machines can reach wants the token for reading too.
            answer = self._ask("GET", path, params=wanted, headers=self._bearer())
        return self._read(answer)

    def post(self, path: str, **body: Any) -> Answer:
        """Change something.

        Raises:
            UserError: it was refused, or nobody answered.
        """
        return self._read(self._ask("POST", path, json=body, headers=self._bearer()))

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {read_token(self._files.token)}"}

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        import httpx

        try:
            return self._http.request(method, path, **more)
        except httpx.ConnectError:
            raise NotRunning(self._database) from None
        except httpx.TimeoutException:
            hint = "it may be busy: try again; its log says more"
            raise UserError(f"the session at {self._http.base_url} does not answer", hint) from None
        except httpx.HTTPError as error:
            raise UserError(f"the session broke off: {error}", "it may have ended; see `algo-trader status`") from None

    def _read(self, answer: httpx.Response) -> Answer:
        with contextlib.suppress(ValueError):
            found = answer.json()
            if isinstance(found, dict):
                if answer.is_success:
                    return found
                error = found.get("error", {})
                raise UserError(str(error.get("message", answer.reason_phrase)), str(error.get("hint", "")))
        raise UserError(f"the session answered what cannot be read ({answer.status_code})", "are its version and yours the same?")
