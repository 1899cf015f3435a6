"""The trading API's routes for the account, its activities, the clock, the calendar and the assets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_DAY, Session
from algotrader.history.calendars import sessions
from algotrader.history.intervals import day_ns
from algotrader.rehearsal.alpaca.account import account_record, asset_record
from algotrader.rehearsal.alpaca.answers import invalid, not_found, unprocessable
from algotrader.rehearsal.alpaca.exchange import AlpacaVenue
from algotrader.rehearsal.alpaca.http import Request, Response, Route
from algotrader.rehearsal.alpaca.texts import NEW_YORK, asset_class, asset_id, eastern_text, time_text
from algotrader.rehearsal.alpaca.trading_routes import body_of

CALENDAR: Final = "XNYS"
_AHEAD: Final = 14 * NS_PER_DAY
_FIRST_DAY: Final = date(1970, 1, 1)
_LAST_DAY: Final = date(2029, 12, 31)


class AccountRoutes:
    """All but orders and positions."""

    def __init__(self, venue: AlpacaVenue) -> None:
        self._venue: Final = venue

    def routes(self) -> list[Route]:
        """What is answered here."""
        answers: list[tuple[str, str, Callable[[Request], Response]]] = [
            ("GET", "/v2/account", self._account),
            ("GET", "/v2/account/configurations", self._configuration),
            ("PATCH", "/v2/account/configurations", self._configure),
            ("GET", "/v2/account/activities", self._activities),
            ("GET", "/v2/account/activities/{kind}", self._activities),
            ("GET", "/v2/clock", self._clock),
            ("GET", "/v2/calendar", self._calendar),
            ("GET", "/v2/assets", self._assets),
            ("GET", "/v2/assets/{symbol}", self._asset),
            ("GET", "/v2/assets/{symbol}/{quote}", self._asset),
        ]
        return [Route(*answer) for answer in answers]

    def _account(self, request: Request) -> Response:
        venue = self._venue
        return Response(200, account_record(venue.book.account_id, venue.rules, venue.money(), time_text(venue.created)))

    def _configuration(self, request: Request) -> Response:
        return Response(200, self._venue.rules.configuration())

    def _configure(self, request: Request) -> Response:
        wanted = body_of(request)
        if not isinstance(wanted, dict):
            raise invalid("request body format is invalid")
        self._venue.rules.configure(wanted)
        return Response(200, self._venue.rules.configuration())

    def _activities(self, request: Request) -> Response:
        kinds = request.parameters.get("kind") or request.query.get("activity_types", "")
        return Response(200, self._venue.book.activities.page(request.query, {kind for kind in kinds.split(",") if kind}))

    def _clock(self, request: Request) -> Response:
        now = self._venue.exchange.clock.now()
        coming = [session for session in sessions(CALENDAR, now, now + _AHEAD) if session.close_time > now]
        is_open = coming[0].open_time <= now
        following = coming[1] if is_open else coming[0]
        return Response(
            200,
            {
                "timestamp": eastern_text(now, fraction=True),
                "is_open": is_open,
                "next_open": eastern_text(following.open_time),
                "next_close": eastern_text(coming[0].close_time),
            },
        )

    def _calendar(self, request: Request) -> Response:
        try:
            first = date.fromisoformat(request.query.get("start", "")[:10] or _FIRST_DAY.isoformat())
            last = date.fromisoformat(request.query.get("end", "")[:10] or _LAST_DAY.isoformat())
        except ValueError:
            raise unprocessable("invalid date") from None
        first, last = max(first, _FIRST_DAY), min(last, _LAST_DAY)
        if last < first:
            return Response(200, [])
        found = sessions(CALENDAR, day_ns(first), day_ns(last + timedelta(days=1)))
        return Response(200, [_day(session, found[number + 1 : number + 2]) for number, session in enumerate(found)])

    def _assets(self, request: Request) -> Response:
        query, rules = request.query, self._venue.rules
        wanted = query.get("asset_class") or "us_equity"
        if query.get("status", "active") not in ("active", "", "all"):
            return Response(200, [])
        found = [instrument for instrument in self._venue.exchange.instruments if asset_class(instrument) == wanted]
        return Response(200, [asset_record(instrument, rules) for instrument in found])

    def _asset(self, request: Request) -> Response:
        asked = "/".join(request.parameters[name] for name in ("symbol", "quote") if name in request.parameters)
        instrument = self._venue.instrument(asked) or self._by_asset_id(asked)
        if instrument is None:
            raise not_found(f"asset not found for {asked[:40]}")
        return Response(200, asset_record(instrument, self._venue.rules))

    def _by_asset_id(self, asked: str) -> Instrument | None:
        instruments = self._venue.exchange.instruments
        return next((instrument for instrument in instruments if asked == str(asset_id(instrument.symbol))), None)


def _day(session: Session, following: list[Session]) -> dict[str, Any]:
    opens, closes = _local(session.open_time), _local(session.close_time)
    settled = following[0].label if following else (opens.date() + timedelta(days=1)).isoformat()
    return {
        "date": session.label,
        "open": f"{opens:%H:%M}",
        "close": f"{closes:%H:%M}",
        "session_open": "0400",
        "session_close": "2000" if closes.hour >= 16 else "1700",
        "settlement_date": settled,
    }


def _local(time: int) -> datetime:
    return datetime.fromtimestamp(time // 1_000_000_000, UTC).astimezone(NEW_YORK)
