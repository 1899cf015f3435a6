"""How a session is: its health, and the picture that the command line and the web page show first."""

from __future__ import annotations

from typing import Any, Final

from algotrader.core.algorithm_style import AlgorithmSlot
from algotrader.core.engine import BASE_SESSION
from algotrader.core.risk import PPM
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import ACCOUNT_MAX_AGE_NS, EngineState, Slot
from algotrader.live.clock import NS_PER_SECOND
from algotrader.live.control import CONNECTED, RUNNING, Control
from algotrader.server.documents import Document, iso, money, position_document

STALE_AFTER: Final = 180
"""Seconds without a bar in an open session after which a session is not healthy; three bars where they are longer than a minute."""


def health(control: Control, in_full: bool = True) -> Document:
    """Whether a session works, and if not why.

    Args:
        control: the session.
        in_full: with what concerns the account, which not everybody may see.
    """
    vitals, now = control.vitals, control.clock.now()
    faults = problems(control)
    found: Document = {
        "status": "unhealthy" if faults else "healthy",
        "problems": faults,
        "state": control.state,
        "is_running": control.state == RUNNING,
    }
    if not in_full:
        return found
    return found | {
        "mode": control.mode,
        "time": iso(now),
        "started_at": iso(vitals.started),
        "uptime_seconds": _age(now, vitals.started),
        "broker_connected": vitals.order_stream == CONNECTED,
        "streams": {"bars": vitals.bar_stream, "orders": vitals.order_stream},
        "last_market_data_at": iso(vitals.last_bar),
        "last_bar_age_seconds": _age(now, vitals.last_bar),
        "last_commit_age_seconds": _age(now, vitals.last_commit),
        "last_reconciliation_at": iso(vitals.last_reconciliation),
        "last_reconciliation_age_seconds": _age(now, vitals.last_reconciliation),
        "last_checkpoint_at": iso(vitals.last_snapshot),
        "portfolio_value": money(control.engine.state.equity()),
        "cash": money(control.engine.state.total_cash()),
        "position_count": len(open_positions(control.engine.state)),
        "shadow_enabled": control.mode == "shadow",
        "metrics_enabled": True,
    }


def problems(control: Control) -> list[str]:
    """What keeps a session from being healthy, in words."""
    if control.state != RUNNING:
        return [f"the session is {control.state.replace('_', ' ')}"]
    vitals, found = control.vitals, []
    if vitals.order_stream != CONNECTED:
        found.append(f"the stream of orders is {vitals.order_stream}")
    if vitals.bar_stream != CONNECTED:
        found.append(f"the stream of bars is {vitals.bar_stream}")
    age = silence(control)
    if age is not None:
        found.append(f"no bar for {age} s while the market is open")
    return found


def silence(control: Control) -> int | None:
    """For how long an open market has been silent, where that is too long."""
    engine, now = control.engine, control.clock.now()
    if engine.base_seconds == BASE_SESSION:
        return None
    opened = [t.session.open_time for t in engine.state.tracks if t.session is not None and t.session.contains(now)]
    if not opened:
        return None
    age = (now - max(control.vitals.last_bar, control.vitals.started, min(opened))) // NS_PER_SECOND
    return age if age > max(STALE_AFTER, 3 * engine.base_seconds) else None


def _age(now: int, then: int) -> float | None:
    return round(max(now - then, 0) / NS_PER_SECOND, 3) if then else None


def open_positions(state: EngineState) -> list[Document]:
    """Every position that is not flat, in the order in which they came about."""
    return [position_document(holding, state) for holding in state.holdings.values() if holding.quantity_raw]


def status(control: Control) -> Document:
    """The session at a glance."""
    state = control.engine.state
    return {
        "health": health(control),
        "trading_state": state.trading_state,
        "emergency_stop": state.emergency,
        "entries_open": state.gate_open,
        "breaker": {"tripped": state.breaker.tripped, "reason": state.breaker.reason},
        "account": account(state),
        "pnl": pnl(state),
        "positions": open_positions(state),
        "open_orders": len(state.live_orders),
        "foreign_orders": len(state.foreign),
        "round_trips": len(state.ledger.trips),
        "strategies": [strategy(slot) for slot in state.slots],
        "watchlist": [track.instrument.symbol for track in state.tracks],
        "counts": {"events": control.vitals.events, "commands": control.vitals.commands},
    }


def account(state: EngineState) -> Document:
    """The account's money at the last prices."""
    return {
        "equity": money(state.equity()),
        "cash": money(state.total_cash()),
        "buying_power": money(buying_power(state)),
        "margin_used": money(state.gross_exposure()),
    }


def buying_power(state: EngineState) -> int:
    """What may still be spent, money. Where the venue's word is old the engine notes it at this question; a reader must not."""
    account = state.account
    if account is None or state.now - account.time <= ACCOUNT_MAX_AGE_NS:
        return state.buying_power()
    return state.equity() * state.risk_ppm // PPM - state.gross_exposure() - state.reserved()


def pnl(state: EngineState) -> Document:
    """Profit of the trading day and of what is open, after commission."""
    unrealized = sum(h.position.unrealized(h.track.last_raw) for h in state.holdings.values() if h.quantity_raw)
    start = state.breaker.start_equity
    return {
        "today_pnl": money(state.equity() - start if start else 0),
        "realized_pnl": money(state.breaker.realized),
        "unrealized_pnl": money(unrealized),
    }


def strategy(slot: Slot) -> dict[str, Any]:
    """A strategy instance: on what it works, and whether it may."""
    symbols: list[str] = []
    if isinstance(slot, SignalSlot):
        symbols = [slot.track.instrument.symbol]
    elif isinstance(slot, AlgorithmSlot):
        symbols = [track.instrument.symbol for track in slot.tracks]
    return {"name": slot.owner, "symbols": symbols, "enabled": slot.enabled, "errors": slot.errors}
