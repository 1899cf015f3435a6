"""The ``context`` of an algorithm: the account, its positions, and whatever the strategy keeps there itself.

Plain attributes are floats, for arithmetic with data; ``exact`` gives the same as ``Decimal``. Everything is read from the engine
when it is asked for, so an object that is kept never goes stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

from algotrader.core.algorithm_style import AlgorithmSlot
from algotrader.core.market import utc
from algotrader.core.scaled import from_money, money_to_float
from algotrader.core.state import EngineState, Holding
from algotrader.strategies.algorithm_assets import Asset, AssetBook
from algotrader.strategies.algorithm_orders import plain


class ExactPosition:
    """A position in exact numbers."""

    __slots__ = ("_holding",)

    def __init__(self, holding: Holding) -> None:
        self._holding: Final = holding

    @property
    def amount(self) -> Decimal:
        """Quantity, negative when short."""
        return self._holding.position.quantity

    @property
    def cost_basis(self) -> Decimal:
        """Average entry price; 0 when flat."""
        return self._holding.position.average_entry_price

    @property
    def last_sale_price(self) -> Decimal:
        """Last price; 0 before there is one."""
        return self._holding.instrument.price(self._holding.track.last_raw)

    @property
    def value(self) -> Decimal:
        """Value at the last price, negative when short."""
        return from_money(self._holding.position.market_value(self._holding.track.last_raw))

    @property
    def unrealized(self) -> Decimal:
        """Profit not realised yet, before commission."""
        return from_money(self._holding.position.unrealized(self._holding.track.last_raw))


class PositionView:
    """What the strategy holds of one asset; a position of 0 where it holds nothing."""

    __slots__ = ("_holding", "asset", "exact")

    def __init__(self, holding: Holding, asset: Asset) -> None:
        self._holding: Final = holding
        self.asset: Final = asset
        self.exact: Final = ExactPosition(holding)

    @property
    def amount(self) -> int | float:
        """Quantity, negative when short."""
        return plain(self._holding.quantity_raw, self._holding.instrument)

    @property
    def cost_basis(self) -> float:
        """Average entry price; 0 when flat."""
        return float(self.exact.cost_basis)

    @property
    def last_sale_price(self) -> float:
        """Last price; 0 before there is one."""
        return float(self.exact.last_sale_price)

    @property
    def last_sale_date(self) -> datetime:
        """When the last bar of the asset closed, UTC."""
        return utc(self._holding.track.last_time)

    @property
    def value(self) -> float:
        """Value at the last price, negative when short."""
        return float(self.exact.value)

    @property
    def stop_price(self) -> float | None:
        """The protective stop, if there is one."""
        raw = self._holding.stop_raw
        return float(self._holding.instrument.price(raw)) if raw else None

    def __repr__(self) -> str:
        return f"PositionView({self.asset} amount={self.amount} cost_basis={self.cost_basis})"


class Positions(Mapping[Asset, PositionView]):
    """The strategy's own positions. Iterating gives what is held; asking for another asset gives an empty position."""

    def __init__(self, port: AlgorithmSlot, book: AssetBook) -> None:
        self._book = book
        self._views: dict[str, PositionView] = {}
        for asset in book.assets:
            self._views[asset] = PositionView(port.holding_of(book.track(asset)), asset)

    def __getitem__(self, asset: Asset | str) -> PositionView:
        return self._views.get(asset) or self._views[self._book.find(asset)]

    def __contains__(self, asset: object) -> bool:
        return isinstance(asset, str) and self[asset]._holding.quantity_raw != 0

    def __iter__(self) -> Iterator[Asset]:
        return (view.asset for view in self._views.values() if view._holding.quantity_raw)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, asset: Asset | str, default: Any = None) -> Any:
        """The position when something is held, else ``default``."""
        view = self[asset]
        return view if view._holding.quantity_raw else default


class ExactPortfolio:
    """The portfolio in exact numbers."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Portfolio) -> None:
        self._owner: Final = owner

    @property
    def cash(self) -> Decimal:
        """Cash of the account."""
        return from_money(self._owner._state.total_cash())

    @property
    def portfolio_value(self) -> Decimal:
        """Cash and all positions of the account at their last prices."""
        return from_money(self._owner._state.equity())

    @property
    def positions_value(self) -> Decimal:
        """The strategy's own positions at their last prices, shorts negative."""
        return from_money(self._owner._own_value())

    @property
    def starting_cash(self) -> Decimal:
        """Cash when the strategy began."""
        return from_money(self._owner.see_start())

    @property
    def pnl(self) -> Decimal:
        """Portfolio value less starting cash."""
        return self.portfolio_value - self.starting_cash


