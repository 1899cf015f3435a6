"""What an algorithm fixes in ``initialize``: trading controls, costs, benchmark, how long orders work, scheduled functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from algotrader.core import reports
from algotrader.core.orders import TimeInForce
from algotrader.core.state import Track
from algotrader.strategies import controls
from algotrader.strategies.algorithm_assets import Asset
from algotrader.strategies.algorithm_base import not_supported
from algotrader.strategies.algorithm_errors import AlgorithmError
from algotrader.strategies.algorithm_ordering import AlgorithmOrdering
from algotrader.strategies.schedule import DateRule, Schedule, ScheduledFunction, TimeRule, date_rules, time_rules


@dataclass(frozen=True, slots=True)
class CancelPolicy:
    """How long orders work; ``EODCancel()`` or ``NeverCancel()``."""

    time_in_force: TimeInForce


class EODCancel(CancelPolicy):
    """Orders end with the session."""

    def __init__(self) -> None:
        super().__init__(TimeInForce.DAY)


class NeverCancel(CancelPolicy):
    """Orders work until they are filled or cancelled."""

    def __init__(self) -> None:
        super().__init__(TimeInForce.GTC)


class AlgorithmSettings(AlgorithmOrdering):
    """The ``set_*`` functions and ``schedule_function``.

    Controls take ``on_error``: ``fail`` stops the strategy with a report, ``log`` denies the order. They never keep an order from
    reducing a position.

    Attributes:
        cost_models: ``commission`` and ``slippage``, where the strategy set them; for whoever runs it.
        benchmark: symbol to compare with; empty for the run's own choice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cost_models: dict[str, Any] = {}
        self.benchmark: str = ""
        self._controls = controls.Controls()
        self._restrictions: list[controls.Judge] = []
        self._schedule = Schedule()

    def schedule_function(
        self,
        func: ScheduledFunction,
        date_rule: DateRule | None = None,
        time_rule: TimeRule | None = None,
        half_days: bool = True,
        calendar: str | None = None,
    ) -> None:
        """Let ``func(context, data)`` run after ``handle_data`` with the first bar that closes at or after its time.

        Args:
            func: a function or method.
            date_rule: from ``date_rules``; every day when left out.
            time_rule: from ``time_rules``; with every bar when left out, as in Zipline. Ignored in daily runs.
            half_days: whether it runs on sessions that close early.
            calendar: of which market; the first asset's when left out.

        Raises:
            AlgorithmError: a rule is none, or no asset trades on that calendar.
        """
        dates = date_rules.every_day() if date_rule is None else date_rule
        times = time_rules.every_minute() if time_rule is None else time_rule
        if not isinstance(dates, DateRule) or not isinstance(times, TimeRule):
            raise AlgorithmError(
                "schedule_function needs a date rule and a time rule", "as in date_rules.week_start(), time_rules.market_open()"
            )
        if not callable(func):
            raise AlgorithmError(f"{func!r} cannot be called", "give the function itself, without ()")
        known = list(dict.fromkeys(asset.exchange for asset in self.assets))
        if calendar is not None and calendar not in known:
            raise AlgorithmError(f"no asset of this run trades on calendar {calendar!r}", f"known: {', '.join(known)}")
        self._schedule.add(func, dates, times, half_days, calendar or known[0])

    def set_max_position_size(
        self, asset: Asset | str | None = None, max_shares: object = None, max_notional: object = None, on_error: str = "fail"
    ) -> None:
        """Bound a position, in one asset or in each, by quantity, by value, or both."""
        self._only_in_initialize("set_max_position_size")
        self._limit(controls.position_size, asset, max_shares, max_notional, on_error)

    def set_max_order_size(
        self, asset: Asset | str | None = None, max_shares: object = None, max_notional: object = None, on_error: str = "fail"
    ) -> None:
        """Bound a single order, in one asset or in each, by quantity, by value, or both."""
        self._only_in_initialize("set_max_order_size")
        self._limit(controls.order_size, asset, max_shares, max_notional, on_error)

    def _limit(self, make: Any, asset: Asset | str | None, shares: object, notional: object, on_error: str) -> None:
        if shares is None and notional is None:
            raise AlgorithmError("max_shares and max_notional are both missing", "give one of them, or both")
        judge = make(controls.limit_of(shares, "max_shares"), controls.limit_of(notional, "max_notional"))
        self._controls.add(judge, None if asset is None else self._book.find(asset), on_error)

    def set_max_order_count(self, max_count: int, on_error: str = "fail") -> None:
        """Bound the number of orders in a session."""
        self._only_in_initialize("set_max_order_count")
        if isinstance(max_count, bool) or not isinstance(max_count, int) or max_count < 0:
            raise AlgorithmError(f"max_count must be a whole number of zero or more, not {max_count!r}")
        self._controls.add(controls.order_count(max_count), None, on_error)

    def set_do_not_order_list(self, restricted_list: Iterable[Asset | str], on_error: str = "fail") -> None:
        """Forbid assets."""
        self.set_asset_restrictions(restricted_list, on_error)

    def set_asset_restrictions(self, restrictions: Any, on_error: str = "fail") -> None:
        """Forbid the assets of a list, or those for which ``restrictions.is_restricted(asset, time)`` answers True."""
        self._only_in_initialize("set_asset_restrictions")
        judge = controls.restricted(restrictions)
        self._controls.add(judge, None, on_error)
        self._restrictions.append(judge)

    def set_long_only(self, on_error: str = "fail") -> None:
        """Forbid short positions."""
        self._only_in_initialize("set_long_only")
        self._controls.add(controls.long_only(), None, on_error)

    def set_max_leverage(self, max_leverage: object, on_error: str = "fail") -> None:
        """Bound the account's gross exposure by its equity: no order may lift it above, and it is watched with every bar."""
        self._only_in_initialize("set_max_leverage")
        limit = controls.limit_of(max_leverage, "max_leverage")
        if limit is None:
            raise AlgorithmError("max_leverage is missing", "2 means that positions may be worth twice the equity")
        self._controls.set_max_leverage(limit, on_error)

    def set_min_leverage(self, min_leverage: object, grace_period: timedelta, on_error: str = "fail") -> None:
        """Ask for a gross exposure by equity, watched with every bar once ``grace_period`` is over."""
        self._only_in_initialize("set_min_leverage")
        limit = controls.limit_of(min_leverage, "min_leverage")
        if limit is None:
            raise AlgorithmError("min_leverage is missing", "0.5 means that at least half of the equity is invested")
        self._controls.set_min_leverage(limit, grace_period, on_error)

    def control_fault(self, track: Track, quantity_raw: int, price_raw: int, position_raw: int) -> str:
        """Which control forbids an order (the engine asks); raises ``TradingControlViolation`` for one that fails."""
        proposal = self._proposal(track, quantity_raw, price_raw, position_raw)
        return self._controls.fault(proposal, self._port.state)

    def _proposal(self, track: Track, quantity_raw: int, price_raw: int, position_raw: int) -> controls.Proposal:
        asset = self._book.of_track(track)
        return controls.Proposal(asset, quantity_raw, price_raw, position_raw, self._port.state.now, self._orders_today())

    def _orders_today(self) -> int:
        return self._port.orders_placed

    def _restricted(self, asset: Asset) -> bool:
        if not self._restrictions:
            return False
        proposal = self._proposal(self._book.track(asset), 0, 0, 0)
        return any(judge(proposal) for judge in self._restrictions)

    def set_commission(self, us_equities: Any = None, us_futures: Any = None) -> None:
        """Set the commission model of a backtest, one of ``algotrader.simulation.costs`` or your own; live, the venue charges."""
        self._only_in_initialize("set_commission")
        self.cost_models["commission"] = us_equities if us_equities is not None else us_futures

    def set_slippage(self, us_equities: Any = None, us_futures: Any = None) -> None:
        """Set the slippage model of a backtest, one of ``algotrader.simulation.costs`` or your own; live, the market decides."""
        self._only_in_initialize("set_slippage")
        self.cost_models["slippage"] = us_equities if us_equities is not None else us_futures

    def set_benchmark(self, benchmark: Asset | str | None) -> None:
        """Compare the results with holding this; None leaves the choice to the run."""
        self._only_in_initialize("set_benchmark")
        self.benchmark = "" if benchmark is None else str(benchmark)

    def set_cancel_policy(self, cancel_policy: CancelPolicy) -> None:
        """Say how long orders work. Without it: to the end of the session, or until cancelled where markets never close."""
        self._only_in_initialize("set_cancel_policy")
        if not isinstance(cancel_policy, CancelPolicy):
            raise AlgorithmError(f"{cancel_policy!r} is no cancel policy", "use EODCancel() or NeverCancel()")
        self._port.time_in_force = cancel_policy.time_in_force

    def set_symbol_lookup_date(self, dt: object) -> None:
        """Accepted without effect: symbols are those of the run, and changes of symbol are events in it."""
        self._note(f"set_symbol_lookup_date({dt}) has no effect: symbols mean the instruments of this run", reports.WARNING)

    def sid(self, sid: object) -> NoReturn:
        """Not supported: instruments have symbols, not numbers."""
        raise not_supported("sid", "use symbol('AAPL')")

    def continuous_future(self, /, *arguments: object, **named: object) -> NoReturn:
        """Not supported: a roll is a trade, which the strategy has to make itself."""
        raise not_supported("continuous_future", "trade the contracts by their symbols, as in symbol('ESZ5')")

    def fetch_csv(self, /, *arguments: object, **named: object) -> NoReturn:
        """Not supported: a strategy reads nothing but its events, so that every run can be repeated."""
        raise not_supported("fetch_csv", "import the file with 'algo-trader data import' and trade or read it as a symbol")

    def attach_pipeline(self, /, *arguments: object, **named: object) -> NoReturn:
        """Not supported."""
        raise not_supported(
            "attach_pipeline", "choose symbols with a scanner (--scanner), or rank with data.history in a scheduled function"
        )

    def pipeline_output(self, /, *arguments: object, **named: object) -> NoReturn:
        """Not supported."""
        raise not_supported(
            "pipeline_output", "choose symbols with a scanner (--scanner), or rank with data.history in a scheduled function"
        )
