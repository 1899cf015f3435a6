"""The web application of one session. The page and its stream of updates get routers of their own beside these."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware

from algotrader import __version__
from algotrader.live.control import Control
from algotrader.server.actions import action_routes
from algotrader.server.failures import add_failures
from algotrader.server.guard import Guard
from algotrader.server.history import History
from algotrader.server.reading import reading_routes


def create_app(
    control: Control, history: History | None = None, *, token: str, host: str = "127.0.0.1", instance: str = ""
) -> FastAPI:
    """Make the application.

    Args:
        control: the session; everything but the past is read in its own event loop.
        history: rows of the past; None to know only what the engine remembers.
        token: the secret that calls need which change something.
        host: where it listens; beyond loopback, reading needs the token too.
        instance: a public name of this run.

    Raises:
        ValueError: there is no token.
    """
    if not token:
        raise ValueError("a server without a token is not allowed")
    app = FastAPI(
        title="algo-trader",
        version=__version__,
        middleware=[Middleware(Guard, token=token, host=host, instance=instance)],
        docs_url=None,  # the page would load its programs from elsewhere
        redoc_url=None,
    )
    add_failures(app)
    app.include_router(reading_routes(control, history))
    app.include_router(action_routes(control))
    return app
