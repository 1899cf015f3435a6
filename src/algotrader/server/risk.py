"""How far the account is from each breaker and each limit."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal

from fastapi import APIRouter

from algotrader.core import reports
from algotrader.core.scaled import from_money
from algotrader.core.state import EngineState
from algotrader.live.control import Control
from algotrader.server.aside import aside
from algotrader.server.documents import exact, iso
from algotrader.server.history import History
from algotrader.server.models.base import REFUSALS
from algotrader.server.models.risk import Breaker, Limit, Risk
from algotrader.storage.queries import Activity

TRIPS: Final = (reports.BREAKER_TRIPPED, reports.BREAKER_RESET)
HALTS: Final = (reports.TRADING_STATE,)
OF_EQUITY: Final = "% of equity"
OF_DAY: Final = "% of the day's first equity"
LOSSES: Final = "losing round trips in a row"
_CENT: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)


class RiskDesk:
    """Tells the distance to every limit.

    Args:
        control: the session.
        history: the database, for since when something holds; None for not telling.
    """

    def __init__(self, control: Control, history: History | None) -> None:
        self._control: Final = control
        self._history: Final = history

    async def show(self) -> Risk:
        """Every breaker with its level, its limit and how much of the way to it is gone; and the limits of entries."""
        state = self._control.engine.state
        trip = await self._last(TRIPS) if state.breaker.tripped else None
        halt = await self._last(HALTS) if state.trading_state != "active" else None
        return Risk(
            trading_state=state.trading_state,
            emergency_stop=state.emergency,
            entries_open=state.gate_open,
            breakers=breakers(state, trip, halt),
            limits=limits(state),
        )

    async def _last(self, kinds: tuple[str, ...]) -> Activity | None:
        """The last word on it. What the session itself does with the gate is told under the same name, but is no warning."""
        return None if self._history is None else await aside(self._history.last_activity, kinds, reports.WARNING)


def breakers(state: EngineState, trip: Activity | None = None, halt: Activity | None = None) -> list[Breaker]:
    """What halts entries.

    Args:
        state: of the engine.
        trip: what was told when the daily breaker tripped.
        halt: what was told when the trading state changed last.
    """
    breaker, policy = state.breaker, state.policy
    loss = max(-breaker.realized, 0)
    lost = _percent(loss, breaker.start_equity)
    in_row = breaker.reason.endswith("in a row")
    since = None if trip is None else iso(trip.report.time)
    daily = [
        _breaker("daily_loss", "Loss of the day", lost, policy.max_daily_loss * _HUNDRED, OF_DAY),
        _breaker(
            "losses_in_row", "Losses in a row", Decimal(breaker.losses_in_row), Decimal(policy.consecutive_loss_pause), LOSSES
        ),
    ]
    found = [
        one.model_copy(update={"state": "tripped", "reason": breaker.reason, "since": since})
        if breaker.tripped and in_row == (one.name == "losses_in_row")
        else one
        for one in daily
    ]
    return [
        *found,
        _switch("manual", "Halt", state, halt, not state.emergency),
        _switch("emergency_stop", "Emergency stop", state, halt, state.emergency),
    ]


def _breaker(name: str, title: str, level: Decimal, limit: Decimal, unit: str) -> Breaker:
    return Breaker(
        name=name,
        title=title,
        state="normal",
        level=exact(level),
        limit=exact(limit),
        used_pct=exact(_used(level, limit)),
        unit=unit,
        reason="",
        since=None,
    )


def _switch(name: str, title: str, state: EngineState, halt: Activity | None, is_meant: bool) -> Breaker:
    """A halt by hand, or by a critical failure; the last word on the trading state says which."""
    is_on = is_meant and state.trading_state != "active"
    how: Literal["normal", "manually_halted"] = "manually_halted" if is_on else "normal"
    told = None if halt is None or not is_on else halt.report
    return Breaker(
        name=name,
        title=title,
        state=how,
        level=None,
        limit=None,
        used_pct="100.00" if is_on else "0.00",
        unit="",
        reason=(state.trading_state if told is None else told.message) if is_on else "",
        since=None if told is None else iso(told.time),
    )


def limits(state: EngineState) -> list[Limit]:
    """What bounds entries."""
    policy, equity = state.policy, max(state.equity(), 0)
    sizes = [
        abs(holding.quantity_raw) * holding.track.last_raw * holding.instrument.money_factor
        for holding in state.holdings.values()
        if holding.quantity_raw and holding.is_ours
    ]
    budget = min(from_money(equity) * policy.max_risk_per_trade, policy.max_risk_per_trade_abs)
    return [
        _limit(
            "open_positions",
            "Positions and waiting entries",
            Decimal(state.open_positions()),
            Decimal(policy.max_open_positions),
            "positions",
        ),
        _limit(
            "largest_position",
            "Largest position",
            _percent(max(sizes, default=0), equity),
            policy.max_position * _HUNDRED,
            OF_EQUITY,
        ),
        _limit("exposure", "Gross exposure", _percent(state.gross_exposure(), equity), policy.max_leverage * _HUNDRED, OF_EQUITY),
        _limit("at_risk", "Largest loss at a stop", largest_risk(state), budget, "USD"),
    ]


def largest_risk(state: EngineState) -> Decimal:
    """What the position that would lose most at its stop would lose, from its average entry; 0 where every stop is beyond it."""
    worst = Decimal(0)
    for holding in state.holdings.values():
        if holding.quantity_raw and holding.is_ours and holding.stop_raw:
            apart = holding.position.average_entry_price - holding.instrument.price(holding.stop_raw)
            worst = max(worst, apart * holding.position.quantity)
    return worst


def _limit(name: str, title: str, value: Decimal, limit: Decimal, unit: str) -> Limit:
    value, limit = value.quantize(_CENT) if unit != "positions" else value, limit.quantize(_CENT) if unit != "positions" else limit
    return Limit(name=name, title=title, value=exact(value), limit=exact(limit), used_pct=exact(_used(value, limit)), unit=unit)


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(part) * 100 / Decimal(whole)).quantize(_CENT) if whole > 0 else Decimal("0.00")


def _used(value: Decimal, limit: Decimal) -> Decimal:
    return (value * 100 / limit).quantize(_CENT) if limit > 0 else Decimal("0.00")


def risk_routes(control: Control, history: History | None) -> APIRouter:
    """The call about limits."""
    router = APIRouter(prefix="/api", tags=["risk"], responses=REFUSALS)
    router.add_api_route("/risk", RiskDesk(control, history).show, methods=["GET"], response_model=Risk)
    return router
