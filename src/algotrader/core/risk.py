"""Risk control: how large an entry may be, whether it may be sent at all, and the only place that approves orders.

Every denial carries a code and a sentence with the numbers. Orders that reduce a position and protective orders pass every limit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.commands import ApprovedOrder, RiskSeal
from algotrader.core.copies import made_from_fields
from algotrader.core.instruments import Instrument
from algotrader.core.orders import OrderRequest
from algotrader.core.scaled import from_money, money

PPM: Final = 1_000_000

DENIED_HALTED: Final = "halted"
DENIED_REDUCING: Final = "reducing"
DENIED_BREAKER: Final = "daily_breaker"
DENIED_UNKNOWN: Final = "order_unknown"
DENIED_EXTERNAL: Final = "external_position"
DENIED_DISCONNECTED: Final = "disconnected"
DENIED_INSTRUMENT_HALTED: Final = "instrument_halted"
DENIED_OPPOSING: Final = "opposing_position"
DENIED_MAX_POSITIONS: Final = "max_open_positions"
DENIED_HAS_POSITION: Final = "has_position"
DENIED_SIGNAL: Final = "invalid_signal"
DENIED_SIZE: Final = "size"
DENIED_BUYING_POWER: Final = "buying_power"
DENIED_SHORT: Final = "short_not_allowed"
DENIED_QUANTITY: Final = "quantity"
DENIED_CONTROL: Final = "trading_control"
DENIED_WINDOW: Final = "entry_window"
DENIED_COOLDOWN: Final = "cooldown"
DENIED_RANK: Final = "outranked"
DENIED_STATE: Final = "session_closed"

_SEAL: Final = RiskSeal("algotrader.core.risk")


def ppm(fraction: Decimal) -> int:
    """A fraction such as 0.01 in millionths."""
    return int(fraction * PPM)


@final
@dataclass(frozen=True, slots=True)
class RiskPolicy:
    """The limits of one account. Fractions are of the current equity.

    ``breaker_for_all`` applies the daily breaker to strategies with explicit quantities too, not only to those sized by risk.
    ``max_leverage`` bounds gross exposure by equity; 1 means that only cash can be spent.
    """

    max_risk_per_trade: Decimal = Decimal("0.01")
    max_risk_per_trade_abs: Decimal = Decimal(500)
    max_position: Decimal = Decimal("0.05")
    max_daily_loss: Decimal = Decimal("0.03")
    max_open_positions: int = 5
    consecutive_loss_pause: int = 3
    break_even_is_loss: bool = True
    emergency_stop: Decimal = Decimal("0.02")
    max_leverage: Decimal = Decimal(1)
    breaker_for_all: bool = False

    def __post_init__(self) -> None:
        for name in ("max_risk_per_trade", "max_position", "max_daily_loss", "emergency_stop"):
            value: Decimal = getattr(self, name)
            if not 0 < value <= 1:
                raise ValueError(f"risk policy: {name} must lie in 0..1 (0.05 is five percent), not {value}")
        if self.max_risk_per_trade_abs <= 0 or self.max_leverage <= 0:
            raise ValueError("risk policy: max_risk_per_trade_abs and max_leverage must be positive")
        if self.max_open_positions < 1 or self.consecutive_loss_pause < 1:
            raise ValueError("risk policy: max_open_positions and consecutive_loss_pause must be at least 1")


def changed_policy(policy: RiskPolicy, changes: tuple[tuple[str, str], ...]) -> RiskPolicy:
    """A policy with some of its limits replaced; values are given as text.

    Raises:
        ValueError: there is no such limit, or the value is out of bounds.
    """
    values: dict[str, Any] = {field.name: getattr(policy, field.name) for field in fields(RiskPolicy)}
    for name, text in changes:
        if name not in values:
            raise ValueError(f"risk policy: there is no limit {name!r}; there are {', '.join(values)}")
        values[name] = _limit(name, text, values[name])
    return RiskPolicy(**values)


def _limit(name: str, text: str, old: object) -> object:
    """A limit read from text, of the type that it had."""
    try:
        if isinstance(old, bool):
            return {"true": True, "false": False}[text.lower()]
        return int(text) if isinstance(old, int) else Decimal(text)
    except (ArithmeticError, KeyError, ValueError):
        raise ValueError(f"risk policy: {text!r} is not a value for {name}") from None


@final
@dataclass(frozen=True, slots=True)
@mypyc_attr(acyclic=True)
class Sizing:
    """The outcome of sizing: a quantity (scaled, 0 when denied), the numbers it came from (money), and why it is what it is."""

    quantity_raw: int
    reason: str
    risk_amount: int = 0
    stop_distance_raw: int = 0
    position_value: int = 0


def size_by_risk(
    equity: int, buying_power: int, instrument: Instrument, entry_raw: int, stop_raw: int, policy: RiskPolicy
) -> Sizing:
    """Size an entry so that hitting its stop loses no more than the risk budget, then apply every cap.

    Args:
        equity: current equity including unrealised profit, money.
        buying_power: what may still be spent, money, pending entries already taken off.
        entry_raw, stop_raw: planned prices, scaled.

    Returns:
        The quantity, rounded down to what the venue trades, or 0 with the reason.
    """
    distance = abs(entry_raw - stop_raw)
    if entry_raw <= 0:
        return Sizing(0, "invalid entry price")
    if distance == 0:
        return Sizing(0, "the stop is at the entry price")
    budget = min(max(equity, 0) * ppm(policy.max_risk_per_trade) // PPM, money(policy.max_risk_per_trade_abs))
    by_risk = instrument.round_quantity_down(budget // (distance * instrument.money_factor))
    if by_risk == 0:
        return Sizing(
            0,
            f"risk budget {from_money(budget)} is too small for a stop distance of {instrument.price(distance)}",
            budget,
            distance,
        )
    unit = entry_raw * instrument.money_factor
    cap = max(equity, 0) * ppm(policy.max_position) // PPM
    by_cap = instrument.round_quantity_down(cap // unit)
    if by_cap == 0:
        return Sizing(0, f"position cap {from_money(cap)} is below one unit at {instrument.price(entry_raw)}", budget, distance)
    by_cash = instrument.round_quantity_down(max(buying_power, 0) // unit)
    if by_cash == 0:
        return Sizing(
            0, f"buying power {from_money(buying_power)} is below one unit at {instrument.price(entry_raw)}", budget, distance
        )
    quantity = min(by_risk, by_cap, by_cash)
    reason = "risk budget" if quantity == by_risk else "position cap" if quantity == by_cap else "buying power"
    return Sizing(quantity, reason, budget, distance, quantity * unit)


@final
@dataclass(frozen=True, slots=True)
@mypyc_attr(acyclic=True)
class Denial:
    """Why risk control refuses: a code for machines and a sentence for people."""

    code: str
    message: str


@mypyc_attr(acyclic=True)
@final
class EntryCheck:
    """The facts an entry is judged by, gathered by the engine at the moment of the decision."""

    def __init__(self, instrument: Instrument, side_sign: int) -> None:
        self.instrument: Final = instrument
        self.side_sign: Final = side_sign
        self.trading_state: str = "active"
        self.breaker_reason: str = ""
        self.connected: bool = True
        self.unknown_orders: int = 0
        self.external: bool = False
        self.halted: bool = False
        self.others_sign: int = 0
        self.open_positions: int = 0
        self.count_limited: bool = True
        self.short_allowed: bool = True
        self.opens_short: bool = False


def entry_denial(check: EntryCheck, policy: RiskPolicy) -> Denial | None:
    """Judge an entry by everything but its size; fail fast, the most general reason first. None lets it pass."""
    symbol = check.instrument.symbol
    if check.trading_state == "halted":
        return Denial(DENIED_HALTED, "trading is halted")
    if check.trading_state == "reducing":
        return Denial(DENIED_REDUCING, "trading is reducing: only exits pass")
    if check.breaker_reason:
        return Denial(DENIED_BREAKER, f"daily breaker: {check.breaker_reason}")
    if not check.connected:
        return Denial(DENIED_DISCONNECTED, f"the order stream of {check.instrument.venue} is down")
    if check.halted:
        return Denial(DENIED_INSTRUMENT_HALTED, f"{symbol} is halted at its venue")
    if check.unknown_orders:
        return Denial(DENIED_UNKNOWN, f"{symbol} has {check.unknown_orders} order(s) whose fate is unknown")
    if check.external:
        return Denial(DENIED_EXTERNAL, f"{symbol} holds something we did not open; adopt it first")
    if check.others_sign and check.others_sign != check.side_sign:
        return Denial(DENIED_OPPOSING, f"another strategy holds {symbol} in the other direction")
    if check.opens_short and not check.short_allowed:
        return Denial(DENIED_SHORT, f"short selling of {symbol} is not allowed")
    if check.count_limited and check.open_positions >= policy.max_open_positions:
        return Denial(
            DENIED_MAX_POSITIONS, f"{check.open_positions} positions and pending entries; the limit is {policy.max_open_positions}"
        )
    return None


def approve(request: OrderRequest) -> ApprovedOrder:
    """Seal an order request that the engine's checks let pass. Only the engine's order desk calls this."""
    return ApprovedOrder(request, _SEAL)


made_from_fields(RiskPolicy, Sizing, Denial)