class Portfolio:
    """Cash and value of the account; ``positions`` are the strategy's own, as several strategies may share one account."""

    snapshot_fixed: ClassVar[tuple[str, ...]] = ("_port", "_state", "positions", "exact")

    def __init__(self, port: AlgorithmSlot, book: AssetBook) -> None:
        self._port = port
        self._state: EngineState = port.state
        self._started_with = 0
        self.positions: Final = Positions(port, book)
        self.exact: Final = ExactPortfolio(self)

    def _own_value(self) -> int:
        total = 0
        for holding in self._port.holdings:
            total += holding.position.market_value(holding.track.last_raw)
        return total

    def see_start(self) -> int:
        """Remember the first cash that is there, money; gives it."""
        # Capital comes in after the strategies are registered, so the first cash that is seen counts.
        if self._started_with == 0:
            self._started_with = self._state.total_cash()
        return self._started_with

    @property
    def cash(self) -> float:
        """Cash of the account."""
        return money_to_float(self._state.total_cash())

    @property
    def portfolio_value(self) -> float:
        """Cash and all positions of the account at their last prices."""
        return money_to_float(self._state.equity())

    @property
    def positions_value(self) -> float:
        """The strategy's own positions at their last prices, shorts negative."""
        return money_to_float(self._own_value())

    positions_exposure = positions_value

    @property
    def starting_cash(self) -> float:
        """Cash when the strategy began."""
        return money_to_float(self.see_start())

    @property
    def pnl(self) -> float:
        """Portfolio value less starting cash."""
        return money_to_float(self._state.equity() - self.see_start())

    @property
    def returns(self) -> float:
        """Profit as a fraction of the starting cash."""
        start = self.see_start()
        return (self._state.equity() - start) / start if start else 0.0

    @property
    def current_portfolio_weights(self) -> dict[Asset, float]:
        """Each held asset's value as a fraction of the portfolio value."""
        total = self.portfolio_value
        return {asset: view.value / total for asset, view in self.positions.items()} if total else {}


class Account:
    """The account as its venue would show it."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    @property
    def settled_cash(self) -> float:
        """Cash."""
        return money_to_float(self._state.total_cash())

    @property
    def net_liquidation(self) -> float:
        """Cash and positions at their last prices."""
        return money_to_float(self._state.equity())

    equity_with_loan = net_liquidation

    @property
    def buying_power(self) -> float:
        """What may still be spent, pending orders taken off."""
        return money_to_float(self._state.buying_power())

    available_funds = buying_power

    @property
    def total_positions_exposure(self) -> float:
        """Longs and shorts both counted up, at their last prices."""
        return money_to_float(self._state.gross_exposure())

    @property
    def total_positions_value(self) -> float:
        """Positions at their last prices, shorts negative."""
        return money_to_float(self._state.equity() - self._state.total_cash())

    @property
    def leverage(self) -> float:
        """Gross exposure by equity; 0 without equity."""
        equity = self._state.equity()
        return self._state.gross_exposure() / equity if equity > 0 else 0.0

    @property
    def net_leverage(self) -> float:
        """Longs less shorts by equity; 0 without equity."""
        equity = self._state.equity()
        return (equity - self._state.total_cash()) / equity if equity > 0 else 0.0


class AlgorithmContext:
    """What every hook receives first. A strategy may keep anything on it: ``context.fast = 20``."""

    snapshot_fixed: ClassVar[tuple[str, ...]] = ("portfolio", "account")

    def __init__(self, port: AlgorithmSlot, book: AssetBook) -> None:
        self.portfolio = Portfolio(port, book)
        self.account = Account(port.state)

    def __getattr__(self, name: str) -> Any:
        kept = ", ".join(sorted(self.__dict__))
        raise AttributeError(f"context has no {name!r}; it has {kept}; set it in initialize first")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("portfolio", "account") and name in self.__dict__:
            raise AttributeError(f"context.{name} is the engine's and cannot be set")
        self.__dict__[name] = value
