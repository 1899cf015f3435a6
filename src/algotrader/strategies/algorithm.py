"""The algorithm style: ``initialize``, ``handle_data`` and functions to order with, as people know them from Zipline.

A thin front over the engine's ``AlgorithmSlot``: it has no loop, no portfolio and no order book of its own. ``algotrader.api``
offers the same functions without ``self`` for strategies that are plain functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Self

from algotrader.core import reports
from algotrader.core.algorithm_style import AlgorithmSlot
from algotrader.core.bars import WHOLE_SESSION
from algotrader.core.events import ScheduledTrigger
from algotrader.core.orders import Fill, Order, OrderState
from algotrader.core.state import PROTECTIONS, Track
from algotrader.errors import did_you_mean
from algotrader.strategies.algorithm_assets import AssetBook
from algotrader.strategies.algorithm_base import INITIALIZE, RUNNING
from algotrader.strategies.algorithm_context import AlgorithmContext
from algotrader.strategies.algorithm_data import BarData
from algotrader.strategies.algorithm_errors import AlgorithmError, TradingControlViolation
from algotrader.strategies.algorithm_orders import OrderView, Transaction, transaction_of
from algotrader.strategies.algorithm_settings import AlgorithmSettings
from algotrader.strategies.parameters import ParameterError, Parameters, parse_parameters
from algotrader.strategies.running import STACK
from algotrader.strategies.schedule import ScheduledFunction

REQUIRED_HOOKS: Final = ("initialize", "handle_data")
OPTIONAL_HOOKS: Final = (
    "before_trading_start",
    "analyze",
    "on_order_fill",
    "on_order_cancel",
    "on_order_reject",
    "on_broker_message",
    "on_schedule",
)


class TradingAlgorithm(AlgorithmSettings):
    """Base of algorithm-style strategies. One instance trades all symbols of the run.

    Override ``initialize`` and ``handle_data``, and what you need of ``before_trading_start``, ``analyze``, ``on_order_fill``,
    ``on_order_cancel``, ``on_order_reject``, ``on_broker_message`` and ``on_schedule``. The same class runs in every mode.

    Class attributes:
        name: under which it is registered and reported.
        protection: ``none``, ``emergency`` (every position gets a stop at a percentage of its entry) or ``planned`` (``set_stop``
            gives it, and where it does not, the emergency stop holds). ``none`` has to be written down for paper and live.
        close_at_session_end: close everything before the session does.
        zipline_targets: let targets ignore working orders, as Zipline does; for comparisons in backtests only.
        parameters_type: the class of its parameters; ``self.parameters`` holds them.
    """

    name: ClassVar[str] = ""
    protection: ClassVar[str] = "none"
    close_at_session_end: ClassVar[bool] = False
    zipline_targets: ClassVar[bool] = False
    parameters_type: ClassVar[type[Parameters]] = Parameters
    snapshot_fixed: ClassVar[tuple[str, ...]] = (
        *("run_symbols", "parameters", "cost_models", "benchmark", "_restrictions", "_watches"),
        *("_slot", "_book", "_context", "_data", "_controls", "_schedule"),
    )
    snapshot_base: ClassVar[tuple[str, ...]] = (
        *("recorded", "stopped", "_stage", "_planned_stops", "_after_bar", "_orders_at_open"),
    )

    def __init__(self, symbols: tuple[str, ...] = (), parameters: Parameters | None = None) -> None:
        super().__init__()
        kind = type(self)
        for hook in REQUIRED_HOOKS:
            if getattr(kind, hook) is getattr(TradingAlgorithm, hook):
                arguments = "context" if hook == INITIALIZE else "context, data"
                raise AlgorithmError(
                    f"{kind.strategy_name()} does not define {hook}(self, {arguments})", "'pass' is enough for a body"
                )
        if kind.protection not in PROTECTIONS:
            raise ParameterError(
                f"{kind.strategy_name()}: protection must be one of {', '.join(PROTECTIONS)}, not {kind.protection!r}"
            )
        self.run_symbols = symbols
        self.parameters: Any = parameters if parameters is not None else kind.parameters_type()
        self._data: BarData | None = None
        self._after_bar: list[ScheduledFunction] = []
        self._orders_at_open = 0
        self._watches = False

    @classmethod
    def create(cls, symbols: tuple[str, ...], given: Mapping[str, object]) -> Self:
        """Build an instance from parameters as a user gives them.

        Raises:
            ParameterError: a parameter is unknown or out of bounds.
            AlgorithmError: a required hook is missing.
        """
        return cls(tuple(symbols), parse_parameters(cls.parameters_type, given, cls.strategy_name()))

    @classmethod
    def from_functions(
        cls,
        *,
        initialize: Callable[..., object],
        handle_data: Callable[..., object],
        name: str = "functions",
        **hooks: Callable[..., object] | None,
    ) -> type[TradingAlgorithm]:
        """Make a strategy class of plain functions with Zipline's arguments, such as ``handle_data(context, data)``.

        Args:
            initialize: sets the strategy up.
            handle_data: is called with every slice of bars.
            name: of the strategy.
            hooks: any of ``OPTIONAL_HOOKS``; None for none.

        Raises:
            AlgorithmError: no such hook, or one that cannot be called.
        """
        given = {"initialize": initialize, "handle_data": handle_data, **{k: f for k, f in hooks.items() if f is not None}}
        for hook, function in given.items():
            if hook not in REQUIRED_HOOKS + OPTIONAL_HOOKS:
                raise AlgorithmError(f"there is no hook {hook!r}", did_you_mean(hook, REQUIRED_HOOKS + OPTIONAL_HOOKS))
            if not callable(function):
                raise AlgorithmError(f"{hook} must be a function, not {function!r}")
        doc = initialize.__doc__ or f"The functions of {name}."
        namespace: dict[str, object] = {hook: staticmethod(function) for hook, function in given.items()}
        return type(name, (cls,), namespace | {"name": name, "__doc__": doc, "__module__": initialize.__module__})

    @classmethod
    def strategy_name(cls) -> str:
        """The registered name, or the class name."""
        return cls.name or cls.__name__

    @property
    def interval_minutes(self) -> int | None:
        """Length of its bars in minutes; None takes the interval of the run."""
        return None

    # ------------------------------------------------------------------ what a user writes

    def initialize(self, context: Any) -> None:
        """Set the strategy up: assets, parameters, controls, schedule. Orders are not possible yet."""

    def handle_data(self, context: Any, data: Any) -> None:
        """Decide on the bars that have just closed; called once for all assets whose bars close at the same time."""

    def before_trading_start(self, context: Any, data: Any) -> None:
        """Prepare for the session, half an hour before it opens. Orders are not possible here."""

    def analyze(self, context: Any, results: Any) -> None:
        """Look at the results of a backtest."""

    def on_schedule(self, context: Any, data: Any, name: str) -> None:
        """A schedule of the session's settings is due; ``schedule_function`` needs no settings."""

    def on_order_fill(self, context: Any, order: OrderView, transaction: Transaction) -> None:
        """An order was executed, wholly or in part."""

    def on_order_cancel(self, context: Any, order: OrderView, reason: str) -> None:
        """An order was cancelled or expired before it was filled."""

    def on_order_reject(self, context: Any, order: OrderView, reason: str) -> None:
        """The venue refused an order; one that our own checks deny never becomes an order."""

    def on_broker_message(self, context: Any, message: str) -> None:
        """The venue said something that concerns no single order."""

    # ------------------------------------------------------------------ what the engine and the runner call

    @property
    def data(self) -> BarData:
        """What hooks receive as ``data``."""
        assert self._data is not None, "the strategy is not running yet"
        return self._data

    def on_start(self, port: AlgorithmSlot) -> None:
        """The engine is set up: initialise."""
        self._slot = port
        self._book = AssetBook(port.tracks)
        self._context = AlgorithmContext(port, self._book)
        self._data = BarData(port, self._book, self._restricted)
        self._schedule.daily = port.interval_minutes == WHOLE_SESSION
        port.zipline_targets = self.zipline_targets
        self._stage = INITIALIZE
        try:
            self._call(self.initialize, self._context)
        finally:
            self._stage = RUNNING
        self._watches = self._controls.watches_account

    def snapshot_parts(self) -> dict[str, object]:
        """Its context, assets, schedule and whatever else ``on_start`` and ``initialize`` make."""
        context = self.context
        found: dict[str, object] = {"parameters": self.parameters, "data": self._data, "book": self._book, "context": context}
        found |= {"controls": self._controls, "schedule": self._schedule, "account": context.account}
        found |= {"portfolio": context.portfolio, "positions": context.portfolio.positions}
        for place, asset in enumerate(self._book.assets):
            found[f"asset/{place}"] = asset
            found[f"position/{place}"] = context.portfolio.positions[asset]
        return found | {f"scheduled/{place}": function for place, function in enumerate(self._schedule.functions())}

    def on_phase(self, event: ScheduledTrigger) -> None:
        """A phase of the trading day: prepare, arm the schedule, run what is left of it."""
        session = event.session
        if session is None or self._slot is None or self._context is None:
            return
        self._context.portfolio.see_start()
        own = session.calendar == self._slot.tracks[0].instrument.calendar
        if event.trigger_type == "pre_open" and own:
            self._stage = "before_trading_start"
            try:
                self._call(self.before_trading_start, self._context, self._data)
            finally:
                self._stage = RUNNING
        elif event.trigger_type == "session_open":
            self._schedule.open_session(event)
            if own:
                self._orders_at_open = self._slot.orders_placed
        elif event.trigger_type == "session_close":
            left = self._schedule.end_session(session)
            if self._slot.fresh:
                # The session's last bar is in, its slice is closed right after this: the functions follow handle_data.
                self._after_bar.extend(left)
            else:
                self._run(left)

    def on_late_start(self, event: ScheduledTrigger, now: int) -> None:
        """The day is under way: scheduled functions of its past are not made up for."""
        self._schedule.open_session(event)
        self._schedule.take(now)

    def on_bars(self, now: int) -> None:
        """A slice closed: the strategy's turn, then that of its scheduled functions."""
        STACK.append(self)
        try:
            if self._watches:
                self._watch()
            self.handle_data(self._context, self._data)
        except TradingControlViolation as violation:
            self._stop(violation)
            raise
        finally:
            STACK.pop()
            if self._after_bar or self._schedule.next_due <= now:
                left, self._after_bar = self._after_bar, []
                self._run(self._schedule.take(now) + left)

    def _run(self, functions: list[ScheduledFunction]) -> None:
        """Run scheduled functions; one that fails does not keep the others from running."""
        if not functions or self.stopped:
            return
        try:
            self._call(functions[0], self._context, self._data)
        finally:
            self._run(functions[1:])

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            super()._call(function, *arguments)
        except TradingControlViolation as violation:
            self._stop(violation)
            raise

    def _watch(self) -> None:
        fault = self._controls.check_account(self._port.state)
        if fault:
            self._note(fault, reports.WARNING)

    def _orders_today(self) -> int:
        return self._port.orders_placed - self._orders_at_open

    def control_fault(self, track: Track, quantity_raw: int, price_raw: int, position_raw: int) -> str:
        """Which control forbids an order; the engine asks."""
        try:
            return super().control_fault(track, quantity_raw, price_raw, position_raw)
        except TradingControlViolation as violation:
            if self not in STACK:
                # The engine itself goes on with a target that waited for a cancel: no hook will see the violation.
                self._stop(violation)
            raise

    def _stop(self, violation: TradingControlViolation) -> None:
        """A control that fails was broken: no more calls, and no order that would add to a position."""
        if self.stopped:
            return
        self.stopped = True
        port = self._port
        port.enabled = False
        for holding in port.holdings:
            holding.target_set = False
            for order in list(holding.plain_orders):
                if order.sign * holding.quantity_raw >= 0:
                    port.cancel(order)
        self._note(f"stopped by its own control: {violation}; positions stay as they are", reports.ERROR)

    def on_schedule_event(self, name: str) -> None:
        """One of the session's schedules is due."""
        if not self.stopped:
            self._call(self.on_schedule, self._context, self._data, name)

    def on_fill_event(self, order: Order, fill: Fill) -> None:
        """One of its orders was executed."""
        self._apply_planned_stop(order, fill)
        if not self.stopped:
            view = self._view(order)
            self._call(self.on_order_fill, self._context, view, transaction_of(order, fill, view.asset))

    def on_order_end(self, order: Order) -> None:
        """One of its orders ended before it was filled."""
        if self.stopped:
            return
        refused = order.state in (OrderState.REJECTED, OrderState.SUBMIT_FAILED)
        self._call(self.on_order_reject if refused else self.on_order_cancel, self._context, self._view(order), order.reason)

    def on_venue_message(self, message: str) -> None:
        """The venue said something."""
        if not self.stopped:
            self._call(self.on_broker_message, self._context, message)

    def analyze_results(self, results: Any) -> None:
        """Let the strategy look at the results of a backtest; whoever ran it calls this."""
        self._stage = "analyze"
        try:
            self._call(self.analyze, self._context, results)
        finally:
            self._stage = RUNNING
