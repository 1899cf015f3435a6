"""What an operator can do to a session over HTTP. Every action has a reason and a name, and goes the way of all events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from algotrader.core import by_hand
from algotrader.core.events import OperatorCommand
from algotrader.core.risk import Denial
from algotrader.core.scaled import ceil_scaled, floor_scaled
from algotrader.core.state import EngineState, Holding
from algotrader.errors import did_you_mean
from algotrader.live.control import SHUTTING_DOWN, STOPPED, Control
from algotrader.server import phrases
from algotrader.server.documents import Document, iso
from algotrader.server.models.texts import Text
from algotrader.server.refusal import Refusal

Positive = Annotated[Decimal, Field(gt=0, max_digits=28, decimal_places=12, allow_inf_nan=False)]


class Request(BaseModel):
    """Who wants something and why."""

    model_config = ConfigDict(extra="forbid")

    reason: Text
    operator: Text = "operator"


class SymbolRequest(Request):
    """The same for one instrument."""

    symbol: Text


class FlattenRequest(Request):
    """Close all positions, or those of one instrument."""

    symbol: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    confirm: str | None = None


class AdoptRequest(SymbolRequest):
    """Look after positions and orders that a person made: only protect them, or manage them as our own."""

    mode: Literal["protect", "manage"]


class PositionRequest(SymbolRequest):
    """Something for one position; whose it is has to be said only where several hold the instrument."""

    owner: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = Field(
        default="", description="the strategy whose position is meant, or external; needed where several hold the symbol"
    )


class CloseRequest(SymbolRequest):
    """Close what is held of an instrument, of everybody or of one strategy."""

    owner: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = Field(
        default="", description="the strategy whose position is meant, or external; empty for all that are ours"
    )


class ReduceRequest(PositionRequest):
    """Sell a part of a position, or buy back a part of a short one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"symbol": "AAPL", "qty": "40", "reason": "earnings tonight", "operator": "Ada"}]},
    )

    qty: Positive = Field(description="how much to close at market; no more than is held")


