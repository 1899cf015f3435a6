"""The web application of one session."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware

from algotrader import __version__
from algotrader.live.control import Control
from algotrader.server.actions import action_routes
from algotrader.server.chart import chart_routes
from algotrader.server.exports import export_routes
from algotrader.server.failures import add_failures
from algotrader.server.guard import Guard, is_loopback
from algotrader.server.history import History
from algotrader.server.jobs.routes import job_routes
from algotrader.server.jobs.service import Jobs
from algotrader.server.login import Logins, login_routes
from algotrader.server.notes import note_routes
from algotrader.server.openapi import describe_stream
from algotrader.server.order_life import order_routes
from algotrader.server.page import Page
from algotrader.server.reading import reading_routes
from algotrader.server.risk import risk_routes
from algotrader.server.settings import SettingsDesk, setting_routes
from algotrader.server.strategies import strategy_routes
from algotrader.server.stream import stream_routes
from algotrader.server.watch_routes import watch_routes
from algotrader.server.watching import Watching


def create_app(
    control: Control,
    history: History | None = None,
    *,
    token: str,
    host: str = "127.0.0.1",
    instance: str = "",
    watching: Watching | None = None,
    jobs: Jobs | None = None,
    logins: Logins | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        control: the session; everything but the past is read in its own event loop.
        history: rows of the past; None to know only what the engine remembers.
        token: the secret that calls need which change something.
        host: where it listens; beyond loopback, reading needs the token too.
        instance: a public name of this run.
        watching: what watches the session for the page; made here where nobody has.
        jobs: its backtests and sweeps; None to have none.
        logins: who is logged in already; None for nobody.

    Raises:
        ValueError: there is no token.
    """
    logins = logins or Logins(token)
    app = FastAPI(
        title="algo-trader",
        version=__version__,
        middleware=[Middleware(Guard, logins=logins, host=host, instance=instance), Middleware(Page)],
        docs_url=None,  # the page would load its programs from elsewhere
        redoc_url=None,
    )
    add_failures(app)
    describe_stream(app)
    watching = watching or Watching(control, instance)
    app.include_router(watch_routes(watching))
    app.include_router(stream_routes(watching.hub, instance))
    app.include_router(job_routes(jobs))
    app.include_router(login_routes(logins, instance=instance, needs_login_to_read=not is_loopback(host)))
    app.include_router(reading_routes(control, history))
    app.include_router(action_routes(control))
    desk = SettingsDesk(control, history)
    app.include_router(setting_routes(desk))
    app.include_router(strategy_routes(desk))
    for routes in (note_routes, order_routes, risk_routes, chart_routes, export_routes):
        app.include_router(routes(control, history))
    return app
