"""The first screen's picture of a session: account, positions, profit, strategies, connection, alerts."""

from __future__ import annotations

from typing import Final

from algotrader import __version__
from algotrader.core.ledger import RoundTrip
from algotrader.core.market import NS_PER_DAY
from algotrader.core.state import EXTERNAL, EngineState
from algotrader.history.hours import Hours
from algotrader.live.control import CONNECTED, DISCONNECTED, RECONNECTING, SHUTTING_DOWN, STOPPED, Control
from algotrader.live.launch_settings import LIVE_MODE
from algotrader.server import status
from algotrader.server.alerts import AlertBook, Finding, findings
from algotrader.server.documents import Document, iso, money, percent
from algotrader.server.waiting import strategy_states


class Picture:
    """Draws a session.

    Args:
        control: the session.
        instance: a public name of this run.
    """

    def __init__(self, control: Control, instance: str = "") -> None:
        self.control: Final = control
        self._instance: Final = instance
        self._book: Final = AlertBook()
        self._hours: Final[dict[str, Hours]] = {}
        self.more_findings: list[Finding] = []
        """What others have found, the health monitor for one."""

    def snapshot(self, recent: list[Document]) -> Document:
        """Everything at once, with what happened lately, newest first."""
        return {
            "account": self.account(),
            "positions": self.positions(),
            "pnl": self.pnl(),
            "strategies": self.strategies(),
            "recent_activity": recent,
            "connection": self.connection(),
            "session": self.session(),
            "alerts": self.alerts(),
        }

    def account(self) -> Document:
        """The account's money."""
        start = self.control.engine.state.breaker.start_equity
        return status.account(self.control.engine.state) | {
            "is_paper": self.control.mode != LIVE_MODE,
            "start_of_day_equity": money(start) if start else None,
        }

    def positions(self) -> list[Document]:
        """What is held."""
        return status.open_positions(self.control.engine.state)

    def pnl(self) -> Document:
        """Profit of the trading day."""
        state = self.control.engine.state
        equity, start = state.equity(), state.breaker.start_equity
        trips = trips_since(state, day_start(state))
        return status.pnl(state) | {
            "today_pnl_pct": percent(equity - start, start) if start else "0",
            "total_equity": money(equity),
            "buying_power": money(status.buying_power(state)),
            "cash": money(state.total_cash()),
            "wins_today": sum(1 for trip in trips if trip.profit > 0),
            "trips_today": len(trips),
        }

    def strategies(self) -> list[Document]:
        """What the strategies are doing."""
        return strategy_states(self.control.engine.state)

    def connection(self) -> Document:
        """How the streams stand."""
        vitals = self.control.vitals
        both = (vitals.bar_stream, vitals.order_stream)
        if self.control.state in (SHUTTING_DOWN, STOPPED):
            word = SHUTTING_DOWN
        elif both == (CONNECTED, CONNECTED):
            word = CONNECTED
        else:
            word = RECONNECTING if RECONNECTING in both else DISCONNECTED
        return {
            "status": word,
            "bar_stream": vitals.bar_stream,
            "trade_stream": vitals.order_stream,
            "last_bar_at": iso(vitals.last_bar),
        }

    def session(self) -> Document:
        """The session itself."""
        control, state, now = self.control, self.control.engine.state, self.control.clock.now()
        hours = [self._of(calendar) for calendar in dict.fromkeys(track.instrument.calendar for track in state.tracks)]
        running = [session.close_time for one in hours if (session := one.session_at(now)) is not None]
        coming = [session.open_time for one in hours if (session := one.next_session(now)) is not None]
        return {
            "state": control.state,
            "mode": control.mode,
            "venue": control.venue,
            "trading_state": state.trading_state,
            "entries_open": state.gate_open,
            "emergency_stop": state.emergency,
            "started_at": iso(control.vitals.started),
            "market_open": any(one.is_trading(now) for one in hours),
            "next_open": iso(min(coming, default=0)),
            "next_close": iso(min(running, default=0)),
            "version": __version__,
            "instance": self._instance,
            "server_time": iso(now),
        }

    def alerts(self) -> list[Document]:
        """What a person should see."""
        return self._book.documents([*findings(self.control), *self.more_findings], self.control.clock.now())

    def _of(self, calendar: str) -> Hours:
        found = self._hours.get(calendar)
        if found is None:
            found = self._hours[calendar] = Hours(calendar)
        return found


def day_start(state: EngineState) -> int:
    """When the trading day began: the open of the session that began last where the first instrument is traded, as the breaker
    counts its day, or midnight UTC before the first one.
    """
    first = state.tracks[0].instrument.calendar if state.tracks else ""
    opens = [t.session.open_time for t in state.tracks if t.session is not None and t.instrument.calendar == first]
    return max((moment for moment in opens if moment <= state.now), default=state.now // NS_PER_DAY * NS_PER_DAY)


def trips_since(state: EngineState, since: int) -> list[RoundTrip]:
    """Our round trips that ended at or after a time, the last one first."""
    found: list[RoundTrip] = []
    for trip in reversed(state.ledger.trips):
        if trip.exit_time < since:
            break
        if trip.owner != EXTERNAL:
            found.append(trip)
    return found
