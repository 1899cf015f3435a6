"""Trading controls: limits that a strategy sets itself, as a safeguard against its own mistakes.

They judge every order that opens or adds to a position, what already works counted in. Orders that only reduce a position always
pass: no limit may keep a strategy from getting out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from algotrader.core.boundary import StrategyFault, number
from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_SECOND, utc
from algotrader.core.scaled import from_money, money
from algotrader.core.state import EngineState
from algotrader.strategies.algorithm_assets import Asset
from algotrader.strategies.algorithm_errors import AlgorithmError, TradingControlViolation

ON_ERROR: Final = ("fail", "log")


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order as the controls see it: signed quantity, price and the position expected before it, all scaled integers."""

    asset: Asset
    quantity_raw: int
    price_raw: int
    position_raw: int
    now: int
    orders_today: int

    @property
    def instrument(self) -> Instrument:
        """What is ordered."""
        return self.asset.instrument

    @property
    def position_after(self) -> int:
        """The signed position when the order is filled."""
        return self.position_raw + self.quantity_raw


Judge = Callable[[Proposal], str]
"""Gives the sentence that says which limit an order breaks; empty when none."""


@dataclass(frozen=True, slots=True)
class _Control:
    judge: Judge
    asset: Asset | None
    fails: bool


def checked_on_error(on_error: str) -> bool:
    """Whether a violation stops the strategy.

    Raises:
        AlgorithmError: it is neither ``fail`` nor ``log``.
    """
    if on_error not in ON_ERROR:
        raise AlgorithmError(
            f"on_error must be 'fail' or 'log', not {on_error!r}", "'fail' stops the strategy, 'log' denies the order"
        )
    return on_error == "fail"


def limit_of(value: object, what: str) -> Decimal | None:
    """A limit as an exact number; None stays None.

    Raises:
        AlgorithmError: it is not a number of zero or more.
    """
    if value is None:
        return None
    try:
        limit = number(value, what)
    except StrategyFault as fault:
        raise AlgorithmError(str(fault)) from None
    if limit < 0:
        raise AlgorithmError(f"{what} must not be negative, not {limit}")
    return limit


class Controls:
    """All controls of one strategy."""

    snapshot_fixed: ClassVar[tuple[str, ...]] = ("_orders",)

    def __init__(self) -> None:
        self._orders: list[_Control] = []
        self._max_leverage: Decimal | None = None
        self._max_fails = True
        self._min_leverage: Decimal | None = None
        self._min_fails = True
        self._min_from = 0
        self._grace_ns = 0
        self._broken = ""

    @property
    def watches_account(self) -> bool:
        """Whether a limit on leverage is set, so that the account must be looked at with every slice."""
        return self._max_leverage is not None or self._min_leverage is not None

    def add(self, judge: Judge, asset: Asset | None, on_error: str) -> None:
        """Let a function judge orders, those in ``asset`` or in all assets."""
        self._orders.append(_Control(judge, asset, checked_on_error(on_error)))

    def set_max_leverage(self, limit: Decimal, on_error: str) -> None:
        """Bound gross exposure by equity."""
        self._max_leverage, self._max_fails = limit, checked_on_error(on_error)

    def set_min_leverage(self, limit: Decimal, grace: timedelta, on_error: str) -> None:
        """Ask for a gross exposure, once ``grace`` is over that starts with the first bar."""
        self._min_leverage, self._min_fails = limit, checked_on_error(on_error)
        self._grace_ns = round(grace.total_seconds()) * NS_PER_SECOND

    def fault(self, proposal: Proposal, state: EngineState) -> str:
        """Name what forbids an order; empty when nothing does.

        Raises:
            TradingControlViolation: a control that fails forbids it.
        """
        for control in self._orders:
            if control.asset is None or control.asset == proposal.asset:
                message = control.judge(proposal)
                if message:
                    return _refuse(message, control.fails)
        message = self._leverage_fault(proposal, state)
        return _refuse(message, self._max_fails) if message else ""

    def _leverage_fault(self, proposal: Proposal, state: EngineState) -> str:
        if self._max_leverage is None:
            return ""
        # Turning a position over frees what it held before.
        added = abs(proposal.position_after) - abs(proposal.position_raw)
        gross = state.gross_exposure() + state.reserved() + proposal.instrument.notional(proposal.price_raw, max(added, 0))
        leverage = _leverage(gross, state.equity())
        if leverage is None or leverage > self._max_leverage:
            return f"{_spoken(leverage)} after this order would pass the maximum of {self._max_leverage}"
        return ""

    def check_account(self, state: EngineState) -> str:
        """Look at the account's leverage; gives what is newly wrong, empty when nothing is.

        Raises:
            TradingControlViolation: a control that fails is broken.
        """
        self._min_from = self._min_from or state.now + self._grace_ns
        message, fails = self._account_fault(_leverage(state.gross_exposure(), state.equity()), state.now)
        known, self._broken = self._broken, message and ("max" if "above" in message else "min")
        if not message or self._broken == known:
            return ""
        return _refuse(message, fails)

    def _account_fault(self, leverage: Decimal | None, now: int) -> tuple[str, bool]:
        if self._max_leverage is not None and (leverage is None or leverage > self._max_leverage):
            return f"{_spoken(leverage)} is above the maximum of {self._max_leverage}", self._max_fails
        if self._min_leverage is not None and now > self._min_from and leverage is not None and leverage < self._min_leverage:
            return f"{_spoken(leverage)} is below the minimum of {self._min_leverage}", self._min_fails
        return "", False