class RestopRequest(PositionRequest):
    """Tighten the stop of a position."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"symbol": "AAPL", "stop_price": "163.50", "reason": "lock in", "operator": "Ada"}]},
    )

    stop_price: Positive = Field(
        description="closer to the market than the stop that works, and not through it; rounded away from the market to the tick"
    )


class ResumeRequest(Request):
    """Let new entries happen again; ``confirm`` repeats the phrase that a person typed."""

    confirm: str


class ShutdownRequest(Request):
    """End the session in order."""

    flatten: bool = False


class Actions:
    """Turns requests into events. Gives what the client is told. All are coroutines, for they belong into the session's own loop.

    Args:
        control: the session.
    """

    def __init__(self, control: Control) -> None:
        self._control: Final = control

    async def halt(self, request: Request) -> Document:
        """No new entries; what is held stays protected."""
        return self._order("halt", request, "", "no new entries; positions keep their stops")

    async def resume(self, request: ResumeRequest) -> Document:
        """Allow entries again."""
        if not phrases.same(request.confirm, phrases.RESUME):
            raise Refusal(422, "not_confirmed", "resuming was not confirmed", f'confirm must be "{phrases.RESUME}"')
        return self._order("resume", request, "", "entries are allowed again")

    async def flatten(self, request: FlattenRequest) -> Document:
        """Close positions; a page has the phrase typed and sends it as ``confirm``, which then has to be right."""
        if request.confirm is not None and not phrases.same(request.confirm, phrases.FLATTEN):
            raise Refusal(422, "not_confirmed", "closing was not confirmed", f'confirm must be "{phrases.FLATTEN}"')
        symbol = self._symbol(request.symbol) if request.symbol else ""
        return self._order("flatten", request, symbol, f"closing {symbol or 'every position'}")

    async def close(self, request: CloseRequest) -> Document:
        """Close our positions in one instrument, or the one of an owner."""
        symbol, owner = self._symbol(request.symbol), request.owner
        held = [holding for holding in held_in(self._control.engine.state, symbol) if owner in ("", holding.owner)]
        if not held:
            whose = f" of {owner}" if owner else ""
            raise Refusal(
                409, "no_position", f"there is no position{whose} in {symbol}", "`algo-trader positions` lists what is held"
            )
        if not any(holding.managed for holding in held):
            raise Refusal(
                409,
                "external_position",
                f"the position in {symbol} was not opened here and is left alone",
                f"`algo-trader adopt {symbol} --mode manage` hands it over first",
            )
        return self._order("close", request, symbol, f"closing {symbol}{f' of {owner}' if owner else ''}", owner=owner)

    async def reduce(self, request: ReduceRequest) -> Document:
        """Close a part of one position at market; its stop shrinks with it."""
        symbol = self._symbol(request.symbol)
        holding = self._one(symbol, request.owner, managed=True)
        instrument = holding.instrument
        quantity = ceil_scaled(request.qty, instrument.quantity_scale)
        fault = by_hand.reduction_fault(self._control.engine.protection, holding, quantity)
        if fault is None and instrument.quantity(quantity) != request.qty:
            fault = by_hand.step_fault(instrument)
        _refuse(fault, symbol)
        told = f"closing {instrument.quantity(quantity)} of {abs(holding.position.quantity)} {symbol}"
        return self._order("reduce_position", request, symbol, told, owner=request.owner, quantity_raw=quantity)

    async def restop(self, request: RestopRequest) -> Document:
        """Tighten the stop of one position; it never goes back."""
        symbol = self._symbol(request.symbol)
        holding = self._one(symbol, request.owner, managed=False)
        price = stop_from(holding, request.stop_price)
        _refuse(by_hand.stop_fault(holding, price), symbol)
        told = f"moving the stop of {symbol} to {holding.instrument.price(price)}"
        return self._order("restop", request, symbol, told, owner=request.owner, stop_raw=price)

    def _one(self, symbol: str, owner: str, managed: bool) -> Holding:
        state = self._control.engine.state
        _refuse(by_hand.choice_fault(state, symbol, owner, managed), symbol)
        return by_hand.chosen(state, symbol, owner, managed)[0]

    async def adopt(self, request: AdoptRequest) -> Document:
        """Look after what a person opened."""
        symbol = self._symbol(request.symbol)
        doing = "protecting" if request.mode == "protect" else "managing"
        return self._order("adopt", request, symbol, f"{doing} what was not opened here in {symbol}", request.mode)

    async def release(self, request: SymbolRequest) -> Document:
        """Let go of what was adopted."""
        symbol = self._symbol(request.symbol)
        return self._order("release", request, symbol, f"what was not opened here in {symbol} is left alone again")

    async def emergency_stop(self, request: Request) -> Document:
        """Cancel everything, close everything, stay halted."""
        return self._order("emergency", request, "", "cancelling all orders and closing all positions; halted until resumed")

    async def shutdown(self, request: ShutdownRequest) -> Document:
        """End the session; a second request changes nothing."""
        again = self._control.state == SHUTTING_DOWN
        self._control.request_shutdown(f"{request.operator}: {request.reason}", flatten=request.flatten)
        message = "the session is shutting down already" if again else "the session shuts down"
        return self._told("shutdown", message + (" and closes its positions first" if request.flatten and not again else ""))

    def _order(
        self,
        action: str,
        request: Request,
        symbol: str,
        message: str,
        mode: str = "",
        *,
        owner: str = "",
        quantity_raw: int = 0,
        stop_raw: int = 0,
    ) -> Document:
        if self._control.state in (SHUTTING_DOWN, STOPPED):
            raise Refusal(
                409,
                "wrong_state",
                f"the session is {self._control.state.replace('_', ' ')} and takes no more commands",
                "start a session with `algo-trader start`",
            )
        now = self._control.clock.now()
        command = OperatorCommand(now, action, request.operator, request.reason, symbol, owner, mode, quantity_raw, stop_raw)
        self._control.put(command)
        return self._told(action, message)

    def _told(self, action: str, message: str) -> Document:
        return {"accepted": True, "action": action, "message": message, "time": iso(self._control.clock.now())}

    def _symbol(self, text: str) -> str:
        known = self._control.engine.state.by_symbol
        symbol = text.upper()
        if symbol not in known:
            near = did_you_mean(symbol, known)
            raise Refusal(
                404, "unknown_symbol", f"{text} is not followed by this session", near or f"it follows {', '.join(known)}"
            )
        return symbol


def held_in(state: EngineState, symbol: str) -> list[Holding]:
    """What is held of an instrument, by whomever."""
    return [holding for holding in state.holdings.values() if holding.instrument.symbol == symbol and holding.quantity_raw]


def stop_from(holding: Holding, price: Decimal) -> int:
    """A price that a person typed, as a stop in the venue's steps."""
    scale = holding.instrument.price_scale
    raw = floor_scaled(price, scale) if holding.quantity_raw > 0 else ceil_scaled(price, scale)
    return by_hand.stop_on_tick(holding, raw)


_HINTS: Final = {
    by_hand.NO_POSITION: "`algo-trader positions` lists what is held",
    by_hand.EXTERNAL_POSITION: "`algo-trader adopt {symbol} --mode manage` hands it over first",
    by_hand.SEVERAL_OWNERS: "name the strategy as owner",
    by_hand.BAD_QUANTITY: "give a whole number of steps",
    by_hand.TOO_MUCH: "`algo-trader close {symbol}` closes all of it",
    by_hand.BEING_CLOSED: "`algo-trader orders` shows the exit",
    by_hand.LOOSER_STOP: "a stop is never loosened; leave it where it is, or close a part of the position",
    by_hand.THROUGH_MARKET: "`algo-trader close {symbol}` sells at market",
}


def _refuse(fault: Denial | None, symbol: str) -> None:
    """Say no in the words of the engine's own judgement."""
    if fault is not None:
        raise Refusal(409, fault.code, fault.message, _HINTS.get(fault.code, "see `algo-trader positions`").format(symbol=symbol))


def action_routes(control: Control) -> APIRouter:
    """The calls that change a session; the token is asked for before they are reached."""
    actions = Actions(control)
    router = APIRouter(prefix="/api", tags=["actions"])
    calls: tuple[tuple[str, Callable[..., Awaitable[Document]]], ...] = (
        ("/halt", actions.halt),
        ("/resume", actions.resume),
        ("/flatten", actions.flatten),
        ("/close", actions.close),
        ("/reduce", actions.reduce),
        ("/restop", actions.restop),
        ("/adopt", actions.adopt),
        ("/release", actions.release),
        ("/emergency-stop", actions.emergency_stop),
        ("/shutdown", actions.shutdown),
    )
    for path, call in calls:
        router.add_api_route(path, call, methods=["POST"], status_code=202)
    return router
