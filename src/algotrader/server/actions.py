"""What an operator can do to a session over HTTP. Every action has a reason and a name, and goes the way of all events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints

from algotrader.core.events import OperatorCommand
from algotrader.core.state import EngineState, Holding
from algotrader.errors import did_you_mean
from algotrader.live.control import SHUTTING_DOWN, STOPPED, Control
from algotrader.server import phrases
from algotrader.server.documents import Document, iso
from algotrader.server.refusal import Refusal

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


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

    symbol: Annotated[str, StringConstraints(strip_whitespace=True)] = ""


class AdoptRequest(SymbolRequest):
    """Look after positions and orders that a person made: only protect them, or manage them as our own."""

    mode: Literal["protect", "manage"]


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
        """Close positions."""
        symbol = self._symbol(request.symbol) if request.symbol else ""
        return self._order("flatten", request, symbol, f"closing {symbol or 'every position'}")

    async def close(self, request: SymbolRequest) -> Document:
        """Close our positions in one instrument."""
        symbol = self._symbol(request.symbol)
        held = held_in(self._control.engine.state, symbol)
        if not held:
            raise Refusal(409, "no_position", f"there is no position in {symbol}", "`algo-trader positions` lists what is held")
        if not any(holding.managed for holding in held):
            raise Refusal(
                409,
                "external_position",
                f"the position in {symbol} was not opened here and is left alone",
                f"`algo-trader adopt {symbol} --mode manage` hands it over first",
            )
        return self._order("close", request, symbol, f"closing {symbol}")

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

    def _order(self, action: str, request: Request, symbol: str, message: str, mode: str = "") -> Document:
        if self._control.state in (SHUTTING_DOWN, STOPPED):
            raise Refusal(
                409,
                "wrong_state",
                f"the session is {self._control.state.replace('_', ' ')} and takes no more commands",
                "start a session with `algo-trader start`",
            )
        now = self._control.clock.now()
        self._control.put(OperatorCommand(now, action, request.operator, request.reason, symbol, mode=mode))
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


def action_routes(control: Control) -> APIRouter:
    """The calls that change a session; the token is asked for before they are reached."""
    actions = Actions(control)
    router = APIRouter(prefix="/api", tags=["actions"])
    calls: tuple[tuple[str, Callable[..., Awaitable[Document]]], ...] = (
        ("/halt", actions.halt),
        ("/resume", actions.resume),
        ("/flatten", actions.flatten),
        ("/close", actions.close),
        ("/adopt", actions.adopt),
        ("/release", actions.release),
        ("/emergency-stop", actions.emergency_stop),
        ("/shutdown", actions.shutdown),
    )
    for path, call in calls:
        router.add_api_route(path, call, methods=["POST"], status_code=202)
    return router