def _refuse(message: str, fails: bool) -> str:
    if fails:
        raise TradingControlViolation(message)
    return message


def _leverage(gross: int, equity: int) -> Decimal | None:
    """Gross exposure by equity, rounded to a millionth; None when there is exposure but no equity."""
    if equity <= 0:
        return Decimal(0) if gross == 0 else None
    return Decimal(gross * 1_000_000 // equity) / 1_000_000


def _spoken(leverage: Decimal | None) -> str:
    return "leverage without any equity" if leverage is None else f"leverage {leverage:.4f}"


def order_size(shares: Decimal | None, notional: Decimal | None) -> Judge:
    """Bound a single order by quantity, by value in the instrument's currency, or both."""

    def judge(order: Proposal) -> str:
        return _too_large("order", abs(order.quantity_raw), order, shares, notional)

    return judge


def position_size(shares: Decimal | None, notional: Decimal | None) -> Judge:
    """Bound a position, long or short, with what already works counted in."""

    def judge(order: Proposal) -> str:
        return _too_large("position", abs(order.position_after), order, shares, notional)

    return judge


def _too_large(what: str, raw: int, order: Proposal, shares: Decimal | None, notional: Decimal | None) -> str:
    instrument = order.instrument
    quantity = instrument.quantity(raw)
    if shares is not None and quantity > shares:
        return f"{what} of {quantity} {instrument.symbol} is above the maximum of {shares}"
    value = instrument.notional(order.price_raw, raw)
    if notional is not None and value > money(notional):
        return f"{what} of {quantity} {instrument.symbol} is worth {from_money(value)}, above the maximum of {notional}"
    return ""


def order_count(limit: int) -> Judge:
    """Bound the number of orders placed since the session's open."""

    def judge(order: Proposal) -> str:
        return f"{order.orders_today} orders were placed today; the maximum is {limit}" if order.orders_today >= limit else ""

    return judge


def long_only() -> Judge:
    """Forbid short positions."""

    def judge(order: Proposal) -> str:
        after = order.position_after
        return (
            f"the position would be {order.instrument.quantity(after)} {order.asset}; this strategy is long only"
            if after < 0
            else ""
        )

    return judge


def restricted(restrictions: Any) -> Judge:
    """Forbid assets: those in a list, or those for which ``restrictions.is_restricted(asset, time)`` answers True.

    Raises:
        AlgorithmError: it is neither.
    """
    asks = getattr(restrictions, "is_restricted", None)
    if asks is None:
        if isinstance(restrictions, str) or not isinstance(restrictions, Iterable):
            raise AlgorithmError(
                f"{restrictions!r} is no list of assets", "give a list, or an object with is_restricted(asset, time)"
            )
        names = frozenset(str(name) for name in restrictions)
        return lambda order: f"{order.asset} is on the list of restricted assets" if order.asset in names else ""
    return lambda order: f"{order.asset} is restricted" if asks(order.asset, utc(order.now)) else ""
