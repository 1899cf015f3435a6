"""The trading API's routes for orders and positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from algotrader.rehearsal.alpaca.account import position_record
from algotrader.rehearsal.alpaca.answers import ApiError, invalid, not_found, unprocessable
from algotrader.rehearsal.alpaca.exchange import AlpacaVenue
from algotrader.rehearsal.alpaca.http import Request, Response, Route
from algotrader.rehearsal.alpaca.orders import AlpacaOrder
from algotrader.rehearsal.alpaca.texts import asset_id, read_time

DEFAULT_PAGE: Final = 50
MAX_PAGE: Final = 500

Json = dict[str, Any]


def body_of(request: Request) -> Any:
    """The body of a request.

    Raises:
        ApiError: it is not JSON.
    """
    try:
        return request.json()
    except ValueError:
        raise ApiError(400, 40010000, "request body format is invalid") from None


class TradingRoutes:
    """Orders and positions of one account."""

    def __init__(self, venue: AlpacaVenue) -> None:
        self._venue: Final = venue
        self._book: Final = venue.book

    def routes(self) -> list[Route]:
        """What is answered here."""
        answers: list[tuple[str, str, Callable[[Request], Response]]] = [
            ("POST", "/v2/orders", self._submit),
            ("GET", "/v2/orders", self._orders),
            ("DELETE", "/v2/orders", self._cancel_all),
            ("GET", "/v2/orders:by_client_order_id", self._by_client_id),
            ("GET", "/v2/orders/{id}", self._order),
            ("PATCH", "/v2/orders/{id}", self._replace),
            ("DELETE", "/v2/orders/{id}", self._cancel),
            ("GET", "/v2/positions", self._positions),
            ("DELETE", "/v2/positions", self._close_all),
            ("GET", "/v2/positions/{symbol}", self._position),
            ("DELETE", "/v2/positions/{symbol}", self._close),
        ]
        return [Route(*answer) for answer in answers]

    # Orders

    def _submit(self, request: Request) -> Response:
        return Response(200, self._venue.submit(body_of(request)))

    def _replace(self, request: Request) -> Response:
        return Response(200, self._venue.replace(self._book.order(request.parameters["id"]), body_of(request)))

    def _cancel(self, request: Request) -> Response:
        self._venue.cancel(self._book.order(request.parameters["id"]))
        return Response(204)

    def _cancel_all(self, request: Request) -> Response:
        rows = []
        for order in self._book.working():
            if order.open:
                self._venue.cancel(order)
            rows.append({"id": order.id, "status": 200, "body": order.record()})
        return Response(207, rows)

    def _order(self, request: Request) -> Response:
        self._book.refresh()
        order = self._book.order(request.parameters["id"])
        return Response(200, order.record(nested=_true(request, "nested")))

    def _by_client_id(self, request: Request) -> Response:
        self._book.refresh()
        name = request.query.get("client_order_id")
        if not name:
            raise invalid("client_order_id is required")
        return Response(200, self._book.order_by_client_id(name).record(nested=_true(request, "nested")))

    def _orders(self, request: Request) -> Response:
        self._book.refresh()
        query = request.query
        status = query.get("status") or "open"
        if status not in ("open", "closed", "all"):
            raise unprocessable("invalid status")
        nested, limit = _true(request, "nested"), _limit(query.get("limit"))
        after, until = _time(query, "after", -1), _time(query, "until", 2**63)
        found = [
            order
            for order in self._book.orders.values()
            if after < order.submitted < until and _asked(order, query, status, nested=nested)
        ]
        if (query.get("direction") or "desc") != "asc":
            found.reverse()
        return Response(200, [order.record(nested=nested) for order in found[:limit]])

    # Positions

    def _positions(self, request: Request) -> Response:
        return Response(200, [self._position_of(instrument.symbol) for instrument in self._venue.held()])

    def _position(self, request: Request) -> Response:
        return Response(200, self._position_of(self._symbol(request)))

    def _symbol(self, request: Request) -> str:
        """The symbol of a path, where an asset's id will do as well."""
        asked = request.parameters["symbol"]
        for instrument in self._venue.exchange.instruments:
            if asked == str(asset_id(instrument.symbol)):
                return instrument.symbol
        return asked

    def _position_of(self, symbol: str) -> Json:
        venue, instrument = self._venue, self._venue.instrument(symbol)
        if instrument is None:
            raise not_found(f"symbol not found: {symbol[:40]}")
        holding = venue.holding(instrument)
        if not holding.quantity_raw:
            raise not_found("position does not exist")
        last = venue.exchange.last_price(instrument)
        return position_record(instrument, holding, venue.available(instrument), last, venue.lastday(instrument))

    def _close(self, request: Request) -> Response:
        query = request.query
        return Response(200, self._venue.close(self._symbol(request), query.get("qty", ""), query.get("percentage", "")))

    def _close_all(self, request: Request) -> Response:
        if _true(request, "cancel_orders"):
            self._cancel_all(request)
        rows: list[Json] = []
        for instrument in self._venue.held():
            row: Json = {"symbol": instrument.symbol, "status": 200}
            try:
                row["body"] = self._venue.close(instrument.symbol)
            except ApiError as refusal:
                row |= {"status": refusal.status, "body": refusal.body()}
            rows.append(row)
        return Response(207, rows)


def _true(request: Request, name: str) -> bool:
    return request.query.get(name, "").lower() in ("true", "1")


def _limit(text: str | None) -> int:
    try:
        limit = int(text or DEFAULT_PAGE)
    except ValueError:
        raise unprocessable("invalid limit") from None
    if not 0 < limit <= MAX_PAGE:
        raise unprocessable(f"limit must be between 1 and {MAX_PAGE}")
    return limit


def _asked(order: AlpacaOrder, query: dict[str, str], status: str, *, nested: bool) -> bool:
    """Whether a list of orders includes one; nested, an order counts as open while one of its legs is."""
    if nested and order.parent is not None:
        return False
    is_open = any(each.open for each in order.family()) if nested else order.open
    if (status == "open" and not is_open) or (status == "closed" and is_open):
        return False
    symbols = query.get("symbols")
    if symbols and order.instrument.symbol not in symbols.split(","):
        return False
    return not query.get("side") or query["side"] == order.side.value


def _time(query: dict[str, str], name: str, otherwise: int) -> int:
    if not query.get(name):
        return otherwise
    try:
        return read_time(query[name])
    except ValueError as error:
        raise unprocessable(f"invalid {name}: {error}") from None
