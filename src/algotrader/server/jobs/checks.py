"""What is asked for over HTTP, checked as the command line checks it, before a process is started. Called in threads only.

Strategies are known by their registered names, symbols by the catalogue, parameters by the strategy's own bounds. Nothing that is
asked for is ever opened as a path.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from algotrader.assembly import Plan, plan_routes
from algotrader.config import read_capital, read_volume_limit
from algotrader.core.instruments import normal_symbol
from algotrader.errors import UserError, did_you_mean
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import DEMO_CRYPTO, DEMO_SYMBOLS
from algotrader.research.options import BacktestOptions
from algotrader.research.setup import choose_base
from algotrader.research.sweeps.result import metric_name
from algotrader.research.sweeps.space import Space, axes_of, is_possible
from algotrader.research.sweeps.walkforward import WalkForward
from algotrader.server.documents import Document
from algotrader.server.jobs.market import MADE_UP, Market
from algotrader.server.models.backtests import Assumptions, BacktestRequest, SweepRequest
from algotrader.server.refusal import Refusal
from algotrader.strategies.parameters import ParameterError
from algotrader.strategies.registry import BUILT_IN, UnknownStrategy, load_strategy, strategy_names
from algotrader.strategies.scanners import Route, StaticScanner, scanner_from_text

if TYPE_CHECKING:
    from algotrader.config.schema import Config

MOST_COMBINATIONS: Final = 5_000
"""Trials of a grid that may be asked for over HTTP; a larger one is for the command line and all its cores."""

MOST_VALUES: Final = 1_000
_LARGEST_SPACE: Final = 10**12
_INVALID: Final = "invalid_request"


class Checker:
    """Turns requests into orders for a worker.

    Args:
        market: where the bars come from.
        config: settings, for what a request leaves out; None for the defaults.
        database: URL of where runs are kept; empty for nowhere.
    """

    def __init__(self, market: Market, config: Config | None, database: str) -> None:
        self._market: Final = market
        self._config: Final = config
        self._database: Final = database

    def backtest(self, request: BacktestRequest) -> Document:
        """The order of a backtest; its ``request`` is what was asked for with everything that was left out.

        Raises:
            Refusal: it is impossible.
        """
        with refusals():
            order = self._order("backtest", request)
            plans = self._plans(order["request"], request.parameters)
            self._check_bars(order["request"]["symbols"], plans)
        return order

    def sweep(self, request: SweepRequest) -> Document:
        """The order of a sweep.

        Raises:
            Refusal: it is impossible.
        """
        with refusals():
            order = self._order("sweep", request)
            asked = order["request"]
            asked["metric"] = metric_name(request.metric)
            asked["grid"] = self._grid(request)
            if request.walk_forward is not None:
                walk = request.walk_forward
                WalkForward.read(walk.kind, walk.train, walk.test)
            if request.search == "grid" and request.trials is not None:
                raise UserError("a grid tries every combination", "leave trials out, or choose a random search")
            if request.search == "optuna" and find_spec("optuna") is None:
                raise UserError("Optuna is not installed", "pip install 'algo-trader[sweep]'")
            self._check_bars(asked["symbols"], self._plans(asked, {}))
        return order

    def _order(self, kind: str, request: Assumptions) -> Document:
        # Looking for installed packages takes its time, and the built-in names are taken.
        if request.strategy not in BUILT_IN and request.strategy not in (known := strategy_names()):
            near = did_you_mean(request.strategy, known)
            raise UserError(f"there is no strategy {request.strategy!r}", near or f"known: {', '.join(sorted(known))}")
        asked = request.model_dump(mode="json")
        asked["symbols"] = self._symbols(request.symbols)
        asked["benchmark"] = None if request.benchmark is None else self._symbols([request.benchmark])[0]
        if request.start is not None and request.end is not None and request.start > request.end:
            raise UserError("the period is empty: it ends before it begins", "choose a start before the end")
        asked |= self._settings(request)
        limit = read_volume_limit(asked["volume_limit"])
        self._check_models(asked, limit)
        market = {**self._market.document(), "folder": str(self._market.folder)}
        limit_text = None if limit is None else format(limit, "f")
        return {"kind": kind, "market": market, "database": self._database, "request": asked, "volume_limit": limit_text}

    def _settings(self, request: Assumptions) -> dict[str, Any]:
        """What the settings say where the request says nothing; models are the strategy's choice where nobody set them."""
        section = None if self._config is None else self._config.backtest
        chosen = set() if section is None else section.model_fields_set
        capital = request.capital or ("25000" if section is None else format(section.capital, "f"))
        found: dict[str, Any] = {"capital": format(read_capital(capital), "f")}
        for name in ("slippage", "commission"):
            found[name] = getattr(request, name) or (getattr(section, name) if name in chosen else None)
        found["volume_limit"] = request.volume_limit or ("0.025" if section is None else section.volume_limit)
        return found

    def _symbols(self, given: list[str]) -> list[str]:
        known = self._known()
        names = list(dict.fromkeys(normal_symbol(symbol) for symbol in given))
        for name in names:
            if name not in known:
                near = did_you_mean(name, known)
                listed = ", ".join(sorted(known)[:12])
                raise UserError(f"{name} is not in {self._market.document()['name']}", near or f"it has {listed or 'no symbols'}")
        return names

    def _known(self) -> set[str]:
        """Symbols with bars; those of the made-up market are known before it is made."""
        found = set(Catalogue(self._market.folder).instruments())
        return found | {*DEMO_SYMBOLS, DEMO_CRYPTO} if self._market.kind == MADE_UP else found

    def _check_bars(self, symbols: list[str], plans: list[Plan]) -> None:
        """Make sure that the strategy's bars can be made of those that are there; the made-up market may still be to come."""
        catalogue = Catalogue(self._market.folder)
        if all(catalogue.intervals(symbol) for symbol in symbols) or self._market.kind != MADE_UP:
            choose_base(catalogue, symbols, plans)

    def _check_models(self, asked: Document, limit: Decimal | None) -> None:
        """Let every assumption be read once."""
        options = BacktestOptions(
            capital=Decimal(asked["capital"]),
            slippage=asked["slippage"],
            commission=asked["commission"],
            volume_limit=limit,
            ideal=asked["ideal"],
            latency_ms=asked["latency_ms"],
            fill=asked["fill"],
            entry_bar_stop=asked["entry_bar_stop"],
            seed=asked["seed"],
            venue=asked["venue"],
        )
        options.settings({})
        _ = options.capabilities

    def _plans(self, asked: Document, parameters: dict[str, Any]) -> list[Plan]:
        scanner = StaticScanner() if asked["scanner"] is None else scanner_from_text(asked["scanner"])
        return plan_routes([Route(scanner, asked["strategy"], parameters)], asked["symbols"], asked["interval"])

    def _grid(self, request: SweepRequest) -> dict[str, list[Any]]:
        axes = axes_of(request.grid)
        kind = load_strategy(request.strategy)
        for axis in axes:
            if len(axis.values) > MOST_VALUES:
                raise UserError(f"{axis.name} has {len(axis.values):,} values", f"{MOST_VALUES:,} is the most")
            for value in axis.values:
                # One at a time: what a value is worth beside others, the sweep finds out.
                is_possible(kind.parameters_type, {axis.name: value}, kind.strategy_name())
        size = Space(axes).size
        if size > (MOST_COMBINATIONS if request.search == "grid" else _LARGEST_SPACE):
            raise UserError(
                f"the grid has {size:,} combinations",
                f"{MOST_COMBINATIONS:,} is the most here; choose larger steps, or a random search, or use `algo-trader sweep`",
            )
        return {axis.name: [_plain(value) for value in axis.values] for axis in axes}


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


@contextmanager
def refusals() -> Iterator[None]:
    """Tell what cannot be asked for as the server tells it."""
    try:
        yield
    except UserError as error:
        raise Refusal(422, _INVALID, error.message, error.hint) from None
    except (ParameterError, UnknownStrategy) as error:
        raise Refusal(422, _INVALID, str(error), "/api/strategy-types lists the strategies with their parameters") from None
    except ValueError as error:
        raise Refusal(422, _INVALID, str(error), "/openapi.json says what each call takes") from None
