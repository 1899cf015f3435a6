"""Routes for a rehearsal itself, which no real venue has: plan faults, halt an instrument, move money."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from algotrader.core.scaled import money
from algotrader.rehearsal.alpaca.answers import invalid
from algotrader.rehearsal.alpaca.faults import DATA, ORDERS, read_fault
from algotrader.rehearsal.alpaca.http import Request, Response, Route
from algotrader.rehearsal.alpaca.trading_routes import body_of

if TYPE_CHECKING:
    from algotrader.rehearsal.alpaca.server import AlpacaServer


class Control:
    """Acts on a server; its routes begin with an underscore and ask for no keys."""

    def __init__(self, server: AlpacaServer) -> None:
        self._server: Final = server

    def routes(self) -> list[Route]:
        """What is answered here."""
        answers: list[tuple[str, str, Callable[[Request], Response]]] = [
            ("GET", "/_faults", self._planned),
            ("POST", "/_faults", self._plan),
            ("DELETE", "/_faults", self._clear),
            ("POST", "/_strike", self._strike),
            ("POST", "/_halt", self._halt),
            ("POST", "/_deposit", self._deposit),
        ]
        return [Route(*answer) for answer in answers]

    def _planned(self, request: Request) -> Response:
        plan = self._server.plan
        return Response(200, {"waiting": plan.waiting(), "struck": [list(each) for each in plan.struck]})

    def _plan(self, request: Request) -> Response:
        found = body_of(request)
        try:
            every = [read_fault(each) for each in (found if isinstance(found, list) else [found])]
        except (ValueError, TypeError) as error:
            raise invalid(str(error)) from None
        for fault in every:
            self._server.plan.add(fault)
        return Response(204)

    def _clear(self, request: Request) -> Response:
        self._server.plan.clear()
        return Response(204)

    def _strike(self, request: Request) -> Response:
        found = _object(request)
        where = found.get("where")
        if where not in (ORDERS, DATA):
            raise invalid(f"where is {ORDERS} or {DATA}")
        try:
            self._server.strike(str(found.get("kind")), where, float(found.get("seconds", 0.0)))
        except ValueError as error:
            raise invalid(str(error)) from None
        return Response(204)

    def _halt(self, request: Request) -> Response:
        found = _object(request)
        instrument = self._server.venue.instrument(str(found.get("symbol")))
        if instrument is None:
            raise invalid("symbol is not traded here")
        self._server.halt(instrument.symbol, halted=found.get("halted", True) is True)
        return Response(204)

    def _deposit(self, request: Request) -> Response:
        try:
            amount = Decimal(str(_object(request).get("amount")))
            self._server.deposit(money(amount))
        except (InvalidOperation, ValueError):
            raise invalid("amount is not a sum of money") from None
        return Response(204)


def _object(request: Request) -> dict[str, Any]:
    found = body_of(request)
    if not isinstance(found, dict):
        raise invalid("the body is no object")
    return found
