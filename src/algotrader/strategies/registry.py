"""Finding strategies: built in, from installed packages by entry point, or from a file given as ``path/to/file.py:Name``.

A file may also define plain functions ``initialize`` and ``handle_data`` (and other hooks) instead of a class.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Final

from algotrader.strategies.algorithm import OPTIONAL_HOOKS, REQUIRED_HOOKS, TradingAlgorithm
from algotrader.strategies.base import SignalStrategy

ENTRY_POINT_GROUP: Final = "algotrader.strategies"

BUILT_IN: Final = {
    "velez": "algotrader.strategies.velez:Velez",
    "sma_cross": "algotrader.strategies.sma_cross:SmaCross",
    "buy_and_hold": "algotrader.strategies.buy_and_hold:BuyAndHold",
    "momentum": "algotrader.strategies.momentum:Momentum",
    "rebalance": "algotrader.strategies.rebalance:Rebalance",
}

StrategyType = type[SignalStrategy] | type[TradingAlgorithm]


class UnknownStrategy(ValueError):
    """No strategy under this name or in this file; the message lists what there is."""


def strategy_names() -> dict[str, str]:
    """All known names and where each comes from; a package cannot take the name of a built-in one."""
    found = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return found | BUILT_IN


def load_strategy(spec: str) -> StrategyType:
    """Give the strategy class for a name, or for ``path/to/file.py:Name`` (the name may be left out if the file has just one).

    Raises:
        UnknownStrategy: no such name, file or class, or the file cannot be imported.
    """
    file, colon, name = spec.rpartition(":")
    if spec.endswith(".py"):
        file, name = spec, ""
    elif not (colon and file.endswith(".py")):
        return _by_name(spec)
    return _from_file(Path(file), name)


def _by_name(name: str) -> StrategyType:
    # Looking for installed packages takes longer than a short run, and the built-in names are taken.
    names = BUILT_IN if name in BUILT_IN else strategy_names()
    if name not in names:
        near = get_close_matches(name, list(names), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UnknownStrategy(f"no strategy named {name!r}{hint} (known: {', '.join(sorted(names))}; or give path/to/file.py:Name)")
    module, _, attribute = names[name].partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        # A package of somebody else's, which can fail in any way while it is imported.
        raise UnknownStrategy(f"strategy {name!r} cannot be loaded from {names[name]}: {error}") from None
    return _checked(found, name)


def _import(path: Path) -> ModuleType:
    if not path.is_file():
        raise UnknownStrategy(f"no strategy file {path}")
    spec = importlib.util.spec_from_file_location(f"algotrader_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UnknownStrategy(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        # Importing a user's file can fail in any way; that is the user's mistake to see, in one line.
        hint = "; write 'from algotrader.api import ...' instead" if _asks_for_zipline(error) else ""
        raise UnknownStrategy(f"{path} cannot be imported: {type(error).__name__}: {error}{hint}") from error
    return module


def _asks_for_zipline(error: Exception) -> bool:
    return isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "zipline"


def _from_file(path: Path, name: str) -> StrategyType:
    module = _import(path)
    own = {k: v for k, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__ and _is_strategy(v)}
    if name:
        if not hasattr(module, name):
            raise UnknownStrategy(f"{path} has no class {name!r}; strategies in it: {', '.join(own) or 'none'}")
        return _checked(getattr(module, name), f"{path}:{name}")
    if not own and any(callable(getattr(module, hook, None)) for hook in REQUIRED_HOOKS):
        return _from_functions(path, module)
    if len(own) != 1:
        raise UnknownStrategy(f"{path} has {len(own)} strategies ({', '.join(own) or 'none'}); say which as {path}:Name")
    return next(iter(own.values()))


def _from_functions(path: Path, module: ModuleType) -> StrategyType:
    """Make a strategy of a file's functions; what is named like a hook but is no function is not ours."""
    for hook in REQUIRED_HOOKS:
        if not callable(getattr(module, hook, None)):
            arguments = "context" if hook == "initialize" else "context, data"
            raise UnknownStrategy(f"{path} does not define {hook}({arguments}); 'pass' is enough for a body")
    optional = {hook: getattr(module, hook) for hook in OPTIONAL_HOOKS if callable(getattr(module, hook, None))}
    return TradingAlgorithm.from_functions(initialize=module.initialize, handle_data=module.handle_data, name=path.stem, **optional)


def _is_strategy(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, (SignalStrategy, TradingAlgorithm))


def _checked(found: object, where: str) -> StrategyType:
    if isinstance(found, type) and issubclass(found, SignalStrategy):
        return found
    if isinstance(found, type) and issubclass(found, TradingAlgorithm):
        return found
    raise UnknownStrategy(f"{where} is not a strategy; derive it from SignalStrategy or TradingAlgorithm")
