"""Requests to Alpaca's REST service, through the client of alpaca-py in threads of our own.

That client's own retries are switched off: it would send orders again. Bodies and answers are plain objects, for its request models
carry quantities and prices as floats; ``wire`` writes and reads them exactly.
"""

from __future__ import annotations

import json
import ssl
import threading
from typing import TYPE_CHECKING, Any, Final

from algotrader.venues.alpaca.errors import venue_error
from algotrader.venues.alpaca.settings import AlpacaSettings
from algotrader.venues.alpaca.threads import Threads
from algotrader.venues.protocols import NotSent, Unanswered, VenueError

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient
    from requests import Response

Params = dict[str, str]
Json = Any

THREADS: Final = 8
"""Requests at a time."""

_SHOWN: Final = 500
"""Characters of an error that are kept."""


class Rest:
    """One REST service of Alpaca.

    Args:
        settings: keys and waits.
        url: the service's address; None for trading.
    """

    def __init__(self, settings: AlpacaSettings, url: str | None = None) -> None:
        self._settings: Final = settings
        self._url: Final = url or settings.trading_url
        self._making: Final = threading.Lock()
        self._threads: Threads | None = None
        self._client: RESTClient | None = None

    async def get(self, path: str, params: Params | None = None, *, version: str | None = None) -> Json:
        """Ask for something; errors are those of ``Broker``."""
        return await self._request("GET", path, params, version)

    async def post(self, path: str, body: Json) -> Json:
        """Ask for something new."""
        return await self._request("POST", path, body)

    async def patch(self, path: str, body: Json) -> Json:
        """Ask for a change."""
        return await self._request("PATCH", path, body)

    async def delete(self, path: str) -> Json:
        """Ask for an end."""
        return await self._request("DELETE", path)

    def close(self) -> None:
        """Give up the connections; requests under way are not waited for. The next request opens new ones."""
        threads, self._threads = self._threads, None
        client, self._client = self._client, None
        if threads is not None:
            threads.close()
        if client is not None:
            client._session.close()

    async def _request(self, method: str, path: str, data: Json = None, version: str | None = None) -> Json:
        if self._threads is None:
            self._threads = Threads(THREADS, "alpaca")
        return await self._threads.run(lambda: self._do(method, path, data, version))

    def _do(self, method: str, path: str, data: Json, version: str | None) -> Json:
        """Make a request; in a thread."""
        from alpaca.common.exceptions import APIError
        from requests.exceptions import RequestException

        client = self._made()
        try:
            return client._request(method, path, data, api_version=version)
        except APIError as error:
            raise _error_of_answer(error.response, str(error)) from None
        except RequestException as error:
            raise _error_of_connection(error, f"{method} {path}", is_tls=self._url.startswith("https")) from None
        except (ValueError, ArithmeticError, RecursionError) as error:
            # An order may well have been taken by whoever answers with what cannot be read.
            raise Unanswered(f"{method} {path}: the answer cannot be read: {_first_line(error)}") from None

    def _made(self) -> RESTClient:
        """The client; importing its library takes a while, so it is made in a thread too."""
        with self._making:
            if self._client is None:
                self._client = make_client(self._settings, self._url)
            return self._client


def make_client(settings: AlpacaSettings, url: str) -> RESTClient:
    """A client of alpaca-py that asks once, waits for a bounded time and gives plain objects."""
    from alpaca.trading.client import TradingClient

    from algotrader.venues.alpaca.requests_session import make_session

    client = TradingClient(settings.key, settings.secret, paper=settings.paper, raw_data=True, url_override=url)
    client._retry = 0
    client._session = make_session(settings.patience, url, THREADS)
    return client


def _error_of_answer(response: Response | None, text: str) -> VenueError:
    """What an answer that is not a success means; a body that is none of Alpaca's is shown in part."""
    if response is None:
        return Unanswered(text[:_SHOWN])
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    fields = found if isinstance(found, dict) else {}
    code, message = fields.get("code"), fields.get("message")
    said = message if isinstance(message, str) else text
    headers = {name.lower(): value for name, value in response.headers.items()}
    return venue_error(response.status_code, code if type(code) is int else None, said[:_SHOWN], headers)


def _error_of_connection(error: Exception, what: str, *, is_tls: bool) -> VenueError:
    kind = NotSent if _never_left(error, is_tls) else Unanswered
    return kind(f"{what}: {_first_line(error)}")


def _never_left(error: Exception, is_tls: bool) -> bool:
    """Whether nothing of a request can have reached the service: there was no connection to it."""
    from requests.exceptions import ConnectTimeout, InvalidHeader, InvalidURL, ProxyError

    if isinstance(error, (ConnectTimeout, InvalidHeader, InvalidURL)) or (is_tls and isinstance(error, ProxyError)):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    # The class belongs to a library below requests, which is none of ours.
    if any(kind.__name__ == "NewConnectionError" for kind in type(reason).__mro__):
        return True
    return bool(reason is not None and reason.args and isinstance(reason.args[0], ssl.SSLCertVerificationError))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200] if str(error).strip() else ''}"
